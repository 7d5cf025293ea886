/**
 * The scan of raw objects as a table of text: the SELECT that stands for an `ObjectInput` in a statement.
 *
 * Invariants
 * - No row is dropped and no row is an error: short, long and unparseable rows carry `_fault` and what is left of them.
 *   (An object that cannot be read at all – not UTF-8, broken gzip – fails the statement.)
 * - `_row` counts in file order: a window without an order runs over the scan as it comes, and the scan of one file is
 *   not parallel.
 * - Nothing is guessed from content: dialect, columns and compression are given; the path holds no partition values.
 */
import { LochError } from '../../core/errors.ts';
import type { ObjectInput } from '../../processing/contract.ts';

/** Surplus fields of a CSV row that `_rest` keeps; further ones are left to the original object. */
const SURPLUS_FIELDS = 4;
/** Stands for NULL in CSV, so that an empty field (`''`) and a missing one (NULL, padded) stay apart. */
const NULL_MARK = '\u0001\u0002loch-null';

const text = (value: string) => `'${value.replaceAll("'", "''")}'`;
const name = (value: string) => `"${value.replaceAll('"', '""')}"`;
/** A member's address inside a JSON object. **Source**: RFC 6901. */
const pointer = (member: string) => `/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`;

function compression(key: string): 'gzip' | 'zstd' | 'uncompressed' {
  if (/\.gz$/i.test(key)) return 'gzip';
  if (/\.zst$/i.test(key)) return 'zstd';
  return 'uncompressed';
}

/** A scalar type of the engine, or a list of one. A type is text of the statement: it may be nothing else. */
const TYPE = /^[A-Za-z][A-Za-z_ ]*(\(\d+(, ?\d+)?\))?(\[\])*$/;

function selectList(input: ObjectInput, source: (index: number) => string): string[] {
  return input.columns.map((column, i) => {
    const value = source(i);
    return `${column.type === undefined ? value : `TRY_CAST(${value} AS ${column.type})`} AS ${name(column.name)}`;
  });
}

function csvScan(input: ObjectInput, path: string, key: string): string {
  const { delimiter = ',', quote = '"', header = 'true', encoding = 'utf-8' } = input.options ?? {};
  const escaped = quote === '' ? '' : (input.options?.escape ?? '"');
  const fields = input.columns.map((_, i) => `c${i}`);
  const surplus = Array.from({ length: SURPLUS_FIELDS }, (_, i) => `x${i}`);
  const columns = [...fields, ...surplus].map((field) => `'${field}': 'VARCHAR'`).join(', ');
  const record = input.columns.map((column, i) => `${text(column.name)}, c${i}`).join(', ');
  return `SELECT ${[
    ...selectList(input, (i) => `c${i}`),
    `CASE WHEN x0 IS NOT NULL THEN 'too_many_fields' WHEN ${fields.at(-1)} IS NULL THEN 'too_few_fields' END AS "_fault"`,
    `CASE WHEN x0 IS NOT NULL THEN concat_ws(${text(delimiter)}, ${surplus.join(', ')}) END AS "_rest"`,
    `CAST(json_object(${record}) AS VARCHAR) AS "_record"`,
    'row_number() OVER () AS "_row"',
  ].join(
    ', ',
  )} FROM read_csv(${text(path)}, auto_detect = false, header = ${header === 'true'}, delim = ${text(delimiter)},
    quote = ${text(quote)}, escape = ${text(escaped)}, encoding = ${text(encoding)}, columns = {${columns}},
    nullstr = ${text(NULL_MARK)}, null_padding = true, strict_mode = false, parallel = false,
    compression = ${text(compression(key))}, hive_partitioning = false)`;
}

/** The JSON values of a file, one a row, as `v`; `good` says whether it is an object. */
function jsonValues(layout: string, path: string, key: string): string {
  const packing = `compression = ${text(compression(key))}, hive_partitioning = false`;
  if (layout === 'lines') {
    // Line by line as text: the engine's own NDJSON reader fails on a bad line or leaves NULL in its place.
    return `SELECT v, row_number() OVER () AS r FROM (SELECT trim(v, ' \t') AS v FROM read_csv(${text(path)}, auto_detect = false,
      header = false, delim = '', quote = '', escape = '', columns = {'v': 'VARCHAR'}, parallel = false, ${packing}))
      WHERE v <> ''`;
  }
  const format = layout === 'array' ? 'array' : 'unstructured';
  return `SELECT CAST(json AS VARCHAR) AS v, row_number() OVER () AS r
    FROM read_json_objects(${text(path)}, format = '${format}', ${packing})`;
}

