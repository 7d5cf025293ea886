/** CREATE TABLE: Iceberg tables, and tables over files as Hive describes them. */
import { isLochError, LochError } from '../../../core/errors.ts';
import type { CatalogColumn, TableInput } from '../../../catalog/contract.ts';
import { parseS3Uri } from '../../../storage/contract.ts';
import { type ChangeDeps, type ChangeRun, fullName, tableName } from '../deps.ts';
import type { ColumnSpec, CreateTable, PartitionTransform } from '../statements.ts';
import { tableProperties } from '../table-properties.ts';
import { hiveStorage } from './hive-storage.ts';

/** **Errors**: `already_exists`, `invalid_argument`, `unsupported`, `access_denied`. */
export async function createTable(deps: ChangeDeps, run: ChangeRun, statement: CreateTable): Promise<void> {
  const type = propertyOf(statement, 'table_type')?.toUpperCase();
  try {
    if (type === 'ICEBERG') await createIceberg(deps, run, statement);
    else await createOverFiles(deps, run, statement);
  } catch (error) {
    if (!statement.ifNotExists || !isLochError(error, 'already_exists')) throw error;
  }
}

const propertyOf = ({ properties }: CreateTable, wanted: string): string | undefined =>
  Object.entries(properties).find(([name]) => name.toLowerCase() === wanted)?.[1];

async function createIceberg(deps: ChangeDeps, run: ChangeRun, statement: CreateTable): Promise<void> {
  const name = tableName(run, statement.table);
  if (statement.external) {
    throw new LochError(
      'invalid_argument',
      `An Iceberg table is not external: drop EXTERNAL from CREATE EXTERNAL TABLE \`${fullName(name)}\`.`,
      {
        context: { table: fullName(name) },
      },
    );
  }
  const refused = [
    ['ROW FORMAT', statement.rowFormat],
    ['STORED AS', statement.storedAs ?? statement.inputFormat],
    ['CLUSTERED BY', statement.clusteredBy],
  ].find(([, value]) => value !== undefined);
  if (refused !== undefined) {
    throw new LochError(
      'invalid_argument',
      `${String(refused[0])} does not apply to an Iceberg table. Partition it by bucket(n, column), or leave it out.`,
    );
  }
  assertColumns(statement, name);
  const typed = statement.partitionedBy.find((key): key is ColumnSpec => 'type' in key);
  if (typed !== undefined) {
    throw new LochError(
      'invalid_argument',
      `Partition columns of an Iceberg table are columns of the table: write PARTITIONED BY (${typed.name}), without a type.`,
    );
  }
  await deps.catalog.createIcebergTable(run.context, {
    database: name.database,
    name: name.table,
    columns: statement.columns,
    partition: statement.partitionedBy as readonly PartitionTransform[],
    properties: tableProperties(statement.properties),
    ...(statement.location === undefined ? {} : { location: statement.location }),
    ...(statement.comment === undefined ? {} : { description: statement.comment }),
  });
}

async function createOverFiles(deps: ChangeDeps, run: ChangeRun, statement: CreateTable): Promise<void> {
  const name = tableName(run, statement.table);
  if (!statement.external) {
    throw new LochError(
      'invalid_argument',
      `\`${fullName(name)}\` is no Iceberg table, so it must be external: write CREATE EXTERNAL TABLE, or TBLPROPERTIES ('table_type' = 'ICEBERG').`,
      { context: { table: fullName(name) } },
    );
  }
  const { location } = statement;
  if (location === undefined) {
    throw new LochError(
      'invalid_argument',
      `CREATE EXTERNAL TABLE \`${fullName(name)}\` needs LOCATION 's3://bucket/folder/'.`,
    );
  }
  const kind = propertyOf(statement, 'table_type')?.toUpperCase();
  const hudi = /hudi/i.test(statement.inputFormat ?? '');
  if (kind !== 'DELTA' && !hudi) assertColumns(statement, name);
  await assertFolder(deps, location);
  const keys = statement.partitionedBy.map((key): CatalogColumn => {
    if ('type' in key) return catalogColumn(key);
    throw new LochError(
      'invalid_argument',
      `Partition column \`${key.column}\` of an external table has a type: write PARTITIONED BY (${key.column} string). Transforms are of Iceberg tables.`,
    );
  });
  const twice = keys.find((key) => statement.columns.some((column) => column.name === key.name));
  if (twice !== undefined) {
    throw new LochError(
      'invalid_argument',
      `Column \`${twice.name}\` stands among the columns and in PARTITIONED BY. Take it from the columns.`,
    );
  }
  assertProjection(statement, keys);
  const { storage, parameters } = hiveStorage(statement, location);
  const input: TableInput = {
    name: name.table,
    tableType: 'EXTERNAL_TABLE',
    columns: statement.columns.map(catalogColumn),
    partitionKeys: keys,
    storage: {
      ...storage,
      ...(statement.clusteredBy === undefined
        ? {}
        : {
            foreign: { BucketColumns: statement.clusteredBy.columns, NumberOfBuckets: statement.clusteredBy.buckets },
          }),
    },
    parameters: { EXTERNAL: 'TRUE', ...parameters, ...statement.properties },
    ...(statement.comment === undefined ? {} : { description: statement.comment }),
  };
  await deps.catalog.createTable(run.context, name.database, input);
}

const catalogColumn = ({ name, type, comment }: ColumnSpec): CatalogColumn => ({
  name,
  type,
  ...(comment === undefined ? {} : { comment }),
});

function assertColumns(statement: CreateTable, name: Parameters<typeof fullName>[0]): void {
  if (statement.columns.length > 0) return;
  throw new LochError('invalid_argument', `Table \`${fullName(name)}\` has no columns. Write them as (name type, …).`, {
    context: { table: fullName(name) },
  });
}

/** **Errors**: `invalid_argument` for a pattern or a single file. */
async function assertFolder(deps: ChangeDeps, location: string): Promise<void> {
  if (!/^s3:\/\//.test(location)) {
    throw new LochError('invalid_argument', `LOCATION \`${location}\` is not taken: write s3://bucket/folder/.`, {
      context: { location },
    });
  }
  if (/[*?[\]{}]/.test(location)) {
    throw new LochError(
      'invalid_argument',
      `LOCATION \`${location}\` is a pattern. It takes a folder, and reads every file in it.`,
      { context: { location } },
    );
  }
  const { bucket, key } = parseS3Uri(location);
  if (key === '' || key.endsWith('/')) return;
  const { objects } = await deps.objects.list(bucket, { prefix: key, maxKeys: 1 });
  if (objects[0]?.key !== key) return;
  throw new LochError(
    'invalid_argument',
    `LOCATION \`${location}\` is a file. It takes the folder that the file is in.`,
    { context: { location } },
  );
}

/** **Errors**: `invalid_argument` naming what a projected table lacks. */
function assertProjection(statement: CreateTable, keys: readonly CatalogColumn[]): void {
  if (propertyOf(statement, 'projection.enabled')?.toLowerCase() !== 'true') return;
  const template = propertyOf(statement, 'storage.location.template');
  for (const { name } of keys) {
    if (template === undefined || template.includes(`\${${name}}`)) continue;
    throw new LochError(
      'invalid_argument',
      `\`storage.location.template\` lacks \${${name}}, which tells the folder of each partition.`,
      {
        context: { property: 'storage.location.template' },
      },
    );
  }
}
