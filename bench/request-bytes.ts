import { CALL_PATH, requestBody } from './payloads.ts';
import { type Lane, type Load, modelName } from './plan.ts';

/** The virtual key that clients present to Turnpike; the upstream checks none. */
export const CLIENT_KEY = 'sk-bench-0123456789abcdef0123456789abcdef';

/** The request of a lane as it goes over the wire, head and body. */
export function requestBytes(lane: Lane, load: Load, upstreamPort: number): Buffer {
  const body = Buffer.from(
    requestBody(lane.client, modelName(load, lane.upstream), load.pieces !== undefined, load.requestBytes),
  );
  // Turnpike and Portkey are told where the upstream is; the others pass the path on.
  const prefix = lane.peer === 'turnpike' || lane.peer === 'portkey' ? '' : `/${load.upstreamKind}`;
  const head = [
    `POST ${prefix}/v1${CALL_PATH[lane.client]} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Content-Type: application/json',
    'Accept: */*',
    'User-Agent: turnpike-bench',
    ...credentialHeaders(lane),
    ...(lane.peer === 'portkey' ? portkeyHeaders(lane, load, upstreamPort) : []),
    `Content-Length: ${body.length}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
}

function credentialHeaders(lane: Lane): string[] {
  if (lane.client === 'openai-chat') return [`Authorization: Bearer ${CLIENT_KEY}`];
  return [`x-api-key: ${CLIENT_KEY}`, 'anthropic-version: 2023-06-01'];
}

function portkeyHeaders(lane: Lane, load: Load, upstreamPort: number): string[] {
  return [
    `x-portkey-provider: ${lane.upstream === 'openai-chat' ? 'openai' : 'anthropic'}`,
    `x-portkey-custom-host: http://127.0.0.1:${upstreamPort}/${load.upstreamKind}/v1`,
  ];
}
