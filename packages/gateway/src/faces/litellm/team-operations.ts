import * as z from 'zod/mini';
import type { LitellmOperation } from './operation.ts';
import { blockTeam, changeTeamModels, deleteTeams, newTeam, updateTeam } from './team-actions.ts';
import {
  addedMemberFields,
  addedMembersFields,
  changedMemberFields,
  changedTeamFields,
  newTeamFields,
  refusedOfMembers,
  refusedOfTeams,
  removedMemberFields,
} from './team-fields.ts';
import { addManyMembers, addMembers, removeMember, updateMember } from './team-members.ts';
import { listTeams, pageTeams, teamInfo } from './team-reading.ts';

const id = z.string().check(z.minLength(1), z.maxLength(200));
const namedTeam = z.strictObject({ team_id: id });
const namedTeams = z.strictObject({ team_ids: z.array(id).check(z.minLength(1), z.maxLength(500)) });
const namedModels = z.strictObject({ team_id: id, models: z.array(id).check(z.minLength(1), z.maxLength(1_000)) });

const write = { method: 'POST', scope: 'teams:write', refused: refusedOfTeams } as const;
const read = { method: 'GET', scope: 'teams:read' } as const;
const writeMember = { method: 'POST', scope: 'memberships:write', refused: refusedOfMembers } as const;

export const teamOperations: readonly LitellmOperation[] = [
  { ...write, path: '/team/new', body: newTeamFields, run: newTeam },
  { ...write, path: '/team/update', body: changedTeamFields, isUpdate: true, run: updateTeam },
  { ...write, path: '/team/delete', body: namedTeams, run: deleteTeams },
  { ...write, path: '/team/block', body: namedTeam, run: (context) => blockTeam(context, true) },
  { ...write, path: '/team/unblock', body: namedTeam, run: (context) => blockTeam(context, false) },
  { ...write, path: '/team/model/add', body: namedModels, run: (context) => changeTeamModels(context, true) },
  { ...write, path: '/team/model/delete', body: namedModels, run: (context) => changeTeamModels(context, false) },
  { ...writeMember, path: '/team/member_add', body: addedMemberFields, run: addMembers },
  { ...writeMember, path: '/team/bulk_member_add', body: addedMembersFields, run: addManyMembers },
  { ...writeMember, path: '/team/member_update', body: changedMemberFields, isUpdate: true, run: updateMember },
  { ...writeMember, path: '/team/member_delete', body: removedMemberFields, run: removeMember },
  { ...read, path: '/team/info', isOwnAllowed: true, query: ['team_id'], run: teamInfo },
  { ...read, path: '/team/list', query: ['user_id', 'organization_id'], run: listTeams },
  {
    ...read,
    path: '/v2/team/list',
    query: ['user_id', 'organization_id', 'team_id', 'team_alias', 'page', 'page_size', 'sort_by', 'sort_order'],
    run: pageTeams,
  },
];
