import type { ReadContext, ReadResult } from './read-file.ts';

const marks = ['model_list', 'litellm_settings', 'general_settings', 'router_settings'];

/** LiteLLM's `config.yaml` is known by its top-level keys. */
export function isLitellmFile(value: unknown): boolean {
  return typeof value === 'object' && value !== null && marks.some((mark) => mark in value);
}

export async function readLitellmFile(_text: string, context: ReadContext): Promise<ReadResult> {
  return {
    configuration: undefined,
    report: [],
    problems: [{ file: context.file, line: 0, column: 0, path: '', message: 'LiteLLM files are not read yet' }],
  };
}
