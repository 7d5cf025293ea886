import type { TableMetadata } from './contract-types.ts';
import {
  ENTRY_DELETED,
  ENTRY_EXISTING,
  type ManifestEntry,
  type ManifestFile,
  sequenceOf,
  withRowIds,
} from './manifest.ts';
import type { ManifestWriter } from './manifest-writer.ts';
import { mapLimited, type TableFiles } from './table-files.ts';

const MIN_COUNT = 100;
const TARGET_BYTES = 8 * 1024 * 1024;
const PARALLEL_READS = 16;

/**
 * The manifests with small ones joined, once a spec has `commit.manifest.min-count-to-merge` (100) of them below
 * `commit.manifest.target-size-bytes` (8 MiB). Merged entries keep their snapshot and sequence numbers. `least` stands for
 * that number where somebody asked for it.
 */
export async function mergeManifests(
  files: TableFiles,
  base: TableMetadata,
  manifests: readonly ManifestFile[],
  writer: ManifestWriter,
  least?: number,
): Promise<readonly ManifestFile[]> {
  if (least === undefined && base.properties['commit.manifest-merge.enabled'] === 'false') return manifests;
  const minCount = least ?? setting(base, 'commit.manifest.min-count-to-merge', MIN_COUNT);
  const target = setting(base, 'commit.manifest.target-size-bytes', TARGET_BYTES);
  if (manifests.length < minCount) return manifests;
  const own = new Set(writer.locations);
  const result: ManifestFile[] = [];
  const groups = new Map<string, ManifestFile[]>();
  for (const manifest of manifests) {
    // What this commit has just rewritten records its deletions and must stay as it is.
    if (manifest.manifest_length >= target || own.has(manifest.manifest_path)) result.push(manifest);
    else {
      const key = `${manifest.content ?? 0}/${manifest.partition_spec_id}`;
      groups.set(key, [...(groups.get(key) ?? []), manifest]);
    }
  }
  for (const group of groups.values()) {
    if (group.length < minCount) result.push(...group);
    else for (const bin of bins(group, target)) result.push(...(await mergeBin(files, bin, writer)));
  }
  return result;
}

function setting(base: TableMetadata, name: string, fallback: number): number {
  const value = Number(base.properties[name]);
  return Number.isInteger(value) && value >= 2 ? value : fallback;
}

function bins(group: readonly ManifestFile[], target: number): ManifestFile[][] {
  const result: ManifestFile[][] = [];
  let size = 0;
  for (const manifest of group) {
    if (result.length === 0 || size + manifest.manifest_length > target) {
      result.push([]);
      size = 0;
    }
    result.at(-1)!.push(manifest);
    size += manifest.manifest_length;
  }
  return result;
}

async function mergeBin(
  files: TableFiles,
  bin: readonly ManifestFile[],
  writer: ManifestWriter,
): Promise<readonly ManifestFile[]> {
  const first = bin[0]!;
  if (bin.length === 1) return bin;
  const contents = await mapLimited(bin, PARALLEL_READS, (manifest) => files.readManifest(manifest.manifest_path));
  const entries = bin.flatMap((manifest, i) =>
    withRowIds(contents[i]!, manifest)
      .filter((entry) => entry.status !== ENTRY_DELETED)
      .map(
        (entry): ManifestEntry => ({
          status: ENTRY_EXISTING,
          snapshot_id: entry.snapshot_id ?? manifest.added_snapshot_id,
          sequence_number: sequenceOf(entry, manifest),
          file_sequence_number: entry.file_sequence_number ?? manifest.sequence_number ?? 0,
          data_file: entry.data_file,
        }),
      ),
  );
  return writer.write(entries, { specId: first.partition_spec_id, content: first.content === 1 ? 'deletes' : 'data' });
}
