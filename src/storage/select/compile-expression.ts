/**
 * Expressions of S3 Select as SQL of the engine. Values have the types S3 gives them: a field of CSV is a text, a member
 * of JSON is what it is, a text compared with a number is read as one.
 *
 * Invariant: names and texts of the statement reach the SQL only through `sqlName` and `sqlString`.
 */
import { sqlName, sqlString } from '../../core/sql-text.ts';
import { callSql } from './functions.ts';
import { selectError } from './select-error.ts';
import type { SelectSource } from './source-columns.ts';
import { asNumber, asString, asTimestamp, type Value, type ValueType } from './value.ts';
import type { BinaryOperator, CastType, Expression, PathStep } from './syntax.ts';

export interface ExpressionScope {
  readonly source: SelectSource;
  readonly alias: string | undefined;
  /** What UTCNOW() is. */
  readonly now: number;
}

const CASTS: Readonly<Record<CastType, readonly [sqlType: string, type: ValueType]>> = {
  boolean: ['BOOLEAN', 'boolean'],
  integer: ['BIGINT', 'number'],
  string: ['VARCHAR', 'string'],
  float: ['DOUBLE', 'number'],
  decimal: ['DOUBLE', 'number'],
  timestamp: ['TIMESTAMP', 'timestamp'],
};

const asBoolean = (value: Value): string =>
  value.type === 'boolean' || value.type === 'null' ? value.sql : `TRY_CAST(${asString(value)} AS BOOLEAN)`;

/** Compiles an expression. **Errors**: S3's names as `context.s3_code`. */
export function compileExpression(expression: Expression, scope: ExpressionScope): Value {
  const compile = (inner: Expression): Value => compileExpression(inner, scope);
  switch (expression.kind) {
    case 'literal':
      return literal(expression);
    case 'path':
      return pathValue(expression.steps, scope);
    case 'count-all':
      return { sql: 'count(*)', type: 'number' };
    case 'unary': {
      const operand = compile(expression.operand);
      if (expression.operator === 'not') return { sql: `(NOT ${asBoolean(operand)})`, type: 'boolean' };
      return { sql: `(${expression.operator}${asNumber(operand)})`, type: 'number' };
    }
    case 'binary':
      return binary(expression.operator, compile(expression.left), compile(expression.right));
    case 'like': {
      const escaped = expression.escape === undefined ? '' : ` ESCAPE ${asString(compile(expression.escape))}`;
      const like = `${asString(compile(expression.operand))} LIKE ${asString(compile(expression.pattern))}${escaped}`;
      return negatable(like, expression.negated);
    }
    case 'in': {
      const operand = compile(expression.operand);
      const tests = expression.list.map((item) => binary('=', operand, compile(item)).sql);
      return negatable(tests.join(' OR '), expression.negated);
    }
    case 'between': {
      const operand = compile(expression.operand);
      const low = binary('>=', operand, compile(expression.low)).sql;
      return negatable(`${low} AND ${binary('<=', operand, compile(expression.high)).sql}`, expression.negated);
    }
    case 'is': {
      const { sql, type } = compile(expression.operand);
      const absent = `${sql} IS NULL`;
      const none = type === 'json' && expression.what === 'null' ? `${absent} OR json_type(${sql}) = 'NULL'` : absent;
      return negatable(none, expression.negated);
    }
    case 'cast': {
      const [sqlType, type] = CASTS[expression.type];
      const value = compile(expression.operand);
      if (type === 'string') return { sql: asString(value), type };
      const from =
        value.type === 'number' || value.type === 'boolean' || value.type === type
          ? value.sql
          : `trim(${asString(value)})`;
      return { sql: `CAST(${from} AS ${sqlType})`, type };
    }
    case 'case':
      return caseValue(expression, compile);
    case 'call':
      return callSql(expression, expression.args.map(compile), scope.now);
  }
}

function negatable(test: string, negated: boolean): Value {
  return { sql: negated ? `(NOT (${test}))` : `(${test})`, type: 'boolean' };
}

function literal({ type, text }: Extract<Expression, { kind: 'literal' }>): Value {
  if (type === 'string') return { sql: sqlString(text), type: 'string' };
  return { sql: text, type: type === 'null' ? 'null' : type };
}

const LOGIC = new Set<BinaryOperator>(['and', 'or']);
const ARITHMETIC = new Set<BinaryOperator>(['+', '-', '*', '/', '%']);
const ORDERED = new Set<BinaryOperator>(['<', '<=', '>', '>=']);

function binary(operator: BinaryOperator, left: Value, right: Value): Value {
  if (LOGIC.has(operator)) {
    return { sql: `(${asBoolean(left)} ${operator.toUpperCase()} ${asBoolean(right)})`, type: 'boolean' };
  }
  if (operator === '||') return { sql: `(${asString(left)} || ${asString(right)})`, type: 'string' };
  if (ARITHMETIC.has(operator)) {
    // Whole numbers divide to whole numbers, as S3 has it.
    const whole =
      operator === '/' && left.type === 'number' && right.type === 'number' && isWhole(left) && isWhole(right);
    return { sql: `(${asNumber(left)} ${whole ? '//' : operator} ${asNumber(right)})`, type: 'number' };
  }
  const types = [left.type, right.type];
  const both = (convert: (value: Value) => string): Value => ({
    sql: `(${convert(left)} ${operator} ${convert(right)})`,
    type: 'boolean',
  });
  if (types.includes('timestamp')) return both(asTimestamp);
  if (types.includes('number')) return both(asNumber);
  if (types.includes('boolean')) return both(asBoolean);
  if (types.every((type) => type === 'json') && ORDERED.has(operator)) {
    return { sql: `coalesce(${both(asNumber).sql}, ${both(asString).sql})`, type: 'boolean' };
  }
  return both(asString);
}

