/**
 * A statement of S3 Select as one statement of the engine over one local file. Each row of the result is one column `r`:
 * a list of texts, which the output is written from: the values themselves for CSV, pieces of JSON for JSON.
 */
import { sqlName, sqlString } from '../../core/sql-text.ts';
import { compileExpression, csvName, type ExpressionScope, withoutAlias } from './compile-expression.ts';
import { AGGREGATES } from './functions.ts';
import { selectError } from './select-error.ts';
import type { SelectSource } from './source-columns.ts';
import type { Expression, PathStep, SelectStatement } from './syntax.ts';
import { asString, type Value } from './value.ts';

/** How CSV is written in the object. */
export interface CsvDialect {
  readonly header: boolean;
  readonly fieldDelimiter: string;
  readonly quote: string;
  readonly quoteEscape: string;
  readonly comments: string;
}

export interface SelectRequest {
  readonly statement: SelectStatement;
  readonly source: SelectSource;
  /** The file, as the engine opens it. */
  readonly path: string;
  readonly gzip: boolean;
  readonly csv?: CsvDialect;
  readonly json?: { readonly lines: boolean };
  readonly output: 'csv' | 'json';
  readonly now: number;
}

export interface CompiledSelect {
  readonly sql: string;
  /** Names of the values of `r`; `document`: the one value is the whole record. */
  readonly names: readonly string[] | 'document';
}

/** No text of a file is this: what is empty is empty, not absent. */
const NO_NULL = '\u0001\u0002null\u0003';
/** S3's own limit of a record. **Units**: bytes. */
const MAX_RECORD = 1024 * 1024;

/** Compiles a request. **Errors**: S3's names as `context.s3_code`. */
export function compileSelect(request: SelectRequest): CompiledSelect {
  const { statement, source } = request;
  const scope: ExpressionScope = { source, alias: statement.alias, now: request.now };
  const from = rowsSql(request);
  if (statement.where !== undefined && holdsAggregate(statement.where)) {
    throw selectError(
      'UnsupportedSqlStructure',
      'An aggregate function stands in WHERE. Put it in the list after SELECT.',
    );
  }
  const where = statement.where === undefined ? '' : ` WHERE ${compileExpression(statement.where, scope).sql}`;
  const limit = statement.limit === undefined ? '' : ` LIMIT ${statement.limit}`;
  const { values, names } = selected(request, scope);
  const told = values.map((value) => (request.output === 'csv' ? asString(value) : jsonText(value)));
  return { sql: `SELECT CAST([${told.join(', ')}] AS VARCHAR[]) AS r FROM ${from}${where}${limit}`, names };
}

function selected(
  { statement, source }: SelectRequest,
  scope: ExpressionScope,
): { readonly values: readonly Value[]; readonly names: CompiledSelect['names'] } {
  if (statement.items === 'all') {
    if (source.kind === 'json') {
      return { values: [{ sql: 'j', type: 'other' }], names: 'document' };
    }
    if (source.kind === 'csv') {
      const columns = Array.from({ length: source.columns }, (_, i) => i + 1);
      return {
        values: columns.map((i) => ({ sql: csvName(i), type: 'string' })),
        names: columns.map((i) => source.names?.[i - 1] ?? `_${i}`),
      };
    }
    const columns = source.columns.map(({ name }) => name);
    const steps = (name: string): PathStep[] => [{ kind: 'name', name, quoted: true }];
    return {
      values: columns.map((name) => compileExpression({ kind: 'path', steps: steps(name) }, scope)),
      names: columns,
    };
  }
  const aggregates = statement.items.filter(({ expression }) => holdsAggregate(expression)).length;
  if (aggregates > 0 && aggregates < statement.items.length) {
    throw selectError(
      'UnsupportedSqlStructure',
      'Aggregate functions and plain columns do not stand in one list without GROUP BY.',
    );
  }
  return {
    values: statement.items.map(({ expression }) => compileExpression(expression, scope)),
    names: statement.items.map(
      ({ expression, alias }, i) => alias ?? nameOf(expression, statement.alias) ?? `_${i + 1}`,
    ),
  };
}

