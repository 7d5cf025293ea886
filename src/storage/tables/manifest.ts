/**
 * Manifests and manifest lists: records in memory, and their files.
 *
 * Invariants
 * - An entry added by a commit is written without sequence numbers and inherits them from the manifest list, so the same
 *   manifest serves a commit that has to try again. Every other entry is written with the numbers it had.
 * - A manifest holds entries of one partition spec and of one content (data, or deletes).
 *
 * **Source**: Iceberg specification, "Manifests", "Sequence Number Inheritance", "Manifest Lists".
 */
import type { IcebergSchema, PartitionSpec } from './contract-types.ts';
import { corruptAvro, readAvroContainer, writeAvroContainer } from './avro-container.ts';
import { codingType, MANIFEST_LIST_SCHEMA, MANIFEST_LIST_SCHEMA_3, manifestEntrySchema } from './manifest-schema.ts';
import type { PartitionTuple } from './partition-tuple.ts';

export const ENTRY_EXISTING = 0;
export const ENTRY_ADDED = 1;
export const ENTRY_DELETED = 2;

export const CONTENT_DATA = 0;
export const CONTENT_POSITION_DELETES = 1;
export const CONTENT_EQUALITY_DELETES = 2;

/** A map column of a manifest: an array of pairs keyed by field id. */
export type ByField<T> = readonly { readonly key: number; readonly value: T }[] | null;

/** A data or delete file as a manifest describes it. Names are those of the specification. */
export interface FileRecord {
  /** 0 data, 1 position deletes, 2 equality deletes; absent in version 1. */
  readonly content?: number;
  readonly file_path: string;
  readonly file_format: string;
  /** Raw Avro values by `p<partition field id>`. */
  readonly partition: Readonly<Record<string, unknown>>;
  readonly record_count: number;
  readonly file_size_in_bytes: number;
  readonly column_sizes?: ByField<number>;
  readonly value_counts?: ByField<number>;
  readonly null_value_counts?: ByField<number>;
  readonly nan_value_counts?: ByField<number>;
  readonly lower_bounds?: ByField<Uint8Array>;
  readonly upper_bounds?: ByField<Uint8Array>;
  readonly key_metadata?: Uint8Array | null;
  readonly split_offsets?: readonly number[] | null;
  readonly equality_ids?: readonly number[] | null;
  readonly sort_order_id?: number | null;
  readonly referenced_data_file?: string | null;
  /** Version 3: the row id of its first row; absent where it is the manifest's to tell. */
  readonly first_row_id?: number | null;
  /** Version 3: where in a Puffin file a deletion vector lies. */
  readonly content_offset?: number | null;
  readonly content_size_in_bytes?: number | null;
}

export interface ManifestEntry {
  readonly status: number;
  readonly snapshot_id?: bigint | null;
  readonly sequence_number?: number | null;
  readonly file_sequence_number?: number | null;
  readonly data_file: FileRecord;
}

/** What a manifest list says of one partition field over all files of a manifest. */
export interface FieldSummary {
  readonly contains_null: boolean;
  readonly contains_nan?: boolean | null;
  readonly lower_bound?: Uint8Array | null;
  readonly upper_bound?: Uint8Array | null;
}

/** A manifest as the manifest list describes it. */
export interface ManifestFile {
  readonly manifest_path: string;
  readonly manifest_length: number;
  readonly partition_spec_id: number;
  /** 0 data, 1 deletes; absent in version 1. */
  readonly content?: number;
  readonly sequence_number?: number;
  readonly min_sequence_number?: number;
  readonly added_snapshot_id: bigint;
  readonly added_files_count?: number | null;
  readonly existing_files_count?: number | null;
  readonly deleted_files_count?: number | null;
  readonly added_rows_count?: number | null;
  readonly existing_rows_count?: number | null;
  readonly deleted_rows_count?: number | null;
  readonly partitions?: readonly FieldSummary[] | null;
  readonly key_metadata?: Uint8Array | null;
  /** Version 3: the row id of its first file that has none of its own. */
  readonly first_row_id?: number | null;
}

