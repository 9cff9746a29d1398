import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import type { Quirks } from '@turnpike/wire/quirks.ts';
import type { DataTerms } from '../catalog/data-terms.ts';

/**
 * A vendor, or a server of one's own, that can run models: dialect + address + how to sign + what it does otherwise.
 * Data only. A new provider is a line in `table.ts` and a recorded case.
 */
export interface Provider {
  /** The name before the slash in `provider/model`, and in configuration and logs. */
  id: string;
  /** Name for people. */
  name: string;
  dialect: DialectId;
  /** Base address up to and including the version segment, without a trailing slash: `https://api.openai.com/v1`. */
  baseUrl: string;
  /** Environment variables that hold a credential; the first one set makes the provider available. */
  envKeys: readonly string[];
  /** Environment variables that move the base address. `join` is appended when the usual value lacks it (`/v1`). */
  envBaseUrl?: { names: readonly string[]; join?: string };
  /** Servers on one's own machine (Ollama, vLLM…) need no credential; they are available when an address is set. */
  keyOptional?: boolean;
  auth: ProviderAuth;
  /** Sent with every request to this provider. */
  headers?: Readonly<Record<string, string>>;
  quirks: Quirks;
  /** What becomes of what it is sent, where the operator said so. */
  data?: DataTerms;
  /** Does it answer `…/count_tokens`? */
  countTokens?: boolean;
  /** Id in the price catalogue when it differs from `id`; null when the catalogue cannot know its prices. */
  catalogueId?: string | null;
}

export type ProviderAuth = { type: 'bearer' } | { type: 'header'; name: string } | { type: 'none' };
