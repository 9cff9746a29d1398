import type { Json, JsonObject } from '../json/value.ts';

/**
 * An opaque proof that only its issuer can check: a thinking signature, encrypted reasoning, a thought signature.
 *
 * A seal goes back byte-identical to its issuer, or not at all (and then it is a `Loss`).
 */
export interface Seal {
  /** Who can open it: `anthropic`, `openai`, `google`, `xai`, or another vendor's name. */
  issuer: string;
  /**
   * What it proves. `signature` signs the visible reasoning text; `encrypted` holds the reasoning itself
   * (Anthropic `redacted_thinking`, OpenAI `encrypted_content`).
   */
  kind: 'signature' | 'encrypted';
  value: string;
  /** The issuer's own name for the item and its format, where it gave them. */
  id?: string;
  format?: string;
}

const ENVELOPE_PREFIX = 'tpk1.';

/**
 * Packs a seal into one string, for a client dialect that has a field for *its own* proofs only. The client returns
 * the string unread on its next turn and {@link openEnvelope} gives the seal back.
 *
 * The text is base64url of JSON, so it fits any dialect's signature field.
 */
export function sealEnvelope(seal: Seal): string {
  const bytes = new TextEncoder().encode(JSON.stringify(seal));
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return ENVELOPE_PREFIX + btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** The seal inside an envelope; undefined when `text` is not one (a native signature, or a damaged envelope). */
export function openEnvelope(text: string): Seal | undefined {
  if (!text.startsWith(ENVELOPE_PREFIX)) return undefined;
  try {
    const base64 = text.slice(ENVELOPE_PREFIX.length).replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const value: Json = JSON.parse(new TextDecoder().decode(bytes));
    return isSeal(value) ? value : undefined;
  } catch {
    return undefined; // Not ours after all: the caller keeps the text as the native proof it claims to be.
  }
}

function isSeal(value: Json): value is JsonObject & Seal {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const fields = value as JsonObject;
  return (
    typeof fields.issuer === 'string' &&
    typeof fields.value === 'string' &&
    (fields.kind === 'signature' || fields.kind === 'encrypted')
  );
}
