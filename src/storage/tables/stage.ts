/**
 * Staging a commit: manifests, manifest list and the new metadata of a change, written but visible to nobody.
 *
 * Invariants
 * - Everything is computed first, then written in one round; a write that fails removes the others.
 * - Files of the change go into manifests of their own, which inherit sequence numbers and survive a retry.
 * - A manifest that a change touches is rewritten with its removed files marked deleted; entries marked deleted by
 *   earlier snapshots, and manifests left with nothing else, are dropped.
 *
 * **Source**: Iceberg specification, "Snapshots", "Manifests", "Optimistic Concurrency".
 */
import type { Clock } from '../../core/clock.ts';
import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { DataFile, Snapshot, StagedCommit, StageOptions, TableChange, TableMetadata } from './contract-types.ts';
import { fileRecord } from './file-record.ts';
import {
  ENTRY_ADDED,
  ENTRY_DELETED,
  ENTRY_EXISTING,
  encodeManifestList,
  type FileRecord,
  type ManifestEntry,
  type ManifestFile,
  sequenceOf,
} from './manifest.ts';
import { ManifestWriter } from './manifest-writer.ts';
import { mergeManifests } from './merge-manifests.ts';
import { formatTableMetadata } from './metadata-file.ts';
import { bindSpec } from './partition-tuple.ts';
import { snapshotManifests } from './plan-scan.ts';
import { SnapshotSummary } from './snapshot-summary.ts';
import { mapLimited, type TableFiles } from './table-files.ts';
import {
  currentSchema,
  currentSnapshot,
  freshSnapshotId,
  metadataFileLocation,
  nextTimestamp,
  specById,
  withMetadataLog,
  withSnapshot,
} from './table-metadata.ts';

const PARALLEL_READS = 16;

/** **Errors**: `commit_conflict` when a file to be replaced is gone; `invalid_argument`; `unsupported`. */
export async function stageCommit(
  files: TableFiles,
  clock: Clock,
  base: TableMetadata,
  change: TableChange,
  options: StageOptions,
): Promise<StagedCommit> {
  assertWritable(base);
  assertDistinct(change.files);
  const parent = currentSnapshot(base);
  const existing = parent === undefined ? [] : await snapshotManifests(files, parent);
  const snapshotId = options.reuse?.snapshotId ?? freshSnapshotId(base);
  const sequenceNumber = base['last-sequence-number'] + 1;
  const writer = new ManifestWriter(files, base, snapshotId, sequenceNumber);
  const summary = new SnapshotSummary(operationOf(change), parent);

  const added = await addFiles(files, base, change.files, writer, options.reuse, summary);
  const kept = await removeFiles(files, base, change, existing, writer, summary);
  const merged = await mergeManifests(files, base, kept, writer);
  const manifests = [...added, ...merged];

  const listLocation = `${base.location}/metadata/snap-${snapshotId}-${sequenceNumber}-${newId()}.avro`;
  const snapshot: Snapshot = {
    'snapshot-id': snapshotId,
    ...(parent === undefined ? {} : { 'parent-snapshot-id': parent['snapshot-id'] }),
    'sequence-number': sequenceNumber,
    'timestamp-ms': nextTimestamp(base, clock.now()),
    'manifest-list': listLocation,
    summary: summary.result(change.summary),
    'schema-id': base['current-schema-id'],
  };
  const changed = withSnapshot(base, snapshot);
  const metadata = options.baseLocation === undefined ? changed : withMetadataLog(changed, base, options.baseLocation);
  const list = await encodeManifestList(manifests, {
    id: snapshotId,
    parentId: parent?.['snapshot-id'],
    sequenceNumber,
  });
  const metadataLocation = options.version === undefined ? undefined : metadataFileLocation(base, options.version);
  const written = [...writer.locations, listLocation, ...(metadataLocation === undefined ? [] : [metadataLocation])];
  await writeAll(files, written, [
    writer.flush(),
    files.writeManifestList(listLocation, list, manifests),
    ...(metadataLocation === undefined ? [] : [files.writeMetadata(metadataLocation, metadata)]),
  ]);
  return {
    metadata,
    snapshotId,
    written,
    addedManifests: added.map((manifest) => manifest.manifest_path),
    ...(metadataLocation === undefined ? {} : { metadataLocation }),
  };
}

