/**
 * The metadata of a table as rows, under the columns Athena and Trino give them.
 * **Source**: Iceberg documentation, "Inspecting tables"; Athena User Guide, "Querying Iceberg table metadata".
 */
import type { ContentFile, MetadataTable, MetadataTableName, ScanRequest, TableMetadata } from './contract-types.ts';
import { ENTRY_DELETED, type FileRecord, type ManifestFile, sequenceOf } from './manifest.ts';
import { bindSpec, formatTuple, type PartitionTuple, tupleKey } from './partition-tuple.ts';
import { snapshotManifests } from './plan-scan.ts';
import { describer } from './scan-tasks.ts';
import { fieldPlaces } from './schema.ts';
import { mapLimited, type TableFiles } from './table-files.ts';
import { ancestry, selectSnapshot, specById } from './table-metadata.ts';

type Row = MetadataTable['rows'][number];
type Column = MetadataTable['columns'][number];
type Rows = (
  files: TableFiles,
  metadata: TableMetadata,
  request: ScanRequest,
) => Promise<readonly Row[]> | readonly Row[];

const PARALLEL_READS = 16;

const columns = (text: string): readonly Column[] =>
  text.split(' ').map((pair) => {
    const [name, type = 'v'] = pair.split(':') as [string, string?];
    const types = { v: 'VARCHAR', n: 'BIGINT', b: 'BOOLEAN', t: 'TIMESTAMPTZ' } as const;
    return { name, type: types[type as keyof typeof types] };
  });

const FILE_COLUMNS =
  'content:n file_path file_format spec_id:n partition record_count:n file_size_in_bytes:n column_sizes value_counts null_value_counts nan_value_counts lower_bounds upper_bounds key_metadata split_offsets equality_ids sort_order_id:n';

const MANIFEST_COLUMNS =
  'path length:n partition_spec_id:n added_snapshot_id:n added_data_files_count:n added_rows_count:n existing_data_files_count:n existing_rows_count:n deleted_data_files_count:n deleted_rows_count:n content:n sequence_number:n min_sequence_number:n';

const TABLES: Readonly<Record<MetadataTableName, { readonly columns: readonly Column[]; readonly rows: Rows }>> = {
  snapshots: {
    columns: columns('committed_at:t snapshot_id:n parent_id:n operation manifest_list summary'),
    rows: (_files, metadata) =>
      metadata.snapshots.map((snapshot) => ({
        committed_at: iso(snapshot['timestamp-ms']),
        snapshot_id: snapshot['snapshot-id'],
        parent_id: snapshot['parent-snapshot-id'] ?? null,
        operation: snapshot.summary.operation ?? null,
        manifest_list: snapshot['manifest-list'] ?? null,
        summary: json(snapshot.summary),
      })),
  },
  history: {
    columns: columns('made_current_at:t snapshot_id:n parent_id:n is_current_ancestor:b'),
    rows: (_files, metadata) => {
      const line = new Set(ancestry(metadata, metadata['current-snapshot-id']).map((known) => known['snapshot-id']));
      const byId = new Map(metadata.snapshots.map((snapshot) => [snapshot['snapshot-id'], snapshot]));
      return metadata['snapshot-log'].map((entry) => ({
        made_current_at: iso(entry['timestamp-ms']),
        snapshot_id: entry['snapshot-id'],
        parent_id: byId.get(entry['snapshot-id'])?.['parent-snapshot-id'] ?? null,
        is_current_ancestor: line.has(entry['snapshot-id']),
      }));
    },
  },
  refs: {
    columns: columns(
      'name type snapshot_id:n max_reference_age_in_ms:n min_snapshots_to_keep:n max_snapshot_age_in_ms:n',
    ),
    rows: (_files, metadata) =>
      Object.entries(metadata.refs).map(([name, ref]) => ({
        name,
        type: ref.type.toUpperCase(),
        snapshot_id: ref['snapshot-id'],
        max_reference_age_in_ms: numberOf(ref, 'max-ref-age-ms'),
        min_snapshots_to_keep: numberOf(ref, 'min-snapshots-to-keep'),
        max_snapshot_age_in_ms: numberOf(ref, 'max-snapshot-age-ms'),
      })),
  },
  properties: {
    columns: columns('key value'),
    rows: (_files, metadata) => Object.entries(metadata.properties).map(([key, value]) => ({ key, value })),
  },
  metadata_log_entries: {
    columns: columns('timestamp:t file'),
    rows: (_files, metadata) =>
      metadata['metadata-log'].map((entry) => ({
        timestamp: iso(entry['timestamp-ms']),
        file: entry['metadata-file'],
      })),
  },
  manifests: {
    columns: columns(MANIFEST_COLUMNS),
    rows: async (files, metadata, request) => (await manifestsOf(files, metadata, request)).map(manifestRow),
  },
  all_manifests: {
    columns: columns(`${MANIFEST_COLUMNS} reference_snapshot_id:n`),
    rows: async (files, metadata) =>
      (await everySnapshot(files, metadata)).flatMap(({ snapshotId, manifests }) =>
        manifests.map((manifest) => ({ ...manifestRow(manifest), reference_snapshot_id: snapshotId })),
      ),
  },
  files: filesTable(entriesOf, () => true),
  data_files: filesTable(entriesOf, isData),
  delete_files: filesTable(entriesOf, (file) => !isData(file)),
  all_files: filesTable(allEntries, () => true),
  all_data_files: filesTable(allEntries, isData),
  all_delete_files: filesTable(allEntries, (file) => !isData(file)),
  partitions: {
    columns: columns(
      'partition spec_id:n record_count:n file_count:n total_size:n position_delete_record_count:n equality_delete_record_count:n',
    ),
    rows: partitionRows,
  },
  entries: entriesTable(entriesOf),
  all_entries: entriesTable(allEntries),
};

