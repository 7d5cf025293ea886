/** CREATE TABLE AS: the table and its rows in one commit of the catalog. */
import { LochError } from '../../core/errors.ts';
import type { TableName } from '../../governance/contract.ts';
import type { TableMetadata } from '../../storage/contract.ts';
import { engineTypeOfIceberg } from '../queries/secure/engine-types.ts';
import { schemaOf } from '../queries/secure/iceberg-source.ts';
import { ROWS, RUN } from './commit-rows.ts';
import { createFilesAs } from './create-files-as.ts';
import { type ChangeAnswer, type ChangeDeps, type ChangeRun, fullName, tableName } from './deps.ts';
import { hiveTypeOfColumn } from './engine-columns.ts';
import { answerOf, dataFileShape, insertedRows, readRows } from './read-rows.ts';
import { partitionTransformOf } from './parse/partition-transform.ts';
import { flagOf, listOf, textOf } from './property-values.ts';
import { assertEmpty, assertNames, exists } from './new-tables.ts';
import type { CreateTableAs } from './statements.ts';
import { tableProperties } from './table-properties.ts';
import { adoptDataFiles } from './write-files.ts';

/** **Errors**: `already_exists`, `invalid_argument` naming the property; those of a SELECT. */
export async function createTableAs(deps: ChangeDeps, run: ChangeRun, statement: CreateTableAs): Promise<ChangeAnswer> {
  const name = tableName(run, statement.table);
  if (await exists(deps, run, name)) {
    if (statement.ifNotExists) return { rowCount: 0, manifest: [] };
    throw new LochError('already_exists', `Table \`${fullName(name)}\` exists already. Choose another name.`, {
      context: { table: fullName(name) },
    });
  }
  const type = (textOf(statement.properties, 'table_type') ?? 'HIVE').toUpperCase();
  if (type === 'ICEBERG') return createIcebergAs(deps, run, name, statement);
  if (type === 'HIVE') return createFilesAs(deps, run, name, statement);
  throw new LochError('invalid_argument', `The table_type \`${type}\` is not known. Known: ICEBERG, HIVE.`, {
    context: { property: 'table_type' },
  });
}

const KNOWN = new Set([
  'table_type',
  'is_external',
  'location',
  'format',
  'partitioning',
  'partitioned_by',
  'write_compression',
]);

async function createIcebergAs(
  deps: ChangeDeps,
  run: ChangeRun,
  name: TableName,
  statement: CreateTableAs,
): Promise<ChangeAnswer> {
  const { properties } = statement;
  const format = (textOf(properties, 'format') ?? 'PARQUET').toUpperCase();
  if (format !== 'PARQUET') {
    throw new LochError('unsupported', `Iceberg tables are written as PARQUET, not as ${format}.`, {
      context: { property: 'format' },
    });
  }
  if (flagOf(properties, 'is_external') === true) {
    throw new LochError('invalid_argument', 'An Iceberg table is not external: write is_external = false.', {
      context: { property: 'is_external' },
    });
  }
  const location = textOf(properties, 'location');
  const partition = [...listOf(properties, 'partitioning'), ...listOf(properties, 'partitioned_by')];
  const compression = textOf(properties, 'write_compression');
  const own = Object.fromEntries(
    Object.entries(properties).flatMap(([key, value]) => (KNOWN.has(key) ? [] : [[key, String(value)]])),
  );
  let draft: TableMetadata | undefined;
  const outcome = await readRows(deps, run, statement.query, async (columns) => {
    assertNames(columns);
    draft = await deps.catalog.draftIcebergTable(run.context, {
      database: name.database,
      name: name.table,
      columns: columns.map((column) => ({ name: column.name.toLowerCase(), type: hiveTypeOfColumn(column) })),
      partition: partition.map(partitionTransformOf),
      properties: tableProperties({ ...own, ...(compression === undefined ? {} : { write_compression: compression }) }),
      ...(location === undefined ? {} : { location }),
    });
    if (location !== undefined) await assertEmpty(deps, draft.location);
    const metadata = draft;
    const targets = schemaOf(metadata, undefined).fields.map((field) => ({
      name: field.name,
      type: engineTypeOfIceberg(field.type),
    }));
    const limit = statement.withData ? '' : ' LIMIT 0';
    return dataFileShape(
      deps,
      run,
      metadata,
      (source) => `${insertedRows(source, columns, name, targets, undefined)}${limit}`,
    );
  });
  const metadata = draft!;
  const files = await adoptDataFiles(deps, run, metadata, outcome.files);
  const summary = { [RUN]: run.queryId, [ROWS]: String(outcome.rowCount) };
  const staged = await deps.tables.stage(metadata, { kind: 'append', files, summary }, { version: 0 });
  run.written.push(...staged.written);
  run.signal.throwIfAborted();
  await deps.catalog.registerIcebergTable(run.context, name, staged.metadataLocation!, { overwrite: false });
  run.written.length = 0;
  return answerOf(outcome, files, { table: name, columnOf: (output) => output.toLowerCase() });
}
