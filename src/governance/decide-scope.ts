/**
 * What lent storage credentials open.
 *
 * Invariants
 * - Bucket and prefix are compared letter for letter: no name of a table is a pattern here.
 * - Each use asks the grants again, so that a loan ends with the grant it rests on, with the table, and when the table
 *   no longer owns the folder.
 * - Everything that is not a file of the scope is denied explicitly: a loan cannot be turned into another session.
 * - An explicit deny of the owner's own policies holds. Outside registered locations, where grants do not govern S3,
 *   his policies must allow writing as well.
 */
import type { Principal, RequestContext, StorageScope, StorageVerb } from '../core/caller.ts';
import type { ActionRequest, Decision, LakePermission, TableDirectory } from './contract.ts';
import { decideDatabase, decideTable, governingLocation } from './grants/decide-grants.ts';
import type { GrantIndex, GrantState } from './grants/grant-index.ts';
import { shapeOfTable } from './grants/table-shape.ts';

const VERBS: Readonly<Record<string, StorageVerb>> = {
  's3:GetObject': 'read',
  's3:GetObjectAttributes': 'read',
  's3:ListBucket': 'list',
  's3:PutObject': 'write',
  's3:AbortMultipartUpload': 'write',
  's3:ListMultipartUploadParts': 'write',
  's3:DeleteObject': 'delete',
};

const PERMISSIONS: Readonly<Record<'write' | 'delete', LakePermission>> = { write: 'INSERT', delete: 'DELETE' };

export interface ScopeDeps {
  /** The owner's own IAM decision. */
  readonly decide: (context: RequestContext, request: ActionRequest) => Promise<Decision>;
  readonly index: GrantIndex;
  readonly directory: () => TableDirectory;
}

const denied = (why: string): Decision => ({ allowed: false, reason: 'explicit_deny', decidedBy: [why] });

/** The decision about a request that is signed with lent credentials. */
export async function decideScope(
  deps: ScopeDeps,
  context: RequestContext,
  request: ActionRequest,
  scope: StorageScope,
): Promise<Decision> {
  // Asked beside SELECT; it is the owner's to have.
  if (request.action === 'lakeformation:GetDataAccess') return deps.decide(context, request);
  const verb = Object.hasOwn(VERBS, request.action) ? VERBS[request.action]! : undefined;
  if (verb === undefined || !scope.verbs.includes(verb)) return denied('lent-credentials');
  if (!isInside(scope, verb, request)) return denied('lent-credentials');
  const own = await deps.decide(context, request);
  if (own.reason === 'explicit_deny') return own;
  const state = await deps.index.current();
  const governed = governingLocation(state, `${scope.bucket}/${scope.prefix.slice(0, -1)}`) !== undefined;
  if (!governed && (verb === 'write' || verb === 'delete') && !own.allowed) return denied('lent-credentials');
  return (await stands(deps, state, context.principal, scope, verb))
    ? { allowed: true, reason: 'allowed', decidedBy: [`lent:${scope.table.database}.${scope.table.table}`] }
    : denied('grant-revoked');
}

/** Whether a place of a registered location may be written by these lent credentials, as INSERT on the table says. */
export async function scopeWrites(deps: ScopeDeps, principal: Principal, location: string): Promise<boolean> {
  const scope = principal.session?.scope;
  if (scope === undefined || !scope.verbs.includes('write')) return false;
  if (!location.startsWith(`s3://${scope.bucket}/${scope.prefix}`)) return false;
  return stands(deps, await deps.index.current(), principal, scope, 'write');
}

function isInside(scope: StorageScope, verb: StorageVerb, request: ActionRequest): boolean {
  if (verb === 'list') {
    const prefix = request.conditions?.['s3:prefix'];
    return (
      request.resource === `arn:aws:s3:::${scope.bucket}` &&
      typeof prefix === 'string' &&
      prefix.startsWith(scope.prefix)
    );
  }
  return request.resource.startsWith(`arn:aws:s3:::${scope.bucket}/${scope.prefix}`);
}

async function stands(
  deps: ScopeDeps,
  state: GrantState,
  principal: Principal,
  scope: StorageScope,
  verb: StorageVerb,
): Promise<boolean> {
  const { table } = scope;
  const directory = deps.directory();
  const owner = await directory.tableAt(scope.bucket, scope.prefix);
  if (owner === undefined) {
    return scope.staged === true && decideDatabase(state, principal, table.database, 'CREATE_TABLE').allowed;
  }
  if (owner.database !== table.database || owner.table !== table.table) return false;
  if (verb === 'write' || verb === 'delete') return decideTable(state, principal, table, PERMISSIONS[verb]).allowed;
  const columns = await directory.tableColumns(table);
  if (columns === undefined) return false;
  const shape = shapeOfTable(state, state.grantsOf(principal), table, columns);
  if (shape?.kind === 'full') return true;
  // Who writes without reading lists what he wrote.
  return verb === 'list' && decideTable(state, principal, table, 'INSERT').allowed;
}
