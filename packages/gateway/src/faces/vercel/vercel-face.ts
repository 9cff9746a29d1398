import type { Fault } from '@turnpike/wire/fault.ts';
import type { Json } from '@turnpike/wire/json/value.ts';
import { AdminFault } from '../../admin/admin-fault.ts';
import type { Face } from '../face-api.ts';
import { accountOperations } from './account.ts';
import { reportOperation } from './report.ts';

/**
 * What Vercel's AI Gateway tells of money and usage.
 *
 * @see https://vercel.com/docs/ai-gateway
 */
export const vercelFace: Face = { operations: [...accountOperations, reportOperation], writeFault };

/** The types its clients tell errors apart by, by HTTP status. */
const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'insufficient_funds',
  403: 'forbidden',
  404: 'not_found',
  405: 'invalid_request_error',
  413: 'invalid_request_error',
  429: 'rate_limit_exceeded',
};

function writeFault(fault: Fault): Json {
  const hint = fault instanceof AdminFault ? fault.hint : undefined;
  return {
    error: {
      message: hint === undefined ? fault.message : `${fault.message} ${hint}`,
      type: TYPES[fault.status] ?? 'internal_server_error',
      ...(fault.param !== undefined && { param: { field: fault.param } }),
      code: fault.code,
    },
  };
}
