import { LochError } from '../../core/errors.ts';
import type { LakeFormation, ListPermissionsQuery, PermissionEntry } from './contract.ts';
import { allHeld, covers } from './grant-authority.ts';
import { allPrincipalsOf, type GrantState, IAM_ALLOWED_PRINCIPALS, principalKey } from './grant-index.ts';
import { authorizeLake, type GrantsDeps } from './grants-deps.ts';
import { canonicalResource, placeOf, resourceAt } from './lake-resource.ts';
import { pageSizeOf } from './ordered-page.ts';
import { entryOf } from './revoke-permissions.ts';
import grantsModule, { type EntryRow } from './store.ts';

const STEP = 500;
const KINDS: Readonly<Record<NonNullable<ListPermissionsQuery['resourceType']>, readonly string[]>> = {
  catalog: ['catalog'],
  database: ['database'],
  table: ['table', 'tables', 'columns', 'filter'],
  location: ['location'],
};

type Position = readonly [string, string, string];

/** The use-case behind ListPermissions. */
export function listPermissions(deps: GrantsDeps): LakeFormation['listPermissions'] {
  return async (context, query) => {
    const max = pageSizeOf(query);
    const narrowed = narrow(query);
    let after = query.nextToken === undefined ? undefined : readPosition(query.nextToken);
    await authorizeLake(deps, context, 'ListPermissions');
    const asked = query.principal === undefined ? undefined : await deps.identities.principal(query.principal);
    const state = await deps.index.current();
    const shows = visibleTo(state, context.principal);
    const isCurrent = currentPrincipals(deps);
    const entries: PermissionEntry[] = [];
    for (;;) {
      const rows = await deps.store.read(grantsModule.procedures.listEntries, {
        ...narrowed,
        ...(asked === undefined ? {} : { key: principalKey(asked) }),
        ...(after === undefined ? {} : { after }),
        limit: STEP,
      });
      for (const row of rows) {
        if (!shows(row) || !(await isCurrent(row))) continue;
        if (entries.length === max) return { entries, nextToken: writePosition(after!) };
        entries.push(entryOf(row));
        after = [row.principal, row.resource_key, row.id];
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < STEP) return { entries };
      after = [last.principal, last.resource_key, last.id];
    }
  };
}

function narrow(query: ListPermissionsQuery) {
  const principal = query.principal === undefined ? {} : { principal: query.principal };
  const kinds = query.resourceType === undefined ? {} : { kinds: KINDS[query.resourceType] };
  if (query.resource === undefined) return { ...principal, ...kinds };
  const resource = canonicalResource(query.resource);
  const place = placeOf(resource);
  if (query.includeRelated === true && (resource.kind === 'table' || resource.kind === 'columns')) {
    return { ...principal, kinds: KINDS.table, database: resource.database, table: resource.table };
  }
  return {
    ...principal,
    // A question about a table answers its column grants too, as AWS does.
    kinds: resource.kind === 'table' ? ['table', 'columns'] : [place.kind],
    ...(place.database_name === '' ? {} : { database: place.database_name }),
    ...(place.table_name === '' ? {} : { table: place.table_name }),
    ...(resource.kind === 'filter' || resource.kind === 'location' || resource.kind === 'columns'
      ? { detail: place.detail }
      : {}),
  };
}

/** Administrators see every grant; others their own, and those on what they may pass on. */
function visibleTo(state: GrantState, caller: Parameters<GrantState['grantsOf']>[0]): (row: EntryRow) => boolean {
  if (state.isAdmin(caller) || state.isReadOnlyAdmin(caller)) return () => true;
  const own = new Set([principalKey(caller), IAM_ALLOWED_PRINCIPALS, allPrincipalsOf(caller.accountId)]);
  const passing = allHeld(state, caller).filter((held) => held.grantable.size > 0);
  return (row) => own.has(row.principal_key) || passing.some((held) => covers(held.resource, resourceAt(row)));
}

/** A grant to a user who is gone counts for nobody: hidden once another has his name. */
function currentPrincipals(deps: GrantsDeps): (row: EntryRow) => Promise<boolean> {
  const keys = new Map<string, string | undefined>();
  return async (row) => {
    if (!row.principal.startsWith('arn:')) return true;
    if (!keys.has(row.principal)) keys.set(row.principal, (await deps.identities.principal(row.principal))?.id);
    return (keys.get(row.principal) ?? row.principal_key) === row.principal_key;
  };
}

function writePosition(position: Position): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

function readPosition(token: string): Position {
  try {
    const position: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (Array.isArray(position) && position.length === 3 && position.every((part) => typeof part === 'string')) {
      return position as unknown as Position;
    }
  } catch {
    // Not JSON: refused below like any other foreign token.
  }
  throw new LochError('invalid_argument', 'The NextToken is none of ListPermissions. Send that of the page before.', {
    context: { argument: 'NextToken' },
  });
}