function jsonScan(input: ObjectInput, path: string, key: string): string {
  const layout = input.options?.layout ?? 'lines';
  if (!['lines', 'array', 'values'].includes(layout)) {
    throw new LochError('invalid_argument', `Unknown JSON layout \`${layout}\`. Known: lines, array, values.`);
  }
  const pointers = input.columns.map((column) => text(pointer(column.name))).join(', ');
  const isObject = `CASE WHEN json_valid(v) THEN json_type(v) = 'OBJECT' ELSE false END`;
  return `SELECT ${[
    ...selectList(input, (i) => `f[${i + 1}]`),
    `CASE WHEN NOT json_valid(v) THEN 'not_json' WHEN NOT good THEN 'not_an_object' END AS "_fault"`,
    'CASE WHEN NOT good THEN v END AS "_rest"',
    'CASE WHEN good THEN v END AS "_record"',
    'r AS "_row"',
  ].join(', ')} FROM (SELECT v, r, good, CASE WHEN good THEN json_extract_string(v, [${pointers}]) END AS f
    FROM (SELECT v, r, ${isObject} AS good FROM (${jsonValues(layout, path, key)})))`;
}

function parquetScan(input: ObjectInput, path: string): string {
  return `SELECT ${[
    ...input.columns.map(
      (column) => `CAST(p.${name(column.name)} AS ${column.type ?? 'VARCHAR'}) AS ${name(column.name)}`,
    ),
    'CAST(NULL AS VARCHAR) AS "_fault", CAST(NULL AS VARCHAR) AS "_rest"',
    `CAST(json_merge_patch(to_json(p), '{"file_row_number": null}') AS VARCHAR) AS "_record"`,
    'p.file_row_number + 1 AS "_row"',
  ].join(', ')} FROM read_parquet(${text(path)}, file_row_number = true, hive_partitioning = false) AS p`;
}

/**
 * The SELECT over the local files of `input.objects`, given in their order.
 * **Errors**: `invalid_argument` for an input without columns or objects, an unknown layout, a type that is no scalar.
 * **Source**: numbers of more than 17 significant digits in JSON are read as doubles by the engine; send them as text.
 */
export function objectScanSql(input: ObjectInput, files: readonly string[]): string {
  if (input.columns.length === 0 || input.objects.length === 0) {
    throw new LochError('invalid_argument', `The input \`${input.name}\` needs at least one column and one object.`);
  }
  for (const { name: column, type } of input.columns) {
    if (type === undefined || TYPE.test(type)) continue;
    throw new LochError(
      'invalid_argument',
      `The type \`${type}\` of \`${column}\` is no scalar type. Read it as text.`,
    );
  }
  const partitions = [...new Set(input.objects.flatMap((object) => Object.keys(object.partition ?? {})))];
  const scans = input.objects.map((object, i) => {
    const path = files[i]!;
    const scan =
      input.format === 'csv'
        ? csvScan(input, path, object.key)
        : input.format === 'json'
          ? jsonScan(input, path, object.key)
          : parquetScan(input, path);
    const values = partitions.map((key) => {
      const value = object.partition?.[key];
      return `${value === undefined ? 'CAST(NULL AS VARCHAR)' : text(value)} AS ${name(key)}`;
    });
    return `SELECT *, ${[...values, `${text(object.key)} AS "_object"`].join(', ')} FROM (${scan})`;
  });
  return balanced(scans);
}

/** UNION ALL of many SELECTs as a balanced tree: a chain of hundreds would exceed the parser's depth. */
function balanced(selects: readonly string[]): string {
  if (selects.length === 1) return selects[0]!;
  const half = Math.ceil(selects.length / 2);
  return `(${balanced(selects.slice(0, half))}) UNION ALL (${balanced(selects.slice(half))})`;
}