/** The rows of one metadata table. **Errors**: `not_found` for an unknown snapshot. */
export async function metadataTable(
  files: TableFiles,
  metadata: TableMetadata,
  name: MetadataTableName,
  request: ScanRequest,
): Promise<MetadataTable> {
  const table = TABLES[name];
  return { columns: table.columns, rows: await table.rows(files, metadata, request) };
}

type Entries = (files: TableFiles, metadata: TableMetadata, request: ScanRequest) => Promise<Entry[]>;

/** Files that are live where `entries` says, each once. */
function filesTable(entries: Entries, wanted: (file: FileRecord) => boolean) {
  return {
    columns: columns(FILE_COLUMNS),
    rows: async (files: TableFiles, metadata: TableMetadata, request: ScanRequest) => {
      const describe = describer(metadata, everyField(metadata));
      const live = new Map<string, Entry>();
      for (const entry of await entries(files, metadata, request)) {
        if (entry.status !== ENTRY_DELETED && wanted(entry.file)) live.set(entry.file.file_path, entry);
      }
      return [...live.values()].map(({ file, tuple }) => fileRow(describe(file, tuple), file, tuple));
    },
  };
}

function entriesTable(entries: Entries) {
  return {
    columns: columns('status:n snapshot_id:n sequence_number:n file_sequence_number:n file_path data_file'),
    rows: async (files: TableFiles, metadata: TableMetadata, request: ScanRequest) => {
      const describe = describer(metadata, everyField(metadata));
      return (await entries(files, metadata, request)).map((entry) => ({
        status: entry.status,
        snapshot_id: entry.snapshotId,
        sequence_number: entry.sequence,
        file_sequence_number: entry.fileSequence,
        file_path: entry.file.file_path,
        data_file: json(fileRow(describe(entry.file, entry.tuple), entry.file, entry.tuple)),
      }));
    },
  };
}

function isData(file: FileRecord): boolean {
  return (file.content ?? 0) === 0;
}

function manifestRow(manifest: ManifestFile) {
  return {
    path: manifest.manifest_path,
    length: manifest.manifest_length,
    partition_spec_id: manifest.partition_spec_id,
    added_snapshot_id: String(manifest.added_snapshot_id),
    added_data_files_count: manifest.added_files_count ?? null,
    added_rows_count: manifest.added_rows_count ?? null,
    existing_data_files_count: manifest.existing_files_count ?? null,
    existing_rows_count: manifest.existing_rows_count ?? null,
    deleted_data_files_count: manifest.deleted_files_count ?? null,
    deleted_rows_count: manifest.deleted_rows_count ?? null,
    content: manifest.content ?? 0,
    sequence_number: manifest.sequence_number ?? 0,
    min_sequence_number: manifest.min_sequence_number ?? 0,
  };
}

/** The manifests of every snapshot that is kept. */
async function everySnapshot(files: TableFiles, metadata: TableMetadata) {
  return mapLimited(metadata.snapshots, PARALLEL_READS, async (snapshot) => ({
    snapshotId: snapshot['snapshot-id'],
    manifests: await snapshotManifests(files, snapshot),
  }));
}

