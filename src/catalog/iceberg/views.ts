/**
 * Views of the Iceberg door: one record with the views of Glue and SQL, which read its statement from the record, while
 * the versions stand in its metadata.
 *
 * Invariants
 * - What SQL reads is the current version. When another door has changed the statement, that is a further version.
 * - A view owns no folder: its metadata file lies there, and nothing else is taken for the view's.
 */
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import { type TableName, tableNotFound } from '../../governance/contract.ts';
import { storeCall } from '../../metadata/contract.ts';
import type { IcebergSchema } from '../../storage/contract.ts';
import type { Catalog, LoadedView, StoredView, TableInput, TableRecord, ViewMetadata } from '../contract.ts';
import { authorizeGlue, readTable, requireTable } from '../databases/access.ts';
import { authorizeLocation } from '../databases/authorize-location.ts';
import { type CatalogParts, fold } from '../databases/parts.ts';
import { authorizeNewTable, registerTable } from '../databases/register-table.ts';
import { folderOf } from '../databases/rows.ts';
import databaseStore from '../databases/store.ts';
import { definitionOf, inputOf } from '../databases/table-definition.ts';
import { freeLocation } from './create-iceberg-table.ts';
import { databaseFolder } from './database-folder.ts';
import { requireClearSight } from './open-for-engine.ts';
import {
  applyViewUpdates,
  assertViewRequirements,
  chosenRepresentation,
  currentVersion,
  newViewMetadata,
} from './view-metadata.ts';

export const createView =
  (parts: CatalogParts): Catalog['createView'] =>
  async (context, givenDatabase, spec) => {
    const database = givenDatabase.toLowerCase();
    const location = await locationOf(parts, context, database, spec.name, spec.location);
    const now = parts.clock.now();
    const { schema, version, properties } = spec;
    parts.tables.assertFields(schema.fields);
    const metadata = newViewMetadata({ location, schema, version, properties, now });
    return register(parts, context, { database, table: spec.name.toLowerCase() }, metadata);
  };

export const registerView =
  (parts: CatalogParts): Catalog['registerView'] =>
  async (context, given, metadataLocation) => {
    const name = fold(given);
    const claimed = metadataLocation.replace(/\/metadata\/[^/]*$/, '');
    await authorizeLocation(parts, context, claimed);
    const read = (await parts.tables.readDocument(metadataLocation)) as ViewMetadata;
    if (typeof read?.['view-uuid'] !== 'string' || folderOf(read.location ?? '') !== folderOf(claimed)) {
      throw new LochError(
        'invalid_argument',
        `\`${metadataLocation}\` is not the metadata of a view at \`${claimed}\`.`,
        { context: { metadataLocation } },
      );
    }
    // Read through the same rules as updates, so that nothing half-formed is taken.
    const metadata = applyViewUpdates(read, [], parts.clock.now());
    return register(parts, context, name, metadata, metadataLocation);
  };

async function register(
  parts: CatalogParts,
  context: RequestContext,
  name: TableName,
  metadata: ViewMetadata,
  knownLocation?: string,
): Promise<LoadedView> {
  const checked = await authorizeNewTable(parts, context, {
    database: name.database,
    input: inputFor(parts, name, metadata),
  });
  const metadataLocation = knownLocation ?? (await writeMetadata(parts, metadata));
  const view: StoredView = { metadata, metadataLocation };
  try {
    const record = await registerTable(parts, context, checked, { view });
    return { ...view, record };
  } catch (error) {
    if (knownLocation === undefined) await parts.tables.removeFiles([metadataLocation]);
    throw error;
  }
}

export const openView =
  (parts: CatalogParts): Catalog['openView'] =>
  async (context, given) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'GetTable', name);
    await requireTable(parts, context, name, 'DESCRIBE');
    const record = await readTable(parts, context, name);
    if (record.format !== 'view') throw tableNotFound(name);
    await requireClearSight(parts, context, name, record);
    return loaded(parts, record);
  };

export const replaceView =
  (parts: CatalogParts): Catalog['replaceView'] =>
  async (context, given, change) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'UpdateTable', name);
    await requireTable(parts, context, name, 'ALTER');
    const record = await readTable(parts, context, name);
    if (record.format !== 'view') throw tableNotFound(name);
    await requireClearSight(parts, context, name, record);
    const before = loaded(parts, record);
    assertViewRequirements(before.metadata, change.requirements);
    const metadata = applyViewUpdates(before.metadata, change.updates, parts.clock.now());
    const metadataLocation = await writeMetadata(parts, metadata);
    const input = { ...inputOf(record), ...inputFor(parts, name, metadata) };
    try {
      const results = await parts.store.transact([
        storeCall(databaseStore.procedures.changeTable, {
          database: name.database,
          name: name.table,
          definition: { ...definitionOf(input), view: { metadata, metadataLocation } },
          expectedVersion: record.version,
          at: parts.clock.now(),
          by: context.principal.arn,
          door: context.door,
        }),
        ...(context.alongside ?? []),
      ]);
      return { metadata, metadataLocation, record: results[0] as TableRecord };
    } catch (error) {
      if (metadataLocation.startsWith('s3')) await parts.tables.removeFiles([metadataLocation]);
      if (error instanceof LochError && error.code === 'conflict') {
        throw new LochError('commit_conflict', error.message, { context: error.context, cause: error });
      }
      throw error;
    }
  };

