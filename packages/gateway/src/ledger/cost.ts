import type { Usage } from '@turnpike/wire/canon/usage.ts';
import type { Price } from '../catalog/price.ts';

/** What an attempt cost. */
export interface Cost {
  nanoUsd: bigint;
  /**
   * What was used but has no certain price: the names of `Usage` fields, and `serverToolCalls.<name>`. Then `nanoUsd`
   * is what the rest costs, and the true cost is higher or not known.
   */
  uncovered: string[];
}

/**
 * Prices what an attempt used, in exact integers: the sum is made in nano-USD per million tokens, and rounded once,
 * half up, to a nano-dollar.
 *
 * The rules:
 * - Cached input, audio, images and reasoning are parts of a total: each is charged at its own price and taken out of
 *   the rest, which is charged as plain input or output.
 * - When the input is longer than a tier's bound, *everything* is charged at the tier's prices, output included. That is
 *   how Anthropic, Google and OpenAI bill long prompts.
 * - A kind without a price of its own is charged as plain input or output where that is how providers bill it: cache
 *   reads where there is no discount, cache writes where writing is free of surcharge, pictures, reasoning. Audio and
 *   entries kept for an hour always cost more than the base, so they are charged at the nearest price known and named
 *   in `uncovered`, as are calls of provider tools without a price.
 *
 * @returns undefined when the price is not known, or nothing of the usage is: an unknown cost is not zero.
 */
export function costOf(usage: Usage, price: Price | undefined): Cost | undefined {
  if (price === undefined) return undefined;
  if (isFree(price)) return { nanoUsd: 0n, uncovered: [] };
  if (!isCount(usage.inputTokens) && !isCount(usage.outputTokens)) return undefined;
  const bill = new Bill(usage, priceInForce(price, usage.inputTokens ?? 0));
  return bill.total();
}

/** The prices of the highest tier that an input of so many tokens exceeds. */
export function priceInForce(price: Price, inputTokens: number): Price {
  let inForce = price;
  for (const tier of price.tiers ?? []) if (inputTokens > tier.aboveInputTokens) inForce = tier.price;
  return inForce;
}

const tokensPerMillion = 1_000_000n;
const halfMillion = tokensPerMillion / 2n;

type TokenKind = Exclude<keyof Usage, 'serverToolCalls' | 'raw'>;

/** Tokens are counted in plain numbers, which hold them exactly; money is made of them in big ones. */
class Bill {
  readonly #usage: Usage;
  readonly #price: Price;
  readonly #uncovered: string[] = [];
  /** In nano-USD × 1e6. */
  #sum = 0n;

  constructor(usage: Usage, price: Price) {
    this.#usage = usage;
    this.#price = price;
  }

  total(): Cost {
    this.#addInput();
    this.#addOutput();
    if (this.#price.perRequest !== undefined) this.#sum += this.#price.perRequest * tokensPerMillion;
    this.#addToolCalls();
    return { nanoUsd: (this.#sum + halfMillion) / tokensPerMillion, uncovered: this.#uncovered };
  }

  #addInput(): void {
    const { input, cacheRead, cacheWrite, cacheWrite1h, inputAudio, inputImage } = this.#price;
    const written = this.#count('cacheWriteTokens');
    const writtenLong = Math.min(this.#count('cacheWrite1hTokens'), written);
    const audio = this.#count('inputAudioTokens');
    const parts: Part[] = [
      { tokens: this.#count('cacheReadTokens'), price: cacheRead ?? input },
      { tokens: writtenLong, price: cacheWrite1h ?? cacheWrite ?? input },
      { tokens: written - writtenLong, price: cacheWrite ?? input },
      { tokens: audio, price: inputAudio ?? input },
      { tokens: this.#count('inputImageTokens'), price: inputImage ?? input },
    ];
    if (writtenLong > 0 && cacheWrite !== undefined && cacheWrite1h === undefined)
      this.#leaveOpen('cacheWrite1hTokens');
    if (audio > 0 && inputAudio === undefined) this.#leaveOpen('inputAudioTokens');
    this.#addTotal('inputTokens', input, parts);
  }

  #addOutput(): void {
    const { output, outputAudio, outputImage, outputReasoning } = this.#price;
    const audio = this.#count('outputAudioTokens');
    const parts: Part[] = [
      { tokens: audio, price: outputAudio ?? output },
      { tokens: this.#count('outputImageTokens'), price: outputImage ?? output },
      { tokens: this.#count('reasoningTokens'), price: outputReasoning ?? output },
    ];
    if (audio > 0 && outputAudio === undefined) this.#leaveOpen('outputAudioTokens');
    this.#addTotal('outputTokens', output, parts);
  }

  /**
   * Parts may overlap (cached audio) or exceed the total of a provider that counts otherwise: parts of the base price
   * are no parts, and of the others no more is charged than they are.
   */
  #addTotal(kind: 'inputTokens' | 'outputTokens', base: bigint, parts: readonly Part[]): void {
    const total = this.#count(kind);
    if (this.#usage[kind] === undefined && base > 0n) this.#leaveOpen(kind);
    let rest = total;
    for (const part of parts) {
      if (part.price === base) continue;
      const charged = Math.min(part.tokens, rest);
      if (charged < part.tokens) this.#leaveOpen(kind);
      this.#charge(charged, part.price);
      rest -= charged;
    }
    this.#charge(rest, base);
  }

  #charge(tokens: number, price: bigint): void {
    if (tokens > 0) this.#sum += BigInt(tokens) * price;
  }

  #addToolCalls(): void {
    const { serverToolCalls } = this.#usage;
    if (serverToolCalls === undefined) return;
    for (const [name, calls] of Object.entries(serverToolCalls)) {
      if (calls === 0) continue;
      const price = this.#price.serverToolCalls?.[name];
      if (price === undefined || !isCount(calls)) this.#leaveOpen(`serverToolCalls.${name}`);
      else this.#sum += price * BigInt(calls) * tokensPerMillion;
    }
  }

  /** A figure that is no count (negative, broken) is not charged, and named. */
  #count(kind: TokenKind): number {
    const figure = this.#usage[kind];
    if (figure === undefined) return 0;
    if (isCount(figure)) return figure;
    this.#leaveOpen(kind);
    return 0;
  }

  #leaveOpen(what: string): void {
    if (!this.#uncovered.includes(what)) this.#uncovered.push(what);
  }
}

interface Part {
  tokens: number;
  price: bigint;
}

function isCount(figure: number | undefined): figure is number {
  return figure !== undefined && Number.isSafeInteger(figure) && figure >= 0;
}

function isFree(price: Price): boolean {
  if (price.input !== 0n || price.output !== 0n) return false;
  const { source: _, tiers, serverToolCalls, ...rates } = price;
  const figures = [...Object.values(rates), ...Object.values(serverToolCalls ?? {})];
  return figures.every((figure) => figure === 0n) && (tiers ?? []).every((tier) => isFree(tier.price));
}
