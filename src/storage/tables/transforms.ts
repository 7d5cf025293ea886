/**
 * Partition transforms: of a column's value to a partition value.
 *
 * Texts of temporal partition values are those of partition paths: year `2026`, month `2026-01`, day `2026-01-31`,
 * hour `2026-01-31-10`. All transforms give null for null; all but `bucket` keep the order of their source.
 *
 * **Source**: Iceberg specification, "Partition Transforms", Appendix B (bucket hash).
 */
import { LochError } from '../../core/errors.ts';
import { civilFromDays, floorDiv, formatDate, formatYear, parseDate } from './civil-time.ts';
import { murmur3 } from './murmur3.ts';
import { type PrimitiveType, parsePrimitiveType } from './primitive-type.ts';
import { encodeUnscaled, formatValue, parseValue, type SingleValue } from './single-value.ts';

export type Transform =
  | { readonly name: 'identity' | 'year' | 'month' | 'day' | 'hour' | 'void' }
  | { readonly name: 'bucket' | 'truncate'; readonly width: number };

const INT = parsePrimitiveType('int');
const DATE = parsePrimitiveType('date');
const KNOWN = 'identity, bucket[N], truncate[W], year, month, day, hour, void';

/** **Errors**: `unsupported` naming the transform and the known ones. */
export function parseTransform(text: string): Transform {
  const wide = /^(bucket|truncate)\[(\d+)\]$/.exec(text);
  if (wide !== null && Number(wide[2]) > 0 && Number(wide[2]) < 2 ** 31) {
    return { name: wide[1] as 'bucket' | 'truncate', width: Number(wide[2]) };
  }
  switch (text) {
    case 'identity':
    case 'year':
    case 'month':
    case 'day':
    case 'hour':
    case 'void':
      return { name: text };
    default:
      throw new LochError(
        'unsupported',
        `The partition transform \`${text}\` is not supported. Supported: ${KNOWN}. Drop the partition field or rewrite the table without it.`,
        { context: { transform: text } },
      );
  }
}

const TEMPORAL: Record<'year' | 'month' | 'day' | 'hour', readonly string[]> = {
  year: ['date', 'timestamp', 'timestamptz', 'timestamp_ns', 'timestamptz_ns'],
  month: ['date', 'timestamp', 'timestamptz', 'timestamp_ns', 'timestamptz_ns'],
  day: ['date', 'timestamp', 'timestamptz', 'timestamp_ns', 'timestamptz_ns'],
  hour: ['timestamp', 'timestamptz', 'timestamp_ns', 'timestamptz_ns'],
};
const TRUNCATABLE = ['int', 'long', 'decimal', 'string', 'binary'];
const UNBUCKETED = ['boolean', 'float', 'double'];

/** Whether `transform` applies to columns of `source`. */
export function transformApplies(transform: Transform, source: PrimitiveType): boolean {
  switch (transform.name) {
    case 'identity':
    case 'void':
      return true;
    case 'bucket':
      return !UNBUCKETED.includes(source.kind);
    case 'truncate':
      return TRUNCATABLE.includes(source.kind);
    default:
      return TEMPORAL[transform.name].includes(source.kind);
  }
}

/** The type of partition values. */
export function transformResult(transform: Transform, source: PrimitiveType): PrimitiveType {
  switch (transform.name) {
    case 'bucket':
    case 'year':
    case 'month':
    case 'hour':
      return INT;
    case 'day':
      return DATE;
    default:
      return source;
  }
}

/** The partition value of a column value; undefined where there is none to compute (void, NaN). */
export function applyTransform(
  transform: Transform,
  source: PrimitiveType,
  value: SingleValue,
): SingleValue | undefined {
  switch (transform.name) {
    case 'identity':
      return value;
    case 'void':
      return undefined;
    case 'bucket':
      return BigInt((murmur3(hashedBytes(source, value)) & 0x7fffffff) % transform.width);
    case 'truncate':
      return truncate(transform.width, value);
    default:
      return temporal(transform.name, source, value as bigint);
  }
}

function hashedBytes(source: PrimitiveType, value: SingleValue): Uint8Array {
  switch (source.kind) {
    case 'string':
      return Buffer.from(value as string, 'utf8');
    case 'decimal':
      return encodeUnscaled(value as bigint);
    case 'uuid':
    case 'fixed':
    case 'binary':
      return value as Uint8Array;
    default: {
      const bytes = Buffer.alloc(8);
      // Nanoseconds hash as their microseconds, so that widening a column keeps its buckets.
      const nanos = source.kind === 'timestamp_ns' || source.kind === 'timestamptz_ns';
      bytes.writeBigInt64LE(nanos ? floorDiv(value as bigint, 1000n) : (value as bigint));
      return bytes;
    }
  }
}

function truncate(width: number, value: SingleValue): SingleValue {
  if (typeof value === 'string') {
    let cut = '';
    let points = 0;
    for (const point of value) {
      if (points++ === width) break;
      cut += point;
    }
    return cut;
  }
  if (value instanceof Uint8Array) return value.subarray(0, width);
  return floorDiv(value as bigint, BigInt(width)) * BigInt(width);
}

function temporal(name: 'year' | 'month' | 'day' | 'hour', source: PrimitiveType, value: bigint): bigint {
  const perDay = source.kind === 'date' ? 1n : source.kind.endsWith('_ns') ? 86_400_000_000_000n : 86_400_000_000n;
  if (name === 'hour') return floorDiv(value, perDay / 24n);
  const days = floorDiv(value, perDay);
  if (name === 'day') return days;
  const { year, month } = civilFromDays(Number(days));
  return BigInt(name === 'year' ? year - 1970 : (year - 1970) * 12 + month - 1);
}

/** The text of a partition value. */
export function formatPartitionValue(transform: Transform, source: PrimitiveType, value: SingleValue): string {
  switch (transform.name) {
    case 'year':
      return formatYear(1970 + Number(value));
    case 'month': {
      const year = Number(floorDiv(value as bigint, 12n));
      return `${formatYear(1970 + year)}-${String(Number(value) - year * 12 + 1).padStart(2, '0')}`;
    }
    case 'hour': {
      const days = floorDiv(value as bigint, 24n);
      return `${formatDate(days)}-${String((value as bigint) - days * 24n).padStart(2, '0')}`;
    }
    default:
      return formatValue(transformResult(transform, source), value);
  }
}

/** The partition value of a text; undefined when it is none. */
export function parsePartitionValue(
  transform: Transform,
  source: PrimitiveType,
  text: string,
): SingleValue | undefined {
  switch (transform.name) {
    case 'year':
      return /^-?\d{4,6}$/.test(text) ? BigInt(text) - 1970n : undefined;
    case 'month': {
      const match = /^(-?\d{4,6})-(0[1-9]|1[0-2])$/.exec(text);
      return match === null ? undefined : (BigInt(match[1]!) - 1970n) * 12n + BigInt(match[2]!) - 1n;
    }
    case 'hour': {
      const match = /^(.+)-([01]\d|2[0-3])$/.exec(text);
      const days = match === null ? undefined : parseDate(match[1]!);
      return days === undefined ? undefined : days * 24n + BigInt(match![2]!);
    }
    case 'bucket': {
      const bucket = parseValue(INT, text) as bigint | undefined;
      return bucket !== undefined && bucket >= 0n && bucket < BigInt(transform.width) ? bucket : undefined;
    }
    case 'void':
      return undefined;
    default:
      return parseValue(transformResult(transform, source), text);
  }
}
