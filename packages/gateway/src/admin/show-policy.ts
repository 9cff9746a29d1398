import { levelsOf, withGroups } from '../identity/build-caller.ts';
import { effectivePolicy } from '../identity/effective-policy.ts';
import type { AdminAnswer, AdminContext } from './admin-context.ts';
import { seen } from './entity-actions.ts';

/** The levels of a key, and the meet of their policies. */
export async function showEffectivePolicy(context: AdminContext): Promise<AdminAnswer> {
  const { directory } = context.house;
  const key = await seen(context, 'key');
  const levels = [...levelsOf(key, directory), key];
  const ofHouse = context.house.snapshot().policy;
  const policies = [
    ...(ofHouse === undefined ? [] : [ofHouse]),
    ...levels.map(({ body }) => withGroups(body.policy, directory)),
  ];
  const effective = effectivePolicy(policies);
  const groups = [...new Set(levels.flatMap(({ body }) => body.policy?.modelGroups ?? []))];
  const names = (lists: typeof effective.models) => lists.map((patterns) => patterns.map(({ pattern }) => pattern));
  return {
    status: 200,
    body: {
      levels: [
        ...(ofHouse === undefined
          ? []
          : [{ kind: 'configuration', name: 'policy', isBlocked: false, policy: ofHouse }]),
        ...levels.map(({ kind, name, body }) => ({
          kind,
          name,
          isBlocked: body.isBlocked === true,
          policy: body.policy ?? {},
        })),
      ],
      modelGroups: groups.map((name) => ({ name, models: directory.modelsOfGroup(name) ?? null })),
      effective: {
        ...effective,
        models: names(effective.models),
        providers: names(effective.providers),
        endpoints: names(effective.endpoints),
        ...(effective.data !== undefined && { data: { ...effective.data, regions: names(effective.data.regions) } }),
        requestTagsRequired: effective.requestTagsRequired.map(({ pattern }) => pattern),
        ipAllow: policies.flatMap(({ ipAllow }) => (ipAllow === undefined ? [] : [ipAllow])),
      },
    },
  };
}
