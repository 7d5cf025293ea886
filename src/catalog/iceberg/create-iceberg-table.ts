import { newId } from '../../core/ids.ts';
import { LochError } from '../../core/errors.ts';
import { formatS3Uri, parseS3Uri } from '../../storage/contract.ts';
import type { Catalog, IcebergTableSpec, TableInput } from '../contract.ts';
import type { CatalogParts } from '../databases/parts.ts';
import { authorizeNewTable, registerTable } from '../databases/register-table.ts';
import { folderOf } from '../databases/rows.ts';
import databaseStore from '../databases/store.ts';

/**
 * Makes a new, empty Iceberg table: its first metadata file, then its record. Without a location it lies under its
 * database's, in a folder that nothing else has.
 */
export const createIcebergTable =
  (parts: CatalogParts): Catalog['createIcebergTable'] =>
  async (context, spec) => {
    const schema = parts.tables.schemaFromColumns(
      spec.columns.map((column) => ({ ...column, name: column.name.toLowerCase() })),
    );
    const location = await locationOf(parts, spec);
    const checked = await authorizeNewTable(parts, context, {
      database: spec.database,
      input: inputOf(spec, location, parts.tables.columnsFromSchema(schema)),
    });
    const metadata = parts.tables.newTable({
      location,
      schema,
      partition: (spec.partition ?? []).map((field) => ({ ...field, column: field.column.toLowerCase() })),
      properties: { 'write.parquet.compression-codec': 'zstd', ...spec.properties },
    });
    const metadataLocation = await parts.tables.writeMetadata(metadata, 0);
    try {
      const record = await registerTable(parts, context, checked, { metadataLocation });
      return { record, metadata };
    } catch (error) {
      await parts.tables.removeFiles([metadataLocation]);
      throw error;
    }
  };

function inputOf(spec: IcebergTableSpec, location: string, columns: TableInput['columns']): TableInput {
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
  const location = folderOf(spec.location ?? (await defaultLocation(parts, spec)));
  const { bucket, key } = parseS3Uri(location);
  const owner = parts.names.tableAt(bucket, key);
  if (owner === undefined) return location;
  throw new LochError(
    'invalid_argument',
    `\`${location}\` lies within table \`${owner.database}.${owner.table}\`. Give table \`${spec.name}\` a folder of its own.`,
    { context: { location, table: `${owner.database}.${owner.table}` } },
  );
}

async function defaultLocation(parts: CatalogParts, spec: IcebergTableSpec): Promise<string> {
  const [database] = await parts.store.read(databaseStore.procedures.databases, {
    names: [spec.database.toLowerCase()],
  });
  const base = database?.locationUri;
  if (base === undefined || base === '') {
    throw new LochError(
      'invalid_argument',
      `Table \`${spec.database}.${spec.name}\` has no location, and its database has none to put it under. Give \`location\` as s3://bucket/folder.`,
      { context: { table: `${spec.database}.${spec.name}` } },
    );
  }
  const { bucket, key } = parseS3Uri(folderOf(base));
  const folder = `${key === '' ? '' : `${key}/`}${spec.name.toLowerCase()}`;
  // Files of a dropped table stay for its restore: a new one of its name must not share their folder.
  const taken = await parts.objects.list(bucket, { prefix: `${folder}/`, maxKeys: 1 });
  return formatS3Uri({ bucket, key: taken.objects.length === 0 ? folder : `${folder}-${newId().slice(0, 8)}` });
}
