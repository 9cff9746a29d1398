import { joinSegment } from '../providers/join-segment.ts';
import { providerTable } from '../providers/table.ts';
import type { ConfiguredEndpoint, ConfiguredProvider } from './configuration.ts';
import { plainEndpoint } from './endpoint-factory.ts';
import type { EndpointEntry } from './endpoint-schema.ts';
import { readLimitEntry } from './limit-entry.ts';
import type { LimitRule } from './limit-rule.ts';
import { nearestNames } from './near-names.ts';
import { readPriceEntry } from './price-entry.ts';
import { providerOfBareName, splitProviderModel } from './provider-name.ts';
import type { LimitEntry } from './rule-schemas.ts';

/** Told of what is wrong: where, what, and what to do. */
export type ReportProblem = (path: readonly PropertyKey[], message: string, hint?: string) => void;

/** Reads the endpoints of models, whether they stand in a file or in the database. */
export class EndpointReader {
  readonly #providers: readonly ConfiguredProvider[];
  readonly #report: ReportProblem;

  /** @param providers Those of the file; those of the table are known besides. */
  constructor(providers: readonly ConfiguredProvider[], report: ReportProblem) {
    this.#providers = providers;
    this.#report = report;
  }

  /** Undefined when it cannot be used at all, which is reported. */
  read(entry: string | EndpointEntry, path: readonly PropertyKey[]): ConfiguredEndpoint | undefined {
    if (typeof entry === 'string') {
      const target = splitProviderModel(entry, (id) => this.#isProvider(id)) ?? this.#inferTarget(entry);
      if (target !== undefined) return plainEndpoint(target.providerId, target.model);
      const prefix = entry.split('/')[0] ?? '';
      if (entry.includes('/')) this.#unknownProvider(path, prefix);
      else
        this.#report(
          path,
          `${entry} does not say which provider has it`,
          `Write it as provider/model: openai/${entry}.`,
        );
      return undefined;
    }
    if (!this.#isProvider(entry.provider)) {
      this.#unknownProvider([...path, 'provider'], entry.provider);
      return undefined;
    }
    if (entry.apiKey !== undefined && entry.credential !== undefined) {
      this.#report([...path, 'credential'], 'stands beside apiKey', 'Give one of the two.');
    }
    const price = entry.price === undefined ? undefined : readPriceEntry(entry.price);
    if (price !== undefined && 'tooFine' in price) {
      this.#report([...path, 'price', price.tooFine], 'is finer than 0.000000001 US dollars per million tokens');
    }
    return {
      ...plainEndpoint(entry.provider, entry.model),
      id: entry.id,
      apiKey: entry.apiKey,
      credential: entry.credential,
      baseUrl: entry.baseUrl === undefined ? undefined : joinSegment(entry.baseUrl, undefined),
      headers: entry.headers ?? {},
      weight: entry.weight ?? 1,
      order: entry.order ?? 0,
      deadlines: entry.deadlines ?? {},
      price: price === undefined || 'tooFine' in price ? undefined : price,
      inputTokensMax: entry.inputTokensMax,
      outputTokensMax: entry.outputTokensMax,
      data: entry.data,
      limits: (entry.limits ?? []).flatMap((limit, index) => this.#readLimit(limit, [...path, 'limits', index])),
    };
  }

  #readLimit(entry: LimitEntry, path: readonly PropertyKey[]): readonly LimitRule[] {
    const found = readLimitEntry(entry);
    if (!('message' in found)) return found;
    this.#report(path, found.message, found.hint);
    return [];
  }

  /** A bare name stands for the provider the catalogue has it from; the operator's own providers come first. */
  #inferTarget(name: string): { providerId: string; model: string } | undefined {
    const own = this.#providers.map(({ provider }) => provider);
    const provider = providerOfBareName(name, [...own, ...providerTable]);
    return provider === undefined ? undefined : { providerId: provider.id, model: name };
  }

  #isProvider(id: string): boolean {
    return (
      id === 'sandbox' ||
      this.#providers.some(({ provider }) => provider.id === id) ||
      providerTable.some((provider) => provider.id === id)
    );
  }

  #unknownProvider(path: readonly PropertyKey[], id: string): void {
    const known = [
      ...this.#providers.map(({ provider }) => provider.id),
      ...providerTable.map((provider) => provider.id),
    ];
    const near = nearestNames(id, known, 2);
    const hint = near.length > 0 ? `Did you mean ${near.join(' or ')}?` : 'Define it under providers, with a baseUrl.';
    this.#report(path, `there is no provider ${id}`, hint);
  }
}
