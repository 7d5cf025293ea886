/**
 * A scan as tasks for an engine that plans at the server: files with all their manifests say of them.
 * **Source**: Iceberg specification, "Scan Planning", Appendix C (JSON single values); REST catalog, `FileScanTask`.
 */
import { LochError } from '../../core/errors.ts';
import type { ContentFile, ScanTaskRequest, ScanTasks, Snapshot, TableMetadata } from './contract-types.ts';
import type { DeleteIndex } from './delete-index.ts';
import { jsonValue } from './json-value.ts';
import {
  type ByField,
  CONTENT_EQUALITY_DELETES,
  CONTENT_POSITION_DELETES,
  ENTRY_ADDED,
  ENTRY_DELETED,
  type FileRecord,
  type ManifestEntry,
  type ManifestFile,
  sequenceOf,
  withRowIds,
} from './manifest.ts';
import { type PartitionTuple, tupleValue } from './partition-tuple.ts';
import { assertParquet, loadDeletes, PrunerCache, scanBase, snapshotManifests } from './plan-scan.ts';
import { fieldPlaces, primitiveOf } from './schema.ts';
import { decodeValue } from './single-value.ts';
import { mapLimited, type TableFiles } from './table-files.ts';
import { ancestry } from './table-metadata.ts';

const PARALLEL_READS = 16;

interface Unit {
  readonly manifest: ManifestFile;
  /** Whether an entry of the manifest belongs to the scan. */
  readonly takes: (entry: ManifestEntry) => boolean;
}

/** The data manifests that may hold files of the scan. **Errors**: `not_found`, `invalid_argument`. */
export async function scanManifests(files: TableFiles, metadata: TableMetadata, request: ScanTaskRequest) {
  const { units } = await unitsOf(files, metadata, request);
  return units.map(({ manifest }) => ({
    path: manifest.manifest_path,
    files: (manifest.added_files_count ?? 0) + (manifest.existing_files_count ?? 0),
  }));
}

/** The tasks of a scan, or of some of its manifests. */
export async function scanTasks(
  files: TableFiles,
  metadata: TableMetadata,
  request: ScanTaskRequest,
): Promise<ScanTasks> {
  const { units, pruners, manifests } = await unitsOf(files, metadata, request);
  const chosen = request.manifests === undefined ? undefined : new Set(request.manifests);
  const wanted = units.filter(({ manifest }) => chosen === undefined || chosen.has(manifest.manifest_path));
  const deletes = request.startSnapshotId === undefined ? await loadDeletes(files, pruners, manifests) : undefined;
  const contents = await mapLimited(wanted, PARALLEL_READS, ({ manifest }) =>
    files.readManifest(manifest.manifest_path),
  );
  const describe = describer(metadata, request.statistics ?? new Set());
  const deleteFiles = new DeleteList(describe, deletes);
  const tasks: ScanTasks['tasks'][number][] = [];
  for (const [i, { manifest, takes }] of wanted.entries()) {
    const pruner = pruners.of(manifest.partition_spec_id);
    for (const entry of withRowIds(contents[i]!, manifest)) {
      const file = entry.data_file;
      if (entry.status === ENTRY_DELETED || !takes(entry) || !pruner.fileMayMatch(file)) continue;
      assertParquet(file);
      tasks.push({
        file: describe(file, pruner.tuple),
        deletes: deleteFiles.of(file, pruner.tuple, sequenceOf(entry, manifest)),
      });
    }
  }
  return { deleteFiles: deleteFiles.files, tasks };
}

async function unitsOf(files: TableFiles, metadata: TableMetadata, request: ScanTaskRequest) {
  const { snapshot, schema } = scanBase(metadata, request);
  const pruners = new PrunerCache(metadata, schema, request);
  const manifests = snapshot === undefined ? [] : await snapshotManifests(files, snapshot);
  const all =
    request.startSnapshotId === undefined
      ? manifests.map((manifest): Unit => ({ manifest, takes: () => true }))
      : await appended(files, metadata, snapshot, request.startSnapshotId);
  const units = all.filter(
    ({ manifest }) =>
      (manifest.content ?? 0) === 0 && pruners.of(manifest.partition_spec_id).manifestMayMatch(manifest),
  );
  return { units, pruners, manifests };
}

