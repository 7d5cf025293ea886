import { createHash } from 'node:crypto';
import type { IcebergTableSpec, ResolvedTable } from '../../catalog/contract.ts';
import { LochError } from '../../core/errors.ts';
import type {
  IcebergSchema,
  PartitionSpec,
  TableMetadata,
  TableRequirement,
  TableUpdate,
} from '../../storage/contract.ts';
import { nextPage } from './namespaces.ts';
import {
  bodyObject,
  databaseOf,
  type IcebergAnswer,
  type IcebergRequest,
  pageOf,
  textMap,
  textMember,
} from './request.ts';

/** The Iceberg tables of a database that the caller may see. */
export async function listTables(request: IcebergRequest): Promise<IcebergAnswer> {
  const database = databaseOf(request);
  const page = pageOf(request);
  const tables = await request.catalog.listTables(request.context, database, page);
  const iceberg = tables.filter((table) => table.format === 'iceberg');
  return {
    status: 200,
    body: {
      identifiers: iceberg.map((table) => ({ namespace: [table.database], name: table.name })),
      ...nextPage(page, tables),
    },
  };
}

/** A table's metadata and where its files are; not modified when the client has it already. */
export async function loadTable(request: IcebergRequest): Promise<IcebergAnswer> {
  const table = await request.catalog.openForEngine(request.context, nameOf(request));
  const tag = entityTag(table, request);
  if (request.headers['if-none-match'] === tag) return { status: 304, headers: { etag: tag } };
  return { status: 200, body: loadResult(table, request), headers: { etag: tag } };
}

/** No content when the caller may load the table. */
export async function tableExists(request: IcebergRequest): Promise<IcebergAnswer> {
  await request.catalog.openForEngine(request.context, nameOf(request));
  return { status: 204 };
}

/** The new table, or only its metadata when the client will commit it itself (`stage-create`). */
export async function createTable(request: IcebergRequest): Promise<IcebergAnswer> {
  const body = bodyObject(request);
  const spec = specOf(request, body);
  if (body['stage-create'] === true) {
    const metadata = await request.catalog.draftIcebergTable(request.context, spec);
    return { status: 200, body: { metadata: withEmptyParts(metadata), config: fileConfig(request) } };
  }
  const table = await request.catalog.createIcebergTable(request.context, spec);
  return { status: 200, body: loadResult(table, request), headers: { etag: entityTag(table, request) } };
}

function specOf(request: IcebergRequest, body: Readonly<Record<string, unknown>>): IcebergTableSpec {
  const schema = body.schema as IcebergSchema | undefined;
  if (!Array.isArray(schema?.fields)) throw new LochError('missing_argument', 'The member `schema` is missing.');
  const order = body['write-order'] as { readonly fields?: readonly unknown[] } | undefined;
  if ((order?.fields?.length ?? 0) > 0) {
    throw new LochError('unsupported', 'Creating a table with a sort order is not supported. Set it by a commit.');
  }
  const location = body.location;
  return {
    database: databaseOf(request),
    name: textMember(body, 'name'),
    columns: [],
    schema,
    properties: textMap(body, 'properties'),
    ...(typeof location === 'string' ? { location } : {}),
    ...(body['partition-spec'] ? { partitionSpec: body['partition-spec'] as PartitionSpec } : {}),
  };
}

/** The table whose metadata file the body names. */
export async function registerTable(request: IcebergRequest): Promise<IcebergAnswer> {
  const body = bodyObject(request);
  if (body.overwrite === true) {
    throw new LochError('unsupported', 'Registering over a table that exists is not supported. Drop it first.');
  }
  const database = databaseOf(request);
  const record = await request.catalog.createTable(request.context, database, {
    name: textMember(body, 'name'),
    columns: [],
    parameters: { table_type: 'ICEBERG', metadata_location: textMember(body, 'metadata-location') },
  });
  const table = await request.catalog.openForEngine(request.context, { database, table: record.name });
  return { status: 200, body: loadResult(table, request), headers: { etag: entityTag(table, request) } };
}

/** The table after requirements were checked and updates applied. **Errors**: `commit_conflict`. */
export async function commitTable(request: IcebergRequest): Promise<IcebergAnswer> {
  const body = bodyObject(request);
  const table = await request.catalog.commitUpdates(request.context, nameOf(request), {
    requirements: listMember<TableRequirement>(body, 'requirements', 'type'),
    updates: listMember<TableUpdate>(body, 'updates', 'action'),
  });
  return {
    status: 200,
    body: { 'metadata-location': table.record.metadataLocation, metadata: withEmptyParts(table.metadata!) },
    headers: { etag: entityTag(table, request) },
  };
}

function listMember<T>(body: Readonly<Record<string, unknown>>, name: string, kind: string): readonly T[] {
  const list = body[name] ?? [];
  const fits =
    Array.isArray(list) && list.every((entry) => typeof (entry as Record<string, unknown>)?.[kind] === 'string');
  if (fits) return list as T[];
  throw new LochError('invalid_argument', `The member \`${name}\` must be a list of objects with \`${kind}\`.`, {
    context: { member: name },
  });
}

/** Drops the table into the bin, with or without `purgeRequested`: its files go when the bin is emptied. */
export async function dropTable(request: IcebergRequest): Promise<IcebergAnswer> {
  const name = nameOf(request);
  await request.catalog.openForEngine(request.context, name);
  await request.catalog.deleteTable(request.context, name);
  return { status: 204 };
}

/** Takes a client's report of a scan or commit; it is of no consequence. */
export async function reportMetrics(request: IcebergRequest): Promise<IcebergAnswer> {
  textMember(bodyObject(request), 'report-type');
  return { status: 204 };
}

/** No credentials are handed out: clients use their own key at the S3 endpoint. */
export async function loadCredentials(request: IcebergRequest): Promise<IcebergAnswer> {
  await request.catalog.openForEngine(request.context, nameOf(request));
  return { status: 200, body: { 'storage-credentials': [] } };
}

function nameOf(request: IcebergRequest): { readonly database: string; readonly table: string } {
  return { database: databaseOf(request), table: request.path.table ?? '' };
}

function loadResult(table: ResolvedTable, request: IcebergRequest) {
  const all = request.query.get('snapshots') !== 'refs';
  const metadata = all ? table.metadata! : onlyReferenced(table.metadata!);
  return {
    'metadata-location': table.record.metadataLocation,
    metadata: withEmptyParts(metadata),
    config: fileConfig(request),
  };
}

/** Where and how files are read; the key is the client's own. */
function fileConfig({ settings }: IcebergRequest): Readonly<Record<string, string>> {
  return {
    's3.endpoint': settings.s3Endpoint(),
    's3.path-style-access': 'true',
    's3.region': settings.region,
    'client.region': settings.region,
  };
}

function onlyReferenced(metadata: TableMetadata): TableMetadata {
  const named = new Set(Object.values(metadata.refs).map((ref) => ref['snapshot-id']));
  return { ...metadata, snapshots: metadata.snapshots.filter((snapshot) => named.has(snapshot['snapshot-id'])) };
}

/** Some clients want a current snapshot even where there is none. */
function withEmptyParts(metadata: TableMetadata): TableMetadata {
  return metadata['current-snapshot-id'] === undefined ? { ...metadata, 'current-snapshot-id': '-1' } : metadata;
}

function entityTag(table: ResolvedTable, request: IcebergRequest): string {
  const facts = `${table.record.metadataLocation} ${request.query.get('snapshots') ?? ''}`;
  return `"${createHash('sha256').update(facts).digest('hex').slice(0, 32)}"`;
}
