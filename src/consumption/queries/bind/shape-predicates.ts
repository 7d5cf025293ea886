/** What a caller's shape of a table says about the files worth reading. */
import type { FilterValue, RowFilter, TableShape } from '../../../governance/contract.ts';
import type { ScanPredicate } from '../../../storage/contract.ts';

/** Predicates that every row the caller may see fulfils: those of the only grant. */
export function predicatesOfShape(shape: TableShape): ScanPredicate[] {
  if (shape.kind === 'full' || shape.grants.length !== 1) return [];
  return predicatesOfFilter(shape.grants[0]!.rows);
}

function predicatesOfFilter(filter: RowFilter): ScanPredicate[] {
  if (filter.op === 'and') return filter.terms.flatMap(predicatesOfFilter);
  if (!('column' in filter) || filter.column.length !== 1) return [];
  const column = filter.column[0]!;
  switch (filter.op) {
    case '=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return only(column, filter.op, [filter.value]);
    case 'in':
      return only(column, 'in', filter.values);
    case 'between':
      return [...only(column, '>=', [filter.low]), ...only(column, '<=', [filter.high])];
    default:
      return [];
  }
}

/** Texts and days prune by their own order; numbers may be written in a way the column's type is not. */
function only(column: string, op: ScanPredicate['op'], values: readonly FilterValue[]): ScanPredicate[] {
  const texts = values.map((value) =>
    value.kind === 'string' || value.kind === 'date' || (value.kind === 'number' && /^-?\d+$/.test(value.text))
      ? value.text
      : undefined,
  );
  return texts.includes(undefined) ? [] : [{ column, op, values: texts as string[] }];
}

/** Lower-case names of the columns that no grant masks: what the caller sees of them is the stored value, or NULL. */
export function unmaskedColumns(shape: TableShape): ReadonlySet<string> {
  if (shape.kind === 'full') return new Set();
  const masked = new Set(shape.grants.flatMap((grant) => Object.keys(grant.masks).map((name) => name.toLowerCase())));
  return new Set(shape.columns.map((name) => name.toLowerCase()).filter((name) => !masked.has(name)));
}