/** What append commits after `start` (exclusive) added, each by the manifests it wrote itself. */
async function appended(
  files: TableFiles,
  metadata: TableMetadata,
  end: Snapshot | undefined,
  start: string,
): Promise<readonly Unit[]> {
  const line = ancestry(metadata, end?.['snapshot-id']);
  const at = line.findIndex((snapshot) => snapshot['snapshot-id'] === start);
  if (at < 0) {
    throw new LochError(
      'invalid_argument',
      `Snapshot ${start} is not an ancestor of ${end?.['snapshot-id'] ?? 'the table, which is empty'}, or has been expired.`,
      { context: { snapshotId: start } },
    );
  }
  const units: Unit[] = [];
  for (const snapshot of line.slice(0, at).reverse()) {
    if (snapshot.summary.operation !== 'append') continue;
    const id = snapshot['snapshot-id'];
    for (const manifest of await snapshotManifests(files, snapshot)) {
      if (String(manifest.added_snapshot_id) !== id) continue;
      units.push({
        manifest,
        takes: (entry) => entry.status === ENTRY_ADDED && String(entry.snapshot_id ?? id) === id,
      });
    }
  }
  return units;
}

/** Delete files in the order in which tasks first name them. */
class DeleteList {
  readonly files: ContentFile[] = [];
  readonly #places = new Map<string, number>();
  readonly #describe: (file: FileRecord, tuple: PartitionTuple) => ContentFile;
  readonly #index: DeleteIndex | undefined;

  constructor(describe: (file: FileRecord, tuple: PartitionTuple) => ContentFile, index: DeleteIndex | undefined) {
    this.#describe = describe;
    this.#index = index;
  }

  of(file: FileRecord, tuple: PartitionTuple, sequence: number): readonly number[] {
    if (this.#index === undefined) return [];
    return this.#index.records(file, tuple, sequence).map(({ record, tuple: own }) => {
      const key = `${record.file_path} ${record.content_offset ?? ''}`; // one Puffin file holds vectors of several
      const known = this.#places.get(key);
      if (known !== undefined) return known;
      this.files.push(this.#describe(record, own));
      this.#places.set(key, this.files.length - 1);
      return this.files.length - 1;
    });
  }
}

/** Manifest records as content files; bounds only of the fields in `statistics`. */
export function describer(
  metadata: TableMetadata,
  statistics: ReadonlySet<number>,
): (file: FileRecord, tuple: PartitionTuple) => ContentFile {
  const types = new Map(
    metadata.schemas.flatMap((schema) =>
      fieldPlaces(schema).flatMap(({ id, type }) =>
        typeof type === 'string' ? [[id, primitiveOf(type)!] as const] : [],
      ),
    ),
  );
  const counts = (pairs: ByField<number> | undefined) =>
    (pairs ?? []).filter(({ key }) => statistics.has(key)).map(({ key, value }) => [key, value] as const);
  const bounds = (pairs: ByField<Uint8Array> | undefined) =>
    (pairs ?? []).flatMap(({ key, value }) => {
      const type = statistics.has(key) ? types.get(key) : undefined;
      const decoded = type === undefined ? undefined : decodeValue(type, value);
      return type === undefined || decoded === undefined ? [] : [[key, jsonValue(type, decoded)] as const];
    });
  return (file, tuple) => ({
    content: contentOf(file),
    path: file.file_path,
    format: file.file_format.toLowerCase(),
    specId: tuple.specId,
    partition: tuple.fields.map((field) => {
      const value = tupleValue(field, file);
      return value === null ? null : jsonValue(field.type, value);
    }),
    rows: file.record_count,
    bytes: file.file_size_in_bytes,
    ...(statistics.size === 0
      ? {}
      : {
          columnBytes: counts(file.column_sizes),
          valueCounts: counts(file.value_counts),
          nullCounts: counts(file.null_value_counts),
          nanCounts: counts(file.nan_value_counts),
          lower: bounds(file.lower_bounds),
          upper: bounds(file.upper_bounds),
        }),
    ...(file.split_offsets == null ? {} : { splitOffsets: file.split_offsets }),
    ...(file.sort_order_id == null ? {} : { sortOrderId: file.sort_order_id }),
    ...(file.equality_ids == null ? {} : { equalityIds: file.equality_ids }),
    ...(file.referenced_data_file == null ? {} : { referencedDataFile: file.referenced_data_file }),
    ...(file.first_row_id == null ? {} : { firstRowId: file.first_row_id }),
    ...(file.content_offset == null ? {} : { contentOffset: file.content_offset }),
    ...(file.content_size_in_bytes == null ? {} : { contentBytes: file.content_size_in_bytes }),
  });
}

function contentOf(file: FileRecord): ContentFile['content'] {
  if (file.content === CONTENT_POSITION_DELETES) return 'position-deletes';
  return file.content === CONTENT_EQUALITY_DELETES ? 'equality-deletes' : 'data';
}
