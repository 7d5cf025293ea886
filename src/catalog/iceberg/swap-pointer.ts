/**
 * The commit point of every Iceberg change: one metadata transaction that moves the table's pointer, and what is known
 * afterwards.
 *
 * Invariants
 * - Resolves only when the pointer is at `staged` (or the run had committed before); throws `commit_conflict` only when
 *   it certainly is not. When a reply was lost the table is looked at; only if that fails too the state is unknown.
 */
import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import { type StoreCall, storeCall } from '../../metadata/contract.ts';
import type { StagedCommit, TableMetadata } from '../../storage/contract.ts';
import type { CatalogColumn, CommitOutcome, TableRecord } from '../contract.ts';
import type { CatalogParts } from '../databases/parts.ts';
import databaseStore from '../databases/store.ts';

type SwapParts = Pick<CatalogParts, 'store' | 'tables' | 'clock'>;

export interface Swap {
  readonly record: TableRecord;
  readonly staged: StagedCommit & { readonly metadataLocation: string };
  readonly operation: string;
  readonly addedRows: number;
  readonly runId?: string | undefined;
  /** Its place in a group of commits that share one metadata file; absent when it is alone. */
  readonly place?: number | undefined;
}

/** **Errors**: `commit_conflict`, `commit_state_unknown`, `table_not_found`. */
export async function swapPointer(parts: SwapParts, context: RequestContext, swap: Swap): Promise<CommitOutcome> {
  try {
    const { swapMetadataLocation } = databaseStore.procedures;
    if (context.alongside === undefined) {
      return await parts.store.write(swapMetadataLocation, swapArgs(parts, context, swap));
    }
    const results = await parts.store.transact([swapCall(parts, context, swap), ...context.alongside]);
    return results[0] as CommitOutcome;
  } catch (error) {
    // What the transaction itself refused did not happen. Anything else may have happened before the reply was lost.
    if (certainlyRefused(error)) throw error;
    return findOut(parts, swap, error);
  }
}

/**
 * The commit point of a group: several commits of one metadata file in one transaction. `outcomes` are in their order.
 * **Errors**: as of `swapPointer`, for all of them; `conflict` when one of them had been carried out before.
 */
export async function swapPointerForAll(
  parts: SwapParts,
  swaps: readonly (Swap & { readonly context: RequestContext })[],
): Promise<readonly CommitOutcome[]> {
  const [only] = swaps;
  if (only !== undefined && swaps.length === 1) return [await swapPointer(parts, only.context, only)];
  const calls = swaps.map((swap, place) => swapCall(parts, swap.context, { ...swap, place }));
  const alongside = swaps.flatMap(({ context }) => context.alongside ?? []);
  try {
    const results = await parts.store.transact([...calls, ...alongside]);
    return results.slice(0, swaps.length) as CommitOutcome[];
  } catch (error) {
    if (certainlyRefused(error)) throw error;
    return Promise.all(swaps.map((swap) => findOut(parts, swap, error)));
  }
}

/** Whether the transaction itself said no. Anything else may have happened before the reply was lost. */
export const certainlyRefused = (error: unknown): boolean =>
  isLochError(error) && !isLochError(error, 'unavailable', 'internal', 'timeout');

/** The call that moves a table's pointer, for a transaction. */
export const swapCall = (parts: SwapParts, context: RequestContext, swap: Swap): StoreCall =>
  storeCall(databaseStore.procedures.swapMetadataLocation, swapArgs(parts, context, swap));

function swapArgs(parts: SwapParts, context: RequestContext, swap: Swap) {
  const { record, staged, runId, place } = swap;
  return {
    ...(place === undefined ? {} : { inGroup: true, follows: place > 0 }),
    database: record.database,
    name: record.name,
    expectedLocation: record.metadataLocation!,
    newLocation: staged.metadataLocation,
    columns: columnsAfter(parts, record, staged.metadata),
    snapshotId: staged.snapshotId,
    operation: swap.operation,
    addedRows: swap.addedRows,
    at: parts.clock.now(),
    by: context.principal.arn,
    door: context.door,
    ...(runId === undefined ? {} : { runId }),
  };
}

/** The record's columns as they are while names and types stand, so that comments made by other doors stay. */
function columnsAfter(parts: SwapParts, record: TableRecord, metadata: TableMetadata): readonly CatalogColumn[] {
  const schema = metadata.schemas.find((candidate) => candidate['schema-id'] === metadata['current-schema-id'])!;
  // The record knows names in lower case; the metadata file keeps them as its writer spelled them.
  const columns = parts.tables
    .columnsFromSchema(schema)
    .map((column) => ({ ...column, name: column.name.toLowerCase() }));
  const known = new Map(record.columns.map((column) => [column.name, column]));
  return columns.map((column) => ({
    ...known.get(column.name),
    ...column,
    ...commentOf(known.get(column.name), column),
  }));
}

function commentOf(known: CatalogColumn | undefined, column: CatalogColumn): { readonly comment?: string } {
  const comment = column.comment ?? known?.comment;
  return comment === undefined ? {} : { comment };
}

/** What became of a swap whose answer was lost. **Errors**: `failure` when it did not happen; `commit_state_unknown`. */
export async function findOut(parts: SwapParts, swap: Swap, failure: unknown): Promise<CommitOutcome> {
  const { record, staged } = swap;
  let committed: boolean;
  let now: TableRecord | undefined;
  try {
    now = await parts.store.read(databaseStore.procedures.table, { database: record.database, name: record.name });
    committed = now?.metadataLocation !== undefined && (await leadsTo(parts, now.metadataLocation, staged));
  } catch (error) {
    throw new LochError(
      'commit_state_unknown',
      `Whether the commit to \`${record.database}.${record.name}\` took effect is unknown: the metadata store does not answer. Look for snapshot ${staged.snapshotId} before you repeat it.`,
      {
        context: { table: `${record.database}.${record.name}`, snapshotId: staged.snapshotId },
        cause: new AggregateError([failure, error]),
      },
    );
  }
  if (!committed) throw failure;
  return {
    snapshotId: staged.snapshotId,
    metadataLocation: staged.metadataLocation,
    version: now!.version,
    repeated: false,
  };
}

async function leadsTo(
  parts: SwapParts,
  location: string,
  staged: { readonly metadataLocation: string },
): Promise<boolean> {
  if (location === staged.metadataLocation) return true;
  const current = await parts.tables.readMetadata(location);
  return current['metadata-log'].some((entry) => entry['metadata-file'] === staged.metadataLocation);
}
