import type { LitellmOperation } from './operation.ts';
import {
  addOrgMembers,
  deleteOrganizations,
  listOrganizations,
  newOrganization,
  organizationInfo,
  removeOrgMember,
  updateOrganization,
  updateOrgMember,
} from './organization-actions.ts';
import {
  addedOrgMembers,
  changedOrgMember,
  namedOrganizations,
  organizationFields,
  refusedOfOrganizations,
  removedOrgMember,
} from './organization-fields.ts';

const write = { scope: 'organisations:write', refused: refusedOfOrganizations } as const;
const read = { method: 'GET', scope: 'organisations:read' } as const;
const member = { scope: 'memberships:write' } as const;

export const organizationOperations: readonly LitellmOperation[] = [
  { ...write, method: 'POST', path: '/organization/new', body: organizationFields, run: newOrganization },
  {
    ...write,
    method: 'PATCH',
    path: '/organization/update',
    body: organizationFields,
    isUpdate: true,
    run: updateOrganization,
  },
  { ...write, method: 'DELETE', path: '/organization/delete', body: namedOrganizations, run: deleteOrganizations },
  { ...read, path: '/organization/info', query: ['organization_id'], run: organizationInfo },
  { ...read, path: '/organization/list', run: listOrganizations },
  { ...member, method: 'POST', path: '/organization/member_add', body: addedOrgMembers, run: addOrgMembers },
  {
    ...member,
    method: 'PATCH',
    path: '/organization/member_update',
    body: changedOrgMember,
    isUpdate: true,
    run: updateOrgMember,
  },
  { ...member, method: 'DELETE', path: '/organization/member_delete', body: removedOrgMember, run: removeOrgMember },
];