const isWhole = ({ sql }: Value): boolean => /^\d+$/.test(sql) || /AS BIGINT\)$/.test(sql);

function caseValue(
  { operand, branches, otherwise }: Extract<Expression, { kind: 'case' }>,
  compile: (inner: Expression) => Value,
): Value {
  const subject = operand === undefined ? undefined : compile(operand);
  const values = branches.map(({ result }) => compile(result));
  const last = otherwise === undefined ? undefined : compile(otherwise);
  const types = new Set([...values, ...(last === undefined ? [] : [last])].map(({ type }) => type));
  types.delete('null');
  const type = types.size === 1 ? [...types][0]! : 'string';
  const told = (value: Value): string => (types.size > 1 ? asString(value) : value.sql);
  const tests = branches.map(({ when }, i) => {
    const test = compile(when);
    const condition = subject === undefined ? asBoolean(test) : binary('=', subject, test).sql;
    return ` WHEN ${condition} THEN ${told(values[i]!)}`;
  });
  return { sql: `(CASE${tests.join('')}${last === undefined ? '' : ` ELSE ${told(last)}`} END)`, type };
}

/** The steps of a path without the name of the source they begin with. */
export function withoutAlias(steps: readonly PathStep[], alias: string | undefined): readonly PathStep[] {
  const [first, ...rest] = steps;
  if (first?.kind !== 'name' || rest.length === 0) return steps;
  const name = first.name.toUpperCase();
  return name === 'S3OBJECT' || name === alias?.toUpperCase() ? rest : steps;
}

function pathValue(all: readonly PathStep[], { source, alias }: ExpressionScope): Value {
  const [only] = all;
  if (source.kind === 'json') {
    const whole = all.length === 1 && only?.kind === 'name' && only.name.toUpperCase() === alias?.toUpperCase();
    const steps = whole ? [] : withoutAlias(all, alias);
    return steps.length === 0
      ? { sql: 'j', type: 'json' }
      : { sql: `json_extract(j, ${sqlString(pointer(steps))})`, type: 'json' };
  }
  const steps = withoutAlias(all, alias);
  const [first, ...rest] = steps;
  if (first?.kind !== 'name') throw badPath();
  if (source.kind === 'csv') {
    if (rest.length > 0) throw badPath();
    return csvColumn(first, source);
  }
  return parquetColumn(first, rest, source);
}

const badPath = () =>
  selectError(
    'ParseInvalidPathComponent',
    'The SQL expression contains a path that the format of the object does not have.',
  );

/** A JSON pointer (RFC 6901): it takes any name. */
function pointer(steps: readonly PathStep[]): string {
  return steps
    .map((step) => {
      if (step.kind === 'all') throw badPath();
      return `/${step.kind === 'index' ? step.index : step.name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    })
    .join('');
}

/** Name of the `i`-th column (from 1) in the SQL of CSV sources. */
export const csvName = (i: number): string => sqlName(`c${i}`);

type NameStep = Extract<PathStep, { kind: 'name' }>;

function csvColumn(step: NameStep, source: Extract<SelectSource, { kind: 'csv' }>): Value {
  const matching = (source.names ?? []).flatMap((name, i) => (sameName(step, name) ? [i + 1] : []));
  if (matching.length > 1) {
    throw selectError('AmbiguousFieldName', `Field name matches to multiple fields in the file: \`${step.name}\`.`);
  }
  if (matching.length === 1) return { sql: csvName(matching[0]!), type: 'string' };
  const number = /^_([1-9]\d{0,5})$/.exec(step.name)?.[1];
  if (number !== undefined) {
    return Number(number) <= source.columns
      ? { sql: csvName(Number(number)), type: 'string' }
      : { sql: 'NULL', type: 'null' };
  }
  throw selectError(
    'MissingHeaders',
    `Some headers in the query are missing from the file. Check the file and try again: \`${step.name}\`.${
      source.names === undefined ? ' The request says that the file has no header: columns are _1, _2 …' : ''
    }`,
  );
}

function sameName(step: NameStep, name: string): boolean {
  return step.quoted ? step.name === name : step.name.toLowerCase() === name.toLowerCase();
}

function parquetColumn(
  step: NameStep,
  rest: readonly PathStep[],
  source: Extract<SelectSource, { kind: 'parquet' }>,
): Value {
  const matching = source.columns.filter(({ name }) => sameName(step, name));
  if (matching.length > 1) {
    throw selectError('AmbiguousFieldName', `Field name matches to multiple fields in the file: \`${step.name}\`.`);
  }
  const column = matching[0];
  if (column === undefined) {
    throw selectError(
      'EvaluatorBindingDoesNotExist',
      `A column name or a path provided does not exist in the SQL expression: \`${step.name}\`.`,
    );
  }
  let sql = sqlName(column.name);
  for (const next of rest) {
    if (next.kind === 'all') throw badPath();
    sql = next.kind === 'name' ? `struct_extract(${sql}, ${sqlString(next.name)})` : `${sql}[${next.index + 1}]`;
  }
  return { sql, type: rest.length === 0 ? typeOf(column.type) : 'other' };
}

function typeOf(type: string): ValueType {
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL)/.test(type)) return 'number';
  if (type === 'VARCHAR') return 'string';
  if (type === 'BOOLEAN') return 'boolean';
  return /^(TIMESTAMP|DATE)/.test(type) ? 'timestamp' : 'other';
}
