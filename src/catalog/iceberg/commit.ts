/** A commit to an Iceberg table: what it is staged on, what an attempt makes, and how it joins those that wait. */
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { TableName } from '../../governance/contract.ts';
import type { StagedCommit, TableMetadata } from '../../storage/contract.ts';
import type { TableRecord } from '../contract.ts';
import { readTable } from '../databases/access.ts';
import type { CatalogParts } from '../databases/parts.ts';
import type { CommitQueue } from './commit-queue.ts';
import { isInside } from './table-place.ts';

export interface IcebergParts extends CatalogParts {
  readonly queue: CommitQueue<WaitingChange>;
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** A change that waits for its turn. */
export interface WaitingChange {
  readonly context: RequestContext;
  readonly stage: Stage;
  readonly runId: string | undefined;
}

/** The state an attempt is staged on. */
export interface CommitBase {
  readonly record: TableRecord;
  readonly metadata: TableMetadata;
  readonly location: string;
  /** Version of the metadata file to be written. */
  readonly version: number;
}

/** What an attempt has made: manifests on their way to the disk, metadata that is not written yet. */
export interface Attempt {
  readonly staged: StagedCommit;
  readonly operation: string;
  readonly addedRows: number;
}

/** Makes one attempt; `lost` is the one before it, whose files it may use again. Undefined: there is nothing to change. */
export type Stage = (base: CommitBase, lost: StagedCommit | undefined) => Promise<Attempt | undefined>;

/** A change of metadata alone, staged. */
export function unwritten(metadata: TableMetadata): StagedCommit {
  return { metadata, snapshotId: metadata['current-snapshot-id'] ?? '', written: [], addedManifests: [] };
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
