import type { DatabaseRecord } from '../../catalog/contract.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import { restFailure } from './errors.ts';
import { childrenOf, databaseOfLevels, levelsOf, levelsOfDatabase } from './namespace-name.ts';
import {
  bodyObject,
  databaseOf,
  type IcebergAnswer,
  type IcebergRequest,
  nextPage,
  pageOf,
  textMap,
} from './request.ts';

/** Properties that are fields of a database's record. */
const LOCATION = 'location';
const COMMENT = 'comment';
const LISTED_AT_ONCE = 500;

/** The namespaces the caller may see below `parent`, or at the top. */
export async function listNamespaces(request: IcebergRequest): Promise<IcebergAnswer> {
  const stated = request.query.get('parent') ?? '';
  const parent = stated === '' ? [] : levelsOf(stated);
  const page = pageOf(request);
  const names = await visibleDatabases(request);
  const children = childrenOf(parent, names);
  if (children.length === 0 && parent.length > 0) await loadDatabase(request, databaseOfLevels(parent), names);
  const named = children.map((levels) => ({ levels, name: databaseOfLevels(levels) }));
  const rest = page.after === undefined ? named : named.filter(({ name }) => name > page.after!);
  const shown = rest.slice(0, page.limit);
  return { status: 200, body: { namespaces: shown.map(({ levels }) => levels), ...nextPage(page, shown) } };
}

async function visibleDatabases({ catalog, context }: IcebergRequest): Promise<readonly string[]> {
  const names: string[] = [];
  for (let after: string | undefined; ; ) {
    const some = await catalog.listDatabases(context, {
      limit: LISTED_AT_ONCE,
      ...(after === undefined ? {} : { after }),
    });
    names.push(...some.map((database) => database.name));
    if (some.length < LISTED_AT_ONCE) return names;
    after = some.at(-1)!.name;
  }
}

/** A database, or undefined for a namespace that only deeper ones imply. **Errors**: `database_not_found`. */
async function loadDatabase(
  request: IcebergRequest,
  name: string,
  known?: readonly string[],
): Promise<DatabaseRecord | undefined> {
  try {
    return await request.catalog.getDatabase(request.context, name);
  } catch (error) {
    if (!isLochError(error, 'database_not_found')) throw error;
    const below = childrenOf(levelsOfDatabase(name), known ?? (await visibleDatabases(request)));
    if (below.length === 0) throw error;
    return undefined;
  }
}

/** A namespace with its properties. */
export async function loadNamespace(request: IcebergRequest): Promise<IcebergAnswer> {
  const name = databaseOf(request);
  const database = await loadDatabase(request, name);
  const properties = database === undefined ? {} : propertiesOf(database);
  return { status: 200, body: { namespace: levelsOfDatabase(name.toLowerCase()), properties } };
}

/** No content when the namespace is there. **Errors**: `database_not_found`. */
export async function namespaceExists(request: IcebergRequest): Promise<IcebergAnswer> {
  await loadDatabase(request, databaseOf(request));
  return { status: 204 };
}

/** The namespace made of the body. **Errors**: `already_exists`. */
export async function createNamespace(request: IcebergRequest): Promise<IcebergAnswer> {
  const body = bodyObject(request);
  if (!Array.isArray(body.namespace)) throw new LochError('missing_argument', 'The member `namespace` must be a list.');
  const { [LOCATION]: locationUri, [COMMENT]: description, ...parameters } = textMap(body, 'properties');
  const database = await request.catalog.createDatabase(request.context, {
    name: databaseOfLevels(body.namespace.map(String)),
    parameters,
    ...(locationUri === undefined ? {} : { locationUri }),
    ...(description === undefined ? {} : { description }),
  });
  return namespaceAnswer(database);
}

/** The namespace that an earlier request with the same key made. */
export async function createdNamespace(request: IcebergRequest): Promise<IcebergAnswer> {
  const name = databaseOfLevels((bodyObject(request).namespace as unknown[]).map(String));
  return namespaceAnswer(await request.catalog.getDatabase(request.context, name));
}

const namespaceAnswer = (database: DatabaseRecord): IcebergAnswer => ({
  status: 200,
  body: { namespace: levelsOfDatabase(database.name), properties: propertiesOf(database) },
});

/** No content once the empty namespace is gone. **Errors**: `conflict` when it holds tables or namespaces. */
export async function dropNamespace(request: IcebergRequest): Promise<IcebergAnswer> {
  const name = databaseOf(request).toLowerCase();
  const below = childrenOf(levelsOfDatabase(name), await visibleDatabases(request));
  if (below.length > 0) {
    throw new LochError('conflict', `Namespace \`${name}\` holds ${below.length} namespaces. Drop them first.`, {
      context: { namespace: name },
    });
  }
  await request.catalog.deleteDatabase(request.context, name);
  return { status: 204 };
}

/** Which properties were set, removed, and not there to be removed. */
export async function updateNamespaceProperties(request: IcebergRequest): Promise<IcebergAnswer> {
  const { updates, removals } = propertyChange(request);
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

/** What an earlier request with the same key did, as far as it can still be told. */
export async function updatedNamespaceProperties(request: IcebergRequest): Promise<IcebergAnswer> {
  const { updates, removals } = propertyChange(request);
  await request.catalog.getDatabase(request.context, databaseOf(request));
  return { status: 200, body: { updated: Object.keys(updates), removed: removals, missing: [] } };
}

function propertyChange(request: IcebergRequest) {
  const body = bodyObject(request);
  const updates = textMap(body, 'updates');
  const removals = Array.isArray(body.removals) ? body.removals.map(String) : [];
  const both = removals.filter((key) => key in updates);
  if (both.length > 0) {
    throw restFailure(
      'UnprocessableEntityException',
      422,
      'invalid_argument',
      `Properties ${both.join(', ')} are both set and removed.`,
    );
  }
  return { updates, removals };
}

function propertiesOf(database: DatabaseRecord): Record<string, string> {
  return {
    ...database.parameters,
    ...(database.locationUri === undefined ? {} : { [LOCATION]: database.locationUri }),
    ...(database.description === undefined ? {} : { [COMMENT]: database.description }),
  };
}
