/**
 * Failures in the words of the reference implementation: its clients, and the compatibility kit, know them by these. What
 * Loch says further (near names, the next step) stands behind.
 */
import { isLochError, LochError, toLochError } from '../../core/errors.ts';
import { isNamed, restFailure } from './errors.ts';
import { levelsOfDatabase } from './namespace-name.ts';
import { databaseOf, type IcebergAnswer, type IcebergRequest } from './request.ts';
import type { IcebergOperation } from './routes.ts';

const CHANGED: Readonly<Record<string, string>> = {
  'assert-create': 'table already exists',
  'assert-table-uuid': 'UUID does not match',
  'assert-view-uuid': 'view UUID does not match',
  'assert-ref-snapshot-id': 'branch or tag has changed',
  'assert-last-assigned-field-id': 'last assigned field id changed',
  'assert-current-schema-id': 'current schema changed',
  'assert-last-assigned-partition-id': 'last assigned partition id changed',
  'assert-default-spec-id': 'default partition spec changed',
  'assert-default-sort-order-id': 'default sort order changed',
};

/** The operation, which fails in the reference's words. */
export const inItsWords = (operation: IcebergOperation): IcebergOperation => ({
  ...operation,
  async run(request): Promise<IcebergAnswer> {
    try {
      return await operation.run(request);
    } catch (error) {
      throw await reworded(toLochError(error), request, operation);
    }
  },
});

async function reworded(error: LochError, request: IcebergRequest, operation: IcebergOperation): Promise<LochError> {
  const twice = /^The dialect `(.*)` stands twice/.exec(error.message)?.[1];
  if (twice !== undefined) {
    const message = `Invalid view version: Cannot add multiple queries for dialect ${twice}`;
    return restFailure('IllegalArgumentException', 400, 'invalid_argument', message);
  }
  const message = isNamed(error) ? undefined : await messageOf(error, request, operation);
  return message === undefined ? error : new LochError(error.code, message, { context: error.context, cause: error });
}

async function messageOf(
  error: LochError,
  request: IcebergRequest,
  { noun, name }: IcebergOperation,
): Promise<string | undefined> {
  const rename = name === 'RenameTable' || name === 'RenameView';
  const kind = noun.startsWith('view') ? 'View' : 'Table';
  const more = / Near names: .*$/.exec(error.message)?.[0] ?? '';
  switch (error.code) {
    case 'database_not_found':
      // Of one table or view it is said that this is not there, whatever else is not.
      if (noun === 'table' && !rename) return `Table does not exist: ${subject(request, error.context)}`;
      if (noun === 'view' && !rename) return `View does not exist: ${subject(request, error.context)}`;
      return `Namespace does not exist: ${namespaceText(String(error.context.database))}`;
    case 'table_not_found':
      return `${kind} does not exist: ${rename ? identifier(request, 'source') : subject(request, error.context)}.${more}`;
    case 'already_exists':
      if (noun === 'namespace')
        return `Namespace already exists: ${namespaceText(String(error.context.database ?? ''))}`;
      return exists(error, request, { kind, name, rename });
    case 'conflict':
      return noun === 'namespace' ? `Namespace is not empty. ${error.message}` : undefined;
    case 'commit_conflict': {
      const [, failed] = /Requirement failed: `(assert-[a-z-]+)`/.exec(error.message) ?? [];
      const told = failed === undefined ? undefined : CHANGED[failed];
      return told && `Requirement failed: ${told} (${failed}). Load it again and repeat the change.`;
    }
    default:
      return undefined;
  }
}

async function exists(
  error: LochError,
  request: IcebergRequest,
  { kind, name, rename }: { readonly kind: 'Table' | 'View'; readonly name: string; readonly rename: boolean },
): Promise<string | undefined> {
  const { database, table } = error.context;
  if (typeof database !== 'string' || typeof table !== 'string') return undefined;
  const there = (await isView(request, { database, table })) ? 'View' : 'Table';
  if (rename) {
    return `Cannot rename ${identifier(request, 'source')} to ${identifier(request, 'destination')}. ${there} already exists`;
  }
  if (there !== kind) return `${there} with same name already exists: ${subject(request, error.context)}`;
  if (name === 'UpdateTable') return `Requirement failed: table already exists: ${subject(request, error.context)}`;
  return `${kind} already exists: ${subject(request, error.context)}`;
}

/** Whether what is there is a view. A name that the caller may not see is told as what he asked for. */
async function isView(request: IcebergRequest, name: { database: string; table: string }): Promise<boolean> {
  try {
    return (await request.catalog.getTable(request.context, name)).format === 'view';
  } catch (error) {
    if (isLochError(error, 'table_not_found', 'database_not_found', 'access_denied')) return false;
    throw error;
  }
}

const namespaceText = (database: string): string => levelsOfDatabase(database).join('.');

/** `namespace.name` of the request's table or view, as it was written; of many at once, as the failure has it. */
function subject(request: IcebergRequest, { database: of, table: one }: LochError['context']): string {
  const { namespace, table, view } = request.path;
  if (namespace === undefined) return [of, one].join('.');
  const named = (request.body as { name?: unknown } | undefined)?.name;
  return `${namespaceText(databaseOf(request))}.${table ?? view ?? String(named ?? '')}`;
}

function identifier(request: IcebergRequest, member: 'source' | 'destination'): string {
  const given = (request.body as Record<string, { namespace?: unknown; name?: unknown } | undefined> | undefined)?.[
    member
  ];
  return [...(Array.isArray(given?.namespace) ? given.namespace : []), given?.name].map(String).join('.');
}
