import { SecretFilter } from './secret-filter.ts';

const levels = { debug: 0, info: 1, warn: 2, error: 3 } as const;

export type LogLevel = keyof typeof levels;

/** Facts beside the message. Undefined ones are left out; errors are shown by name and message, without a stack. */
export type LogFields = Readonly<Record<string, string | number | bigint | boolean | Error | undefined>>;

/**
 * What the process tells its operator: one line per event on stderr, `time level message key=value …`, never a secret.
 * Exchanges are not logged here, they have rows of their own.
 */
export class Log {
  readonly #from: number;
  readonly #write: (line: string) => void;
  /** Which of several processes this is, told at the end of each line. */
  readonly #worker: number | undefined;
  /** Add credentials here as soon as they are known. */
  readonly secrets: SecretFilter;

  constructor(
    options: { level?: LogLevel; write?: (line: string) => void; secrets?: SecretFilter; worker?: number } = {},
  ) {
    this.#from = levels[options.level ?? 'info'];
    this.#write = options.write ?? ((line) => void process.stderr.write(line));
    this.#worker = options.worker;
    this.secrets = options.secrets ?? new SecretFilter();
  }

  debug(message: string, fields?: LogFields): void {
    this.#line('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#line('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#line('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#line('error', message, fields);
  }

  #line(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (levels[level] < this.#from) return;
    let line = `${new Date().toISOString()} ${level} ${oneLine(this.secrets.redact(message))}`;
    for (const [name, value] of Object.entries(fields)) {
      if (value !== undefined) line += ` ${name}=${this.#show(name, value)}`;
    }
    if (this.#worker !== undefined) line += ` worker=${this.#worker}`;
    this.#write(`${line}\n`);
  }

  #show(name: string, value: string | number | bigint | boolean | Error): string {
    if (typeof value !== 'string' && !(value instanceof Error)) return String(value);
    const text = typeof value === 'string' ? value : `${value.name}: ${value.message}`;
    // Redacted together with its name, since a name like api_key is what gives some secrets away.
    const clean = this.secrets.redact(`${name}=${text}`).slice(name.length + 1);
    return /^[^\s"=]+$/.test(clean) ? clean : JSON.stringify(clean);
  }
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' | ');
}
