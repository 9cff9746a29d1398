import { parseArgs } from 'node:util';
import { startBenchUpstream } from './bench-upstream.ts';
import { startEmulator } from './emulator.ts';
import { describeFaults, FaultSyntaxError, parseFaults } from './faults/parse-fault.ts';
import type { Split } from './replay/split.ts';
import { startSandbox } from './sandbox.ts';

const HELP = `Stands in for LLM providers (OpenAI chat completions, Anthropic messages) on a local port.

Usage: bun packages/emulator/src/main.ts [options]

  --port N          port to listen on (default: any free one)
  --host NAME       address to listen on (default: 127.0.0.1)
  --sandbox         answer as the sandbox alone: no recordings, no faults by header
  --corpus DIR      answer from recorded cases: DIR/<provider>/<case>/{meta.json,request.json,response.*}
  --split HOW       recorded | event | byte | a number of bytes | seed:N   (default: recorded)
  --fault SPEC      spoil every answer (see below)
  --pace MS         wait between the chunks of a stream
  --chunks N        answer every generation with N chunks of text
  --bench           answer as fast as possible with the same bytes each time; also understands:
    --bytes N         size of a JSON answer (default 1000)
    --chunks N        content events of a stream (default 100)
    --chunk-bytes N   size of one event (default 256)
    --pace MS         wait between events; 0 sends all in one write (default 0)
    --reuse-port      let several processes share the port
  --help            this text

Faults, with their parameters and defaults; join several with "+":
${describeFaults()}
The same text works in the header x-emulator-fault, and after "!" in a model name: "echo!status,429".
`;

class UsageError extends Error {}

interface Running {
  url: string;
  stop(): Promise<void>;
}

async function main(argv: string[]): Promise<number> {
  const { values } = readArguments(argv);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const place = { port: wholeNumber('port', values.port), hostname: values.host };
  const { what, running } = await start(values, place);
  process.stdout.write(`${what} listens on ${running.url}\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  await running.stop();
  return 0;
}

function readArguments(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        sandbox: { type: 'boolean' },
        corpus: { type: 'string' },
        split: { type: 'string' },
        fault: { type: 'string' },
        pace: { type: 'string' },
        chunks: { type: 'string' },
        bench: { type: 'boolean' },
        bytes: { type: 'string' },
        'chunk-bytes': { type: 'string' },
        'reuse-port': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

type Values = ReturnType<typeof readArguments>['values'];

async function start(
  values: Values,
  place: { port?: number; hostname?: string },
): Promise<{ what: string; running: Running }> {
  const paceMs = wholeNumber('pace', values.pace);
  const chunks = wholeNumber('chunks', values.chunks);
  if (values.bench) {
    const sizes = {
      jsonBytes: wholeNumber('bytes', values.bytes),
      chunkBytes: wholeNumber('chunk-bytes', values['chunk-bytes']),
    };
    const running = startBenchUpstream({ ...place, ...sizes, paceMs, chunks, reusePort: values['reuse-port'] });
    return { what: 'Bench upstream', running };
  }
  if (values.sandbox) return { what: 'Sandbox', running: await startSandbox({ ...place, paceMs }) };
  if (values.fault !== undefined) parseFaults(values.fault); // Said before anything listens.
  const emulator = await startEmulator({ ...place, corpus: values.corpus, split: readSplit(values.split), paceMs });
  if (values.fault !== undefined) emulator.fault(values.fault, { times: Number.POSITIVE_INFINITY });
  if (chunks !== undefined) {
    const text = Array.from({ length: chunks }, (_, at) => `word-${at + 1} `);
    emulator.script([{ text }], { repeat: true });
  }
  return { what: 'Emulator', running: emulator };
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new UsageError(`--${name} needs a whole number, not "${text}".`);
  return Number(text);
}

function readSplit(text: string | undefined): Split | undefined {
  if (text === undefined || text === 'recorded' || text === 'event' || text === 'byte') return text;
  const seed = /^seed:(\d+)$/.exec(text)?.[1];
  if (seed !== undefined) return { seed: Number(seed) };
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new UsageError(`--split does not know "${text}".`);
}

/** A port in use, a folder that is not there: the message says it all. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const explained = error instanceof UsageError || error instanceof FaultSyntaxError || isSystemError(error);
  if (!explained) throw error;
  process.stderr.write(`${error.message}\nSee --help.\n`);
  process.exitCode = 2;
}
