import { LochError } from '../../core/errors.ts';
import type { ColumnType, MaskFunction } from '../contract.ts';
import { assertColumns } from './assert-resource.ts';
import type { DataCellsFilterInput, FilterName } from './contract.ts';
import { assertMasksFit, maskNamed, splitMasks } from './filter/masks.ts';
import { parseRowFilter } from './filter/parse-row-filter.ts';
import type { FilterRow } from './store.ts';
import { coveredColumns } from './table-shape.ts';

/** Column names that engines give a meaning of their own, by which a filter could be gone round. */
const RESERVED_COLUMNS = [
  'ctid',
  'oid',
  'rowid',
  'tableoid',
  'xmin',
  'xmax',
  'cmin',
  'cmax',
  'filename',
  'file_row_number',
];

const NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_. -]{0,254}$/u;

export const foldFilterName = (name: FilterName): FilterName => ({
  database: name.database.toLowerCase(),
  table: name.table.toLowerCase(),
  filter: name.filter,
});

/**
 * A filter checked against its table, as it is stored. A mask header of the expression becomes masks.
 * **Errors**: `syntax_error` with position, `type_mismatch`, `column_not_found`, `invalid_argument`, `limit_exceeded`.
 */
export function checkFilterInput(
  input: DataCellsFilterInput,
  columns: readonly ColumnType[],
): Omit<FilterRow, 'version_id' | 'created_by' | 'updated_at'> {
  const name = foldFilterName(input);
  if (!NAME.test(name.filter)) {
    throw invalid('Name', `\`${name.filter}\` is not a filter name: 1 to 255 letters, digits, _ - . and blanks.`);
  }
  if ((input.include === undefined) === (input.exclude === undefined)) {
    throw invalid('ColumnNames', 'Give either the columns that the filter shows (ColumnNames) or a ColumnWildcard.');
  }
  if (input.include?.length === 0) throw invalid('ColumnNames', 'ColumnNames is empty: the filter would show nothing.');
  const reserved = columns.find((column) => RESERVED_COLUMNS.includes(column.name.toLowerCase()));
  if (reserved !== undefined) {
    throw invalid(
      'TableName',
      `Column \`${reserved.name}\` has a name that engines reserve; a table with it takes no filters.`,
    );
  }
  const include = folded(input.include);
  const exclude = folded(input.exclude);
  assertColumns([...(include ?? []), ...(exclude ?? [])], columns, name);
  const { expression, masks } = readExpression(input, columns);
  const shown = coveredColumns(
    columns.map((column) => column.name.toLowerCase()),
    { include, exclude },
  );
  for (const column of Object.keys(masks)) {
    if (!shown.includes(column))
      throw invalid('masks', `Column \`${column}\` is masked, but the filter does not show it.`);
  }
  return {
    database_name: name.database,
    table_name: name.table,
    name: name.filter,
    expression: expression ?? null,
    include: include === undefined ? null : JSON.stringify(include),
    exclude: exclude === undefined ? null : JSON.stringify(exclude),
    masks: JSON.stringify(masks),
  };
}

function readExpression(input: DataCellsFilterInput, columns: readonly ColumnType[]) {
  const split = input.expression === undefined ? undefined : splitMasks(input.expression);
  const masks: Record<string, MaskFunction> = Object.assign(Object.create(null), split?.masks);
  for (const [column, mask] of Object.entries(input.masks ?? {})) masks[column.toLowerCase()] = maskNamed(mask);
  assertMasksFit(masks, columns);
  if (split?.expression !== undefined) parseRowFilter(split.expression, columns, split.offset);
  return { expression: split?.expression?.trim(), masks };
}

const folded = (names: readonly string[] | undefined): string[] | undefined =>
  names === undefined ? undefined : [...new Set(names.map((name) => name.toLowerCase()))];

function invalid(argument: string, message: string): LochError {
  return new LochError('invalid_argument', message, { context: { argument } });
}
