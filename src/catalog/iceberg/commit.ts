/**
 * A commit to an Iceberg table: stage on the current metadata, swap the pointer, and on a conflict stage again.
 *
 * Invariants
 * - One attempt at a time for each table in this process; other writers are met by retry with jittered waits.
 * - Files of an attempt that certainly did not commit are removed; those of an unknown one are never touched.
 */
import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import type { TableName } from '../../governance/contract.ts';
import type { StagedCommit, TableMetadata } from '../../storage/contract.ts';
import type { CommitOutcome, TableRecord } from '../contract.ts';
import { readTable } from '../databases/access.ts';
import type { CatalogParts } from '../databases/parts.ts';
import type { CommitQueue } from './commit-queue.ts';
import { retryLimits, retryWait } from './retry-wait.ts';
import { isInside } from './table-place.ts';
import { swapPointer } from './swap-pointer.ts';

export interface IcebergParts extends CatalogParts {
  readonly queue: CommitQueue;
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** The state an attempt is staged on. */
export interface CommitBase {
  readonly record: TableRecord;
  readonly metadata: TableMetadata;
  readonly location: string;
  /** Version of the metadata file to be written. */
  readonly version: number;
}

/** What an attempt has made: nothing to do, or files that wait for the swap. */
export interface Attempt {
  readonly staged: StagedCommit;
  readonly operation: string;
  readonly addedRows: number;
}

/** Makes one attempt; `lost` is the one before it, whose files it may use again. Undefined: there is nothing to change. */
export type Stage = (base: CommitBase, lost: StagedCommit | undefined) => Promise<Attempt | undefined>;

/** **Errors**: `commit_conflict` after the last retry, `commit_state_unknown`, and what `stage` throws. */
export function commitChange(
  parts: IcebergParts,
  context: RequestContext,
  name: TableName,
  stage: Stage,
  options: { readonly runId?: string | undefined } = {},
): Promise<CommitOutcome> {
  return parts.queue.run(`${name.database}.${name.table}`, () => attempts(parts, context, name, stage, options));
}

async function attempts(
  parts: IcebergParts,
  context: RequestContext,
  name: TableName,
  stage: Stage,
  options: { readonly runId?: string | undefined },
): Promise<CommitOutcome> {
  const startedAt = parts.clock.now();
  let lost: StagedCommit | undefined;
  for (let attempt = 0; ; attempt++) {
    assertWanted(context, name);
    const base = await readBase(parts, context, name);
    const made = await stageOrDiscard(parts, stage, base, lost);
    if (lost !== undefined) await parts.tables.discard(lost, made?.staged);
    if (made === undefined) return unchanged(base);
    const staged = { ...made.staged, metadataLocation: made.staged.metadataLocation! };
    try {
      // ---- commit point: before it nobody sees the change, after it everybody does ----
      const outcome = await swapPointer(parts, context, { ...made, record: base.record, staged, runId: options.runId });
      if (outcome.repeated) await parts.tables.discard(staged);
      else removeForgotten(parts, base.metadata, staged.metadata);
      return outcome;
    } catch (error) {
      const limits = retryLimits(base.metadata);
      const waited = parts.clock.now() - startedAt;
      if (!isLochError(error, 'commit_conflict') || attempt >= limits.retries || waited > limits.totalMs) {
        if (!isLochError(error, 'commit_state_unknown')) await parts.tables.discard(staged);
        throw error;
      }
      lost = staged;
      await parts.sleep(retryWait(limits, attempt, parts.random), context.signal);
    }
  }
}

/**
 * Metadata files that fell off the log go away, unless the table says to keep them. Nobody waits for it: a crash leaves
 * them to the removal of orphans.
 */
export function removeForgotten(parts: IcebergParts, before: TableMetadata, after: TableMetadata): void {
  if (after.properties['write.metadata.delete-after-commit.enabled'] === 'false') return;
  const kept = new Set(after['metadata-log'].map((entry) => entry['metadata-file']));
  const forgotten = before['metadata-log']
    .map((entry) => entry['metadata-file'])
    .filter((file) => !kept.has(file) && isInside(after.location, file));
  if (forgotten.length > 0) void parts.tables.removeFiles(forgotten);
}

async function stageOrDiscard(
  parts: IcebergParts,
  stage: Stage,
  base: CommitBase,
  lost: StagedCommit | undefined,
): Promise<Attempt | undefined> {
  try {
    return await stage(base, lost);
  } catch (error) {
    if (lost !== undefined) await parts.tables.discard(lost);
    throw error;
  }
}

function assertWanted(context: RequestContext, name: TableName): void {
  if (!context.signal.aborted) return;
  throw new LochError('statement_cancelled', `The commit to \`${name.database}.${name.table}\` was cancelled.`, {
    cause: context.signal.reason,
  });
}

/** What an attempt is staged on. **Errors**: `table_not_found`; `unsupported` for other formats. */
export async function readBase(parts: IcebergParts, context: RequestContext, name: TableName): Promise<CommitBase> {
  const record = await readTable(parts, context, name);
  const location = record.metadataLocation;
  if (location === undefined) {
    throw new LochError(
      'unsupported',
      `\`${name.database}.${name.table}\` is a ${record.format} table, not an Iceberg table; it takes no commits. Create an Iceberg table and copy the rows.`,
      { context: { table: `${name.database}.${name.table}`, format: record.format } },
    );
  }
  const metadata = await parts.tables.readMetadata(location);
  return { record, metadata, location, version: versionOf(location, record) + 1 };
}

/** Metadata files count up by the number their name begins with, whoever wrote them. */
function versionOf(location: string, record: TableRecord): number {
  const match = /\/v?(\d{1,9})(?:-[^/]*)?(?:\.gz)?\.metadata\.json(?:\.gz)?$/.exec(location);
  return match === null ? record.version : Number(match[1]);
}

function unchanged(base: CommitBase): CommitOutcome {
  return {
    snapshotId: base.metadata['current-snapshot-id'] ?? '',
    metadataLocation: base.location,
    version: base.record.version,
    repeated: false,
  };
}
