/**
 * What a principal sees of a table: the union of his grants.
 *
 * Invariants
 * - A filter that does not fit the table's columns any more covers no rows; it never turns into no filter.
 * - `full` is answered only when every column is covered by some grant over all rows, clear.
 * - A grant without columns, or on a filter that is gone, counts for nothing.
 */
import { isLochError } from '../../core/errors.ts';
import type { ColumnType, GrantShape, MaskFunction, RowFilter, TableName, TableShape } from '../contract.ts';
import { parseRowFilter } from './filter/parse-row-filter.ts';
import { assertMasksFit } from './filter/masks.ts';
import { type GrantState, type Held, type PrincipalGrants, type StoredFilter, tableKey } from './grant-index.ts';

const ALL_ROWS: RowFilter = { op: 'all' };
const NO_ROWS: RowFilter = { op: 'none' };

/** A filter checked against the columns of its table. */
export interface FittedFilter {
  readonly rows: RowFilter;
  /** Why it covers no rows. */
  readonly invalid?: string;
}

/** The last fit of each filter version: columns change seldom. */
const fitted = new WeakMap<StoredFilter, { readonly columns: string; readonly fit: FittedFilter }>();

const signature = (columns: readonly ColumnType[]): string => {
  let text = '';
  for (const { name, type } of columns) text += `${name}\u0000${type}\u0001`;
  return text;
};

/** The rows a filter covers on a table with these columns. **Cost**: parses once per filter version and schema. */
export function fitFilter(filter: StoredFilter, columns: readonly ColumnType[], of = signature(columns)): FittedFilter {
  const known = fitted.get(filter);
  if (known !== undefined && known.columns === of) return known.fit;
  const fit = fitNow(filter, columns);
  fitted.set(filter, { columns: of, fit });
  return fit;
}

function fitNow(filter: StoredFilter, columns: readonly ColumnType[]): FittedFilter {
  try {
    // Masked columns that are gone are not shown anyway; the others must still fit.
    const present = new Set(columns.map((column) => column.name.toLowerCase()));
    const masks = Object.fromEntries(Object.entries(filter.masks).filter(([name]) => present.has(name)));
    assertMasksFit(masks, columns);
    return { rows: filter.expression === undefined ? ALL_ROWS : parseRowFilter(filter.expression, columns) };
  } catch (error) {
    if (!isLochError(error)) throw error;
    return { rows: NO_ROWS, invalid: error.message };
  }
}

/** The columns of a table that a list shows: those it includes, or all it does not exclude, in the table's order. */
export function coveredColumns(
  names: readonly string[],
  list: { readonly include?: readonly string[] | undefined; readonly exclude?: readonly string[] | undefined },
): readonly string[] {
  const { include, exclude } = list;
  if (include !== undefined) return names.filter((name) => include.includes(name.toLowerCase()));
  if (exclude === undefined || exclude.length === 0) return names;
  return names.filter((name) => !exclude.includes(name.toLowerCase()));
}

const selects = (held: Held): boolean => held.permissions.has('SELECT') || held.permissions.has('ALL');

/** The grants of a caller that let him select from a table. */
export function selectingGrants(grants: readonly PrincipalGrants[], name: TableName): Held[] {
  const key = tableKey(name);
  const found: Held[] = [];
  for (const ofPrincipal of grants) {
    for (const held of ofPrincipal.wildcards.get(name.database) ?? []) if (selects(held)) found.push(held);
    for (const held of ofPrincipal.tables.get(key) ?? []) if (selects(held)) found.push(held);
  }
  return found;
}

function shapeOf(held: Held, state: GrantState, columns: readonly ColumnType[], of: string): GrantShape | undefined {
  const { resource } = held;
  const names = columns.map((column) => column.name);
  if (resource.kind === 'table' || resource.kind === 'tables') {
    return { grantId: held.id, columns: names, rows: ALL_ROWS, masks: {} };
  }
  if (resource.kind === 'columns') {
    const covered = coveredColumns(names, resource);
    return covered.length === 0 ? undefined : { grantId: held.id, columns: covered, rows: ALL_ROWS, masks: {} };
  }
  if (resource.kind !== 'filter') return undefined;
  const filter = state.filters.get(tableKey(resource))?.get(resource.filter);
  if (filter === undefined) return undefined;
  const covered = coveredColumns(names, filter);
  if (covered.length === 0) return undefined;
  // Without a prototype, so that a column called `constructor` is not taken for a masked one.
  const masks: Record<string, MaskFunction> = Object.create(null);
  for (const name of covered) {
    const key = name.toLowerCase();
    if (Object.hasOwn(filter.masks, key)) masks[name] = filter.masks[key]!;
  }
  return { grantId: `${held.id}/${filter.name}`, columns: covered, rows: fitFilter(filter, columns, of).rows, masks };
}

/** The shape of a table for a caller, or undefined when no grant lets him select anything. */
export function shapeOfTable(
  state: GrantState,
  grants: readonly PrincipalGrants[],
  name: TableName,
  columns: readonly ColumnType[],
): TableShape | undefined {
  const selecting = selectingGrants(grants, name);
  // The plain case first: one grant on the whole table.
  if (selecting.some(({ resource }) => resource.kind === 'table' || resource.kind === 'tables'))
    return { kind: 'full' };
  const of = signature(columns);
  const shapes = selecting.flatMap((held) => shapeOf(held, state, columns, of) ?? []);
  if (shapes.length === 0) return undefined;
  const clear = new Set(
    shapes.flatMap((shape) =>
      shape.rows.op === 'all' ? shape.columns.filter((column) => !Object.hasOwn(shape.masks, column)) : [],
    ),
  );
  if (columns.every((column) => clear.has(column.name))) return { kind: 'full' };
  const shown = new Set(shapes.flatMap((shape) => shape.columns));
  return {
    kind: 'shaped',
    columns: columns.map((column) => column.name).filter((column) => shown.has(column)),
    grants: shapes,
  };
}
