import type { AdminAnswer } from '../../admin/admin-context.ts';
import { makeChanges } from '../../admin/change.ts';
import { planChange, planCreate, withFields } from '../../admin/entity-actions.ts';
import type { Role } from '../../identity/admin-scope.ts';
import type { Entity, EntityBody } from '../../identity/entity.ts';
import { planCascade } from './delete-cascade.ts';
import { entityName } from './entity-name.ts';
import { findEntity, required, visible } from './find-entity.ts';
import { levelBody } from './level-body.ts';
import { memberOf, planMembers, planRemoval } from './members.ts';
import { type FaceContext, ok } from './operation.ts';
import type { AddedOrgMembers, ChangedOrgMember, OrganizationFields, OrgMemberFields } from './organization-fields.ts';
import { shownOrganization, shownOrgMember } from './show-organization.ts';
import { shownUser } from './show-user.ts';
import { withLitellmRules } from './write-rules.ts';

const NOWHERE: ReadonlySet<string> = new Set();
const roles: Readonly<Record<NonNullable<OrgMemberFields['role']>, Role>> = {
  org_admin: 'admin',
  internal_user: 'member',
  internal_user_viewer: 'viewer',
};

/** `/organization/new` */
export function newOrganization(context: FaceContext): Promise<AdminAnswer> {
  const fields = context.body as OrganizationFields;
  required('organization_alias', fields.organization_alias);
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const body = {
      ...organizationBody(context, {}, fields),
      name: entityName('organization_id', fields.organization_id),
    };
    const made = await planCreate({ ...context, body }, 'organisation', 'organisations', NOWHERE);
    return { entities: [made], status: 200, body: await shownOrganization(context, made.after) };
  });
}

/** `/organization/update` */
export async function updateOrganization(context: FaceContext): Promise<AdminAnswer> {
  const fields = context.body as OrganizationFields;
  await context.house.flushLogs();
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const { id } = await findEntity(context, 'organisation', required('organization_id', fields.organization_id));
    const own = { ...context, id };
    const planned = await planChange(own, 'organisation', 'organisations.update', (before) =>
      withFields({ ...own, body: { ...organizationBody(context, before.body, fields) } }, { ...before, body: {} }),
    );
    return { entities: [planned], status: 200, body: await shownOrganization(context, planned.after) };
  });
}

/** `/organization/delete`: with its teams, keys and memberships. Answers a list of what was deleted. */
export async function deleteOrganizations(context: FaceContext): Promise<AdminAnswer> {
  const { organization_ids } = context.body as { organization_ids: string[] };
  const answer = await makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const found: Entity[] = [];
    for (const id of new Set(organization_ids)) found.push(await findEntity(context, 'organisation', id));
    const deleted = await Promise.all(found.map((each) => shownOrganization(context, each)));
    const entities = await planCascade(context, 'organisation', 'organisations', found);
    return { entities, status: 200, body: { deleted } };
  });
  return { ...answer, body: (answer.body as { deleted: unknown }).deleted };
}

/** `/organization/info` */
export async function organizationInfo(context: FaceContext): Promise<AdminAnswer> {
  await context.house.follow.catchUp();
  await context.house.flushLogs();
  const id = required('organization_id', context.query.organization_id);
  return ok(await shownOrganization(context, await findEntity(context, 'organisation', id), true));
}

/** `/organization/list` */
export async function listOrganizations(context: FaceContext): Promise<AdminAnswer> {
  await context.house.follow.catchUp();
  await context.house.flushLogs();
  const all = visible(context, 'organisation');
  return ok(await Promise.all(all.map((each) => shownOrganization(context, each, true))));
}

/** `/organization/member_add` */
export function addOrgMembers(context: FaceContext): Promise<AdminAnswer> {
  const { organization_id, member, max_budget_in_organization } = context.body as AddedOrgMembers;
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const organisation = await findEntity(context, 'organisation', organization_id);
    const rules = { max_budget: max_budget_in_organization };
    const planned = await planMembers(
      context,
      organisation,
      [member].flat().map(({ role, ...named }) => ({ ...named, role: roles[role ?? 'internal_user'], rules })),
    );
    const own = { ...context, drafted: planned.users };
    return {
      entities: planned.changes,
      status: 200,
      body: {
        organization_id: organisation.name,
        updated_users: await Promise.all(planned.users.map((user) => shownUser(own, user))),
        updated_organization_memberships: await Promise.all(
          planned.memberships.map((membership) => shownOrgMember(own, membership)),
        ),
      },
    };
  });
}

/** `/organization/member_update` */
export function updateOrgMember(context: FaceContext): Promise<AdminAnswer> {
  const { organization_id, role, max_budget_in_organization, ...named } = context.body as ChangedOrgMember;
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const organisation = await findEntity(context, 'organisation', organization_id);
    const { id } = memberOf(context, named, organisation).membership;
    const own = { ...context, id };
    const planned = await planChange(own, 'membership', 'memberships.update', (before) => {
      const ruled = withLitellmRules(before.body, { max_budget: max_budget_in_organization });
      return withFields({ ...own, body: { ...ruled, ...(role && { role: roles[role] }) } }, { ...before, body: {} });
    });
    return { entities: [planned], status: 200, body: await shownOrgMember(context, planned.after) };
  });
}

/** `/organization/member_delete`: with the keys that are the member's in the organization. */
export function removeOrgMember(context: FaceContext): Promise<AdminAnswer> {
  const { organization_id, ...named } = context.body as ChangedOrgMember;
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const organisation = await findEntity(context, 'organisation', organization_id);
    const { user, membership } = memberOf(context, named, organisation);
    return {
      entities: await planRemoval(context, membership.id, 'organisationId', user, organisation),
      status: 200,
      body: await shownOrgMember(context, membership),
    };
  });
}

function organizationBody(context: FaceContext, before: EntityBody, fields: OrganizationFields): EntityBody {
  return levelBody(context, before, fields.organization_alias, fields);
}
