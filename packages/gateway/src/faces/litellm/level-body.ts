import type { EntityBody } from '../../identity/entity.ts';
import { readMetadata, withLimitsBeside } from './metadata.ts';
import { withModels } from './model-access.ts';
import type { FaceContext } from './operation.ts';
import type { LitellmRules } from './rule-schemas.ts';
import { withLitellmRules } from './write-rules.ts';

/** What requests about users, teams, organisations and customers say alike. */
export interface LevelFields extends Partial<LitellmRules> {
  readonly models?: readonly string[] | null | undefined;
  readonly blocked?: boolean | null | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined;
  readonly tags?: readonly string[] | null | undefined;
}

/**
 * What is kept of a level once a request has said its part; what it leaves out stays.
 *
 * @param alias The name shown to people.
 * @param isTagged Do tags of the metadata count for it?
 * @throws AdminFault `body_invalid`
 */
export function levelBody(
  context: FaceContext,
  before: EntityBody,
  alias: string | null | undefined,
  given: LevelFields,
  isTagged = false,
): EntityBody {
  const fields = withLimitsBeside(given);
  const { models, blocked } = fields;
  const { metadata, tags = fields.tags } = readMetadata(fields.metadata, isTagged);
  const body: EntityBody = {
    ...before,
    ...(alias !== undefined && { displayName: alias ?? undefined }),
    ...(blocked !== undefined && { isBlocked: blocked ?? undefined }),
    ...(fields.metadata !== undefined && { metadata }),
    ...(tags !== undefined && { tags: tags ?? undefined }),
    ...(models !== undefined && { policy: withModels(context, before.policy ?? {}, models) }),
  };
  return withLitellmRules(body, fields);
}
