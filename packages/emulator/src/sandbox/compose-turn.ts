import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import type { JsonObject } from '@turnpike/wire/json/value.ts';
import { FaultSyntaxError, parseFaults } from '../faults/parse-fault.ts';
import { type AnswerWords, chunksOf, type Turn, type TurnToolCall } from '../turn.ts';
import { type OfferedTool, type Prompt, readPrompt } from './read-prompt.ts';
import { instanceOf } from './schema-instance.ts';

/** What every text of the sandbox starts with, so that nobody takes it for a model's. */
export const SANDBOX_LABEL = 'Turnpike sandbox: no provider was called.';

/**
 * The sandbox's answer to a request. Deterministic. See README.md for what can be asked of it.
 * @throws PromptError when the request cannot be answered.
 */
export function composeTurn(dialect: DialectId, body: JsonObject): Turn {
  const prompt = readPrompt(dialect, body);
  const faults = askedFaults(prompt.userText);
  const words = Array.from({ length: prompt.n }, (_, at) => composeAnswer(dialect, prompt, at));
  return { choices: words, faults };
}

function composeAnswer(dialect: DialectId, prompt: Prompt, at: number): AnswerWords {
  const reasoning = reasoningWords(dialect, prompt);
  const calls = toolCalls(prompt);
  if (calls.length > 0) return { ...reasoning, toolCalls: calls };
  const text =
    prompt.n > 1 && prompt.format.type === 'text' ? `${answerText(prompt)} [choice ${at + 1}]` : answerText(prompt);
  const bounded = bound(text, prompt);
  return { ...reasoning, ...bounded, logprobs: prompt.logprobs ? logprobsOf(bounded.text) : undefined };
}

function reasoningWords(dialect: DialectId, prompt: Prompt): AnswerWords {
  if (!prompt.reasons) return {};
  const reasoning = `The sandbox was asked to reason. It read ${prompt.userText.length} characters and will echo them.`;
  if (dialect === 'openai-chat') return { reasoning };
  return { reasoning, signature: btoa(`sandbox-signature:${prompt.userText.length}`) };
}

function answerText(prompt: Prompt): string {
  if (prompt.format.type === 'schema') return JSON.stringify(instanceOf(prompt.format.schema));
  if (prompt.format.type === 'json') return JSON.stringify({ sandbox: SANDBOX_LABEL, you_said: prompt.userText });
  if (prompt.toolResults.length > 0) return `${SANDBOX_LABEL} The tool answered: ${prompt.toolResults.join(' | ')}`;
  return `${SANDBOX_LABEL} You said: ${prompt.userText}`;
}

/** Which tools to call: those forced, or, when free to choose, those the user names or asks for. */
function toolCalls(prompt: Prompt): TurnToolCall[] {
  const { tools, toolChoice, toolResults, userText } = prompt;
  if (toolResults.length > 0 || toolChoice.mode === 'none') return [];
  const named = tools.filter((tool) => tool.name === toolChoice.name);
  if (named.length > 0) return named.map(callOf);
  const mentioned = tools.filter((tool) => mentions(userText, tool.name));
  if (mentioned.length > 0) return mentioned.map(callOf);
  const asked = toolChoice.mode === 'force' || prompt.model === 'tools' || /\b(tools?|call|use)\b/i.test(userText);
  return asked ? tools.slice(0, 1).map(callOf) : [];
}

function mentions(text: string, toolName: string): boolean {
  return text.toLowerCase().includes(toolName.toLowerCase());
}

function callOf(tool: OfferedTool): TurnToolCall {
  const made = tool.schema === undefined ? {} : instanceOf(tool.schema);
  return { name: tool.name, arguments: JSON.stringify(made) };
}

/** Stops before the first stop sequence and after `maxTokens` words, as a model would. */
function bound(text: string, prompt: Prompt): { text: string; finish: string } {
  const cuts = prompt.stop.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  const stopped = cuts.length > 0 ? text.slice(0, Math.min(...cuts)) : text;
  const words = chunksOf(stopped);
  if (prompt.maxTokens === undefined || words.length <= prompt.maxTokens) return { text: stopped, finish: 'stop' };
  return { text: words.slice(0, prompt.maxTokens).join(''), finish: 'length' };
}

function logprobsOf(text: string): JsonObject {
  const encoder = new TextEncoder();
  const content = chunksOf(text).map((token) => ({
    token,
    logprob: -0.01,
    bytes: [...encoder.encode(token)],
    top_logprobs: [],
  }));
  return { content, refusal: null };
}

const SHORTHANDS: Record<string, string> = {
  stall: 'stall,2',
  cut: 'cut-reset,2',
  garbage: 'garbage-json,2',
  slow: 'slow-first-byte,3000+trickle,bytes=16,ms=50',
  empty: 'empty-choices',
};

/** `error 429`, `error stall`, or any fault in its text form after the word `error`; anything else is plain text. */
function askedFaults(userText: string): string {
  const asked = /^\s*error\s+(\S+)\s*$/i.exec(userText)?.[1]?.toLowerCase();
  if (asked === undefined) return '';
  if (/^[45]\d\d$/.test(asked)) return `status,code=${asked}${asked === '429' ? ',retryAfterSec=1' : ''}`;
  const spec = SHORTHANDS[asked] ?? asked;
  try {
    parseFaults(spec);
    return spec;
  } catch (error) {
    if (error instanceof FaultSyntaxError) return '';
    throw error;
  }
}
