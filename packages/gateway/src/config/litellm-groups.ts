import { isMapping } from './litellm-source.ts';
import type { ModelGroups } from './snapshot.ts';

/** The groups of models that `model_info.access_groups` of the entries of a `model_list` add up to. */
export function readAccessGroups(list: readonly unknown[], report: string[]): ModelGroups {
  const groups = new Map<string, Set<string>>();
  for (const [index, entry] of list.entries()) {
    if (!isMapping(entry) || typeof entry.model_name !== 'string' || !isMapping(entry.model_info)) continue;
    const { access_groups: names } = entry.model_info;
    if (names === undefined || names === null) continue;
    if (!Array.isArray(names) || !names.every((name) => typeof name === 'string' && name !== '')) {
      report.push(`model_list[${index}].model_info.access_groups: must be a list of names; it is in no group.`);
      continue;
    }
    for (const name of names) groups.set(name, (groups.get(name) ?? new Set()).add(entry.model_name));
  }
  return new Map([...groups].map(([name, models]) => [name, [...models]]));
}
