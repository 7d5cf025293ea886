/**
 * From a snapshot and predicates to the files to read. Prunes whole manifests by their partition summaries, then files
 * by partition value and by column bounds. Pruning never changes a result.
 * **Source**: Iceberg specification, "Scan Planning".
 */
import { LochError } from '../../core/errors.ts';
import type { IcebergSchema, ScanFile, ScanPlan, ScanRequest, TableMetadata } from './contract-types.ts';
import { DeleteIndex } from './delete-index.ts';
import { ENTRY_DELETED, type FileRecord, type ManifestFile, sequenceOf, withRowIds } from './manifest.ts';
import { bindSpec, formatTuple, type PartitionTuple, tupleValue } from './partition-tuple.ts';
import { fileRange, mayMatch, summaryRange, tupleRange } from './predicates.ts';
import { bindFilter, type BoundFilter, mayHold, projectFilter, type Projection } from './scan-filter.ts';
import { assertSchema } from './schema.ts';
import { mapLimited, type TableFiles } from './table-files.ts';
import { currentSchema, schemaById, selectSnapshot, specById } from './table-metadata.ts';

const PARALLEL_READS = 16;
const NO_DELETES: ScanFile['deletes'] = [];

/** **Errors**: `not_found` for an unknown snapshot; `unsupported` naming a feature; `data_corrupt`. */
export async function planScan(files: TableFiles, metadata: TableMetadata, request: ScanRequest): Promise<ScanPlan> {
  const { snapshot, schema } = scanBase(metadata, request);
  if (snapshot === undefined) return { schema, files: [], totalFiles: 0, bytes: 0 };

  const manifests = await snapshotManifests(files, snapshot);
  const pruners = new PrunerCache(metadata, schema, request);
  const deletes = await loadDeletes(files, pruners, manifests);
  const data = manifests.filter((manifest) => (manifest.content ?? 0) === 0);
  const wanted = data.filter((manifest) => pruners.of(manifest.partition_spec_id).manifestMayMatch(manifest));
  const contents = await mapLimited(wanted, PARALLEL_READS, (manifest) => files.readManifest(manifest.manifest_path));

  const found: ScanFile[] = [];
  let bytes = 0;
  contents.forEach((entries, i) => {
    const manifest = wanted[i]!;
    const pruner = pruners.of(manifest.partition_spec_id);
    for (const entry of withRowIds(entries, manifest)) {
      const file = entry.data_file;
      if (entry.status === ENTRY_DELETED || !pruner.fileMayMatch(file)) continue;
      assertParquet(file);
      const sequence = sequenceOf(entry, manifest);
      const vector = deletes?.vector(file, sequence);
      bytes += file.file_size_in_bytes;
      found.push({
        path: file.file_path,
        specId: manifest.partition_spec_id,
        rows: file.record_count,
        bytes: file.file_size_in_bytes,
        partition: formatTuple(pruner.tuple, file),
        deletes: deletes === undefined ? NO_DELETES : deletes.of(file, pruner.tuple, sequence),
        ...(vector === undefined ? {} : { vector }),
        ...(file.first_row_id == null ? {} : { firstRowId: file.first_row_id }),
        sequenceNumber: sequence,
      });
    }
  });
  return {
    snapshotId: snapshot['snapshot-id'],
    schema,
    files: found,
    totalFiles: await countFiles(files, data),
    bytes,
  };
}

/** The snapshot a scan reads and the schema it is read by. **Errors**: `not_found`, `unsupported`. */
export function scanBase(metadata: TableMetadata, request: ScanRequest) {
  const snapshot = selectSnapshot(metadata, request);
  const past = request.snapshotId !== undefined || request.asOf !== undefined || request.ref !== undefined;
  const schema = (past ? schemaById(metadata, snapshot?.['schema-id']) : undefined) ?? currentSchema(metadata);
  assertSchema(schema);
  return { snapshot, schema };
}

