const URL_DEFAULT = 'http://127.0.0.1:4000';
const TIMEOUT_MS = 30_000;

export interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** An object of JSON. */
export type Row = Readonly<Record<string, unknown>>;

export interface GatewayRequest {
  /** Where the gateway is; default TURNPIKE_URL, else this machine. */
  readonly url: string | undefined;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below the admin API. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Print answers, refusals too, as they are. */
  readonly isJson: boolean;
}

/** What the gateway answered; `code` is the exit code when there is nothing more to do. */
export type GatewayAnswer = { readonly answer: Row; readonly text: string } | { readonly code: number };

type Environment = Readonly<Record<string, string | undefined>>;

/** Asks the admin API of a running gateway. What goes wrong is said: 1 refused, 2 no key, 3 no gateway answered. */
export async function callGateway(
  { url, method, path, body, headers, isJson }: GatewayRequest,
  environment: Environment,
  { err }: Pick<Output, 'err'>,
): Promise<GatewayAnswer> {
  const key = environment.TURNPIKE_ADMIN_KEY?.trim();
  if (!key) {
    err('TURNPIKE_ADMIN_KEY is not set: the gateway takes no orders without it. The first start printed one.\n');
    return { code: 2 };
  }
  const base = (url ?? environment.TURNPIKE_URL) || URL_DEFAULT;
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${base.replace(/\/+$/, '')}/admin/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      ...((method === 'POST' || method === 'PATCH') && { body: JSON.stringify(body ?? {}) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await response.text();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    err(`No gateway answered at ${base} (${reason}). Start it with npm start, or say where it is with --url.\n`);
    return { code: 3 };
  }
  const answer = parsed(text);
  if (response.ok) return { answer, text };
  err(isJson ? `${text}\n` : refusalText(answer, response.status));
  return { code: 1 };
}

function parsed(text: string): Row {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Row) : {};
  } catch {
    return {}; // No answer of the admin API; the status says the rest.
  }
}

function refusalText({ error }: Row, status: number): string {
  const { code, message, hint } = (typeof error === 'object' && error !== null ? error : {}) as Row;
  if (typeof message !== 'string') return `The gateway answered with status ${status}.\n`;
  return `${message}${typeof hint === 'string' ? ` ${hint}` : ''} (${String(code)})\n`;
}
