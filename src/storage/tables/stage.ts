/**
 * Staging a commit: manifests, manifest list and the new metadata of a change, written but visible to nobody.
 *
 * Invariants
 * - Everything is computed first, then written in one round; a write that fails removes the others.
 *
 * **Source**: Iceberg specification, "Snapshots", "Manifests", "Optimistic Concurrency".
 */
import type { Clock } from '../../core/clock.ts';
import { newId } from '../../core/ids.ts';
import { addFiles } from './add-files.ts';
import type { Snapshot, StagedCommit, StageOptions, TableChange, TableMetadata } from './contract-types.ts';
import { encodeManifestList } from './manifest.ts';
import { ManifestWriter } from './manifest-writer.ts';
import { mergeManifests } from './merge-manifests.ts';
import { formatTableMetadata } from './metadata-file.ts';
import { snapshotManifests } from './plan-scan.ts';
import { removeFiles } from './remove-files.ts';
import { assertChangeFits, assignRowIds } from './row-lineage.ts';
import { SnapshotSummary } from './snapshot-summary.ts';
import type { TableFiles } from './table-files.ts';
import {
  branchSnapshot,
  freshSnapshotId,
  metadataFileLocation,
  nextTimestamp,
  withMetadataLog,
  withSnapshot,
} from './table-metadata.ts';
import { validateDelta } from './validate-delta.ts';

/** **Errors**: `commit_conflict` when a file to be replaced is gone; `invalid_argument`; `unsupported`. */
export async function stageCommit(
  files: TableFiles,
  clock: Clock,
  base: TableMetadata,
  change: TableChange,
  options: StageOptions,
): Promise<StagedCommit> {
  assertWritable(base);
  assertChangeFits(base, change);
  const parent = branchSnapshot(base, options.branch);
  const existing = parent === undefined ? [] : await snapshotManifests(files, parent);
  const snapshotId = options.reuse?.snapshotId ?? freshSnapshotId(base);
  const sequenceNumber = base['last-sequence-number'] + 1;
  const writer = new ManifestWriter(files, base, snapshotId, sequenceNumber);
  const summary = new SnapshotSummary(operationOf(change), parent);

  const added = await addFiles(files, base, change, writer, options.reuse, summary);
  await validateDelta(files, base, change, existing, parent);
  const kept = await removeFiles(files, base, change, existing, writer, summary);
  const every = change.kind === 'replace' && change.mergeManifests === true;
  const merged = await mergeManifests(files, base, kept, writer, every ? 2 : undefined);
  const lineage = assignRowIds(base, [...added, ...merged]);
  const { manifests } = lineage;

  const listLocation = `${base.location}/metadata/snap-${snapshotId}-${sequenceNumber}-${newId()}.avro`;
  const snapshot: Snapshot = {
    'snapshot-id': snapshotId,
    ...(parent === undefined ? {} : { 'parent-snapshot-id': parent['snapshot-id'] }),
    'sequence-number': sequenceNumber,
    'timestamp-ms': nextTimestamp(base, clock.now()),
    'manifest-list': listLocation,
    summary: summary.result(change.summary),
    'schema-id': base['current-schema-id'],
    ...(lineage.first === undefined ? {} : { 'first-row-id': lineage.first, 'added-rows': lineage.rows! }),
  };
  const changed = {
    ...withSnapshot(base, snapshot, options.branch),
    ...(lineage.first === undefined ? {} : { 'next-row-id': lineage.first + lineage.rows! }),
  };
  const metadata = options.baseLocation === undefined ? changed : withMetadataLog(changed, base, options.baseLocation);
  const list = await encodeManifestList(manifests, {
    id: snapshotId,
    parentId: parent?.['snapshot-id'],
    sequenceNumber,
    version: base['format-version'],
    firstRowId: lineage.first,
  });
  const metadataLocation = options.version === undefined ? undefined : metadataFileLocation(base, options.version);
  const written = [...writer.locations, listLocation, ...(metadataLocation === undefined ? [] : [metadataLocation])];
  const durable = writeAll(files, written, [
    writer.flush(),
    files.writeManifestList(listLocation, list, manifests),
    ...(metadataLocation === undefined ? [] : [files.writeMetadata(metadataLocation, metadata)]),
  ]);
  const staged = {
    metadata,
    snapshotId,
    written,
    addedManifests: added.map((manifest) => manifest.manifest_path),
    ...(metadataLocation === undefined ? {} : { metadataLocation }),
  };
  if (options.defer === true) {
    durable.catch(() => {}); // whoever commits awaits it; until then it must not count as unhandled
    return { ...staged, durable };
  }
  await durable;
  return staged;
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
  if (base['format-version'] < 2) formatTableMetadata(base); // throws, naming the version
}

function operationOf(change: TableChange): string {
  if (change.kind === 'replace') return change.operation;
  if (change.kind !== 'delta') return change.kind;
  if (change.files.length === 0) return 'delete';
  return change.deletes.length === 0 && (change.remove ?? []).length === 0 ? 'append' : 'overwrite';
}
