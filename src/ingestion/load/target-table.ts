/**
 * The table of a load: data files are written for its schema before it is made, so that a load which fails leaves
 * nothing; then one commit makes the rows visible.
 */
import type { Catalog, CatalogColumn, ResolvedTable } from '../../catalog/contract.ts';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import type { EngineFile } from '../../engines/contract.ts';
import type { Policy, TableName } from '../../governance/contract.ts';
import {
  type DataFile,
  type ObjectStore,
  parseS3Uri,
  type TableFormat,
  type TableMetadata,
  type WriteLayout,
} from '../../storage/contract.ts';

export interface TargetDeps {
  readonly catalog: Catalog;
  readonly policy: Policy;
  readonly objects: ObjectStore;
  readonly tables: TableFormat;
}

export type LoadMode = 'create' | 'append' | 'overwrite';

/** Where the rows go, before anything is written. */
export interface Target {
  readonly name: TableName;
  readonly mode: LoadMode;
  /** Undefined while the table is not there. */
  readonly found?: ResolvedTable;
}

/** **Errors**: `already_exists` for `create`, `table_not_found` for `append`, `access_denied`, `unsupported`. */
export async function findTarget(
  deps: TargetDeps,
  context: RequestContext,
  name: TableName,
  mode: LoadMode,
): Promise<Target> {
  let found: ResolvedTable | undefined;
  try {
    found = await deps.catalog.resolveTable(context, name);
  } catch (error) {
    if (!isLochError(error, 'table_not_found') || mode === 'append') throw error;
  }
  const text = `${name.database}.${name.table}`;
  if (found === undefined) {
    await deps.policy.authorizeDatabase(context, name.database, 'CREATE_TABLE');
    return { name, mode };
  }
  if (mode === 'create') {
    throw new LochError(
      'already_exists',
      `The table \`${text}\` exists. Load with append or overwrite, or name another.`,
      {
        context: { table: text },
      },
    );
  }
  if (found.metadata === undefined) {
    throw new LochError('unsupported', `\`${text}\` is a ${found.record.format} table; loads write Iceberg tables.`, {
      context: { table: text },
    });
  }
  await deps.policy.authorizeTable(context, name, 'INSERT');
  return { name, mode, found };
}

/**
 * The columns that rows of `offered` columns are written with: the table's own for `append`, else what is offered.
 * **Errors**: `type_mismatch` naming columns that the table does not have.
 */
export function columnsFor(target: Target, offered: readonly CatalogColumn[]): readonly CatalogColumn[] {
  if (target.mode !== 'append' || target.found === undefined) return offered;
  const { columns } = target.found.record;
  const known = new Set(columns.map(({ name }) => name));
  const strange = offered.map(({ name }) => name).filter((name) => !known.has(name));
  if (strange.length > 0) {
    const table = `${target.name.database}.${target.name.table}`;
    throw new LochError(
      'type_mismatch',
      `\`${table}\` has no column ${strange.map((name) => `\`${name}\``).join(', ')}. It has: ${columns.map(({ name }) => name).join(', ')}. Nothing was loaded.`,
      { context: { table, columns: strange } },
    );
  }
  return columns;
}

/** How data files for `columns` are written, whether the table is there or not. */
export function layoutFor(
  deps: TargetDeps,
  target: Target,
  columns: readonly CatalogColumn[],
): { readonly metadata: TableMetadata; readonly layout: WriteLayout } {
  const current = target.found?.metadata;
  const draft = () =>
    deps.tables.newTable({ location: 's3://draft/table', schema: deps.tables.schemaFromColumns(columns) });
  const metadata =
    current === undefined ? draft() : deps.tables.applyUpdates(current, deps.tables.schemaUpdates(current, columns));
  const layout = deps.tables.writeLayout(metadata);
  if (layout.preamble.length > 0) {
    throw new LochError(
      'unsupported',
      'Loading into a table with bucket partitions is not supported. Load into another.',
    );
  }
  return { metadata, layout };
}

/** Makes or changes the table and commits the files. Returns the snapshot. */
export async function commitFiles(
  deps: TargetDeps,
  context: RequestContext,
  target: Target,
  written: {
    readonly columns: readonly CatalogColumn[];
    readonly files: readonly EngineFile[];
    readonly loadId: string;
  },
): Promise<{ readonly snapshotId: string; readonly bytes: number }> {
  const { name, found } = target;
  const table =
    found === undefined
      ? await createTable(deps, context, target, written.columns)
      : await matchColumns(deps, context, target, written.columns);
  try {
    const metadata = table.metadata!;
    const files = await adopt(deps, metadata, written);
    const kind = target.mode === 'overwrite' ? 'overwrite' : 'append';
    const { snapshotId } = await deps.catalog.commitTable(context, name, { kind, files }, { runId: written.loadId }); // the commit point
    return { snapshotId, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
  } catch (error) {
    if (found === undefined && !isLochError(error, 'commit_state_unknown'))
      await deps.catalog.deleteTable(context, name);
    throw error;
  }
}

async function createTable(
  deps: TargetDeps,
  context: RequestContext,
  { name }: Target,
  columns: readonly CatalogColumn[],
): Promise<ResolvedTable> {
  return deps.catalog.createIcebergTable(context, { database: name.database, name: name.table, columns });
}

async function matchColumns(
  deps: TargetDeps,
  context: RequestContext,
  { name, found }: Target,
  columns: readonly CatalogColumn[],
): Promise<ResolvedTable> {
  const same = JSON.stringify(found!.record.columns.map(typed)) === JSON.stringify(columns.map(typed));
  return same ? found! : deps.catalog.evolveSchema(context, name, columns);
}

const typed = ({ name, type }: CatalogColumn) => [name, type];

async function adopt(
  deps: TargetDeps,
  metadata: TableMetadata,
  written: { readonly files: readonly EngineFile[]; readonly loadId: string },
): Promise<DataFile[]> {
  const { bucket, key } = parseS3Uri(metadata.location);
  const files: DataFile[] = [];
  for (const [i, file] of written.files.entries()) {
    const name = `${key.replace(/\/+$/, '')}/data/${written.loadId}-${String(i).padStart(5, '0')}.parquet`;
    await deps.objects.put(bucket, name, { adoptFile: file.path }, { operation: 'TableWrite' });
    files.push(deps.tables.dataFile(metadata, file, `s3://${bucket}/${name}`));
  }
  return files;
}
