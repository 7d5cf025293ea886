/** What a group of files holds: its columns with real types, and the statement that reads its rows. */
import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { ObjectInput, StageInput, StatementRunner } from '../../processing/contract.ts';
import type { ObjectStore } from '../../storage/contract.ts';
import { columnNames } from './column-names.ts';
import {
  addFacts,
  castSql,
  type ColumnFacts,
  engineTypeOf,
  factsRows,
  factsSql,
  readFacts,
  type TextColumn,
  typeOf,
} from './detect-types.ts';
import { tableTypeOf } from './engine-column-type.ts';
import { findRagged, raggedError } from './ragged.ts';
import type { FileGroup } from './source-files.ts';
import { sqlName, sqlString } from '../../core/sql-text.ts';

export interface ReadDeps {
  readonly objects: ObjectStore;
  readonly runner: StatementRunner;
}

/** A column of the table to be, and how the group gives its value. */
export interface GroupColumn {
  readonly name: string;
  /** Text formats: SQL of the text, and what is known of its values. */
  readonly text?: TextColumn & { readonly facts: ColumnFacts };
  /** Typed formats: SQL of the value and its Hive/Glue type. */
  readonly typed?: { readonly sql: string; readonly type: string };
}

/** A group that was looked at. `inputs` go with every statement over `INPUT`. */
export interface ReadableGroup {
  readonly columns: readonly GroupColumn[];
  readonly inputs: { readonly objects?: readonly ObjectInput[]; readonly stages?: readonly StageInput[] };
  readonly rows: number;
}

const INPUT = 'loaded';
const MAX_COLUMNS = 5000;

/** Looks at every row of the group. **Errors**: `invalid_argument` naming file, line and what is wrong with it. */
export async function openGroup(
  deps: ReadDeps,
  context: RequestContext,
  group: FileGroup,
  folder: string,
  signal: AbortSignal,
): Promise<ReadableGroup> {
  switch (group.format) {
    case 'csv':
      return openCsv(deps, context, group, signal);
    case 'json':
      return openJson(deps, context, group, signal);
    case 'parquet':
      return openParquet(deps, context, group, folder, signal);
  }
}

/** The type of a column by all groups that have it. */
export function mergedType(columns: readonly GroupColumn[]): string {
  const types = new Set(columns.flatMap(({ typed }) => typed?.type ?? []));
  const texts = columns.flatMap(({ text }) => text?.facts ?? []);
  if (texts.length > 0) types.add(typeOf(texts.reduce(addFacts)));
  return types.size === 1 ? [...types][0]! : 'string';
}

/** The rows of a group with the columns of the table; a column that the group does not have is NULL. */
export function rowsSql(
  group: ReadableGroup,
  table: readonly { readonly name: string; readonly type: string }[],
): string {
  const own = new Map(group.columns.map((column) => [column.name, column]));
  const list = table.map(({ name, type }) => `${valueSql(own.get(name), type)} AS ${sqlName(name)}`);
  return `SELECT ${list.join(', ')} FROM ${INPUT}`;
}

function valueSql(column: GroupColumn | undefined, type: string): string {
  if (column === undefined) return 'NULL';
  if (column.text !== undefined) return castSql(column.text.sql, type);
  return type === 'string' && column.typed!.type !== 'string'
    ? `CAST(${column.typed!.sql} AS VARCHAR)`
    : column.typed!.sql;
}

/**
 * Throws `type_mismatch` naming file and record of the first value that is not of its column's type. For types that were
 * given, not detected.
 */
