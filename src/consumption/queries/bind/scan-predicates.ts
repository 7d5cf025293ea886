/**
 * Predicates of a statement that may prune the files of a table.
 *
 * Invariants
 * - Only what is certain: a conjunct of the WHERE of the SELECT that reads the table, between a column that is certainly
 *   the table's and a literal of the column's own kind. On doubt nothing is said, and every file is read.
 * - The predicate refuses NULL wherever the table may be the empty side of an outer join; IS NULL is used only where it
 *   stands alone in FROM.
 */
import type { SyntaxNode } from '../../../engines/contract.ts';
import type { ScanPredicate } from '../../../storage/contract.ts';
import type { TableUse } from '../gate/inspect-statement.ts';
import { literalOf, type Literal } from './literals.ts';

/** Column name (lower case) → engine type, of the columns a caller sees of a table. */
export type ColumnTypes = ReadonlyMap<string, string>;

interface Leaf {
  readonly node: SyntaxNode;
  readonly use: TableUse | undefined;
  readonly columns: ColumnTypes | undefined;
}

/** The predicates on `use`. `columnsOf` knows the columns of every table of the statement. */
export function scanPredicates(
  use: TableUse,
  tables: readonly TableUse[],
  columnsOf: (use: TableUse) => ColumnTypes | undefined,
): ScanPredicate[] {
  const { select } = use;
  if (select === undefined || use.timeTravel !== undefined || use.node.sample !== null) return [];
  if (select.sample !== null || select.where_clause === null) return [];
  const merged = new Set<string>();
  const nodes = leavesOf(select.from_table as SyntaxNode, merged);
  if (nodes === undefined || !nodes.includes(use.node)) return [];
  const leaves = nodes.map((node): Leaf => {
    const known = tables.find((table) => table.node === node);
    return { node, use: known, columns: known === undefined ? undefined : columnsOf(known) };
  });
  const aliases = new Set((select.select_list as SyntaxNode[]).map((item) => String(item.alias).toLowerCase()));
  const resolve = (node: SyntaxNode) => resolveColumn(node, use, leaves, merged, aliases);
  return conjuncts(select.where_clause as SyntaxNode).flatMap((term) =>
    predicatesOf(term, resolve, nodes.length === 1),
  );
}

/** The tables of a FROM made of plain joins; undefined when another kind of join makes rows depend on each other. */
function leavesOf(from: SyntaxNode, merged: Set<string>): SyntaxNode[] | undefined {
  if (from.type !== 'JOIN') return [from];
  if (!['REGULAR', 'CROSS'].includes(String(from.ref_type))) return undefined;
  if (!['INNER', 'LEFT', 'RIGHT', 'OUTER', 'FULL'].includes(String(from.join_type))) return undefined;
  for (const name of from.using_columns as string[]) merged.add(name.toLowerCase());
  const left = leavesOf(from.left as SyntaxNode, merged);
  const right = leavesOf(from.right as SyntaxNode, merged);
  return left === undefined || right === undefined ? undefined : [...left, ...right];
}

function conjuncts(node: SyntaxNode): SyntaxNode[] {
  if (node.type !== 'CONJUNCTION_AND') return [node];
  return (node.children as SyntaxNode[]).flatMap(conjuncts);
}

interface Resolved {
  readonly column: string;
  readonly type: string;
}

