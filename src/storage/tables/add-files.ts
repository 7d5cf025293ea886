/**
 * Files of a change go into manifests of their own, which inherit sequence numbers and so survive a retry.
 * **Source**: Iceberg specification, "Sequence Number Inheritance".
 */
import { LochError } from '../../core/errors.ts';
import type { DeleteFile, StagedCommit, TableChange, TableMetadata } from './contract-types.ts';
import { deleteRecord, fileRecord } from './file-record.ts';
import { ENTRY_ADDED, type FileRecord, type ManifestEntry, type ManifestFile } from './manifest.ts';
import type { ManifestWriter } from './manifest-writer.ts';
import { bindSpec } from './partition-tuple.ts';
import type { SnapshotSummary } from './snapshot-summary.ts';
import type { TableFiles } from './table-files.ts';
import { snapshotManifests } from './plan-scan.ts';
import { currentSchema, selectSnapshot, specById } from './table-metadata.ts';

/**
 * The manifests of the files that `change` adds: data and delete files apart, or those of the attempt that was lost.
 * **Errors**: `invalid_argument` naming the file.
 */
export async function addFiles(
  files: TableFiles,
  base: TableMetadata,
  change: TableChange,
  writer: ManifestWriter,
  reuse: StagedCommit | undefined,
  summary: SnapshotSummary,
): Promise<readonly ManifestFile[]> {
  if (reuse !== undefined) return reuseManifests(files, base, reuse, writer, summary);
  assertDistinct([...change.files, ...deletesOf(change)]);
  const spec = specById(base, base['default-spec-id']);
  const tuple = bindSpec(base, spec);
  const schema = currentSchema(base);
  const sequence = change.kind === 'replace' ? change.sequenceNumber : undefined;
  const entryOf = (record: FileRecord): ManifestEntry => {
    summary.add(record, tuple);
    return {
      status: ENTRY_ADDED,
      snapshot_id: BigInt(writer.snapshotId),
      ...(sequence === undefined ? {} : { sequence_number: sequence }),
      data_file: record,
    };
  };
  const data = change.files.map((file) => entryOf(fileRecord(schema, tuple, file)));
  const deletes = deletesOf(change).map((file) => entryOf(deleteRecord(schema, tuple, file)));
  return [
    ...(await pickedManifests(files, base, change, writer, summary)),
    ...(await writer.write(data, { specId: spec['spec-id'], content: 'data' })),
    ...(await writer.write(deletes, { specId: spec['spec-id'], content: 'deletes' })),
  ];
}

/**
 * Manifests of the files that the picked snapshot appended. They get this commit's sequence number and row ids.
 * **Errors**: `not_found`; `invalid_argument` for a snapshot that did more than append.
 */
async function pickedManifests(
  files: TableFiles,
  base: TableMetadata,
  change: TableChange,
  writer: ManifestWriter,
  summary: SnapshotSummary,
): Promise<readonly ManifestFile[]> {
  if (change.kind !== 'append' || change.pick === undefined) return [];
  const id = change.pick;
  const snapshot = selectSnapshot(base, { snapshotId: id })!;
  if (snapshot.summary.operation !== 'append') {
    throw new LochError(
      'invalid_argument',
      `Snapshot ${id} is of the operation \`${snapshot.summary.operation}\`; only an append can be picked onto other rows. Fast-forward to it, or repeat its statement.`,
      { context: { snapshotId: id } },
    );
  }
  const manifests: ManifestFile[] = [];
  for (const manifest of await snapshotManifests(files, snapshot)) {
    if (String(manifest.added_snapshot_id) !== id || manifest.content === 1) continue;
    const tuple = bindSpec(base, specById(base, manifest.partition_spec_id));
    const entries = (await files.readManifest(manifest.manifest_path)).flatMap((entry): ManifestEntry[] => {
      if (entry.status !== ENTRY_ADDED || String(entry.snapshot_id ?? id) !== id) return [];
      summary.add(entry.data_file, tuple);
      const { first_row_id: _own, ...record } = entry.data_file;
      return [{ status: ENTRY_ADDED, snapshot_id: BigInt(writer.snapshotId), data_file: record }];
    });
    manifests.push(...(await writer.write(entries, { specId: manifest.partition_spec_id, content: 'data' })));
  }
  return manifests;
}

function deletesOf(change: TableChange): readonly DeleteFile[] {
  return change.kind === 'delta' ? change.deletes : [];
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

function assertDistinct(added: readonly { readonly path: string }[]): void {
  const seen = new Set<string>();
  for (const { path } of added) {
    if (seen.has(path)) {
      throw new LochError('invalid_argument', `File \`${path}\` is added twice in one commit. Name it once.`, {
        context: { file: path },
      });
    }
    seen.add(path);
  }
}