export const dropView = (parts: CatalogParts, deleteTable: Catalog['deleteTable']): Catalog['dropView'] => {
  return async (context, given) => {
    const name = fold(given);
    await authorizeGlue(parts, context, 'DeleteTable', name);
    await requireTable(parts, context, name, 'DROP');
    const record = await readTable(parts, context, name);
    if (record.format !== 'view') throw tableNotFound(name);
    await deleteTable(context, name);
  };
};

/** The view of a record; of one that another door made or changed, as the record now says. */
function loaded(parts: CatalogParts, record: TableRecord): LoadedView {
  const known = record.view;
  if (known !== undefined && textOf(record.database, known.metadata) === record.viewText) return { ...known, record };
  const schema = schemaOf(parts, record);
  const version = {
    'version-id': -1,
    'timestamp-ms': record.updatedAt,
    'schema-id': -1,
    summary: {},
    representations: [{ type: 'sql', sql: statementOf(record), dialect: dialectOf(record) }],
    'default-namespace': [record.database],
  };
  const metadata =
    known === undefined
      ? newViewMetadata({
          location: record.storage.location || `loch:view/${record.id}`,
          schema,
          version,
          properties: {},
          uuid: record.id,
          now: record.updatedAt,
        })
      : applyViewUpdates(
          known.metadata,
          [
            { action: 'add-schema', schema },
            { action: 'add-view-version', 'view-version': version },
            { action: 'set-current-view-version', 'view-version-id': -1 },
          ],
          record.updatedAt,
        );
  // No file holds these metadata: the record does. The name changes with it, as clients compare.
  return { record, metadata, metadataLocation: `loch:view/${record.id}/${record.version}` };
}

function schemaOf(parts: CatalogParts, record: TableRecord): IcebergSchema {
  try {
    return parts.tables.schemaFromColumns(record.columns);
  } catch {
    // A type Iceberg has no word for: engines ask the statement for its columns anyway.
    return parts.tables.schemaFromColumns(record.columns.map(({ name }) => ({ name, type: 'string' })));
  }
}

const PRESTO = /^\/\*\s*Presto View:\s*([A-Za-z0-9+/=]+)\s*\*\/$/;

/** The statement in a record's text: plain, or in the form of Athena and Presto. */
function statementOf(record: TableRecord): string {
  const text = record.viewText?.trim() ?? '';
  const presto = PRESTO.exec(text)?.[1];
  if (presto === undefined) return text;
  try {
    const stored = JSON.parse(Buffer.from(presto, 'base64').toString('utf8')) as { originalSql?: string };
    return stored.originalSql ?? text;
  } catch {
    return text;
  }
}

const dialectOf = (record: TableRecord): string => record.parameters['loch.dialect'] ?? 'athena';

/** The text of the record: the statement itself, or, read in another database, in the form of Athena and Presto. */
function textOf(database: string, metadata: ViewMetadata): string {
  const version = currentVersion(metadata);
  const { sql } = chosenRepresentation(version);
  const namespace = version['default-namespace'].join('.').toLowerCase();
  if (namespace === database || namespace === '') return sql;
  return withSchema(sql, namespace);
}

const withSchema = (sql: string, schema: string): string => {
  const stored = { originalSql: sql, catalog: 'awsdatacatalog', schema };
  return `/* Presto View: ${Buffer.from(JSON.stringify(stored)).toString('base64')} */`;
};

/** The text of a view in another database: names without one go on to mean tables of where it was made. */
export function movedText(record: TableRecord, database: string): string {
  const text = record.viewText ?? '';
  if (record.view !== undefined && textOf(record.database, record.view.metadata) === text) {
    return textOf(database, record.view.metadata);
  }
  return PRESTO.test(text.trim()) ? text : withSchema(text, record.database);
}

function inputFor(parts: CatalogParts, name: TableName, metadata: ViewMetadata): TableInput {
  const version = currentVersion(metadata);
  const schema = metadata.schemas.find((known) => known['schema-id'] === version['schema-id'])!;
  const { dialect } = chosenRepresentation(version);
  const { comment, ...properties } = metadata.properties;
  return {
    name: name.table,
    tableType: 'VIRTUAL_VIEW',
    columns: parts.tables.columnsFromSchema(schema).map((column) => ({ ...column, name: column.name.toLowerCase() })),
    viewText: textOf(name.database, metadata),
    parameters: { ...properties, ...(dialect.toLowerCase() === 'duckdb' ? { 'loch.dialect': 'duckdb' } : {}) },
    ...(comment === undefined ? {} : { description: comment }),
  };
}

/** Writes the metadata file; a view of another door, which has no folder, keeps its metadata in the record alone. */
async function writeMetadata(parts: CatalogParts, metadata: ViewMetadata): Promise<string> {
  if (!/^s3[an]?:/.test(metadata.location)) return `${metadata.location}/${newId()}`;
  const version = String(metadata.versions.length).padStart(5, '0');
  const location = `${folderOf(metadata.location)}/metadata/${version}-${newId()}.metadata.json`;
  await parts.tables.writeDocument(location, metadata);
  return location;
}

async function locationOf(
  parts: CatalogParts,
  context: RequestContext,
  database: string,
  name: string,
  stated: string | undefined,
): Promise<string> {
  if (stated !== undefined) {
    const location = await freeLocation(parts, name, stated);
    await authorizeLocation(parts, context, location);
    return location;
  }
  const folder = await databaseFolder(parts, database, `View \`${database}.${name}\``);
  // Views lie side by side with tables and own nothing: a folder of their own keeps them out of a table's.
  return `${folder}/_views/${encodeURIComponent(name.toLowerCase())}-${newId().slice(0, 8)}`;
}
