import type { QuotaAuthority, QuotaCharge } from '../quota/authority.ts';

/** A place in a journal: everything before it was written earlier. */
export interface JournalPlace {
  readonly segment: number;
  readonly offset: number;
}

/** Up to where the authority knows what a process has spent of one account. */
export interface AccountMark {
  readonly account: string;
  readonly place: JournalPlace;
}

/** What is to be entered in one account. */
export interface AccountCharges {
  readonly account: string;
  readonly charges: readonly QuotaCharge[];
}

export interface SharedSandbox {
  readonly url: string;
  /** Names of its models. */
  readonly models: readonly string[];
}

/** What its owner does when others of the fleet ask for it. */
export interface SeatHolder {
  /** Where the next record of the journal goes. */
  journalPlace(): JournalPlace;
  /** Takes over what others changed in the store. */
  catchUp(): Promise<void>;
  /** Enters what processes that are gone left in their journals. */
  recover(): Promise<void>;
}

/** What an authority knows of processes that are gone. */
export interface Leftovers {
  /** What the authority knows of a process that is gone; undefined when nothing of it is open. */
  marksOf(node: string): Promise<readonly AccountMark[] | undefined>;
  /** Enters what a process that is gone had not reported, and frees what it had leased. */
  settle(node: string, charges: readonly AccountCharges[]): Promise<void>;
}

/** The place of a gateway among the processes that serve one port together. */
export interface FleetSeat extends Leftovers {
  /** Unique for each start of a process: names its journal and its leases. */
  readonly node: string;
  readonly authority: QuotaAuthority;
  /** To be called once, before the first call to the authority. */
  take(holder: SeatHolder): void;
  /** Tells the others of a change in the store. Resolves when they have it, or will find it by themselves. Never rejects. */
  announce(): Promise<void>;
  /** The one sandbox of the fleet. */
  sandbox(): Promise<SharedSandbox>;
}
