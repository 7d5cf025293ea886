/**
 * Taking files out of a table.
 *
 * Invariants
 * - A manifest that a change touches is rewritten with its removed files marked deleted; entries marked deleted by
 *   earlier snapshots, and manifests left with nothing else, are dropped.
 */
import { LochError } from '../../core/errors.ts';
import type { TableChange, TableMetadata } from './contract-types.ts';
import { DeleteIndex } from './delete-index.ts';
import {
  CONTENT_DATA,
  CONTENT_POSITION_DELETES,
  ENTRY_DELETED,
  ENTRY_EXISTING,
  type FileRecord,
  isVector,
  type ManifestEntry,
  type ManifestFile,
  sequenceOf,
  withRowIds,
} from './manifest.ts';
import type { ManifestWriter } from './manifest-writer.ts';
import { bindSpec, type PartitionTuple } from './partition-tuple.ts';
import type { SnapshotSummary } from './snapshot-summary.ts';
import { mapLimited, type TableFiles } from './table-files.ts';
import { specById } from './table-metadata.ts';

const PARALLEL_READS = 16;

/**
 * The manifests of the parent snapshot after what `change` takes away.
 * **Errors**: `commit_conflict` when a file the change speaks of is gone, or has lost rows since it was read.
 */
export async function removeFiles(
  files: TableFiles,
  base: TableMetadata,
  change: TableChange,
  existing: readonly ManifestFile[],
  writer: ManifestWriter,
  summary: SnapshotSummary,
): Promise<readonly ManifestFile[]> {
  if (change.kind === 'append') return existing.filter(isLive);
  if (change.kind === 'delta') {
    await assertLive(files, existing, new Set(change.deletes.flatMap((file) => file.dataFile ?? [])));
  }
  const removed = change.kind === 'overwrite' ? undefined : (change.remove ?? []);
  const spent = new Set(change.kind === 'replace' ? change.removeDeletes : []);
  if (removed?.length === 0 && spent.size === 0) return existing.filter(isLive);
  const missing = new Set(removed);
  const newer = change.kind === 'overwrite' ? undefined : await newerDeletes(files, base, basisOf(change), existing);
  const going = new Set(removed);
  const doomed = (file: FileRecord, tuple: PartitionTuple, sequence: number) => {
    if (change.kind === 'overwrite') return true;
    if ((file.content ?? CONTENT_DATA) !== CONTENT_DATA) {
      // A deletion vector speaks of one data file and goes with it.
      return spent.has(file.file_path) || (isVector(file) && going.has(file.referenced_data_file ?? ''));
    }
    if (!missing.delete(file.file_path)) return false;
    const lost = newer?.vector(file, sequence) !== undefined || (newer?.of(file, tuple, sequence) ?? []).length > 0;
    if (lost) throw lostRows(file.file_path);
    return true;
  };
  const contents = await mapLimited(existing, PARALLEL_READS, (m) => files.readManifest(m.manifest_path));
  const kept: ManifestFile[] = [];
  for (const [i, manifest] of existing.entries()) {
    kept.push(...(await removeFrom(base, manifest, contents[i]!, doomed, writer, summary)));
  }
  if (missing.size > 0) throw goneFiles([...missing]);
  return kept;
}

/** What the files that go were read from. */
function basisOf(change: Extract<TableChange, { readonly kind: 'replace' | 'delta' }>) {
  return change.kind === 'replace' ? change : { basedOn: change.validate?.basedOn };
}

/** Delete files that came after the snapshot a replacement was read from: their rows would come back with it. */
async function newerDeletes(
  files: TableFiles,
  base: TableMetadata,
  basis: { readonly basedOn?: string | undefined; readonly sequenceNumber?: number | undefined },
  existing: readonly ManifestFile[],
): Promise<DeleteIndex | undefined> {
  const read = base.snapshots.find((snapshot) => snapshot['snapshot-id'] === basis.basedOn);
  if (read === undefined) return undefined;
  const index = new DeleteIndex();
  for (const manifest of existing) {
    if (manifest.content !== 1 || (manifest.sequence_number ?? 0) <= read['sequence-number']) continue;
    const tuple = bindSpec(base, specById(base, manifest.partition_spec_id));
    for (const entry of await files.readManifest(manifest.manifest_path)) {
      const sequence = sequenceOf(entry, manifest);
      // An equality delete goes on to apply to rows that keep their sequence number.
      const applies = basis.sequenceNumber === undefined || entry.data_file.content === CONTENT_POSITION_DELETES;
      if (entry.status !== ENTRY_DELETED && sequence > read['sequence-number'] && applies) {
        index.add(entry.data_file, tuple, sequence);
      }
    }
  }
  return index;
}

async function assertLive(files: TableFiles, existing: readonly ManifestFile[], wanted: Set<string>): Promise<void> {
  for (const manifest of existing) {
    if (wanted.size === 0) return;
    for (const entry of await files.readManifest(manifest.manifest_path)) {
      if (entry.status !== ENTRY_DELETED) wanted.delete(entry.data_file.file_path);
    }
  }
  if (wanted.size > 0) throw goneFiles([...wanted]);
}

async function removeFrom(
  base: TableMetadata,
  manifest: ManifestFile,
  entries: readonly ManifestEntry[],
  doomed: (file: FileRecord, tuple: PartitionTuple, sequence: number) => boolean,
  writer: ManifestWriter,
  summary: SnapshotSummary,
): Promise<readonly ManifestFile[]> {
  const tuple = bindSpec(base, specById(base, manifest.partition_spec_id));
  let touched = false;
  const rewritten: ManifestEntry[] = [];
  for (const entry of withRowIds(entries, manifest)) {
    if (entry.status === ENTRY_DELETED) continue;
    const gone = doomed(entry.data_file, tuple, sequenceOf(entry, manifest));
    if (gone) {
      touched = true;
      summary.remove(entry.data_file, tuple);
    }
    rewritten.push({
      status: gone ? ENTRY_DELETED : ENTRY_EXISTING,
      snapshot_id: gone ? BigInt(writer.snapshotId) : (entry.snapshot_id ?? manifest.added_snapshot_id),
      sequence_number: sequenceOf(entry, manifest),
      file_sequence_number: entry.file_sequence_number ?? manifest.sequence_number ?? 0,
      data_file: entry.data_file,
    });
  }
  if (!touched) return isLive(manifest) ? [manifest] : [];
  return writer.write(rewritten, {
    specId: manifest.partition_spec_id,
    content: manifest.content === 1 ? 'deletes' : 'data',
  });
}

/** Whether a manifest still names live files; one that only records deletions has served its snapshot. */
function isLive(manifest: ManifestFile): boolean {
  return (manifest.added_files_count ?? 1) > 0 || (manifest.existing_files_count ?? 1) > 0;
}

function goneFiles(paths: readonly string[]): LochError {
  const shown = paths.slice(0, 5);
  return new LochError(
    'commit_conflict',
    `${paths.length} of the files the change speaks of are no longer in the table: ${shown.map((p) => `\`${p}\``).join(', ')}${paths.length > 5 ? ' …' : ''}. Read the table again and repeat the change.`,
    { context: { files: shown, missing: paths.length } },
  );
}

function lostRows(path: string): LochError {
  return new LochError(
    'commit_conflict',
    `Rows of \`${path}\` were deleted after it was read. Read the table again and repeat the change.`,
    { context: { file: path } },
  );
}
