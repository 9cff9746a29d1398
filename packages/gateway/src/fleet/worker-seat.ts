import type { QuotaAuthority } from '../quota/authority.ts';
import { Channel, ChannelClosed } from './channel.ts';
import { IpcAuthority } from './ipc-authority.ts';
import { writeCharges } from './quota-message.ts';
import type { AccountCharges, AccountMark, FleetSeat, JournalPlace, SeatHolder, SharedSandbox } from './seat.ts';

/** What the parent says, beyond what the seat sees to. */
export interface ParentWords {
  /** Stop in peace. */
  onStop(): void;
  /** The parent is gone: stop soon. */
  onOrphaned(): void;
  onReload(): void;
}

/** The seat of a process that was started by a parent, over the channel Bun opened between them. */
export class WorkerSeat implements FleetSeat {
  readonly node: string;
  readonly authority: QuotaAuthority;
  readonly #channel: Channel;
  #holder: SeatHolder | undefined;

  constructor(node: string, words: ParentWords) {
    this.node = node;
    const channel = new Channel({
      send: (message) => {
        if (process.send?.(message) !== true) throw new ChannelClosed('The parent process is gone.');
      },
      onNote: (name, body) => {
        if (name === 'recall') authority.recalled(body as string);
        else if (name === 'recover') void this.#holder?.recover();
        else if (name === 'reload') words.onReload();
        else if (name === 'stop') words.onStop();
      },
      // All that is ever asked: to take over a change.
      onAsk: () => this.#holder?.catchUp(),
    });
    const authority = new IpcAuthority(channel, () => this.#journalPlace());
    this.authority = authority;
    this.#channel = channel;
    process.on('message', (message) => channel.take(message));
    process.on('disconnect', () => {
      channel.close();
      words.onOrphaned();
    });
  }

  take(holder: SeatHolder): void {
    this.#holder = holder;
  }

  /** Tells the parent how the start went. */
  report(name: 'ready' | 'failed', body: unknown): void {
    this.#channel.tell(name, body);
  }

  async announce(): Promise<void> {
    try {
      await this.#channel.ask('change');
    } catch (error) {
      // The others look into the store by themselves, a little later.
      if (!(error instanceof ChannelClosed)) throw error;
    }
  }

  async sandbox(): Promise<SharedSandbox> {
    return (await this.#channel.ask('sandbox')) as SharedSandbox;
  }

  async marksOf(node: string): Promise<readonly AccountMark[] | undefined> {
    return ((await this.#channel.ask('marks', node)) ?? undefined) as AccountMark[] | undefined;
  }

  async settle(node: string, charges: readonly AccountCharges[]): Promise<void> {
    const written = charges.map((one) => [one.account, writeCharges(one.charges)]);
    await this.#channel.ask('settle', { node, charges: written });
  }

  #journalPlace(): JournalPlace {
    return this.#holder?.journalPlace() ?? { segment: 0, offset: 0 };
  }
}
