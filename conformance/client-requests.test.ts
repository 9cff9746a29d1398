/**
 * Requests of real applications and coding agents, as they were recorded: each survives its own dialect unchanged, says
 * in the other what it can, and is served by the gateway with the headers its client sends.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { bodyObject } from '@turnpike/emulator/received.ts';
import { differences as jsonDifferences } from '@turnpike/wire/json/equal.ts';
import { parseJson } from '@turnpike/wire/json/parse.ts';
import { stringifyJson } from '@turnpike/wire/json/stringify.ts';
import { type ClientRequest, describeShared, loadClientRequests } from './corpus.ts';
import { describeDifferences } from './laws/difference.ts';
import { requestTrip } from './laws/translation.ts';
import { type Rig, startRig } from './rig.ts';
import { Tally } from './tally.ts';
import { dialects, otherDialects } from './trip.ts';

/** Set by the connection itself, or by a proxy that is not there. */
const NOT_REPEATED =
  /^(host|connection|content-length|accept-encoding|transfer-encoding|authorization|x-api-key|api-key)$/;

describeShared('requests of real clients', 'client-requests', (path) => {
  const requests = loadClientRequests(path);
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig();
  });
  afterAll(() => rig.stop());

  const own = new Tally('client requests, own dialect');
  test('survive their own dialect unchanged', () => {
    for (const { id, dialect, body } of requests) {
      own.run(id, () => {
        const canon = dialects[dialect].readRequest(body);
        const written = dialects[dialect].writeRequest(canon, { model: canon.model, quirks: {} });
        expect(jsonDifferences(body, written.body)).toEqual([]);
        expect(written.losses).toEqual([]);
      });
    }
    own.expectAllPassed();
  });

  const other = new Tally('client requests, other dialect');
  test('say in the other dialect what it can, and what it cannot', () => {
    for (const { id, dialect, body } of requests) {
      for (const target of otherDialects(dialects[dialect])) {
        other.run(id, () => {
          const trip = requestTrip(dialects[dialect].readRequest(body), target);
          const open = trip.open(trip.losses);
          if (open.length > 0) throw new Error(describeDifferences(open));
        });
      }
    }
    other.expectAllPassed();
  });

  for (const upstream of Object.values(dialects)) {
    const served = new Tally(`client requests served by ${upstream.id}`);
    test(`are served by a provider of ${upstream.id}`, async () => {
      for (const request of requests) {
        await served.runAsync(request.id, async () => {
          rig.emulator.reset();
          rig.emulator.script([{ text: 'Hello' }]);
          const response = await send(rig, request, upstream.id);
          const answer = await response.text();
          expect(`${response.status} ${answer}`).toContain('Hello');
          const received = rig.emulator.requests.at(-1);
          if (received === undefined || request.dialect !== upstream.id) return;
          // The model's name is ours; usage in the stream is asked for by the gateway.
          const {
            model: _model,
            stream_options: _asked,
            ...sent
          } = bodyObject({ ...received, json: exact(received.body) });
          const { model: _theirs, stream_options: _theirAsking, ...said } = request.body;
          expect(jsonDifferences(said, sent)).toEqual([]);
        });
      }
      served.expectAllPassed();
    });
  }
});

function exact(body: Uint8Array) {
  return parseJson(new TextDecoder().decode(body));
}

function send(rig: Rig, request: ClientRequest, model: string): Promise<Response> {
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => !NOT_REPEATED.test(name.toLowerCase())),
  );
  const key: Record<string, string> =
    'x-api-key' in request.headers ? { 'x-api-key': rig.key } : { authorization: `Bearer ${rig.key}` };
  return fetch(`${rig.url}${request.target}`, {
    method: 'POST',
    headers: { ...headers, ...key },
    body: stringifyJson({ ...request.body, model }),
  });
}