export async function assertFits(
  deps: ReadDeps,
  context: RequestContext,
  group: ReadableGroup,
  table: readonly { readonly name: string; readonly type: string }[],
  signal: AbortSignal,
): Promise<void> {
  const own = new Map(group.columns.map((column) => [column.name, column]));
  const checked = table.flatMap(({ name, type }) => {
    const text = own.get(name)?.text;
    return text === undefined || engineTypeOf(type) === undefined
      ? []
      : [{ name, type, misfit: `trim(${text.sql}) <> '' AND ${castSql(text.sql, type)} IS NULL` }];
  });
  if (checked.length === 0) return;
  const list = checked.map(({ misfit }) => `count(CASE WHEN ${misfit} THEN 1 END)`).join(', ');
  const counts = await firstRow(deps, context, group.inputs, `SELECT ${list} FROM ${INPUT}`, signal);
  const wrong = checked.findIndex((_, i) => Number(counts[i]) > 0);
  if (wrong === -1) return;
  const { name, type, misfit } = checked[wrong]!;
  const [file, row] = await firstRow(
    deps,
    context,
    group.inputs,
    `SELECT "_object", "_row" FROM ${INPUT} WHERE ${misfit} ORDER BY 1, 2 LIMIT 1`,
    signal,
  );
  throw new LochError(
    'type_mismatch',
    `${counts[wrong]} values of column \`${name}\` are no ${type}; the first is in record ${row} of \`${file}\`. Nothing was loaded. Mend the file, or load it into a new table.`,
    { context: { column: name, type, file: file ?? '', record: Number(row) } },
  );
}

type TextGroup<F extends FileGroup['format']> = Extract<FileGroup, { format: F }>;

async function openCsv(
  deps: ReadDeps,
  context: RequestContext,
  group: TextGroup<'csv'>,
  signal: AbortSignal,
): Promise<ReadableGroup> {
  const { dialect, files } = group;
  const names = columnNames(dialect.fields);
  const input: ObjectInput = {
    name: INPUT,
    format: 'csv',
    objects: files,
    columns: names.map((_, i) => ({ name: `f${i}` })),
    options: {
      delimiter: dialect.delimiter,
      quote: dialect.quote,
      header: String(dialect.header),
      encoding: dialect.encoding,
    },
  };
  const columns = names.map((name, i) => ({ name, text: { sql: `f${i}` } }));
  const looked = { columns, source: INPUT };
  return countFacts(deps, context, { objects: [input] }, looked, signal, async (file, row) => {
    const { body } = await deps.objects.get(files.find(({ key }) => key === file)!.bucket, file);
    return raggedError(file, dialect, (await findRagged(body, file, dialect)) ?? { row });
  });
}

async function openJson(
  deps: ReadDeps,
  context: RequestContext,
  group: TextGroup<'json'>,
  signal: AbortSignal,
): Promise<ReadableGroup> {
  const { files, layout } = group;
  const keys = await jsonKeys(deps, context, group, signal);
  const twice = keys.find((key, i) => keys.findIndex((other) => other.toLowerCase() === key.toLowerCase()) !== i);
  if (twice !== undefined) {
    throw new LochError(
      'unsupported',
      `The field \`${twice}\` stands twice in \`${files[0]!.key}\`, differing in case.`,
      {
        context: { field: twice, file: files[0]!.key },
      },
    );
  }
  const names = columnNames(keys);
  const input: ObjectInput = {
    name: INPUT,
    format: 'json',
    objects: files,
    columns: keys.map((name) => ({ name })),
    options: { layout },
  };
  const columns = keys.map((key, i) => ({
    name: names[i]!,
    text: { sql: sqlName(key), isText: `CAST(j[${i + 1}] AS VARCHAR) LIKE '"%'` },
  }));
  const pointers = keys.map((key) => sqlString(jsonPointer(key))).join(', ');
  const source = `(SELECT *, json_extract("_record", [${pointers}]) AS j FROM ${INPUT}) AS parsed`;
  return countFacts(deps, context, { objects: [input] }, { columns, source }, signal, async (file, row, fault) => {
    const what = fault === 'not_json' ? 'is not JSON' : 'is not a JSON object';
    return new LochError('invalid_argument', `\`${file}\`, record ${row}: ${what}. Nothing was loaded.`, {
      context: { file, record: row },
    });
  });
}

