/**
 * Which columns of tables each column of a result is made of, where the statement tells it without doubt: one SELECT over
 * tables and views, or `SELECT *` around one. Anything else says nothing, and lineage is known by tables alone.
 */
import type { SyntaxNode } from '../../../engines/contract.ts';
import type { TableName } from '../../../governance/contract.ts';
import type { Inspection, TableUse } from '../gate/inspect-statement.ts';

/** A column of a result and what it is made of. */
export interface ResultColumnFlow {
  readonly output: string;
  readonly inputs: readonly { readonly table: TableName; readonly column: string }[];
}

/** A table of the statement with the columns the caller sees of it. */
export interface FlowSource {
  readonly use: TableUse;
  readonly name: TableName;
  readonly columns: readonly string[];
}

const isNode = (value: unknown): value is SyntaxNode =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** The SELECT that decides the columns: past `SELECT * FROM (…)`. */
function innermost(node: SyntaxNode): SyntaxNode | undefined {
  if (node.type !== 'SELECT_NODE') return undefined;
  const from = node.from_table;
  const [only, ...others] = (node.select_list ?? []) as SyntaxNode[];
  const isStar = others.length === 0 && only?.class === 'STAR' && emptyStar(only);
  if (isStar && isNode(from) && from.type === 'SUBQUERY') {
    const inner = from.subquery as SyntaxNode | undefined;
    return isNode(inner?.node) ? innermost(inner.node) : undefined;
  }
  return node;
}

const emptyStar = (star: SyntaxNode): boolean =>
  ['exclude_list', 'replace_list', 'rename_list', 'qualified_exclude_list'].every((member) => {
    const list = star[member];
    return (
      list === undefined ||
      list === null ||
      (Array.isArray(list) ? list.length === 0 : Object.keys(list as object).length === 0)
    );
  }) &&
  (star.expr === undefined || star.expr === null);

/** Every column that an expression names; undefined where a subquery or a lambda makes that unsure. */
function columnsIn(value: unknown, found: string[][] = []): string[][] | undefined {
  if (Array.isArray(value)) {
    for (const item of value) if (columnsIn(item, found) === undefined) return undefined;
    return found;
  }
  if (!isNode(value)) return found;
  if (value.class === 'SUBQUERY' || value.class === 'LAMBDA' || value.class === 'STAR') return undefined;
  if (value.class === 'COLUMN_REF') {
    found.push((value.column_names as string[]).map((name) => name.toLowerCase()));
    return found;
  }
  for (const member of Object.values(value)) if (columnsIn(member, found) === undefined) return undefined;
  return found;
}

/** The table and column that a reference means; undefined when it is none or ambiguous. */
function columnOf(names: readonly string[], sources: readonly FlowSource[]) {
  const found: { table: TableName; column: string }[] = [];
  for (const { use, name, columns } of sources) {
    const visible = new Set(columns.map((column) => column.toLowerCase()));
    const alias = use.alias.toLowerCase();
    const at = names[0] === alias && names.length > 1 ? 1 : names[1] === alias && names.length > 2 ? 2 : 0;
    if (at > 0 || (names.length === 1 && !sources.some((other) => other.use.alias.toLowerCase() === names[0]))) {
      if (visible.has(names[at]!)) found.push({ table: name, column: names[at]! });
    }
  }
  return found.length === 1 ? found[0] : undefined;
}

/** The flows of a statement, or undefined where they are not sure. */
export function columnFlows(
  tree: SyntaxNode,
  inspection: Pick<Inspection, 'cteNames' | 'naturalJoins' | 'joinColumns'>,
  sources: readonly FlowSource[],
): ResultColumnFlow[] | undefined {
  if (inspection.cteNames.length > 0 || inspection.naturalJoins || inspection.joinColumns.length > 0) return undefined;
  const select = isNode(tree.node) ? innermost(tree.node) : undefined;
  if (select === undefined || sources.some(({ use }) => use.select !== select)) return undefined;
  const flows: ResultColumnFlow[] = [];
  for (const item of (select.select_list ?? []) as SyntaxNode[]) {
    if (item.class === 'STAR') {
      if (!emptyStar(item)) return undefined;
      const of = String(item.relation_name ?? '').toLowerCase();
      for (const { use, name, columns } of sources) {
        if (of !== '' && use.alias.toLowerCase() !== of) continue;
        for (const column of columns) flows.push({ output: column, inputs: [{ table: name, column }] });
      }
      continue;
    }
    const named = columnsIn(item);
    if (named === undefined) return undefined;
    const inputs = named.map((names) => columnOf(names, sources));
    const sure = inputs.filter((input) => input !== undefined);
    if (sure.length < inputs.length) return undefined;
    const alias = String(item.alias ?? '');
    const output = alias !== '' ? alias : item.class === 'COLUMN_REF' ? (item.column_names as string[]).at(-1)! : '';
    if (output !== '') flows.push({ output: output.toLowerCase(), inputs: sure });
  }
  return flows;
}
