/**
 * The scan of a table as one caller may see it.
 *
 * Invariants
 * - Columns that are not granted do not appear, whatever the statement asks for.
 * - With a row filter every column is `CASE WHEN <its rows> THEN <column or mask> END` beside `WHERE <any grant's rows>`:
 *   the engine may evaluate a caller's expression before the WHERE, and then sees NULL, never a hidden value.
 * - A cell is clear if one grant covers its row and column without a mask, masked if only masked grants do, else NULL.
 */
import type { GrantShape, TableShape } from '../../../governance/contract.ts';
import { sqlName } from '../../../core/sql-text.ts';
import { MASK_ORDER, type MaskSalts, maskSql } from './mask-sql.ts';
import { type ColumnLookup, rowFilterSql } from './row-filter-sql.ts';

/** A column of a scan's source. */
export interface SourceColumn {
  /** Its name inside the source. */
  readonly inner: string;
  /** The name the caller sees. */
  readonly name: string;
  /** The name that grants use today; undefined when the table has no such column any more. */
  readonly policyName: string | undefined;
  readonly type: string;
  /** Read for filters only. */
  readonly hidden?: boolean;
}

/** Files as a table: a SELECT that yields `columns` by their inner names. */
export interface ScanSource {
  readonly sql: string;
  readonly columns: readonly SourceColumn[];
}

/** The SELECT that stands for a table in a statement. */
export function securedScanSql(source: ScanSource, shape: TableShape, salts: MaskSalts): string {
  const shown = source.columns.filter((column) => column.hidden !== true);
  if (shape.kind === 'full') {
    const list = shown.map((column) => `${sqlName(column.inner)} AS ${sqlName(column.name)}`);
    return `SELECT ${list.join(', ')} FROM (${source.sql}) AS "_s"`;
  }
  const lookup: ColumnLookup = (name) => {
    const column = source.columns.find((c) => same(c.policyName, name));
    return column === undefined ? undefined : { expression: sqlName(column.inner), type: column.type };
  };
  const rowsOf = new Map(shape.grants.map((grant) => [grant, rowFilterSql(grant.rows, lookup)]));
  const visible = new Set(shape.columns.map(fold));
  const list = shown
    .filter((column) => column.policyName !== undefined && visible.has(fold(column.policyName)))
    .map((column) => `${cellSql(column, shape.grants, rowsOf, salts)} AS ${sqlName(column.name)}`);
  if (list.length === 0) list.push('NULL AS "_none"');
  const where = anyOf(shape.grants.map((grant) => rowsOf.get(grant)!));
  return `SELECT ${list.join(', ')} FROM (${source.sql}) AS "_s"${where === 'true' ? '' : ` WHERE ${where}`}`;
}

function cellSql(
  column: SourceColumn,
  grants: readonly GrantShape[],
  rowsOf: ReadonlyMap<GrantShape, string>,
  salts: MaskSalts,
): string {
  const covering = grants.filter((grant) => grant.columns.some((name) => same(column.policyName, name)));
  const maskOf = (grant: GrantShape) =>
    Object.entries(grant.masks).find(([name]) => same(column.policyName, name))?.[1];
  const rowsWhere = (mask: string | undefined) =>
    anyOf(covering.filter((grant) => maskOf(grant) === mask).map((grant) => rowsOf.get(grant)!));

  const value = sqlName(column.inner);
  const branches: string[] = [];
  const clear = rowsWhere(undefined);
  if (clear === 'true') return value;
  if (clear !== 'false') branches.push(`WHEN ${clear} THEN ${value}`);
  for (const mask of MASK_ORDER) {
    const rows = rowsWhere(mask);
    if (rows === 'false') continue;
    branches.push(`WHEN ${rows} THEN ${maskSql(mask, value, column.type, salts)}`);
  }
  const typed = branches.length === 0 ? 'NULL' : `CASE ${branches.join(' ')} ELSE NULL END`;
  return `CAST(${typed} AS ${column.type})`;
}

function anyOf(conditions: readonly string[]): string {
  if (conditions.includes('true')) return 'true';
  const distinct = [...new Set(conditions.filter((condition) => condition !== 'false'))];
  if (distinct.length === 0) return 'false';
  return distinct.length === 1 ? distinct[0]! : `(${distinct.join(' OR ')})`;
}

const fold = (name: string) => name.toLowerCase();
const same = (a: string | undefined, b: string) => a !== undefined && fold(a) === fold(b);