function nameOf(expression: Expression, alias: string | undefined): string | undefined {
  if (expression.kind !== 'path') return undefined;
  const last = withoutAlias(expression.steps, alias).at(-1);
  return last?.kind === 'name' ? last.name : undefined;
}

function holdsAggregate(expression: Expression): boolean {
  if (expression.kind === 'count-all') return true;
  if (expression.kind === 'call' && AGGREGATES.has(expression.name)) return true;
  return partsOf(expression).some(holdsAggregate);
}

function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'unary':
    case 'is':
    case 'cast':
      return [expression.operand];
    case 'binary':
      return [expression.left, expression.right];
    case 'like':
      return [expression.operand, expression.pattern];
    case 'in':
      return [expression.operand, ...expression.list];
    case 'between':
      return [expression.operand, expression.low, expression.high];
    case 'case':
      return [
        ...(expression.operand === undefined ? [] : [expression.operand]),
        ...expression.branches.flatMap(({ when, result }) => [when, result]),
        ...(expression.otherwise === undefined ? [] : [expression.otherwise]),
      ];
    case 'call':
      return expression.args;
    default:
      return [];
  }
}

/** A value as a piece of JSON, NULL where there is none. */
function jsonText(value: Value): string {
  if (value.type === 'json') return `CAST(${value.sql} AS VARCHAR)`;
  if (value.type === 'timestamp') return `CAST(to_json(${asString(value)}) AS VARCHAR)`;
  if (value.type === 'number') return asString(value);
  return `CAST(to_json(${value.sql}) AS VARCHAR)`;
}

function rowsSql(request: SelectRequest): string {
  const { source, statement, path } = request;
  const file = sqlString(path);
  const compression = sqlString(request.gzip ? 'gzip' : 'uncompressed');
  if (source.kind === 'json') {
    const format = sqlString(request.json?.lines === true ? 'newline_delimited' : 'unstructured');
    const all = `(SELECT json AS j FROM read_json_objects([${file}], format=${format}, compression=${compression}, maximum_object_size=${16 * MAX_RECORD}))`;
    return narrowed(all, statement.from);
  }
  if (statement.from.some((step) => step.kind !== 'all') || statement.from.length > 1) {
    throw selectError('InvalidDataSource', 'Only JSON has paths after S3Object.');
  }
  if (source.kind === 'parquet') return `read_parquet([${file}], hive_partitioning=false)`;
  const { header, fieldDelimiter, quote, quoteEscape, comments } = request.csv!;
  const columns = Array.from({ length: source.columns }, (_, i) => `${sqlString(`c${i + 1}`)}: 'VARCHAR'`);
  const options = [
    'auto_detect=false',
    `header=${header}`,
    `columns={${columns.join(', ')}}`,
    `delim=${sqlString(fieldDelimiter)}`,
    `quote=${sqlString(quote)}`,
    `escape=${sqlString(quoteEscape)}`,
    `comment=${sqlString(comments)}`,
    'null_padding=true',
    'strict_mode=false',
    'parallel=false',
    `nullstr=${sqlString(NO_NULL)}`,
    `max_line_size=${16 * MAX_RECORD}`,
    `compression=${compression}`,
    'hive_partitioning=false',
  ];
  return `read_csv([${file}], ${options.join(', ')})`;
}

/** The elements that a path after `S3Object` names; the first `[*]` are the records themselves. */
function narrowed(all: string, steps: readonly PathStep[]): string {
  let rows = all;
  for (const step of steps[0]?.kind === 'all' ? steps.slice(1) : steps) {
    if (step.kind === 'all') rows = `(SELECT unnest(json_extract(j, '$[*]')) AS j FROM ${rows})`;
    else {
      const pointer =
        step.kind === 'index' ? String(step.index) : step.name.replaceAll('~', '~0').replaceAll('/', '~1');
      rows = `(SELECT json_extract(j, ${sqlString(`/${pointer}`)}) AS j FROM ${rows} WHERE json_extract(j, ${sqlString(`/${pointer}`)}) IS NOT NULL)`;
    }
  }
  return `${rows} AS ${sqlName('s')}`;
}
