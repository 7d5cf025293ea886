import type { Snapshot, TableMetadata } from './contract-types.ts';
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
  const added = (await snapshotManifests(files, snapshot))
    .map((manifest) => manifest.manifest_path)
    .filter((path) => !known.has(path));
  const named = await mapLimited(added, PARALLEL_READS, async (path) =>
    (await files.readManifest(path)).map((entry) => entry.data_file.file_path),
  );
  return [snapshot['manifest-list'], ...added, ...named.flat()];
}
