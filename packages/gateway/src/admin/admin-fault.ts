import { Fault, type FaultCode, type FaultDetails } from '@turnpike/wire/fault.ts';

/** A fault of the admin API, which can say what to do beside what is wrong. */
export class AdminFault extends Fault {
  readonly hint: string | undefined;

  constructor(code: FaultCode, details: FaultDetails & { hint?: string } = {}) {
    super(code, details);
    this.hint = details.hint;
  }
}

/** Every error of the admin API has this body. */
export function faultBody(fault: Fault): {
  error: { code: string; message: string; field: string | null; hint: string | null };
} {
  const hint = fault instanceof AdminFault ? (fault.hint ?? null) : null;
  return { error: { code: fault.code, message: fault.message, field: fault.param ?? null, hint } };
}
