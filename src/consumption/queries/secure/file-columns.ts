import type { RowFilter, TableShape } from '../../../governance/contract.ts';
import type { FileColumns } from '../../../storage/contract.ts';
import type { BoundTable } from '../bind/bind-statement.ts';

/**
 * Every column that a statement's scan of a table may touch in its files: those the statement names, those of row
 * filters, and the keys of equality deletes. For stores that fetch files piece by piece; one column too many costs
 * bytes, one too few the answer.
 */
export function touchedColumns({ table, shape, columns, columnsRead, scan }: BoundTable): FileColumns {
  const wanted = new Set([...columnsRead, ...filterColumns(shape)].map((name) => name.toLowerCase()));
  const touched = columns.filter(
    ({ name, policyName }) => wanted.has(name.toLowerCase()) || wanted.has(policyName?.toLowerCase() ?? ''),
  );
  if (table.metadata === undefined) return { names: touched.map(({ name }) => name), fieldIds: [] };
  const deleted = scan.files.flatMap(({ deletes }) => (deletes ?? []).flatMap(({ fieldIds }) => fieldIds));
  const own = touched.filter(({ inner }) => inner.startsWith('_f'));
  const fieldIds = new Set([...own.map(({ inner }) => Number(inner.slice('_f'.length))), ...deleted]);
  // A file written before a column was renamed, by a writer that knew no field ids, has it under its old name.
  const fields = table.metadata.schemas.flatMap((schema) => schema.fields);
  const names = fields.filter(({ id }) => fieldIds.has(id)).map(({ name }) => name);
  return { names: [...new Set(names)], fieldIds: [...fieldIds] };
}

function filterColumns(shape: TableShape): string[] {
  return shape.kind === 'full' ? [] : shape.grants.flatMap(({ rows }) => columnsOf(rows));
}

function columnsOf(filter: RowFilter): string[] {
  switch (filter.op) {
    case 'all':
    case 'none':
      return [];
    case 'and':
    case 'or':
      return filter.terms.flatMap(columnsOf);
    case 'not':
      return columnsOf(filter.term);
    default:
      return filter.column.slice(0, 1);
  }
}
