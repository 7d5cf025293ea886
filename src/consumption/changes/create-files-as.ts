import { glueArn } from '../../core/arn.ts';
import { LochError } from '../../core/errors.ts';
import type { TableName } from '../../governance/contract.ts';
import { engineTypeOfHive } from '../queries/secure/engine-types.ts';
import { assertEmpty, assertNames, authorizeWriting } from './new-tables.ts';
import type { CreateTableAs } from './statements.ts';
import { ROWS, RUN } from './commit-rows.ts';
import type { ChangeAnswer, ChangeDeps, ChangeRun } from './deps.ts';
import { hiveTypeOfColumn } from './engine-columns.ts';
import { formatOf, storageOf } from './file-formats.ts';
import { catalogValues, type FileColumn, fileShape, placeFiles } from './hive-files.ts';
import { answerOf, insertedRows, readRows } from './read-rows.ts';
import { assertKnown, listOf, textOf } from './property-values.ts';

const KNOWN = new Set([
  'table_type',
  'is_external',
  'external_location',
  'format',
  'partitioned_by',
  'write_compression',
  'parquet_compression',
  'orc_compression',
  'compression_level',
  'field_delimiter',
  'bucketed_by',
  'bucket_count',
]);

/**
 * CTAS of a table over files: the files first, then the table with its partitions, which makes them visible.
 * **Errors**: `invalid_argument` naming the property; `unsupported` for formats that are not written.
 */
export async function createFilesAs(
  deps: ChangeDeps,
  run: ChangeRun,
  name: TableName,
  statement: CreateTableAs,
): Promise<ChangeAnswer> {
  const { properties } = statement;
  assertKnown(properties, KNOWN, 'CREATE TABLE AS');
  if (properties.bucketed_by !== undefined) {
    throw new LochError(
      'unsupported',
      'Bucketed tables are not written. Use `partitioned_by`, or an Iceberg table with bucket(n, column).',
      {
        context: { property: 'bucketed_by' },
      },
    );
  }
  const format = formatOf(properties);
  const partitioned = listOf(properties, 'partitioned_by').map((key) => key.toLowerCase());
  const location = await placeOf(deps, run, name, textOf(properties, 'external_location'));
  let all: readonly { readonly name: string; readonly hive: string; readonly type: string }[] = [];
  const split = () => all.length - partitioned.length;
  const outcome = await readRows(deps, run, statement.query, async (columns) => {
    assertNames(columns);
    all = columns.map((column) => {
      const hive = hiveTypeOfColumn(column);
      if (hive === 'timestamptz' || hive === 'time') {
        throw new LochError(
          'type_mismatch',
          `Column \`${column.name}\` has a type that files without a table format cannot tell (${column.type}). Cast it to timestamp or varchar.`,
          { context: { column: column.name } },
        );
      }
      return { name: column.name.toLowerCase(), hive, type: engineTypeOfHive(hive) };
    });
    assertPartitions(all, partitioned);
    const files: FileColumn[] = all.slice(0, split());
    return fileShape(run, format, files, all.slice(split()), (source) => {
      const limit = statement.withData ? '' : ' LIMIT 0';
      return `${insertedRows(source, columns, name, all, undefined)}${limit}`;
    });
  });
  const keys = all.slice(split());
  const placed = await placeFiles(deps, run, location, outcome.files, { format, keys });
  run.signal.throwIfAborted();
  const columnOf = (column: (typeof all)[number]) => ({ name: column.name, type: column.hive });
  await deps.catalog.createTable(run.context, name.database, {
    name: name.table,
    tableType: 'EXTERNAL_TABLE',
    columns: all.slice(0, split()).map(columnOf),
    partitionKeys: keys.map(columnOf),
    storage: storageOf(format, location),
    parameters: {
      EXTERNAL: 'TRUE',
      [RUN]: run.queryId,
      [ROWS]: String(outcome.rowCount),
      has_encrypted_data: 'false',
      classification: format.kind === 'text' ? 'csv' : format.kind,
    },
    ...(statement.comment === undefined ? {} : { description: statement.comment }),
  });
  run.written.length = 0;
  if (keys.length > 0 && placed.length > 0) {
    const folders = new Map(placed.map((file) => [file.path.replace(/\/[^/]*$/, ''), file.values]));
    const partitions = [...folders].map(([folder, values]) => ({
      values: catalogValues(values),
      location: folder,
      parameters: {},
    }));
    await deps.catalog.createPartitions(run.context, name, partitions, { ifNotExists: true });
  }
  return answerOf(outcome, placed, { table: name, columnOf: (output) => output.toLowerCase() });
}

function assertPartitions(columns: readonly { readonly name: string }[], partitioned: readonly string[]): void {
  const last = columns.slice(columns.length - partitioned.length).map((column) => column.name);
  if (partitioned.length < columns.length && partitioned.every((key, i) => key === last[i])) return;
  throw new LochError(
    'invalid_argument',
    `Partition columns must be the last columns of the query, in order: partitioned_by is ${partitioned.join(', ')}, the query ends in ${last.join(', ')}.`,
    { context: { property: 'partitioned_by', errorName: 'HIVE_COLUMN_ORDER_MISMATCH' } },
  );
}

/** Where the files go, once the caller may write there. **Errors**: `invalid_argument` when it is not empty; `access_denied`. */
async function placeOf(deps: ChangeDeps, run: ChangeRun, name: TableName, given: string | undefined): Promise<string> {
  const { context } = run;
  await deps.policy.authorize(context, {
    action: 'glue:CreateTable',
    resource: glueArn(context.region, context.accountId, `table/${name.database}/${name.table}`),
  });
  const database = await deps.catalog.getDatabase(context, name.database);
  const base =
    given ??
    (database.locationUri === undefined ? undefined : `${database.locationUri.replace(/\/+$/, '')}/${name.table}/`);
  if (base === undefined) {
    throw new LochError(
      'invalid_argument',
      `The table has no place: database \`${name.database}\` has no location. Give external_location = 's3://bucket/folder/'.`,
      { context: { property: 'external_location' } },
    );
  }
  await deps.policy.authorizeDatabase(context, name.database, 'CREATE_TABLE');
  await authorizeWriting(deps, run, base);
  await assertEmpty(deps, base);
  return base;
}
