/**
 * B, the yardstick: the least a JSON-aware proxy in Bun can do. It parses and re-encodes the request and the reply,
 * passes streams through untouched, and does nothing else: no keys, limits, prices, logs, or checks.
 * Run: `bun bench/bare-proxy.ts --port N --upstream http://127.0.0.1:M`.
 */
const option = (name: string): string => {
  const value = Bun.argv[Bun.argv.indexOf(name) + 1];
  if (!Bun.argv.includes(name) || value === undefined) throw new Error(`${name} is missing`);
  return value;
};

const port = Number(option('--port'));
const upstream = option('--upstream');

Bun.serve({
  hostname: '127.0.0.1',
  port,
  idleTimeout: 0,
  fetch: async (request) => {
    const path = request.url.slice(request.url.indexOf('/', 8));
    const body: unknown = await request.json();
    const reply = await fetch(upstream + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: request.headers.get('authorization') ?? '',
      },
      body: JSON.stringify(body),
    });
    const type = reply.headers.get('content-type') ?? '';
    const headers = { 'content-type': type };
    if (type.startsWith('text/event-stream')) return new Response(reply.body, { status: reply.status, headers });
    const answer: unknown = await reply.json();
    return new Response(JSON.stringify(answer), { status: reply.status, headers });
  },
});
console.log(`bare proxy listening on ${port}`);
