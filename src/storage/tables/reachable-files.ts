import type { ReachableFiles, TableMetadata } from './contract-types.ts';
import { ENTRY_DELETED } from './manifest.ts';
import { snapshotManifests } from './plan-scan.ts';
import { mapLimited, type TableFiles } from './table-files.ts';

const PARALLEL_READS = 16;

/**
 * Every file that `metadata` (read from `location`) leads to: its metadata files, and the data and delete files that
 * are live in any snapshot. **Cost**: reads every manifest once.
 */
export async function reachableFiles(
  files: TableFiles,
  metadata: TableMetadata,
  location: string | undefined,
): Promise<ReachableFiles> {
  const found = new Set(metadata['metadata-log'].map((entry) => entry['metadata-file']));
  if (location !== undefined) found.add(location);
  for (const kind of ['statistics', 'partition-statistics'] as const) {
    for (const entry of (metadata[kind] ?? []) as { readonly 'statistics-path'?: string }[]) {
      if (entry['statistics-path'] !== undefined) found.add(entry['statistics-path']);
    }
  }
  const manifests = new Set<string>();
  for (const snapshot of metadata.snapshots) {
    found.add(snapshot['manifest-list']);
    for (const manifest of await snapshotManifests(files, snapshot)) manifests.add(manifest.manifest_path);
  }
  const data = new Set<string>();
  await mapLimited([...manifests], PARALLEL_READS, async (path) => {
    for (const entry of await files.readManifest(path)) {
      if (entry.status !== ENTRY_DELETED) data.add(entry.data_file.file_path);
    }
  });
  return { metadata: [...found, ...manifests], data: [...data] };
}
