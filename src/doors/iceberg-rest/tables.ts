import { createHash } from 'node:crypto';
import type { IcebergTableSpec, ResolvedTable } from '../../catalog/contract.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import type { IcebergSchema, PartitionSpec, TableMetadata } from '../../storage/contract.ts';
import { delegation, type Delegation } from './delegation.ts';
import { levelsOfDatabase } from './namespace-name.ts';
import {
  bodyObject,
  databaseOf,
  type IcebergAnswer,
  type IcebergRequest,
  identifierOf,
  nextPage,
  pageOf,
  tableOf,
  textMap,
  textMember,
} from './request.ts';

/** The Iceberg tables of a namespace that the caller may see. */
export async function listTables(request: IcebergRequest): Promise<IcebergAnswer> {
  return listed(request, 'iceberg');
}

/** The tables or views of a namespace. A page may be short of its size: those of the other kind are left out of it. */
export async function listed(request: IcebergRequest, format: 'iceberg' | 'view'): Promise<IcebergAnswer> {
  const page = pageOf(request);
  const tables = await request.catalog.listTables(request.context, databaseOf(request), page);
  const identifiers = tables
    .filter((table) => table.format === format)
    .map((table) => ({ namespace: levelsOfDatabase(table.database), name: table.name }));
  return { status: 200, body: { identifiers, ...nextPage(page, tables) } };
}

/** A table's metadata and where its files are; not modified when the client has it already. */
export async function loadTable(request: IcebergRequest): Promise<IcebergAnswer> {
  const table = await request.catalog.openForEngine(request.context, tableOf(request));
  const tag = entityTag(table, request);
  const known = request.headers['if-none-match'];
  if (known?.split(',').some((each) => each.trim() === tag) === true) return { status: 304, headers: { etag: tag } };
  return tableAnswer(table, request);
}

async function tableAnswer(table: ResolvedTable, request: IcebergRequest): Promise<IcebergAnswer> {
  const name = { database: table.record.database, table: table.record.name };
  const lent = await delegation(request, name, table.record.storage.location);
  return { status: 200, body: loadResult(table, request, lent), headers: { etag: entityTag(table, request) } };
}

/** No content when the caller may load the table. */
export async function tableExists(request: IcebergRequest): Promise<IcebergAnswer> {
  await request.catalog.openForEngine(request.context, tableOf(request));
  return { status: 204 };
}

/** The new table, or only its metadata when the client will commit it itself (`stage-create`). */
export async function createTable(request: IcebergRequest): Promise<IcebergAnswer> {
  const body = bodyObject(request);
  const spec = specOf(request, body);
  if (body['stage-create'] === true) {
    const metadata = await request.catalog.draftIcebergTable(request.context, spec);
    const lent = await delegation(request, { database: spec.database, table: spec.name }, metadata.location, 'staged');
    return { status: 200, body: { metadata: withEmptyParts(metadata), ...lent } };
  }
  return tableAnswer(await request.catalog.createIcebergTable(request.context, spec), request);
}

/** The table that an earlier request with the same key made or registered, by the body's `name`. */
export async function createdTable(request: IcebergRequest): Promise<IcebergAnswer> {
  const body = bodyObject(request);
  if (body['stage-create'] === true) return createTable(request);
  const name = { database: databaseOf(request), table: textMember(body, 'name') };
  return tableAnswer(await request.catalog.openForEngine(request.context, name), request);
}

function specOf(request: IcebergRequest, body: Readonly<Record<string, unknown>>): IcebergTableSpec {
  const schema = body.schema as IcebergSchema | undefined;
  if (!Array.isArray(schema?.fields)) throw new LochError('missing_argument', 'The member `schema` is missing.');
  const location = body.location;
  const order = body['write-order'] as IcebergTableSpec['sortOrder'] | null | undefined;
  return {
    database: databaseOf(request),
    name: textMember(body, 'name'),
    columns: [],
    schema,
    properties: textMap(body, 'properties'),
    ...(typeof location === 'string' ? { location } : {}),
    ...(body['partition-spec'] ? { partitionSpec: body['partition-spec'] as PartitionSpec } : {}),
    ...((order?.fields?.length ?? 0) > 0 ? { sortOrder: order! } : {}),
  };
}

/** The table whose metadata file the body names. */
export async function registerTable(request: IcebergRequest): Promise<IcebergAnswer> {
  const body = bodyObject(request);
  const name = { database: databaseOf(request), table: textMember(body, 'name') };
  const location = textMember(body, 'metadata-location');
  const overwrite = body.overwrite === true;
  const table = await request.catalog.registerIcebergTable(request.context, name, location, { overwrite });
  return tableAnswer(table, request);
}

/** The last metadata of a table that the catalog no longer holds; its files stay where they are. */
export async function unregisterTable(request: IcebergRequest): Promise<IcebergAnswer> {
  const table = await request.catalog.unregisterIcebergTable(request.context, tableOf(request));
  return {
    status: 200,
    body: { 'metadata-location': table.record.metadataLocation, metadata: withEmptyParts(table.metadata!) },
  };
}

/** Drops the table: into the bin, or with `purgeRequested` for good, files and all. */
export async function dropTable(request: IcebergRequest): Promise<IcebergAnswer> {
  const { catalog, context } = request;
  const name = tableOf(request);
  if (request.query.get('purgeRequested') === 'true') {
    // What cannot be read cannot be purged; it can be dropped.
    await catalog.purgeIcebergTable(context, name);
    return { status: 204 };
  }
  try {
    await catalog.openForEngine(context, name);
  } catch (error) {
    // A table with a broken metadata file must still be possible to drop.
    if (!isLochError(error, 'data_corrupt', 'unsupported')) throw error;
  }
  await catalog.deleteTable(context, name);
  return { status: 204 };
}

/** No content once the table bears its new name. */
export async function renameTable(request: IcebergRequest): Promise<IcebergAnswer> {
  return renamed(request, 'table');
}

/** Moves a table or view to the name the body gives. */
export async function renamed(request: IcebergRequest, kind: 'table' | 'view'): Promise<IcebergAnswer> {
  const body = bodyObject(request);
  const source = identifierOf(body.source, 'source');
  const destination = identifierOf(body.destination, 'destination');
  await request.catalog.renameTable(request.context, source, destination, kind);
  return { status: 204 };
}

function loadResult(table: ResolvedTable, request: IcebergRequest, lent: Delegation) {
  const all = request.query.get('snapshots') !== 'refs';
  const metadata = all ? table.metadata! : onlyReferenced(table.metadata!);
  return { 'metadata-location': table.record.metadataLocation, metadata: withEmptyParts(metadata), ...lent };
}

function onlyReferenced(metadata: TableMetadata): TableMetadata {
  const named = new Set(Object.values(metadata.refs).map((ref) => ref['snapshot-id']));
  return { ...metadata, snapshots: metadata.snapshots.filter((snapshot) => named.has(snapshot['snapshot-id'])) };
}

/** Some clients want a current snapshot even where there is none. */
export function withEmptyParts(metadata: TableMetadata): TableMetadata {
  return metadata['current-snapshot-id'] === undefined ? { ...metadata, 'current-snapshot-id': '-1' } : metadata;
}

/** The tag of a table's metadata as this request sees it. */
export function entityTag(table: ResolvedTable, request: IcebergRequest): string {
  const facts = `${table.record.metadataLocation} ${request.query.get('snapshots') ?? 'all'}`;
  return `"${createHash('sha256').update(facts).digest('hex').slice(0, 32)}"`;
}
