import type { Engine, SyntaxNode } from '../../../engines/contract.ts';
import { tokensOf } from '../gate/sql-tokens.ts';

/** A statement and its tree. */
export interface ParsedText {
  readonly sql: string;
  readonly tree: SyntaxNode;
}

/**
 * Calls columns that have no name `_col0`, `_col1` … by their place, as Athena does. The text is edited where the commas
 * of the select list are, and taken only if it parses to the same tree with these names; otherwise it stays as it is.
 */
export async function nameColumns(engine: Engine, text: ParsedText): Promise<ParsedText> {
  const node = text.tree.node as SyntaxNode;
  if (node.type !== 'SELECT_NODE') return text;
  const items = node.select_list as readonly SyntaxNode[];
  const nameless = items.map((item) => item.alias === '' && item.class !== 'COLUMN_REF' && item.class !== 'STAR');
  if (!nameless.includes(true)) return text;
  const ends = itemEnds(text.sql);
  if (ends.length !== items.length) return text;

  let sql = '';
  let at = 0;
  ends.forEach((end, i) => {
    sql += text.sql.slice(at, end) + (nameless[i] ? ` AS "_col${i}"` : '');
    at = end;
  });
  sql += text.sql.slice(at);
  const named = items.map((item, i) => (nameless[i] ? { ...item, alias: `_col${i}` } : item));
  const wanted = { ...text.tree, node: { ...node, select_list: named } };
  const [tree, ...more] = await engine.parse(sql).catch(() => []);
  return tree !== undefined && more.length === 0 && same(tree, wanted) ? { sql, tree } : text;
}

/** Where the items of the outermost select list end. */
function itemEnds(sql: string): number[] {
  const tokens = tokensOf(sql).filter((token) => token.kind !== 'comment');
  const ends: number[] = [];
  let depth = 0;
  let inside = false;
  for (const [i, token] of tokens.entries()) {
    const word = token.kind === 'name' ? token.text.toLowerCase() : token.text;
    if ('([{'.includes(word)) depth++;
    else if (')]}'.includes(word)) depth--;
    if (depth > 0) continue;
    if (!inside) inside = word === 'select';
    else if (word === ',') ends.push(tokens[i - 1]!.end);
    else if (END_WORDS.has(word)) return [...ends, tokens[i - 1]!.end];
  }
  const last = tokens.findLast((token) => token.text !== ';');
  return last === undefined ? ends : [...ends, last.end];
}

const END_WORDS = new Set([
  'from',
  'where',
  'group',
  'having',
  'order',
  'limit',
  'offset',
  'union',
  'qualify',
  'window',
]);

const same = (a: SyntaxNode, b: SyntaxNode) => {
  const text = (node: SyntaxNode) =>
    JSON.stringify(node, (key, value) => (key === 'query_location' ? undefined : value));
  return text(a) === text(b);
};
