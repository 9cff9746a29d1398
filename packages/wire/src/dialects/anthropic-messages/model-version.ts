/**
 * The version in the name of a Claude model, as a number that sorts: 4.06 for 4.6, 4.1 for 4.10.
 *
 * @returns undefined when the name says none (an alias, a deployment).
 */
export function modelVersion(model: string): number | undefined {
  const match = /claude-(?:[a-z]+-)?(\d+)(?:[.-](\d{1,2}))?(?!\d)/i.exec(model);
  return match ? Number(match[1]) + Number(match[2] ?? 0) / 100 : undefined;
}
