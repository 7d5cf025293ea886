/**
 * Predicates that prune: may anything between these bounds match? On doubt, yes.
 *
 * Invariants
 * - A literal that is not surely a value of the column's type prunes nothing.
 * - Literals are intervals: `x < 12.5` over integers is judged as if the literal were anywhere in [12, 13].
 * - The engine orders NaN above every number, so a NaN that may be there may match `>` and `>=`.
 */
import { floorDiv, parseDate, parseTimestamp } from './civil-time.ts';
import type { IcebergSchema, ScanPredicate } from './contract-types.ts';
import type { ByField, FieldSummary, FileRecord } from './manifest.ts';
import type { BoundPartitionField } from './partition-tuple.ts';
import type { PrimitiveType } from './primitive-type.ts';
import { findField, primitiveOf } from './schema.ts';
import { compareValues, decodeValue, parseValue, type SingleValue } from './single-value.ts';
import { applyTransform } from './transforms.ts';

interface Literal {
  readonly low: SingleValue;
  readonly high: SingleValue;
}

export interface BoundPredicate {
  readonly fieldId: number;
  readonly type: PrimitiveType;
  readonly op: ScanPredicate['op'];
  readonly literals: readonly Literal[];
}

/** What is known of the values of a column in a file or group of files. */
export interface ValueRange {
  readonly low: SingleValue | undefined;
  readonly high: SingleValue | undefined;
  readonly mayBeNull: boolean;
  readonly mayBeValue: boolean;
  readonly mayBeNan: boolean;
}

/** The predicates that can prune, bound to field ids; the others are left out. */
export function bindPredicates(schema: IcebergSchema, predicates: readonly ScanPredicate[]): readonly BoundPredicate[] {
  return predicates.flatMap((predicate): BoundPredicate[] => {
    const place = findField(schema, predicate.column);
    if (place === undefined || place.repeated || typeof place.type !== 'string') return [];
    const type = primitiveOf(place.type)!;
    if (predicate.op === 'is_null' || predicate.op === 'not_null') {
      return [{ fieldId: place.id, type, op: predicate.op, literals: [] }];
    }
    const literals = predicate.values.map((text) => literalOf(type, text));
    if (literals.length === 0 || literals.includes(undefined)) return [];
    return [{ fieldId: place.id, type, op: predicate.op, literals: literals as Literal[] }];
  });
}

function literalOf(type: PrimitiveType, text: string): Literal | undefined {
  switch (type.kind) {
    case 'int':
    case 'long':
      return numericLiteral(text, 0);
    case 'decimal':
      return numericLiteral(text, type.scale);
    case 'date': {
      const day = parseDate(text);
      if (day !== undefined) return { low: day, high: day };
      const micros = parseTimestamp(text, 'refused');
      if (micros === undefined) return undefined;
      const low = floorDiv(micros, 86_400_000_000n);
      return { low, high: low * 86_400_000_000n === micros ? low : low + 1n };
    }
    case 'float': {
      const value = parseValue(type, text) as number | undefined;
      if (value === undefined || Number.isNaN(value)) return undefined;
      const rounded = Math.fround(value);
      return { low: Math.min(value, rounded), high: Math.max(value, rounded) };
    }
    // The engine has several texts for bytes; nothing is pruned by them.
    case 'fixed':
    case 'binary':
      return undefined;
    default: {
      const value = parseValue(type, text);
      return value === undefined || Number.isNaN(value) ? undefined : { low: value, high: value };
    }
  }
}

/** A decimal text at `scale`: exact, or the two neighbours it lies between. */
function numericLiteral(text: string, scale: number): Literal | undefined {
  const match = /^([+-]?)(\d{0,60})(?:\.(\d{0,60}))?$/.exec(text);
  if (match === null || `${match[2]}${match[3] ?? ''}` === '') return undefined;
  const fraction = match[3] ?? '';
  const digits = BigInt(`${match[2]}${fraction}`);
  const signed = match[1] === '-' ? -digits : digits;
  if (fraction.length <= scale) {
    const exact = signed * 10n ** BigInt(scale - fraction.length);
    return { low: exact, high: exact };
  }
  const divisor = 10n ** BigInt(fraction.length - scale);
  const low = floorDiv(signed, divisor);
  return { low, high: low * divisor === signed ? low : low + 1n };
}

