import { LochError } from '../../core/errors.ts';
import type { DatabaseRecord } from '../../catalog/contract.ts';
import {
  bodyObject,
  databaseOf,
  databaseOfLevels,
  type IcebergAnswer,
  type IcebergRequest,
  pageOf,
  textMap,
} from './request.ts';

/** Properties that are fields of a database's record. */
const LOCATION = 'location';
const COMMENT = 'comment';

/** The databases the caller may see; below a database there are none. */
export async function listNamespaces(request: IcebergRequest): Promise<IcebergAnswer> {
  const parent = request.query.get('parent');
  if (parent !== null && parent !== '') {
    await request.catalog.getDatabase(request.context, databaseOfLevels(parent.split('\u001f')));
    return { status: 200, body: { namespaces: [] } };
  }
  const page = pageOf(request);
  const databases = await request.catalog.listDatabases(request.context, page);
  return {
    status: 200,
    body: { namespaces: databases.map((database) => [database.name]), ...nextPage(page, databases) },
  };
}

/** The token of the page after a full one. */
export function nextPage(
  page: { readonly limit?: number },
  entries: readonly { readonly name: string }[],
): { readonly 'next-page-token'?: string } {
  return page.limit !== undefined && entries.length === page.limit ? { 'next-page-token': entries.at(-1)!.name } : {};
}

/** A database with its properties. */
export async function loadNamespace(request: IcebergRequest): Promise<IcebergAnswer> {
  const database = await request.catalog.getDatabase(request.context, databaseOf(request));
  return { status: 200, body: { namespace: [database.name], properties: propertiesOf(database) } };
}

/** No content when the database is there. **Errors**: `database_not_found`. */
export async function namespaceExists(request: IcebergRequest): Promise<IcebergAnswer> {
  await request.catalog.getDatabase(request.context, databaseOf(request));
  return { status: 204 };
}

/** The database made of the body. **Errors**: `already_exists`; `unsupported` for more than one level. */
export async function createNamespace(request: IcebergRequest): Promise<IcebergAnswer> {
  const body = bodyObject(request);
  if (!Array.isArray(body.namespace)) throw new LochError('missing_argument', 'The member `namespace` must be a list.');
  const levels = body.namespace.map(String);
  if (levels.length !== 1) {
    throw new LochError('unsupported', 'Nested namespaces are not supported. Use one level: a database.');
  }
  const { [LOCATION]: locationUri, [COMMENT]: description, ...parameters } = textMap(body, 'properties');
  const database = await request.catalog.createDatabase(request.context, {
    name: levels[0]!,
    parameters,
    ...(locationUri === undefined ? {} : { locationUri }),
    ...(description === undefined ? {} : { description }),
  });
  return { status: 200, body: { namespace: [database.name], properties: propertiesOf(database) } };
}

/** No content once the empty database is gone. **Errors**: `conflict` when it holds tables. */
export async function dropNamespace(request: IcebergRequest): Promise<IcebergAnswer> {
  await request.catalog.deleteDatabase(request.context, databaseOf(request));
  return { status: 204 };
}

/** Which properties were set, removed, and not there to be removed. */
export async function updateNamespaceProperties(request: IcebergRequest): Promise<IcebergAnswer> {
  const body = bodyObject(request);
  const updates = textMap(body, 'updates');
  const removals = Array.isArray(body.removals) ? body.removals.map(String) : [];
  const both = removals.filter((key) => key in updates);
  if (both.length > 0) {
    throw new LochError('invalid_argument', `Properties ${both.join(', ')} are both set and removed.`, {
      context: { properties: both },
    });
  }
  const database = await request.catalog.getDatabase(request.context, databaseOf(request));
  const before = propertiesOf(database);
  const after = { ...before, ...updates };
  for (const key of removals) delete after[key];
  const { [LOCATION]: locationUri, [COMMENT]: description, ...parameters } = after;
  await request.catalog.updateDatabase(request.context, database.name, {
    parameters,
    ...(locationUri === undefined ? {} : { locationUri }),
    ...(description === undefined ? {} : { description }),
    ...(database.foreign === undefined ? {} : { foreign: database.foreign }),
  });
  return {
    status: 200,
    body: {
      updated: Object.keys(updates),
      removed: removals.filter((key) => key in before),
      missing: removals.filter((key) => !(key in before)),
    },
  };
}

function propertiesOf(database: DatabaseRecord): Record<string, string> {
  return {
    ...database.parameters,
    ...(database.locationUri === undefined ? {} : { [LOCATION]: database.locationUri }),
    ...(database.description === undefined ? {} : { [COMMENT]: database.description }),
  };
}
