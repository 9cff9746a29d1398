import type { Seal } from '../../canon/seal.ts';

/**
 * `format` of a `reasoning_details` entry says whose proof it holds.
 *
 * @see https://openrouter.ai/docs/use-cases/reasoning-tokens
 */
const issuerOf: Readonly<Record<string, string>> = {
  'anthropic-claude-v1': 'anthropic',
  'openai-responses-v1': 'openai',
  'azure-openai-responses-v1': 'openai',
  'google-gemini-v1': 'google',
  'xai-responses-v1': 'xai',
};

const formatOf: Readonly<Record<string, string>> = {
  anthropic: 'anthropic-claude-v1',
  openai: 'openai-responses-v1',
  google: 'google-gemini-v1',
  xai: 'xai-responses-v1',
};

/** The issuer a `format` names; a format nobody has heard of is its own issuer, so that it comes back the same. */
export function issuerOfFormat(format: string | undefined): string {
  return format === undefined ? 'unknown' : (issuerOf[format] ?? format);
}

/** What `seal.format` is to be for a `format` read; the issuer's usual one goes without saying. */
export function sealFormat(format: string | undefined): string | undefined {
  return format === undefined || format === (formatOf[issuerOfFormat(format)] ?? format) ? undefined : format;
}

/** Can the issuer's own name for the format be written, or does {@link formatOfSeal} give the usual one instead? */
export function keepsFormat(seal: Seal): boolean {
  return seal.format === undefined || issuerOfFormat(seal.format) === seal.issuer;
}

export function formatOfSeal(seal: Seal): string {
  if (seal.format !== undefined && keepsFormat(seal)) return seal.format;
  return formatOf[seal.issuer] ?? seal.issuer;
}