/** Entries of the manifests of every snapshot, those that snapshots share once. */
async function allEntries(files: TableFiles, metadata: TableMetadata): Promise<Entry[]> {
  const snapshots = await everySnapshot(files, metadata);
  const manifests = new Map(
    snapshots.flatMap((one) => one.manifests.map((manifest) => [manifest.manifest_path, manifest])),
  );
  return entriesIn(files, metadata, [...manifests.values()]);
}

const iso = (ms: number): string => new Date(ms).toISOString();
const json = (value: unknown): string => JSON.stringify(value);

function numberOf(ref: object, name: string): number | null {
  const value = (ref as Readonly<Record<string, unknown>>)[name];
  return value === undefined || value === null ? null : Number(value);
}

const everyField = (metadata: TableMetadata): ReadonlySet<number> =>
  new Set(metadata.schemas.flatMap((schema) => fieldPlaces(schema).map((place) => place.id)));

async function manifestsOf(files: TableFiles, metadata: TableMetadata, request: ScanRequest) {
  const snapshot = selectSnapshot(metadata, request);
  return snapshot === undefined ? [] : snapshotManifests(files, snapshot);
}

interface Entry {
  readonly status: number;
  readonly snapshotId: string;
  readonly sequence: number;
  readonly fileSequence: number;
  readonly file: FileRecord;
  readonly tuple: PartitionTuple;
}

async function entriesOf(files: TableFiles, metadata: TableMetadata, request: ScanRequest): Promise<Entry[]> {
  return entriesIn(files, metadata, await manifestsOf(files, metadata, request));
}

async function entriesIn(
  files: TableFiles,
  metadata: TableMetadata,
  manifests: readonly ManifestFile[],
): Promise<Entry[]> {
  const contents = await mapLimited(manifests, PARALLEL_READS, (manifest) =>
    files.readManifest(manifest.manifest_path),
  );
  return manifests.flatMap((manifest: ManifestFile, i) => {
    const tuple = bindSpec(metadata, specById(metadata, manifest.partition_spec_id));
    return contents[i]!.map((entry) => ({
      status: entry.status,
      snapshotId: String(entry.snapshot_id ?? manifest.added_snapshot_id),
      sequence: sequenceOf(entry, manifest),
      fileSequence: entry.file_sequence_number ?? manifest.sequence_number ?? 0,
      file: entry.data_file,
      tuple,
    }));
  });
}

function fileRow(described: ContentFile, file: FileRecord, tuple: PartitionTuple): Row {
  const map = (pairs: ContentFile['valueCounts'] | ContentFile['lower']) => json(Object.fromEntries(pairs ?? []));
  return {
    content: file.content ?? 0,
    file_path: file.file_path,
    file_format: file.file_format,
    spec_id: tuple.specId,
    partition: json(formatTuple(tuple, file)),
    record_count: file.record_count,
    file_size_in_bytes: file.file_size_in_bytes,
    column_sizes: map(described.columnBytes),
    value_counts: map(described.valueCounts),
    null_value_counts: map(described.nullCounts),
    nan_value_counts: map(described.nanCounts),
    lower_bounds: map(described.lower),
    upper_bounds: map(described.upper),
    key_metadata: file.key_metadata == null ? null : Buffer.from(file.key_metadata).toString('hex'),
    split_offsets: file.split_offsets == null ? null : json(file.split_offsets),
    equality_ids: file.equality_ids == null ? null : json(file.equality_ids),
    sort_order_id: file.sort_order_id ?? null,
  };
}

async function partitionRows(files: TableFiles, metadata: TableMetadata, request: ScanRequest): Promise<Row[]> {
  const rows = new Map<string, Record<string, string | number>>();
  for (const { status, file, tuple } of await entriesOf(files, metadata, request)) {
    if (status === ENTRY_DELETED) continue;
    const key = `${tuple.specId}|${tupleKey(tuple, file)}`;
    const row = rows.get(key) ?? {
      partition: json(formatTuple(tuple, file)),
      spec_id: tuple.specId,
      record_count: 0,
      file_count: 0,
      total_size: 0,
      position_delete_record_count: 0,
      equality_delete_record_count: 0,
    };
    rows.set(key, row);
    const add = (name: string, value: number) => {
      row[name] = Number(row[name]) + value;
    };
    if ((file.content ?? 0) === 0) {
      add('record_count', file.record_count);
      add('file_count', 1);
      add('total_size', file.file_size_in_bytes);
    } else add(file.content === 1 ? 'position_delete_record_count' : 'equality_delete_record_count', file.record_count);
  }
  return [...rows.values()];
}
