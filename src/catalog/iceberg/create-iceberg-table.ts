import type { RequestContext } from '../../core/caller.ts';
import { newId } from '../../core/ids.ts';
import { LochError } from '../../core/errors.ts';
import { formatS3Uri, type IcebergSchema, parseS3Uri, type TableMetadata } from '../../storage/contract.ts';
import type { Catalog, IcebergTableSpec, ResolvedTable, TableInput } from '../contract.ts';
import type { CatalogParts } from '../databases/parts.ts';
import { authorizeNewTable, type NewTable, registerTable } from '../databases/register-table.ts';
import { folderOf } from '../databases/rows.ts';
import { databaseFolder } from './database-folder.ts';

/**
 * Makes a new, empty Iceberg table: its first metadata file, then its record. Without a location it lies under its
 * database's, in a folder that nothing else has.
 */
export const createIcebergTable =
  (parts: CatalogParts): Catalog['createIcebergTable'] =>
  async (context, spec) => {
    const { checked, metadata } = await draft(parts, context, spec);
    return registerIcebergTable(parts, context, checked, metadata);
  };

/** The metadata of a table that could be made, for a client that goes on to commit it itself. */
export const draftIcebergTable =
  (parts: CatalogParts): Catalog['draftIcebergTable'] =>
  async (context, spec) =>
    (await draft(parts, context, spec)).metadata;

/** Writes the first metadata file of an authorized table and its record. */
export async function registerIcebergTable(
  parts: CatalogParts,
  context: RequestContext,
  checked: NewTable,
  metadata: TableMetadata,
): Promise<ResolvedTable> {
  const metadataLocation = await parts.tables.writeMetadata(metadata, 0);
  try {
    const record = await registerTable(parts, context, checked, { metadataLocation });
    return { record, metadata };
  } catch (error) {
    await parts.tables.removeFiles([metadataLocation]);
    throw error;
  }
}

async function draft(
  parts: CatalogParts,
  context: RequestContext,
  spec: IcebergTableSpec,
): Promise<{ readonly checked: NewTable; readonly metadata: TableMetadata }> {
  if (spec.schema !== undefined) parts.tables.assertFields(spec.schema.fields);
  const schema =
    spec.schema ??
    parts.tables.schemaFromColumns(spec.columns.map((column) => ({ ...column, name: column.name.toLowerCase() })));
  const location = await locationOf(parts, spec);
  const checked = await authorizeNewTable(parts, context, {
    database: spec.database,
    input: icebergInput(spec, location, parts.tables.columnsFromSchema(schema)),
  });
  const metadata = parts.tables.newTable({
    location,
    schema,
    partition: partitionOf(parts, spec, schema),
    properties: { 'write.parquet.compression-codec': 'zstd', ...spec.properties },
    ...(spec.sortOrder === undefined ? {} : { sortOrder: spec.sortOrder }),
  });
  return { checked, metadata };
}

function partitionOf(parts: CatalogParts, spec: IcebergTableSpec, schema: IcebergSchema) {
  if (spec.partitionSpec === undefined) {
    return (spec.partition ?? []).map((field) => ({ ...field, column: field.column.toLowerCase() }));
  }
  const paths = new Map(Object.entries(parts.tables.fieldIds(schema)).map(([path, id]) => [id, path]));
  return spec.partitionSpec.fields.map((field) => {
    const column = paths.get(field['source-id']);
    if (column === undefined) {
      throw new LochError(
        'invalid_argument',
        `Partition field \`${field.name}\` has source column ${field['source-id']}, which the schema does not have.`,
        { context: { partitionField: field.name } },
      );
    }
    return { column, transform: field.transform, name: field.name };
  });
}

/** The record's part of a new Iceberg table. */
export function icebergInput(
  spec: Pick<IcebergTableSpec, 'name' | 'description'>,
  location: string,
  columns: TableInput['columns'],
): TableInput {
  return {
    name: spec.name,
    tableType: 'EXTERNAL_TABLE',
    columns,
    storage: { location, serdeParameters: {} },
    parameters: { table_type: 'ICEBERG' },
    ...(spec.description === undefined ? {} : { description: spec.description }),
  };
}

/** **Errors**: `invalid_argument` when there is nowhere to put it, or the place is another table's. */
async function locationOf(parts: CatalogParts, spec: IcebergTableSpec): Promise<string> {
  return freeLocation(parts, spec.name, spec.location ?? (await defaultLocation(parts, spec)));
}

/** The folder, if it is no other table's. **Errors**: `invalid_argument`. */
export async function freeLocation(parts: CatalogParts, table: string, wanted: string): Promise<string> {
  const location = folderOf(wanted);
  const { bucket, key } = parseS3Uri(location);
  const owner = parts.names.tableAt(bucket, key);
  if (owner === undefined) return location;
  throw new LochError(
    'invalid_argument',
    `\`${location}\` lies within table \`${owner.database}.${owner.table}\`. Give table \`${table}\` a folder of its own.`,
    { context: { location, table: `${owner.database}.${owner.table}` } },
  );
}

async function defaultLocation(parts: CatalogParts, spec: IcebergTableSpec): Promise<string> {
  const base = await databaseFolder(parts, spec.database, `Table \`${spec.database}.${spec.name}\``);
  const { bucket, key } = parseS3Uri(base);
  const folder = `${key === '' ? '' : `${key}/`}${spec.name.toLowerCase()}`;
  // Files of a dropped table stay for its restore: a new one of its name must not share their folder.
  const taken = await parts.objects.list(bucket, { prefix: `${folder}/`, maxKeys: 1 });
  return formatS3Uri({ bucket, key: taken.objects.length === 0 ? folder : `${folder}-${newId().slice(0, 8)}` });
}
