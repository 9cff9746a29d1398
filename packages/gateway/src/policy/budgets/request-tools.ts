import { fieldBoolean, type Lens } from '@turnpike/wire/json/lens.ts';
import { isObject, type Json } from '@turnpike/wire/json/value.ts';

/** The tools of a request: the client's own, and those the provider runs. */
export interface ToolUse {
  readonly hasTools: boolean;
  /** Tools the provider describes to the model in words of its own. */
  readonly described: number;
  /** Calls of tools the provider runs and bills, at most, by the name usage reports them under. */
  readonly calls: Readonly<Record<string, number>>;
  /** How often the model may go on after such a call, reading everything anew. */
  readonly rounds: number;
  /** A tool the provider runs without a bound the request tells, for people; undefined when there is none. */
  readonly open: string | undefined;
}

const NONE: ToolUse = { hasTools: false, described: 0, calls: {}, rounds: 0, open: undefined };

/** Fields by which providers of OpenAI's dialect are asked to search, or to run something. */
const SEARCH_FIELDS = ['plugins', 'search_parameters', 'mcp_servers', 'web_search'] as const;

/** Tools that Anthropic describes and the client runs. */
const ofClient = /^(bash|text_editor|computer|memory)_\d/;
const bounded = /^(web_search|web_fetch)_\d/;

/** @param answers How many the request asks for. */
export function readTools(body: Buffer, { fields }: Lens, answers: number): ToolUse {
  const tools = fields.get('tools');
  const searches = fields.get('web_search_options');
  let open: string | undefined = SEARCH_FIELDS.find((name) => fields.has(name));
  if (fieldBoolean(body, fields.get('enable_search')) === true) open = 'enable_search';
  if (tools === undefined && searches === undefined && open === undefined) {
    return fields.has('functions') ? { ...NONE, hasTools: true } : NONE;
  }
  const calls: Record<string, number> = {};
  // One search for each answer, whose pages are not charged as input.
  if (searches !== undefined) calls.web_search_requests = answers;
  let described = 0;
  let rounds = 0;
  const list = tools === undefined ? undefined : (JSON.parse(body.toString('utf8', tools.start, tools.end)) as Json);
  for (const tool of Array.isArray(list) ? list : []) {
    const type = isObject(tool) ? tool.type : undefined;
    if (!isObject(tool) || typeof type !== 'string' || type === 'function' || type === 'custom') continue;
    described++;
    if (ofClient.test(type)) continue;
    const [, name] = bounded.exec(type) ?? [];
    const { max_uses: uses } = tool;
    if (name === undefined) open = `the tool ${type.slice(0, 64)}`;
    else if (typeof uses !== 'number' || !(uses >= 0)) open = `the tool ${name} without max_uses`;
    else {
      calls[`${name}_requests`] = (calls[`${name}_requests`] ?? 0) + uses;
      rounds += uses;
    }
  }
  return { hasTools: tools !== undefined, described, calls, rounds, open };
}
