/** Statements that a stop or crash cut off: what became of them, and nothing left of those that did not commit. */
import type { ResolvedTable } from '../../catalog/contract.ts';
import { isLochError } from '../../core/errors.ts';
import type { TableName } from '../../governance/contract.ts';
import { parseS3Uri } from '../../storage/contract.ts';
import { ROWS, RUN } from './commit-rows.ts';
import { repairTable } from './definitions/repair-table.ts';
import { type ChangeAnswer, type ChangeDeps, type ChangeRun, tableName } from './deps.ts';
import { textOf } from './property-values.ts';
import type { ChangeStatement, CreateTableAs } from './statements.ts';
import { filePrefix } from './write-files.ts';

/**
 * The answer of a statement whose commit was made; undefined when it was not, and then its files are removed. Of a
 * table that was not made, manifests may stay where it would have been: a few kilobytes that no table leads to.
 */
export async function settleChange(
  deps: ChangeDeps,
  run: ChangeRun,
  statement: ChangeStatement,
): Promise<ChangeAnswer | undefined> {
  switch (statement.kind) {
    case 'insert':
    case 'delete':
    case 'update':
    case 'merge':
    case 'ctas': {
      const name = tableName(run, statement.table);
      const table = await tableThere(deps, run, name);
      if (table === undefined) {
        if (statement.kind === 'ctas') await sweepUnmade(deps, run, name, statement);
        return undefined;
      }
      return settled(deps, run, statement, table);
    }
    case 'unload':
      await sweep(deps, run, statement.location);
      return undefined;
    default:
      return undefined;
  }
}

async function settled(
  deps: ChangeDeps,
  run: ChangeRun,
  statement: Extract<ChangeStatement, { kind: 'insert' | 'delete' | 'update' | 'merge' | 'ctas' }>,
  { record, metadata }: ResolvedTable,
): Promise<ChangeAnswer | undefined> {
  if (metadata === undefined) {
    if (record.parameters[RUN] !== run.queryId) {
      // Of a table that another statement made meanwhile nothing is this one's but what bears its name.
      await sweep(deps, run, record.storage.location);
      return undefined;
    }
    if (record.partitionKeys.length > 0) await repairTable(deps, run, { kind: 'repair_table', table: statement.table });
    return { rowCount: Number(record.parameters[ROWS] ?? 0), manifest: [] };
  }
  const made = metadata.snapshots.find(({ summary }) => summary[RUN] === run.queryId);
  if (made !== undefined) return { rowCount: Number(made.summary[ROWS] ?? 0), manifest: [] };
  await sweepPrefix(deps, run, filePrefix(metadata.location, run.queryId));
  return undefined;
}

async function tableThere(deps: ChangeDeps, run: ChangeRun, name: TableName): Promise<ResolvedTable | undefined> {
  try {
    return await deps.catalog.resolveTable(run.context, name);
  } catch (error) {
    if (isLochError(error, 'table_not_found', 'database_not_found', 'access_denied')) return undefined;
    throw error;
  }
}

async function sweepUnmade(deps: ChangeDeps, run: ChangeRun, name: TableName, statement: CreateTableAs): Promise<void> {
  const stated = textOf(statement.properties, 'location') ?? textOf(statement.properties, 'external_location');
  if (stated !== undefined) return sweep(deps, run, stated);
  try {
    const { locationUri } = await deps.catalog.getDatabase(run.context, name.database);
    // Beside `table` it may have taken `table-…`: both begin so.
    if (locationUri !== undefined) await sweepPrefix(deps, run, `${locationUri.replace(/\/+$/, '')}/${name.table}`);
  } catch (error) {
    if (!isLochError(error, 'database_not_found', 'access_denied')) throw error;
  }
}

const sweep = (deps: ChangeDeps, run: ChangeRun, location: string) =>
  sweepPrefix(deps, run, `${location.replace(/\/+$/, '')}/`);

/** Removes the objects under a prefix that bear the statement's name. */
async function sweepPrefix(deps: ChangeDeps, run: ChangeRun, location: string): Promise<void> {
  const { bucket, key: prefix } = parseS3Uri(location);
  let startAfter: string | undefined;
  do {
    const page = await deps.objects.list(bucket, {
      prefix,
      maxKeys: 1000,
      ...(startAfter === undefined ? {} : { startAfter }),
    });
    const own = page.objects
      .map(({ key }) => key)
      .filter((key) => key.slice(key.lastIndexOf('/') + 1).startsWith(`${run.queryId}-`));
    if (own.length > 0) await deps.objects.deleteMany(bucket, own);
    startAfter = page.next;
  } while (startAfter !== undefined);
}
