/** Whether what two files (or folders) hold is one table, and what that table is. */
import type { Classified, CsvFacts, InferredColumn } from './classified.ts';
import { namedColumns, numberedColumns } from './classifiers/csv.ts';
import { type InferredType, isAlike, mergeTypes, NOTHING } from './inferred-type.ts';

/** The share of columns that must be alike. **Source**: AWS Glue, "How does a crawler determine when to create partitions". */
const ALIKE = 0.7;

const sameNames = (a: readonly string[] | undefined, b: readonly string[] | undefined): boolean =>
  a !== undefined && b !== undefined && a.length === b.length && a.every((name, i) => name === b[i]);

/** A delimited file whose first row is known to be a header from its neighbours. */
function withHeader(file: Classified, names: readonly string[]): Classified {
  const csv = file.csv!;
  if (csv.header === true) return file;
  return {
    ...file,
    columns: namedColumns(names, csv.bodyTypes),
    records: Math.max(0, file.records - 1),
    csv: { ...csv, header: true },
  };
}

/** `file` with its first row taken for a header where `known` has these names as columns. */
export function settledBy(known: Classified, file: Classified): Classified {
  const names = file.csv?.headerNames;
  if (known.csv?.header !== true || file.csv?.header === true || names === undefined) return file;
  const columns = new Set(known.columns.map((column) => column.name));
  return names.every((name, column) => columns.has(name || `col${column}`)) ? withHeader(file, names) : file;
}

/** Settles whether the first rows are headers: two files of the same first row have one, for data seldom repeats so. */
function settled(a: Classified, b: Classified): readonly [Classified, Classified] {
  if (a.csv === undefined || b.csv === undefined) return [a, b];
  const names = a.csv.headerNames;
  if (names !== undefined && sameNames(names, b.csv.headerNames)) return [withHeader(a, names), withHeader(b, names)];
  return [settledBy(b, a), settledBy(a, b)];
}

function compatible(a: Classified, b: Classified): boolean {
  if (a.format !== b.format || a.encoding !== b.encoding || a.classification !== b.classification) return false;
  if (a.reading?.rowTag !== b.reading?.rowTag || a.json?.path !== b.json?.path) return false;
  if (a.csv !== undefined && b.csv !== undefined) {
    return a.csv.delimiter === b.csv.delimiter && (a.csv.header === true) === (b.csv.header === true);
  }
  return (a.json?.layout === 'array') === (b.json?.layout === 'array');
}

/** Enough columns alike; or all of the smaller one's, for records leave fields out. */
function isAlikeEnough(a: readonly InferredColumn[], b: readonly InferredColumn[]): boolean {
  const types = new Map(b.map((column) => [column.name.toLowerCase(), column.type]));
  const alike = a.filter((column) => {
    const other = types.get(column.name.toLowerCase());
    return other !== undefined && isAlike(column.type, other);
  });
  const smaller = Math.min(a.length, b.length);
  const larger = Math.max(a.length, b.length);
  return alike.length >= larger * ALIKE || (alike.length === smaller && smaller * 2 >= larger);
}

/** Whether both may be one table: same format and dialect, and enough columns alike. */
export function isSimilar(a: Classified, b: Classified): boolean {
  const [left, right] = settled(a, b);
  return compatible(left, right) && isAlikeEnough(left.columns, right.columns);
}

/** Whether both can be one table at all, however different their columns. */
export function isMergeable(a: Classified, b: Classified): boolean {
  return compatible(...settled(a, b));
}

/** One schema for both, columns in the order they were first seen. They must be mergeable. */
export function mergeClassified(a: Classified, b: Classified): Classified {
  const [left, right] = settled(a, b);
  const csv = left.csv === undefined || right.csv === undefined ? undefined : mergeCsv(left.csv, right.csv);
  return {
    ...left,
    columns:
      csv !== undefined && csv.header !== true
        ? numberedColumns(mergeByPosition(left.columns, right.columns))
        : mergeByName(left.columns, right.columns),
    records: left.records + right.records,
    recordBytes: left.recordBytes + right.recordBytes,
    compression: left.compression === right.compression ? left.compression : 'none',
    ...(csv === undefined ? {} : { csv }),
    certainty: Math.min(left.certainty, right.certainty),
    ...(left.json?.layout === 'records' || right.json?.layout === 'records'
      ? { json: { ...left.json, layout: 'records' } }
      : {}),
  };
}

function mergeCsv(a: CsvFacts, b: CsvFacts): CsvFacts {
  const { header: _, headerNames: __, quote: ___, escape: ____, ...rest } = a;
  const merge = (left: readonly InferredType[], right: readonly InferredType[]) =>
    Array.from({ length: Math.max(left.length, right.length) }, (_____, i) =>
      mergeTypes(left[i] ?? NOTHING, right[i] ?? NOTHING),
    );
  const header = a.header === b.header ? a.header : a.header === true || b.header === true;
  return {
    ...rest,
    ...(a.quote === undefined && b.quote === undefined ? {} : { quote: a.quote ?? b.quote! }),
    ...(a.escape === undefined && b.escape === undefined ? {} : { escape: 'backslash' }),
    bodyTypes: merge(a.bodyTypes, b.bodyTypes),
    allTypes: merge(a.allTypes, b.allTypes),
    ...(header === undefined ? {} : { header }),
    ...(sameNames(a.headerNames, b.headerNames) ? { headerNames: a.headerNames! } : {}),
  };
}

function mergeByPosition(a: readonly InferredColumn[], b: readonly InferredColumn[]): InferredType[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i) =>
    mergeTypes(a[i]?.type ?? NOTHING, b[i]?.type ?? NOTHING),
  );
}

function mergeByName(a: readonly InferredColumn[], b: readonly InferredColumn[]): InferredColumn[] {
  const merged = new Map(a.map((column) => [column.name.toLowerCase(), column]));
  for (const column of b) {
    const key = column.name.toLowerCase();
    const known = merged.get(key);
    merged.set(key, known === undefined ? column : { name: known.name, type: mergeTypes(known.type, column.type) });
  }
  return [...merged.values()];
}
