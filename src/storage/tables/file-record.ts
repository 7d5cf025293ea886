/** A data file to be added, as a manifest record: statistics by field id, bounds in binary. */
import { LochError } from '../../core/errors.ts';
import { lowerBound, upperBound } from './bounds.ts';
import type { DataFile, DeleteFile, IcebergSchema } from './contract-types.ts';
import {
  type ByField,
  CONTENT_DATA,
  CONTENT_EQUALITY_DELETES,
  CONTENT_POSITION_DELETES,
  type FileRecord,
} from './manifest.ts';
import { encodeTuple, type PartitionTuple } from './partition-tuple.ts';
import { type FieldPlace, fieldPlaces, primitiveOf } from './schema.ts';

/**
 * The manifest record of `file`.
 * **Errors**: `invalid_argument` for a null in a required column, a bad count, or a partition value that does not fit.
 */
export function fileRecord(schema: IcebergSchema, tuple: PartitionTuple, file: DataFile): FileRecord {
  assertCount(file.rows, 'rows', file.path);
  assertCount(file.bytes, 'bytes', file.path);
  const places = fieldPlaces(schema);
  assertRequired(places, file);
  const flat = new Set(places.filter((place) => !place.repeated).map((place) => place.id));
  return {
    content: CONTENT_DATA,
    file_path: file.path,
    file_format: file.format,
    partition: encodeTuple(tuple, file.partition),
    record_count: file.rows,
    file_size_in_bytes: file.bytes,
    column_sizes: counts(file.columnBytes),
    value_counts: counts(file.valueCounts),
    // Inside lists and maps nulls and bounds speak of elements, which no predicate on rows may use.
    null_value_counts: counts(file.nullCounts, flat),
    nan_value_counts: counts(file.nanCounts, flat),
    lower_bounds: bounds(places, file.lower, lowerBound),
    upper_bounds: bounds(places, file.upper, upperBound),
    key_metadata: null,
    split_offsets: null,
    equality_ids: null,
    sort_order_id: null,
    referenced_data_file: null,
  };
}

/** The manifest record of a delete file. **Errors**: `invalid_argument` for one that does not say what it deletes. */
export function deleteRecord(schema: IcebergSchema, tuple: PartitionTuple, file: DeleteFile): FileRecord {
  assertCount(file.rows, 'rows', file.path);
  assertCount(file.bytes, 'bytes', file.path);
  const known = new Set(fieldPlaces(schema).map((place) => place.id));
  const ids = file.fieldIds ?? [];
  if (file.kind === 'equality' && (ids.length === 0 || ids.some((id) => !known.has(id)))) {
    throw new LochError(
      'invalid_argument',
      `Equality-delete file \`${file.path}\` must name columns of the table by id; it names ${ids.join(', ') || 'none'}.`,
      { context: { file: file.path } },
    );
  }
  return {
    content: file.kind === 'position' ? CONTENT_POSITION_DELETES : CONTENT_EQUALITY_DELETES,
    file_path: file.path,
    file_format: 'PARQUET',
    partition: encodeTuple(tuple, file.partition),
    record_count: file.rows,
    file_size_in_bytes: file.bytes,
    equality_ids: file.kind === 'equality' ? ids : null,
    referenced_data_file: file.kind === 'position' ? (file.dataFile ?? null) : null,
  };
}

function assertCount(value: number, what: string, path: string): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new LochError(
    'invalid_argument',
    `Data file \`${path}\` has ${value} ${what}; it must be a whole number from 0.`,
    {
      context: { file: path },
    },
  );
}

function assertRequired(places: readonly FieldPlace[], file: DataFile): void {
  for (const { id, path, required, repeated } of places) {
    if (!required || repeated || path.includes('.')) continue;
    const nulls = file.nullCounts?.[id] ?? 0;
    if (nulls === 0) continue;
    throw new LochError(
      'invalid_argument',
      `Column \`${path}\` is required but ${nulls} rows have NULL in it. Fill the values, or make the column optional.`,
      { context: { column: path, nulls } },
    );
  }
}

function counts(byId: Readonly<Record<number, number>> | undefined, only?: ReadonlySet<number>): ByField<number> {
  if (byId === undefined) return null;
  return Object.entries(byId)
    .map(([id, value]) => ({ key: Number(id), value }))
    .filter(({ key }) => only === undefined || only.has(key));
}

function bounds(
  places: readonly FieldPlace[],
  texts: Readonly<Record<number, string>> | undefined,
  convert: typeof lowerBound,
): ByField<Uint8Array> {
  if (texts === undefined) return null;
  return places.flatMap(({ id, type, repeated }) => {
    const text = texts[id];
    const primitive = repeated || text === undefined ? undefined : primitiveOf(type);
    const value = primitive === undefined ? undefined : convert(primitive, text!);
    return value === undefined ? [] : [{ key: id, value }];
  });
}
