/** What a process noted of its limit; times are Unix milliseconds. `asked` when it was decided. */
export type LimitEvent =
  | { readonly type: 'entered'; readonly atMs: number; readonly weight: number }
  | { readonly type: 'changed'; readonly atMs: number; readonly enteredAtMs: number; readonly delta: number }
  | {
      readonly type: 'asked';
      readonly askedMs: number;
      readonly atMs: number;
      /** Another process had to be asked. */
      readonly hasWaited: boolean;
      readonly isRefused: boolean;
      readonly weight: number;
      readonly retryAfterMs?: number | undefined;
    };
