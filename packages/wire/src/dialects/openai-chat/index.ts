import type { Dialect } from '../../dialect.ts';
import { readFault, writeFault, writeStreamFault } from './fault.ts';
import { CHAT } from './fields.ts';
import { readRequest, writeRequest } from './request.ts';
import { readResponse, writeResponse } from './response.ts';
import { ChatStreamReader } from './stream-reader.ts';
import { ChatStreamWriter } from './stream-writer.ts';
import { ChatStreamTap, tapResponse } from './tap.ts';

/**
 * OpenAI's Chat Completions API and the family of APIs compatible with it.
 *
 * @see https://platform.openai.com/docs/api-reference/chat
 */
export const openaiChat: Dialect = {
  id: CHAT,
  readRequest,
  writeRequest,
  readResponse,
  writeResponse,
  streamReader: (options) => new ChatStreamReader(options),
  streamWriter: (options) => new ChatStreamWriter(options),
  streamTap: (options) => new ChatStreamTap(options),
  tapResponse,
  readFault,
  writeFault,
  writeStreamFault,
};