/** Whether values within `range` may satisfy the predicate. */
export function mayMatch(predicate: Pick<BoundPredicate, 'op' | 'literals'>, range: ValueRange): boolean {
  if (predicate.op === 'is_null') return range.mayBeNull;
  if (!range.mayBeValue) return false;
  const { low, high, mayBeNan } = range;
  const atMost = (bound: SingleValue) => low === undefined || compareValues(low, bound) <= 0;
  const below = (bound: SingleValue) => low === undefined || compareValues(low, bound) < 0;
  const atLeast = (bound: SingleValue) => high === undefined || compareValues(high, bound) >= 0;
  const above = (bound: SingleValue) => high === undefined || compareValues(high, bound) > 0;
  switch (predicate.op) {
    case 'not_null':
      return true;
    case '=':
    case 'in':
      return predicate.literals.some((literal) => atMost(literal.high) && atLeast(literal.low));
    case '<':
      return predicate.literals.some(({ low: from, high: to }) => (from === to ? below(to) : atMost(to)));
    case '<=':
      return predicate.literals.some((literal) => atMost(literal.high));
    case '>':
      return (
        mayBeNan || predicate.literals.some(({ low: from, high: to }) => (from === to ? above(from) : atLeast(from)))
      );
    case '>=':
      return mayBeNan || predicate.literals.some((literal) => atLeast(literal.low));
  }
}

/** The predicate on a column as one on a partition field of it; undefined when the field tells nothing about it. */
export function projectPredicate(
  predicate: BoundPredicate,
  field: BoundPartitionField,
): Pick<BoundPredicate, 'op' | 'literals'> | undefined {
  if (field.sourceId !== predicate.fieldId || field.transform.name === 'void') return undefined;
  const { op } = predicate;
  if (op === 'is_null' || op === 'not_null' || field.transform.name === 'identity') return predicate;
  const literals: Literal[] = [];
  for (const literal of predicate.literals) {
    if (field.transform.name === 'bucket' && ((op !== '=' && op !== 'in') || literal.low !== literal.high))
      return undefined;
    const low = applyTransform(field.transform, field.source, literal.low);
    const high = applyTransform(field.transform, field.source, literal.high);
    if (low === undefined || high === undefined) return undefined;
    literals.push({ low, high: widened(field, high) });
  }
  // A partition holds a range of the column, so the strict comparisons become loose ones.
  return { op: op === '<' ? '<=' : op === '>' ? '>=' : op, literals };
}

/** Early writers rounded times before 1970 toward zero, one unit too high; such a partition must still match. */
function widened(field: BoundPartitionField, value: SingleValue): SingleValue {
  const temporal = ['year', 'month', 'day', 'hour'].includes(field.transform.name);
  return temporal && (value as bigint) < 0n ? (value as bigint) + 1n : value;
}

/** What a file's statistics tell of a column. A file that lacks them may hold anything. */
export function fileRange(predicate: BoundPredicate, file: FileRecord): ValueRange {
  const { fieldId, type } = predicate;
  const nulls = lookup(file.null_value_counts, fieldId);
  const values = lookup(file.value_counts, fieldId);
  const low = lookup(file.lower_bounds, fieldId);
  const high = lookup(file.upper_bounds, fieldId);
  return {
    low: low === undefined ? undefined : usable(decodeValue(type, low)),
    high: high === undefined ? undefined : usable(decodeValue(type, high)),
    mayBeNull: nulls === undefined || nulls > 0,
    mayBeValue: nulls === undefined || values === undefined || nulls < values,
    mayBeNan: isFloating(type) && (lookup(file.nan_value_counts, fieldId) ?? 1) > 0,
  };
}

/** What one partition value tells. */
export function tupleRange(value: SingleValue | null): ValueRange {
  const nan = Number.isNaN(value);
  const known = value === null || nan ? undefined : value;
  return { low: known, high: known, mayBeNull: value === null, mayBeValue: value !== null, mayBeNan: nan };
}

/** What a manifest list tells of a partition field over all files of a manifest. */
export function summaryRange(field: BoundPartitionField, summary: FieldSummary): ValueRange {
  const low = summary.lower_bound == null ? undefined : usable(decodeValue(field.type, summary.lower_bound));
  const high = summary.upper_bound == null ? undefined : usable(decodeValue(field.type, summary.upper_bound));
  const mayBeNan = isFloating(field.type) && summary.contains_nan !== false;
  return {
    low,
    high,
    mayBeNull: summary.contains_null,
    mayBeValue: low !== undefined || high !== undefined || mayBeNan || summary.lower_bound != null,
    mayBeNan,
  };
}

/** NaN as a bound says nothing. */
function usable(value: SingleValue | undefined): SingleValue | undefined {
  return Number.isNaN(value) ? undefined : value;
}

function isFloating(type: PrimitiveType): boolean {
  return type.kind === 'float' || type.kind === 'double';
}

function lookup<V>(pairs: ByField<V> | undefined, id: number): V | undefined {
  if (pairs === null || pairs === undefined) return undefined;
  for (const pair of pairs) if (pair.key === id) return pair.value;
  return undefined;
}
