import type { Snapshot, TableMetadata } from './contract-types.ts';
import { LochError } from '../../core/errors.ts';
import { vectorOf } from './deletion-vector.ts';
import { CONTENT_POSITION_DELETES, ENTRY_ADDED, ENTRY_DELETED, isVector, type ManifestFile } from './manifest.ts';
import { snapshotManifests } from './plan-scan.ts';
import { mapLimited, type TableFiles } from './table-files.ts';
import { currentSnapshot } from './table-metadata.ts';

const PARALLEL_READS = 16;

/**
 * Locations of the files that `snapshot` brings to a table: its manifest list, the manifests the current snapshot does
 * not have, and every file those name. **Cost**: reads the new manifests.
 */
export async function snapshotFiles(
  files: TableFiles,
  base: TableMetadata,
  snapshot: Snapshot,
): Promise<readonly string[]> {
  const current = currentSnapshot(base);
  const known = new Set(
    current === undefined ? [] : (await snapshotManifests(files, current)).map((manifest) => manifest.manifest_path),
  );
  const manifests = await snapshotManifests(files, snapshot);
  if (base['format-version'] >= 3) await assertVersion3(files, snapshot, manifests, known);
  const added = manifests.map((manifest) => manifest.manifest_path).filter((path) => !known.has(path));
  const named = await mapLimited(added, PARALLEL_READS, async (path) =>
    (await files.readManifest(path)).map((entry) => entry.data_file.file_path),
  );
  return [snapshot['manifest-list'], ...added, ...named.flat()];
}

/**
 * What a snapshot of version 3 must keep to: row ids for every data manifest, no new files of deleted positions, one
 * deletion vector for a data file. **Errors**: `invalid_argument` naming the file.
 */
async function assertVersion3(
  files: TableFiles,
  snapshot: Snapshot,
  manifests: readonly ManifestFile[],
  known: ReadonlySet<string>,
): Promise<void> {
  const refuse = (why: string, file: string) =>
    new LochError('invalid_argument', `Snapshot ${snapshot['snapshot-id']} cannot be taken: ${why} (\`${file}\`).`, {
      context: { snapshotId: snapshot['snapshot-id'], file },
    });
  const first = snapshot['first-row-id'] ?? 0;
  const end = first + (snapshot['added-rows'] ?? 0);
  const vectors = new Set<string>();
  for (const manifest of manifests) {
    const path = manifest.manifest_path;
    if ((manifest.content ?? 0) === 0) {
      const from = manifest.first_row_id;
      if (from == null) throw refuse('a data manifest of it has no `first_row_id`', path);
      if (known.has(path)) continue;
      const to = from + (manifest.added_rows_count ?? 0);
      const gives = (manifest.added_rows_count ?? 0) > 0;
      if (gives && (from < first || to > end)) {
        throw refuse(`a manifest gives row ids ${from} to ${to}, the snapshot has ${first} to ${end}`, path);
      }
      continue;
    }
    for (const { status, data_file: file } of await files.readManifest(path)) {
      if (status === ENTRY_DELETED) continue;
      if (isVector(file)) {
        const { dataFile } = vectorOf(file);
        if (vectors.has(dataFile))
          throw refuse(`the data file \`${dataFile}\` has two deletion vectors`, file.file_path);
        vectors.add(dataFile);
      } else if (file.content === CONTENT_POSITION_DELETES && status === ENTRY_ADDED && !known.has(path)) {
        throw refuse('a table of version 3 takes no new files of deleted positions', file.file_path);
      }
    }
  }
}
