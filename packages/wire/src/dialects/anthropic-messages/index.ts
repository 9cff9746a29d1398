import type { Dialect } from '../../dialect.ts';
import { readFault, writeFault, writeStreamFault } from './fault.ts';
import { ANTHROPIC } from './fields.ts';
import { readRequest } from './request.ts';
import { readResponse, writeResponse } from './response.ts';
import { streamReader } from './stream-reader.ts';
import { streamWriter } from './stream-writer.ts';
import { streamTap, tapResponse } from './tap.ts';
import { writeRequest } from './write-request.ts';

/** The Anthropic Messages API, in both directions. @see https://docs.claude.com/en/api/messages */
export const anthropicMessages: Dialect = {
  id: ANTHROPIC,
  readRequest,
  writeRequest,
  readResponse,
  writeResponse,
  streamReader,
  streamWriter,
  streamTap,
  tapResponse,
  readFault,
  writeFault,
  writeStreamFault,
};
