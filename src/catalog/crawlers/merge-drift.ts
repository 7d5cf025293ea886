/** What a crawl changes of a table that is there: its columns grow and widen; what people wrote by hand stays. */
import type { CatalogColumn, TableInput, TableRecord } from '../contract.ts';
import { LochError } from '../../core/errors.ts';
import { inputOf } from '../databases/table-definition.ts';
import { DEPRECATED_BY, STATISTICS } from './describe-table.ts';
import { hiveType, type InferredType, mergeTypes } from './inferred-type.ts';

export type Drift =
  | { readonly kind: 'same' }
  /** `statistics`: only counts changed. `what` says the change in words. */
  | { readonly kind: 'statistics' | 'changed'; readonly input: TableInput; readonly what: string };

/** Types that the text classifiers give; any other type of such a column was given by hand and stays. */
const INFERRED_FROM_TEXT = new Set(['string', 'bigint', 'double', 'boolean']);

/** Formats whose files state their types. */
const EXACT = new Set(['parquet', 'avro', 'orc']);

const inferredOf = (type: string): InferredType =>
  type === 'bigint'
    ? { kind: 'integer' }
    : type === 'string' || type === 'double' || type === 'boolean'
      ? { kind: type }
      : { kind: 'exact', type };

function mergedType(before: string, found: string, isText: boolean): string {
  if (before === found) return before;
  if (isText && !INFERRED_FROM_TEXT.has(before) && !/^(?:array|struct)</.test(before)) return before;
  // A nested type grows as a whole: the new one was merged over all samples.
  if (/[<]/.test(before) && /[<]/.test(found)) return found;
  return hiveType(mergeTypes(inferredOf(before), inferredOf(found)));
}

function mergedColumns(before: TableRecord, found: TableInput, addOnly: boolean): CatalogColumn[] {
  if (addOnly) {
    const there = new Set(before.columns.map((column) => column.name));
    return [...before.columns, ...found.columns.filter((column) => !there.has(column.name))];
  }
  const { classification = '', connectionName } = found.parameters ?? {};
  const isText = !EXACT.has(classification);
  const known = new Map(before.columns.map((column) => [column.name, column]));
  if (connectionName !== undefined) return found.columns.map((column) => ({ ...known.get(column.name), ...column }));
  const merged = found.columns.map((column) => {
    const old = known.get(column.name);
    known.delete(column.name);
    return old === undefined ? column : { ...old, type: mergedType(old.type, column.type, isText) };
  });
  // Delimited text is read by position, so only what is there now may stay; elsewhere a sample may have missed a column.
  return found.parameters?.classification === 'csv' ? merged : [...merged, ...known.values()];
}

function describeChange(before: TableRecord, columns: readonly CatalogColumn[]): string[] {
  const known = new Map(before.columns.map((column) => [column.name, column.type]));
  const now = new Set(columns.map((column) => column.name));
  return [
    ...columns.filter((column) => !known.has(column.name)).map((column) => `added \`${column.name}\` ${column.type}`),
    ...columns
      .filter((column) => known.has(column.name) && known.get(column.name) !== column.type)
      .map((column) => `\`${column.name}\` ${known.get(column.name)} to ${column.type}`),
    ...before.columns.filter((column) => !now.has(column.name)).map((column) => `removed \`${column.name}\``),
  ];
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/**
 * With `addOnly` columns are added and those that are there stay as they are.
 * **Errors**: `conflict` when the folders' depth is no longer that of the table's partition keys.
 */
export function mergeDrift(before: TableRecord, found: TableInput, addOnly = false): Drift {
  const keys = found.partitionKeys ?? [];
  if (keys.length !== before.partitionKeys.length) {
    throw new LochError(
      'conflict',
      `Table \`${before.database}.${before.name}\` has ${before.partitionKeys.length} partition keys and its folders now give ${keys.length}. Drop the table to crawl it afresh.`,
      { context: { table: before.name, crawler: '' } },
    );
  }
  const columns = mergedColumns(before, found, addOnly);
  const { [DEPRECATED_BY]: deprecated, ...kept } = before.parameters;
  const parameters = { ...kept, ...found.parameters };
  const storage = { ...before.storage, ...found.storage!, foreign: before.storage.foreign };
  const { foreign: _, ...plainStorage } = storage;
  const input: TableInput = {
    ...inputOf(before),
    columns,
    storage: before.storage.foreign === undefined ? plainStorage : { ...plainStorage, foreign: before.storage.foreign },
    parameters,
  };
  const what = describeChange(before, columns);
  if (deprecated !== undefined) what.push('its data is back');
  const plainParameters = (all: Readonly<Record<string, string>>) =>
    Object.entries(all)
      .filter(([name]) => !STATISTICS.includes(name))
      .sort(([a], [b]) => (a < b ? -1 : 1));
  const sortedStorage = (all: object) => Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1));
  if (!same(plainParameters(kept), plainParameters(parameters))) what.push('its parameters');
  if (!same(sortedStorage(before.storage), sortedStorage(input.storage!))) what.push('how its files are read');
  if (what.length > 0) return { kind: 'changed', input, what: what.join(', ') };
  const counts = STATISTICS.some((name) => before.parameters[name] !== parameters[name]);
  return counts ? { kind: 'statistics', input, what: 'its counts' } : { kind: 'same' };
}