/** The manifests of a snapshot. Version 1 may list them in the metadata itself; such a table is refused by name. */
export async function snapshotManifests(
  files: TableFiles,
  snapshot: { readonly 'manifest-list'?: string; readonly 'snapshot-id': string },
): Promise<readonly ManifestFile[]> {
  const list = snapshot['manifest-list'];
  if (list !== undefined) return files.readManifestList(list);
  throw new LochError(
    'unsupported',
    `Snapshot ${snapshot['snapshot-id']} embeds its manifests in the metadata file (early version 1), which is not supported.`,
    { context: { feature: 'embedded manifests' } },
  );
}

/** The delete files of a snapshot, to be asked for each data file; undefined when there are none. */
export async function loadDeletes(files: TableFiles, pruners: PrunerCache, manifests: readonly ManifestFile[]) {
  const lists = manifests.filter((manifest) => manifest.content === 1);
  if (lists.length === 0) return undefined;
  const index = new DeleteIndex();
  const contents = await mapLimited(lists, PARALLEL_READS, (manifest) => files.readManifest(manifest.manifest_path));
  contents.forEach((entries, i) => {
    const manifest = lists[i]!;
    for (const entry of entries) {
      if (entry.status === ENTRY_DELETED) continue;
      index.add(entry.data_file, pruners.of(manifest.partition_spec_id).tuple, sequenceOf(entry, manifest));
    }
  });
  return index;
}

async function countFiles(files: TableFiles, data: readonly ManifestFile[]): Promise<number> {
  let total = 0;
  for (const manifest of data) {
    const { added_files_count: added, existing_files_count: existing } = manifest;
    if (added != null && existing != null) total += added + existing;
    else {
      const entries = await files.readManifest(manifest.manifest_path);
      total += entries.filter((entry) => entry.status !== ENTRY_DELETED).length;
    }
  }
  return total;
}

/** **Errors**: `unsupported` for data in another format. */
export function assertParquet(file: FileRecord): void {
  if (file.file_format.toUpperCase() === 'PARQUET') return;
  throw new LochError(
    'unsupported',
    `Data file \`${file.file_path}\` is ${file.file_format}; only Parquet data files are supported. Rewrite the table as Parquet.`,
    { context: { file: file.file_path, format: file.file_format } },
  );
}

/** A filter made ready for the manifests and files of one partition spec. */
export class Pruner {
  readonly tuple: PartitionTuple;
  readonly #filter: BoundFilter;
  readonly #projected: Projection;

  constructor(tuple: PartitionTuple, filter: BoundFilter) {
    this.tuple = tuple;
    this.#filter = filter;
    this.#projected = projectFilter(filter, tuple);
  }

  manifestMayMatch(manifest: ManifestFile): boolean {
    if (manifest.added_files_count === 0 && manifest.existing_files_count === 0) return false;
    const summaries = manifest.partitions;
    if (summaries == null) return true;
    return mayHold(this.#filter, (leaf) =>
      this.#projected.get(leaf)!.every(({ index, predicate }) => {
        const summary = summaries[index];
        return summary === undefined || mayMatch(predicate, summaryRange(this.tuple.fields[index]!, summary));
      }),
    );
  }

  fileMayMatch(file: FileRecord): boolean {
    return mayHold(
      this.#filter,
      (leaf) =>
        this.#projected
          .get(leaf)!
          .every(({ index, predicate }) =>
            mayMatch(predicate, tupleRange(tupleValue(this.tuple.fields[index]!, file))),
          ) && mayMatch(leaf, fileRange(leaf, file)),
    );
  }
}

/** The pruners of a scan, one for each partition spec its manifests are of. */
export class PrunerCache {
  readonly #metadata: TableMetadata;
  readonly #filter: BoundFilter;
  readonly #bySpec = new Map<number, Pruner>();

  constructor(metadata: TableMetadata, schema: IcebergSchema, request: ScanRequest) {
    this.#metadata = metadata;
    this.#filter = bindFilter(schema, request);
  }

  of(specId: number): Pruner {
    let pruner = this.#bySpec.get(specId);
    if (pruner === undefined) {
      pruner = new Pruner(bindSpec(this.#metadata, specById(this.#metadata, specId)), this.#filter);
      this.#bySpec.set(specId, pruner);
    }
    return pruner;
  }
}
