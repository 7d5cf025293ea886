/**
 * Row filters as SQL of the engine, made of operators that cannot fail on any row.
 *
 * Invariants
 * - A comparison is of the column with a constant of the column's own type, or of both as DOUBLE or HUGEINT, to which
 *   every number converts. Constants are converted by TRY_CAST: one that does not convert is NULL, and no row passes.
 * - Three-valued logic is kept: a comparison with NULL is NULL, also where the answer for all other values is known.
 */
import type { FilterValue, RowFilter } from '../../../governance/contract.ts';
import { sqlName, sqlString } from '../../../core/sql-text.ts';

/** A column of the scan that a filter may compare: its SQL name and engine type. */
export interface FilterColumn {
  readonly expression: string;
  readonly type: string;
}

/** Finds the column of a path's first name; undefined when the scan has none: the filter is then never true. */
export type ColumnLookup = (name: string) => FilterColumn | undefined;

/** `filter` as a condition. */
export function rowFilterSql(filter: RowFilter, lookup: ColumnLookup): string {
  switch (filter.op) {
    case 'all':
      return 'true';
    case 'none':
      return 'false';
    case 'and':
    case 'or': {
      const terms = filter.terms.map((term) => rowFilterSql(term, lookup));
      return `(${terms.join(filter.op === 'and' ? ' AND ' : ' OR ')})`;
    }
    case 'not':
      return `(NOT ${rowFilterSql(filter.term, lookup)})`;
    default: {
      const column = columnAt(filter.column, lookup);
      return column === undefined ? 'CAST(NULL AS BOOLEAN)' : leafSql(filter, column);
    }
  }
}

type Leaf = Extract<RowFilter, { column: readonly string[] }>;

function leafSql(filter: Leaf, column: FilterColumn): string {
  switch (filter.op) {
    case 'is_null':
      return `(${column.expression} IS NULL)`;
    case 'like':
      return `(CAST(${column.expression} AS VARCHAR) LIKE ${sqlString(filter.pattern)})`;
    case 'in':
      return `(${filter.values.map((value) => compare(column, '=', value)).join(' OR ')})`;
    case 'between':
      return `(${compare(column, '>=', filter.low)} AND ${compare(column, '<=', filter.high)})`;
    default:
      return compare(column, filter.op, filter.value);
  }
}

/** A column, or a field of its structs. A field's type is not known here: it is compared by its own. */
function columnAt(path: readonly string[], lookup: ColumnLookup): FilterColumn | undefined {
  const [first, ...rest] = path;
  const column = lookup(first!);
  if (column === undefined || rest.length === 0) return column;
  let { expression, type } = column;
  for (const field of rest) {
    expression = `struct_extract(${expression}, ${sqlString(field)})`;
    type = fieldType(type, field);
  }
  return { expression, type };
}

function fieldType(structType: string, field: string): string {
  const body = /^STRUCT\(([\s\S]*)\)$/.exec(structType)?.[1];
  if (body === undefined) return 'VARCHAR';
  const wanted = sqlName(field).toLowerCase();
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= body.length; i++) {
    const c = body[i];
    if (c === '(') depth++;
    else if (c === ')') depth--;
    else if ((c === ',' || c === undefined) && depth === 0) {
      const part = body.slice(start, i).trim();
      if (part.toLowerCase().startsWith(`${wanted} `)) return part.slice(wanted.length + 1);
      start = i + 1;
    }
  }
  return 'VARCHAR';
}

type Comparison = '=' | '<>' | '<' | '<=' | '>' | '>=';

function compare(column: FilterColumn, op: Comparison, value: FilterValue): string {
  const { expression, type } = column;
  if (value.kind === 'boolean') {
    return type === 'BOOLEAN' ? `(${expression} ${op} ${value.value})` : 'CAST(NULL AS BOOLEAN)';
  }
  if (/^(TINYINT|SMALLINT|INTEGER|BIGINT)$/.test(type)) return compareInteger(expression, op, value.text);
  if (type.startsWith('DECIMAL')) return compareDecimal(column, op, value.text);
  if (type === 'DOUBLE' || type === 'FLOAT') {
    return `(CAST(${expression} AS DOUBLE) ${op} TRY_CAST(${sqlString(value.text)} AS DOUBLE))`;
  }
  if (/^(VARCHAR|DATE|TIME|TIMESTAMP|TIMESTAMPTZ|UUID|BOOLEAN)$/.test(type)) {
    return `(${expression} ${op} TRY_CAST(${sqlString(value.text)} AS ${type}))`;
  }
  return 'CAST(NULL AS BOOLEAN)';
}

/** Whole numbers compare as HUGEINT with whole literals, and with fractions by rounding the fraction. */
function compareInteger(expression: string, op: Comparison, text: string): string {
  const [, sign, whole, fraction] = /^([+-]?)(\d{1,30})(?:\.(\d*))?$/.exec(text) ?? [];
  if (whole === undefined) return `(CAST(${expression} AS DOUBLE) ${op} TRY_CAST(${sqlString(text)} AS DOUBLE))`;
  const truncated = BigInt(`${sign === '-' ? '-' : ''}${whole}`);
  const exact = /^0*$/.test(fraction ?? '');
  if (exact) return wholeComparison(expression, op, truncated);
  const floor = sign === '-' ? truncated - 1n : truncated;
  switch (op) {
    case '<':
    case '<=':
      return wholeComparison(expression, '<=', floor);
    case '>':
    case '>=':
      return wholeComparison(expression, '>=', floor + 1n);
    case '=':
      return `CASE WHEN ${expression} IS NULL THEN NULL ELSE false END`;
    case '<>':
      return `CASE WHEN ${expression} IS NULL THEN NULL ELSE true END`;
  }
}

const BIGINT_MAX = 9223372036854775807n;

function wholeComparison(expression: string, op: Comparison, value: bigint): string {
  // Within BIGINT the engine compares in the column's own type, which reads statistics; beyond it as HUGEINT.
  if (value <= BIGINT_MAX && value >= -BIGINT_MAX) return `(${expression} ${op} CAST(${value} AS BIGINT))`;
  return `(CAST(${expression} AS HUGEINT) ${op} TRY_CAST('${value}' AS HUGEINT))`;
}

function compareDecimal(column: FilterColumn, op: Comparison, text: string): string {
  const [, precision, scale] = /^DECIMAL\((\d+),(\d+)\)$/.exec(column.type) ?? [];
  const [, whole, fraction = ''] = /^[+-]?(\d+)(?:\.(\d*))?$/.exec(text) ?? [];
  const fits =
    whole !== undefined &&
    fraction.replace(/0+$/, '').length <= Number(scale) &&
    whole.replace(/^0+/, '').length <= Number(precision) - Number(scale);
  if (fits) return `(${column.expression} ${op} TRY_CAST(${sqlString(text)} AS ${column.type}))`;
  return `(CAST(${column.expression} AS DOUBLE) ${op} TRY_CAST(${sqlString(text)} AS DOUBLE))`;
}
