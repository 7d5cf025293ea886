/**
 * Partition tuples of one spec: the engine's texts, the manifest's raw Avro values, typed values, and field summaries.
 */
import { LochError } from '../../core/errors.ts';
import type { IcebergSchema, PartitionField, PartitionSpec, TableMetadata } from './contract-types.ts';
import type { FieldSummary, FileRecord } from './manifest.ts';
import { decimalBytes, type PartitionTupleField } from './manifest-schema.ts';
import { type PrimitiveType, parsePrimitiveType } from './primitive-type.ts';
import { fieldPlaces, primitiveOf } from './schema.ts';
import { compareValues, decodeUnscaled, encodeUnscaledFixed, encodeValue, type SingleValue } from './single-value.ts';
import {
  formatPartitionValue,
  parsePartitionValue,
  parseTransform,
  type Transform,
  transformResult,
} from './transforms.ts';

/** One field of a spec, bound to its source column. */
export interface BoundPartitionField extends PartitionTupleField {
  readonly sourceId: number;
  readonly transform: Transform;
  readonly source: PrimitiveType;
  /** Name under which the raw value stands in an Avro record. */
  readonly slot: string;
}

export interface PartitionTuple {
  readonly specId: number;
  readonly fields: readonly BoundPartitionField[];
}

/**
 * A spec bound to the columns of `metadata`. The source of an old spec may have been dropped from the current schema:
 * it is then found in an older one.
 * **Errors**: `data_corrupt` when no schema has the column; `unsupported` for an unknown transform.
 */
export function bindSpec(
  metadata: Pick<TableMetadata, 'schemas' | 'current-schema-id'>,
  spec: PartitionSpec,
): PartitionTuple {
  return { specId: spec['spec-id'], fields: spec.fields.map((field) => bindField(metadata, field)) };
}

function bindField(
  metadata: Pick<TableMetadata, 'schemas' | 'current-schema-id'>,
  field: PartitionField,
): BoundPartitionField {
  const transform = parseTransform(field.transform);
  const sourceId = field['source-id'] ?? (field as unknown as { 'source-ids': number[] })['source-ids'][0]!;
  const source = sourceType(metadata, sourceId);
  // The source of a void field may be gone altogether; its values are null, so any type does.
  if (source === undefined && transform.name !== 'void') {
    throw new LochError(
      'data_corrupt',
      `Partition field \`${field.name}\` has source column ${sourceId}, which no schema of the table has.`,
      { context: { partitionField: field.name } },
    );
  }
  const from = source ?? parsePrimitiveType('int');
  return {
    id: field['field-id'],
    name: field.name,
    type: transformResult(transform, from),
    sourceId,
    transform,
    source: from,
    slot: `p${field['field-id']}`,
  };
}

function sourceType(
  metadata: Pick<TableMetadata, 'schemas' | 'current-schema-id'>,
  id: number,
): PrimitiveType | undefined {
  const current = metadata['current-schema-id'];
  const ordered: IcebergSchema[] = [
    ...metadata.schemas.filter((schema) => schema['schema-id'] === current),
    ...metadata.schemas.filter((schema) => schema['schema-id'] !== current).reverse(),
  ];
  for (const schema of ordered) {
    const place = fieldPlaces(schema).find((p) => p.id === id);
    if (place !== undefined) return primitiveOf(place.type);
  }
  return undefined;
}

/** Raw Avro values of texts by field name. **Errors**: `invalid_argument` naming the field and what it takes. */
export function encodeTuple(
  tuple: PartitionTuple,
  texts: Readonly<Record<string, string | null>>,
): Readonly<Record<string, unknown>> {
  const raw: Record<string, unknown> = {};
  for (const field of tuple.fields) {
    const text = texts[field.name];
    if (text === undefined && field.transform.name !== 'void') {
      throw new LochError(
        'invalid_argument',
        `A data file lacks a value for partition field \`${field.name}\`. Given: ${Object.keys(texts).join(', ') || 'none'}.`,
        { context: { partitionField: field.name } },
      );
    }
    raw[field.slot] = text === undefined || text === null ? null : rawOf(field.type, parsed(field, text));
  }
  return raw;
}

function parsed(field: BoundPartitionField, text: string): SingleValue {
  const value = parsePartitionValue(field.transform, field.source, text);
  if (value === undefined) {
    throw new LochError(
      'invalid_argument',
      `Partition field \`${field.name}\` (${field.transform.name} of ${field.source.kind}) got a value that is none of its type.`,
      { context: { partitionField: field.name, transform: field.transform.name } },
    );
  }
  return value;
}

function rawOf(type: PrimitiveType, value: SingleValue): unknown {
  switch (type.kind) {
    case 'int':
    case 'date':
      return Number(value);
    case 'decimal':
      return encodeUnscaledFixed(value as bigint, decimalBytes(type.precision));
    default:
      return value;
  }
}

/** The typed value of a field in a file's tuple; null for null (and for a field the file's record lacks). */
export function tupleValue(field: BoundPartitionField, file: Pick<FileRecord, 'partition'>): SingleValue | null {
  const raw = file.partition[field.slot];
  if (raw === null || raw === undefined) return null;
  switch (field.type.kind) {
    case 'boolean':
    case 'float':
    case 'double':
    case 'string':
      return raw as SingleValue;
    case 'uuid':
    case 'fixed':
    case 'binary':
      return raw as Uint8Array;
    case 'decimal':
      return decodeUnscaled(raw as Uint8Array);
    default:
      return typeof raw === 'bigint' ? raw : BigInt(raw as number);
  }
}

/** Texts by field name of a file's tuple. */
export function formatTuple(
  tuple: PartitionTuple,
  file: Pick<FileRecord, 'partition'>,
): Readonly<Record<string, string | null>> {
  const texts: Record<string, string | null> = {};
  for (const field of tuple.fields) {
    const value = tupleValue(field, file);
    texts[field.name] = value === null ? null : formatPartitionValue(field.transform, field.source, value);
  }
  return texts;
}

/** A key that is equal exactly for equal tuples of one spec. */
export function tupleKey(tuple: PartitionTuple, file: Pick<FileRecord, 'partition'>): string {
  return JSON.stringify(
    tuple.fields.map((field) => {
      const value = tupleValue(field, file);
      return value === null
        ? null
        : typeof value === 'string'
          ? value
          : [value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value)];
    }),
  );
}

/** What the manifest list says of each field over `files`. */
export function summarize(tuple: PartitionTuple, files: readonly Pick<FileRecord, 'partition'>[]): FieldSummary[] {
  return tuple.fields.map((field) => {
    let containsNull = false;
    let containsNan = false;
    let low: SingleValue | undefined;
    let high: SingleValue | undefined;
    for (const file of files) {
      const value = tupleValue(field, file);
      if (value === null) containsNull = true;
      else if (Number.isNaN(value)) containsNan = true;
      else {
        if (low === undefined || compareValues(value, low) < 0) low = value;
        if (high === undefined || compareValues(value, high) > 0) high = value;
      }
    }
    return {
      contains_null: containsNull,
      contains_nan: containsNan,
      lower_bound: low === undefined ? null : encodeValue(field.type, low),
      upper_bound: high === undefined ? null : encodeValue(field.type, high),
    };
  });
}
