/**
 * Where a table's files may lie: under its own location, nowhere else. Manifests name files by full path, so forged ones
 * could make a reader open, or a cleaner remove, the files of other tables.
 */
import { isLochError, LochError } from '../../core/errors.ts';
import type { Snapshot, TableMetadata } from '../../storage/contract.ts';
import type { CatalogParts } from '../databases/parts.ts';
import { folderOf } from '../databases/rows.ts';

const PATH_PROPERTIES = [
  'write.data.path',
  'write.metadata.path',
  'write.object-storage.path',
  'write.folder-storage.path',
];

/** Whether `file` lies under the table's location. */
export function isInside(location: string, file: string): boolean {
  return file.startsWith(`${folderOf(location)}/`) && !file.split('/').includes('..');
}

/** **Errors**: `unsupported` for a table that would move; `invalid_argument` for a property that sends files elsewhere. */
export function assertPlace(base: TableMetadata, metadata: TableMetadata): void {
  if (folderOf(metadata.location) !== folderOf(base.location)) {
    throw new LochError(
      'unsupported',
      `Moving a table is not supported: it is at \`${base.location}\`. Create one at \`${metadata.location}\` and copy the rows.`,
      { context: { location: metadata.location } },
    );
  }
  for (const property of PATH_PROPERTIES) {
    const path = metadata.properties[property];
    if (path === undefined || path === base.properties[property] || isInside(metadata.location, path)) continue;
    throw new LochError(
      'invalid_argument',
      `\`${property}\` must lie under the table's location \`${metadata.location}\`.`,
      { context: { property } },
    );
  }
}

/** Statistics files that `metadata` has and `base` has not. */
function addedStatistics(base: Partial<TableMetadata>, metadata: TableMetadata): readonly string[] {
  const paths = (of: Partial<TableMetadata>) =>
    (['statistics', 'partition-statistics'] as const).flatMap((kind) =>
      ((of[kind] ?? []) as { readonly 'statistics-path'?: string }[]).flatMap(
        (entry) => entry['statistics-path'] ?? [],
      ),
    );
  const known = new Set(paths(base));
  return paths(metadata).filter((path) => !known.has(path));
}

/** Requires that specs taken away are used by no manifest of a snapshot. **Errors**: `invalid_argument`. */
export async function assertSpecsUnused(
  parts: Pick<CatalogParts, 'tables'>,
  base: TableMetadata,
  metadata: TableMetadata,
): Promise<void> {
  const kept = new Set(metadata['partition-specs'].map((spec) => spec['spec-id']));
  const removed = new Set(base['partition-specs'].map((spec) => spec['spec-id']).filter((id) => !kept.has(id)));
  if (removed.size === 0) return;
  for (const snapshot of metadata.snapshots) {
    const request = { snapshotId: snapshot['snapshot-id'] };
    const { rows } = await parts.tables.metadataTable(base, 'manifests', request);
    const user = rows.find((row) => removed.has(Number(row.partition_spec_id)));
    if (user === undefined) continue;
    throw new LochError(
      'invalid_argument',
      `Partition spec ${user.partition_spec_id} cannot be removed: files of snapshot ${snapshot['snapshot-id']} are of it.`,
      { context: { specId: Number(user.partition_spec_id) } },
    );
  }
}

/** Snapshots that `metadata` has and `base` has not. */
export function addedSnapshots(base: Pick<TableMetadata, 'snapshots'>, metadata: TableMetadata): readonly Snapshot[] {
  const known = new Set(base.snapshots.map((snapshot) => snapshot['snapshot-id']));
  return metadata.snapshots.filter((snapshot) => !known.has(snapshot['snapshot-id']));
}

/**
 * Requires that the snapshots `metadata` adds to `base` (to nothing, when undefined) name only files of the table.
 * **Errors**: `invalid_argument` naming the file. **Cost**: reads the manifests they bring.
 */
export async function assertFilesInside(
  parts: Pick<CatalogParts, 'tables'>,
  base: TableMetadata | undefined,
  metadata: TableMetadata,
): Promise<void> {
  const { 'current-snapshot-id': _none, ...withoutCurrent } = metadata;
  const before = base ?? { ...withoutCurrent, snapshots: [] };
  for (const file of addedStatistics(base ?? {}, metadata)) {
    if (!isInside(metadata.location, file)) throw outside(metadata, file);
  }
  for (const snapshot of addedSnapshots(before, metadata)) {
    if (!isInside(metadata.location, snapshot['manifest-list'])) throw outside(metadata, snapshot['manifest-list']);
    for (const file of await broughtFiles(parts, before, snapshot)) {
      if (!isInside(metadata.location, file)) throw outside(metadata, file);
    }
  }
}

/** What a caller's own manifests lead to; that they cannot be read is his doing, not ours. */
async function broughtFiles(
  parts: Pick<CatalogParts, 'tables'>,
  base: TableMetadata,
  snapshot: Snapshot,
): Promise<readonly string[]> {
  try {
    return await parts.tables.snapshotFiles(base, snapshot);
  } catch (error) {
    if (!isLochError(error, 'data_corrupt')) throw error;
    throw new LochError('invalid_argument', `Snapshot ${snapshot['snapshot-id']} cannot be taken: ${error.message}`, {
      context: { snapshotId: snapshot['snapshot-id'] },
      cause: error,
    });
  }
}

function outside(metadata: TableMetadata, file: string): LochError {
  return new LochError(
    'invalid_argument',
    `\`${file}\` lies outside the table's location \`${metadata.location}\` and cannot be part of it.`,
    { context: { file, location: metadata.location } },
  );
}