async function writeAll(
  files: TableFiles,
  written: readonly string[],
  writes: readonly Promise<void>[],
): Promise<void> {
  const outcomes = await Promise.allSettled(writes);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed === undefined) return;
  await files.discard(written);
  throw failed.reason;
}

function assertWritable(base: TableMetadata): void {
  if (base['format-version'] !== 2) formatTableMetadata(base); // throws, naming the version
}

function assertDistinct(added: readonly DataFile[]): void {
  const seen = new Set<string>();
  for (const { path } of added) {
    if (seen.has(path)) {
      throw new LochError('invalid_argument', `Data file \`${path}\` is added twice in one commit. Name it once.`, {
        context: { file: path },
      });
    }
    seen.add(path);
  }
}

function operationOf(change: TableChange): string {
  return change.kind === 'replace' ? change.operation : change.kind;
}

async function addFiles(
  files: TableFiles,
  base: TableMetadata,
  added: readonly DataFile[],
  writer: ManifestWriter,
  reuse: StagedCommit | undefined,
  summary: SnapshotSummary,
): Promise<readonly ManifestFile[]> {
  if (reuse !== undefined) return reuseManifests(files, base, reuse, writer, summary);
  if (added.length === 0) return [];
  const spec = specById(base, base['default-spec-id']);
  const tuple = bindSpec(base, spec);
  const schema = currentSchema(base);
  const entries = added.map((file): ManifestEntry => {
    const record = fileRecord(schema, tuple, file);
    summary.add(record, tuple);
    return { status: ENTRY_ADDED, snapshot_id: BigInt(writer.snapshotId), data_file: record };
  });
  return writer.write(entries, { specId: spec['spec-id'], content: 'data' });
}

/** The manifests of the lost attempt's own files, to be listed under the new sequence number. */
async function reuseManifests(
  files: TableFiles,
  base: TableMetadata,
  reuse: StagedCommit,
  writer: ManifestWriter,
  summary: SnapshotSummary,
): Promise<readonly ManifestFile[]> {
  const lost = reuse.metadata.snapshots.find((snapshot) => snapshot['snapshot-id'] === reuse.snapshotId)!;
  const own = new Set(reuse.addedManifests);
  const listed = (await files.readManifestList(lost['manifest-list'])).filter((m) => own.has(m.manifest_path));
  for (const manifest of listed) {
    const tuple = bindSpec(base, specById(base, manifest.partition_spec_id));
    for (const entry of await files.readManifest(manifest.manifest_path)) summary.add(entry.data_file, tuple);
  }
  return listed.map((manifest) => writer.renumbered(manifest));
}

async function removeFiles(
  files: TableFiles,
  base: TableMetadata,
  change: TableChange,
  existing: readonly ManifestFile[],
  writer: ManifestWriter,
  summary: SnapshotSummary,
): Promise<readonly ManifestFile[]> {
  if (change.kind === 'append') return existing.filter(isLive);
  const missing = new Set(change.kind === 'replace' ? change.remove : []);
  const doomed =
    change.kind === 'overwrite'
      ? () => true
      : (file: FileRecord) => (file.content ?? 0) === 0 && missing.delete(file.file_path);
  if (change.kind === 'replace' && missing.size === 0) return existing.filter(isLive);
  const contents = await mapLimited(existing, PARALLEL_READS, (m) => files.readManifest(m.manifest_path));
  const kept: ManifestFile[] = [];
  for (const [i, manifest] of existing.entries()) {
    kept.push(...(await removeFrom(base, manifest, contents[i]!, doomed, writer, summary)));
  }
  if (missing.size > 0) throw goneFiles([...missing]);
  return kept;
}

async function removeFrom(
  base: TableMetadata,
  manifest: ManifestFile,
  entries: readonly ManifestEntry[],
  doomed: (file: FileRecord) => boolean,
  writer: ManifestWriter,
  summary: SnapshotSummary,
): Promise<readonly ManifestFile[]> {
  const tuple = bindSpec(base, specById(base, manifest.partition_spec_id));
  let touched = false;
  const rewritten: ManifestEntry[] = [];
  for (const entry of entries) {
    if (entry.status === ENTRY_DELETED) continue;
    const gone = doomed(entry.data_file);
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
    `${paths.length} of the files to be replaced are no longer in the table: ${shown.map((p) => `\`${p}\``).join(', ')}${paths.length > 5 ? ' …' : ''}. Read the table again and repeat the change.`,
    { context: { files: shown, missing: paths.length } },
  );
}
