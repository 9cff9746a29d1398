import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import type { Dialect } from '@turnpike/wire/dialect.ts';
import { anthropicMessages } from '@turnpike/wire/dialects/anthropic-messages/index.ts';
import { openaiChat } from '@turnpike/wire/dialects/openai-chat/index.ts';

/** Every dialect, by id. */
export const dialects: Readonly<Record<DialectId, Dialect>> = {
  'openai-chat': openaiChat,
  'anthropic-messages': anthropicMessages,
};