const jsonPointer = (key: string) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** The keys of all objects, in order of their first appearance. */
async function jsonKeys(
  deps: ReadDeps,
  context: RequestContext,
  group: TextGroup<'json'>,
  signal: AbortSignal,
): Promise<string[]> {
  const input: ObjectInput = {
    name: INPUT,
    format: 'json',
    objects: group.files,
    columns: [{ name: 'any' }],
    options: { layout: group.layout },
  };
  const { rows } = await deps.runner.run(
    context,
    {
      // Most records have one of few lists of keys: those are taken apart, not the keys of every record.
      sql: `SELECT k, min(r) AS r, min(p) AS p FROM (SELECT r, unnest(ks) AS k, generate_subscripts(ks, 1) AS p
        FROM (SELECT ks, min("_row") AS r FROM (SELECT json_keys("_record") AS ks, "_row" FROM ${INPUT}
          WHERE "_record" IS NOT NULL) AS keyed GROUP BY ks) AS lists) AS all_keys GROUP BY k ORDER BY 2, 3, 1`,
      dialect: 'duckdb',
      result: { kind: 'rows', maxRows: MAX_COLUMNS },
      objects: [input],
    },
    signal,
  );
  if (rows.length === 0) {
    throw new LochError('invalid_argument', `\`${group.files[0]!.key}\` holds no JSON object with a field.`, {
      context: { file: group.files[0]!.key },
    });
  }
  return rows.map(([key]) => key!);
}

async function openParquet(
  deps: ReadDeps,
  context: RequestContext,
  group: TextGroup<'parquet'>,
  folder: string,
  signal: AbortSignal,
): Promise<ReadableGroup> {
  const directory = join(folder, 'parquet');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const files = await deps.objects.openFiles(group.files, directory, undefined, { caller: context });
  const inputs = { stages: [{ name: INPUT, files }] };
  const outcome = await deps.runner.run(
    context,
    { sql: `SELECT * FROM ${INPUT} LIMIT 0`, dialect: 'duckdb', result: { kind: 'rows', maxRows: 1 }, ...inputs },
    signal,
  );
  const names = columnNames(outcome.columns.map(({ name }) => name));
  const [rows] = await firstRow(deps, context, inputs, `SELECT count(*) FROM ${INPUT}`, signal);
  return {
    inputs,
    rows: Number(rows),
    columns: outcome.columns.map((column, i) => ({
      name: names[i]!,
      typed: { sql: sqlName(column.name), type: tableTypeOf(column) },
    })),
  };
}

/** Counts rows, faults and facts in one pass. `explain` makes the error of the first faulty record. */
async function countFacts(
  deps: ReadDeps,
  context: RequestContext,
  inputs: ReadableGroup['inputs'],
  looked: {
    readonly columns: readonly { readonly name: string; readonly text: TextColumn }[];
    readonly source: string;
  },
  signal: AbortSignal,
  explain: (file: string, row: number, fault: string) => Promise<LochError>,
): Promise<ReadableGroup> {
  const { columns, source } = looked;
  const sql = factsSql(
    columns.map(({ text }) => text),
    source,
  );
  const result = { kind: 'rows' as const, maxRows: factsRows(columns.length) };
  const { rows: found } = await deps.runner.run(context, { sql, dialect: 'duckdb', result, ...inputs }, signal);
  const { facts, rows, faults } = readFacts(found, columns.length);
  if (faults > 0) {
    const [file, record, fault] = await firstRow(
      deps,
      context,
      inputs,
      `SELECT "_object", "_row", "_fault" FROM ${INPUT} WHERE "_fault" IS NOT NULL ORDER BY 1, 2 LIMIT 1`,
      signal,
    );
    throw await explain(file!, Number(record), fault!);
  }
  return {
    inputs,
    rows,
    columns: columns.map(({ name, text }, i) => ({ name, text: { ...text, facts: facts[i]! } })),
  };
}

async function firstRow(
  deps: ReadDeps,
  context: RequestContext,
  inputs: ReadableGroup['inputs'],
  sql: string,
  signal: AbortSignal,
): Promise<readonly (string | null)[]> {
  const { rows } = await deps.runner.run(
    context,
    { sql, dialect: 'duckdb', result: { kind: 'rows', maxRows: 1 }, ...inputs },
    signal,
  );
  return rows[0]!;
}
