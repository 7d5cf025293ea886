/**
 * Commits to several tables as one.
 *
 * Invariants
 * - Everything is staged first; one metadata transaction moves all pointers and writes all new records, or nothing.
 * - The tables are held in one order by everybody in this process, so that two transactions never wait in a circle.
 */
import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import type { TableName } from '../../governance/contract.ts';
import type { StoreCall } from '../../metadata/contract.ts';
import type { StagedCommit, TableMetadata } from '../../storage/contract.ts';
import type { Catalog, TableUpdates } from '../contract.ts';
import { readTable } from '../databases/access.ts';
import { fold } from '../databases/parts.ts';
import { newTableCalls } from '../databases/register-table.ts';
import { type CommitBase, type IcebergParts, readBase, removeForgotten } from './commit.ts';
import { authorizeUpdates, prepareCreate, stageUpdates } from './commit-updates.ts';
import { retryLimits, retryWait } from './retry-wait.ts';
import { certainlyRefused, findOut, swapCall } from './swap-pointer.ts';

type Change = TableUpdates & { readonly name: TableName };

/** One table of the transaction, staged. */
interface Prepared {
  readonly calls: readonly StoreCall[];
  readonly written: StagedCommit;
  readonly base?: CommitBase;
  readonly metadata: TableMetadata;
  /** Looks whether the pointer has moved, when the transaction's answer was lost. */
  readonly findOut: (failure: unknown) => Promise<unknown>;
}

const MAX_TABLES = 100;

export const commitTransaction =
  (parts: IcebergParts): Catalog['commitTransaction'] =>
  async (context, given) => {
    const changes = given.map((change) => ({ ...change, name: fold(change.name) }));
    const keys = changes.map(({ name }) => `${name.database}.${name.table}`);
    assertDistinct(keys);
    for (const change of changes) {
      if (!creates(change)) await authorizeUpdates(parts, context, change.name, change);
    }
    await parts.queue.runAll(keys, () => attempts(parts, context, changes));
    return Promise.all(
      changes.map(async ({ name }) => {
        const record = await readTable(parts, context, name);
        return { record, metadata: await parts.tables.readMetadata(record.metadataLocation!) };
      }),
    );
  };

function assertDistinct(keys: readonly string[]): void {
  if (keys.length > MAX_TABLES) {
    throw new LochError('limit_exceeded', `A transaction changes at most ${MAX_TABLES} tables, not ${keys.length}.`);
  }
  const twice = keys.find((key, i) => keys.indexOf(key) !== i);
  if (twice === undefined) return;
  throw new LochError(
    'invalid_argument',
    `Table \`${twice}\` is named twice in the transaction. Put its changes together.`,
    {
      context: { table: twice },
    },
  );
}

const creates = (change: Change): boolean => change.requirements.some(({ type }) => type === 'assert-create');

async function attempts(parts: IcebergParts, context: RequestContext, changes: readonly Change[]): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const prepared = await prepareAll(parts, context, changes);
    try {
      // ---- commit point: before it nobody sees any of the changes, after it everybody sees all ----
      await parts.store.transact([...prepared.flatMap(({ calls }) => calls), ...(context.alongside ?? [])]);
    } catch (error) {
      if (certainlyRefused(error)) {
        await discardAll(parts, prepared);
        const limits = retryLimits(prepared[0]!.metadata);
        if (!isLochError(error, 'commit_conflict') || attempt >= limits.retries || context.signal.aborted) throw error;
        await parts.sleep(retryWait(limits, attempt, parts.random), context.signal);
        continue;
      }
      // All or nothing: what became of one table became of all.
      await prepared[0]!.findOut(error);
    }
    for (const { base, metadata } of prepared) if (base !== undefined) removeForgotten(parts, base.metadata, metadata);
    return;
  }
}

async function prepareAll(
  parts: IcebergParts,
  context: RequestContext,
  changes: readonly Change[],
): Promise<readonly Prepared[]> {
  const prepared: Prepared[] = [];
  try {
    for (const change of changes) {
      prepared.push(
        creates(change) ? await prepareNew(parts, context, change) : await prepareChange(parts, context, change),
      );
    }
    return prepared;
  } catch (error) {
    await discardAll(parts, prepared);
    throw error;
  }
}

const discardAll = (parts: IcebergParts, prepared: readonly Prepared[]) =>
  Promise.all(prepared.map(({ written }) => parts.tables.discard(written)));

async function prepareChange(parts: IcebergParts, context: RequestContext, change: Change): Promise<Prepared> {
  const base = await readBase(parts, context, change.name);
  const made = await stageUpdates(parts, base, change);
  const written = await parts.tables.stageMetadata(base.metadata, made.staged.metadata, {
    version: base.version,
    baseLocation: base.location,
  });
  const staged = { ...written, metadataLocation: written.metadataLocation! };
  const swap = { ...made, record: base.record, staged };
  return {
    calls: [swapCall(parts, context, swap)],
    written: staged,
    base,
    metadata: staged.metadata,
    findOut: (failure) => findOut(parts, swap, failure),
  };
}

async function prepareNew(parts: IcebergParts, context: RequestContext, change: Change): Promise<Prepared> {
  const { checked, metadata } = await prepareCreate(parts, context, change.name, change);
  const metadataLocation = await parts.tables.writeMetadata(metadata, 0);
  return {
    calls: newTableCalls(parts, context, checked, { metadataLocation }),
    written: { metadata, snapshotId: '', written: [metadataLocation], metadataLocation, addedManifests: [] },
    metadata,
    async findOut(failure) {
      const record = await readTable(parts, context, change.name).catch((error: unknown) => {
        if (isLochError(error, 'table_not_found', 'database_not_found')) throw failure;
        throw new LochError(
          'commit_state_unknown',
          'Whether the transaction took effect is unknown. Look before you repeat it.',
          {
            cause: error,
          },
        );
      });
      if (record.metadataLocation !== metadataLocation) throw failure;
    },
  };
}
