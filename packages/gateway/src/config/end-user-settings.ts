/** How end users are known; from `endUsers` in turnpike.yaml. */
export interface EndUserSettings {
  /** A header of the request that names the end user, before its body is asked. Lower case. */
  readonly header: string | undefined;
  /** What happens to a request for an end user who is not stored. */
  readonly unknown: 'allow' | 'refuse';
}

export const endUserDefaults: EndUserSettings = { header: undefined, unknown: 'allow' };