/**
 * The entries of a data manifest with the row ids they inherit; unchanged where the manifest tells none.
 * **Source**: Iceberg specification, version 3, "First Row ID Inheritance".
 */
export function withRowIds(entries: readonly ManifestEntry[], manifest: ManifestFile): readonly ManifestEntry[] {
  const first = manifest.first_row_id;
  if (first === undefined || first === null || manifest.content === 1) return entries;
  let next = first;
  return entries.map((entry) => {
    if (entry.status === ENTRY_DELETED || (entry.data_file.first_row_id ?? null) !== null) return entry;
    const row = next;
    next += entry.data_file.record_count;
    return { ...entry, data_file: { ...entry.data_file, first_row_id: row } };
  });
}

/** Whether a record speaks of a deletion vector. */
export const isVector = (file: FileRecord): boolean => file.file_format.toUpperCase() === 'PUFFIN';

/** The data sequence number of an entry, inherited when it has none of its own. */
export function sequenceOf(entry: ManifestEntry, manifest: ManifestFile): number {
  return entry.sequence_number ?? manifest.sequence_number ?? 0;
}

export interface ManifestContents {
  readonly schema: IcebergSchema;
  readonly spec: PartitionSpec;
  readonly tuple: PartitionTuple;
  readonly content: 'data' | 'deletes';
  readonly entries: readonly ManifestEntry[];
  /** Format version of the table. */
  readonly version: number;
}

/** The bytes of a manifest. */
export function encodeManifest(manifest: ManifestContents): Promise<Buffer> {
  const { schema, spec, tuple, content, entries, version } = manifest;
  const header = manifestEntrySchema(tuple.fields, version);
  return writeAvroContainer(
    header,
    {
      schema: JSON.stringify(schema),
      'schema-id': String(schema['schema-id']),
      'partition-spec': JSON.stringify(spec.fields),
      'partition-spec-id': String(spec['spec-id']),
      'format-version': String(version),
      content,
    },
    codingType(header),
    entries,
  );
}

/** The entries of a manifest file, as written (nothing inherited). **Errors**: `data_corrupt`, `unsupported`. */
export async function decodeManifest(file: Buffer, name: string): Promise<readonly ManifestEntry[]> {
  return decodeRecords<ManifestEntry>(file, name);
}

/** The bytes of a manifest list. */
export function encodeManifestList(
  manifests: readonly ManifestFile[],
  snapshot: {
    readonly id: string;
    readonly parentId: string | undefined;
    readonly sequenceNumber: number;
    readonly version: number;
    readonly firstRowId?: number | undefined;
  },
): Promise<Buffer> {
  const header = snapshot.version < 3 ? MANIFEST_LIST_SCHEMA : MANIFEST_LIST_SCHEMA_3;
  return writeAvroContainer(
    header,
    {
      'snapshot-id': snapshot.id,
      'parent-snapshot-id': snapshot.parentId ?? 'null',
      'sequence-number': String(snapshot.sequenceNumber),
      'format-version': String(snapshot.version),
      ...(snapshot.firstRowId === undefined ? {} : { 'first-row-id': String(snapshot.firstRowId) }),
    },
    codingType(header),
    manifests,
  );
}

/** The manifests of a manifest list. **Errors**: `data_corrupt`, `unsupported`. */
export async function decodeManifestList(file: Buffer, name: string): Promise<readonly ManifestFile[]> {
  return decodeRecords<ManifestFile>(file, name);
}

async function decodeRecords<R>(file: Buffer, name: string): Promise<readonly R[]> {
  const container = await readAvroContainer(file, name);
  const records: R[] = [];
  try {
    const type = codingType(container.schema);
    for (const { count, data } of container.blocks) {
      let offset = 0;
      for (let i = 0; i < count; i++) {
        const decoded = type.decode(data, offset) as { value: R; offset: number };
        if (decoded.offset < 0) throw new RangeError('it ends inside a record');
        records.push(decoded.value);
        offset = decoded.offset;
      }
    }
  } catch (error) {
    throw corruptAvro(name, (error as Error).message, error);
  }
  return records;
}
