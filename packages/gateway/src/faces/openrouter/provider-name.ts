import { providerTable } from '../../providers/table.ts';

/** As people write it: `OpenAI`. One of the configuration is called by its id. */
export function providerName(id: string): string {
  return providerTable.find((provider) => provider.id === id)?.name ?? id;
}