/** The column of `use` that `node` certainly is. */
function resolveColumn(
  node: SyntaxNode,
  use: TableUse,
  leaves: readonly Leaf[],
  merged: ReadonlySet<string>,
  aliases: ReadonlySet<string>,
): Resolved | undefined {
  if (node.class !== 'COLUMN_REF') return undefined;
  const names = (node.column_names as string[]).map((name) => name.toLowerCase());
  const own = leaves.find((leaf) => leaf.use === use)?.columns;
  const column = names.at(-1)!;
  const type = own?.get(column);
  if (type === undefined || merged.has(column)) return undefined;
  if (names.length === 1) {
    const everyKnown = leaves.every((leaf) => leaf.columns !== undefined);
    const having = leaves.filter((leaf) => leaf.columns?.has(column));
    return everyKnown && having.length === 1 && !aliases.has(column) ? { column, type } : undefined;
  }
  if (names.length > 2) return undefined;
  // `a.b` may also be field b of a column a: then nothing is certain.
  if (leaves.some((leaf) => leaf.columns?.has(names[0]!))) return undefined;
  const named = leaves.filter((leaf) => aliasOf(leaf) === names[0]);
  return named.length === 1 && named[0]!.use === use ? { column, type } : undefined;
}

function aliasOf({ node, use }: Leaf): string {
  return (use?.alias ?? (String(node.alias) || String(node.table_name ?? ''))).toLowerCase();
}

const OPERATORS: Readonly<Record<string, ScanPredicate['op']>> = {
  COMPARE_EQUAL: '=',
  COMPARE_LESSTHAN: '<',
  COMPARE_LESSTHANOREQUALTO: '<=',
  COMPARE_GREATERTHAN: '>',
  COMPARE_GREATERTHANOREQUALTO: '>=',
};
const MIRRORED = { '=': '=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const;

function predicatesOf(
  term: SyntaxNode,
  resolve: (node: SyntaxNode) => Resolved | undefined,
  alone: boolean,
): ScanPredicate[] {
  const single = (node: unknown, op: keyof typeof MIRRORED, literal: unknown): ScanPredicate[] => {
    const column = resolve(node as SyntaxNode);
    const text = column === undefined ? undefined : textFor(column.type, literalOf(literal as SyntaxNode));
    return text === undefined ? [] : [{ column: column!.column, op, values: [text] }];
  };
  if (term.class === 'COMPARISON') {
    const op = OPERATORS[String(term.type)] as keyof typeof MIRRORED | undefined;
    if (op === undefined) return [];
    return [...single(term.left, op, term.right), ...single(term.right, MIRRORED[op], term.left)];
  }
  if (term.class === 'BETWEEN') {
    return [...single(term.input, '>=', term.lower), ...single(term.input, '<=', term.upper)];
  }
  if (term.class !== 'OPERATOR') return [];
  const [first, ...rest] = term.children as SyntaxNode[];
  const column = first === undefined ? undefined : resolve(first);
  if (column === undefined) return [];
  if (term.type === 'OPERATOR_IS_NOT_NULL') return [{ column: column.column, op: 'not_null', values: [] }];
  if (term.type === 'OPERATOR_IS_NULL' && alone) return [{ column: column.column, op: 'is_null', values: [] }];
  if (term.type !== 'COMPARE_IN') return [];
  const values = rest.map((item) => textFor(column.type, literalOf(item)));
  return values.includes(undefined) ? [] : [{ column: column.column, op: 'in', values: values as string[] }];
}

const INTEGER = /^(TINYINT|SMALLINT|INTEGER|BIGINT)$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const MOMENT = /^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?$/;

/** The literal's text where the engine compares it in the column's own type; undefined where it would convert the column. */
function textFor(type: string, literal: Literal | undefined): string | undefined {
  if (literal === undefined) return undefined;
  const { kind, text } = literal;
  if (INTEGER.test(type)) return kind === 'number' && /^-?\d+$/.test(text) ? text : undefined;
  if (type.startsWith('DECIMAL')) return kind === 'number' ? text : undefined;
  if (type === 'VARCHAR') return kind === 'string' ? text : undefined;
  if (type === 'BOOLEAN') return kind === 'boolean' ? text : undefined;
  if (type === 'DATE') return kind !== 'timestamp' && DAY.test(text) ? text : undefined;
  if (type === 'TIMESTAMP' && kind !== 'number') {
    if (DAY.test(text)) return `${text} 00:00:00`;
    return MOMENT.test(text) ? text.replace('T', ' ') : undefined;
  }
  return undefined;
}
