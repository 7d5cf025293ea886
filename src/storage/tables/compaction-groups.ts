/**
 * Which data files are worth writing again as fewer ones: bin packing within a partition.
 *
 * Invariants
 * - A file is in one group at most; a group's files share spec and partition.
 * - Large files without deletes stay as they are.
 */
import type { CompactionGroup, CompactionOptions, ScanFile, TableMetadata } from './contract-types.ts';
import { planScan } from './plan-scan.ts';
import type { TableFiles } from './table-files.ts';
import { currentSnapshot } from './table-metadata.ts';

const TARGET_BYTES = 512 * 1024 * 1024;
const SMALL_SHARE = 0.75;
const MIN_FILES = 5;
const DELETES = 1;

/** The groups, largest gain first. Empty when there is nothing to gain. */
export async function compactionGroups(
  files: TableFiles,
  metadata: TableMetadata,
  options: CompactionOptions,
): Promise<readonly CompactionGroup[]> {
  const snapshot = currentSnapshot(metadata);
  if (snapshot === undefined) return [];
  const target = options.targetBytes ?? Number(metadata.properties['write.target-file-size-bytes'] ?? TARGET_BYTES);
  const minFiles = options.minFiles ?? MIN_FILES;
  const deleteThreshold = options.deleteFileThreshold ?? DELETES;
  const scan = await planScan(files, metadata, {});
  const byPartition = new Map<string, ScanFile[]>();
  for (const file of scan.files) {
    const worth = file.bytes < target * SMALL_SHARE || file.deletes.length >= deleteThreshold;
    if (!worth) continue;
    const key = JSON.stringify([file.specId, ...Object.entries(file.partition).sort()]);
    const members = byPartition.get(key);
    if (members === undefined) byPartition.set(key, [file]);
    else members.push(file);
  }
  return [...byPartition.values()]
    .flatMap((members) => binsOf(members, target))
    .filter((bin) => bin.length >= minFiles || bin.some((file) => file.deletes.length >= deleteThreshold))
    .map((bin) => ({
      partition: bin[0]!.partition,
      files: bin,
      bytes: bin.reduce((sum, file) => sum + file.bytes, 0),
      basedOn: snapshot['snapshot-id'],
      sequenceNumber: snapshot['sequence-number'],
    }))
    .sort((a, b) => b.files.length - a.files.length);
}

function binsOf(members: readonly ScanFile[], target: number): ScanFile[][] {
  const bins: ScanFile[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const file of [...members].sort((a, b) => a.bytes - b.bytes)) {
    if (size + file.bytes > target) {
      bins.push([]);
      size = 0;
    }
    bins.at(-1)!.push(file);
    size += file.bytes;
  }
  return bins;
}
