/** `url` without trailing slashes, and with `segment` appended when it does not end with it. */
export function joinSegment(url: string, segment: string | undefined): string {
  const bare = url.trim().replace(/\/+$/, '');
  return segment === undefined || bare.endsWith(segment) ? bare : bare + segment;
}
