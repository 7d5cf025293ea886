/**
 * Puts the secured scans into a statement's own text, and proves that nothing else changes.
 *
 * Invariants
 * - The text is edited at the places the engine's parser named; then, with a numbered stand-in for each scan, it is
 *   parsed again, and its tree must equal the statement's tree with the table nodes replaced. So no reading of the text
 *   of ours is trusted, and what cannot be proven is refused. (Writing the tree back as text is no alternative: the
 *   engine prints `a CROSS JOIN b JOIN c` as another join.)
 * - Scans are CTEs in front of the statement, and stand in it as names. The engine calls a column without alias by its
 *   expression's text, subqueries included: a scan in place would show filters, masks with their salts, and paths there.
 * - Positions are bytes of UTF-8, as the engine counts.
 */
import { LochError } from '../../core/errors.ts';
import type { Engine, SyntaxNode } from '../../engines/contract.ts';
import { type Inspection, positionOf, type TableUse } from './gate/inspect-statement.ts';
import { type Token, tokensOf } from './gate/sql-tokens.ts';
import { sqlName } from '../../core/sql-text.ts';

/** A column reference that names its database: how many names go. */
export interface Requalified {
  readonly node: SyntaxNode;
  readonly dropped: number;
}

/** Text with scans in it. */
export interface RenderedStatement {
  readonly sql: string;
  /** A position of `sql` in the statement's own text (bytes), or undefined inside a scan. */
  originalPosition(position: number): number | undefined;
}

/** A statement that scans can be put into, in the order of its tables. */
export type StatementTemplate = (scans: readonly string[]) => RenderedStatement;

interface ScanName {
  readonly name: string;
  /** Whether the statement says `AS table` after it, where its caller gave no alias. */
  readonly aliased: boolean;
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** The scans come here, between `text` and `after`. */
  readonly after?: string;
}

/** **Errors**: `unsupported` when the statement cannot be rewritten with proof. */
export async function rewriteStatement(
  engine: Engine,
  sql: string,
  tree: SyntaxNode,
  inspection: Pick<Inspection, 'tables' | 'cteNames'>,
  requalified: readonly Requalified[],
): Promise<StatementTemplate> {
  const { tables } = inspection;
  // One character a byte, so that the engine's offsets are ours.
  const bytes = latin1(sql);
  const tokens = tokensOf(bytes).filter((token) => token.kind !== 'comment');
  const named = scanNames(inspection).map((name, i): ScanName => {
    const before = tokens[indexAt(tokens, tables[i]!.position) - 1];
    // `TABLE t` takes no alias, and has no place to name the table again.
    return { name, aliased: before?.text.toLowerCase() !== 'table' };
  });
  const edits = [
    ...(tables.length === 0 ? [] : [scansEdit(tokens)]),
    ...tables.flatMap((use, i) => tableEdits(tokens, use, named[i]!)),
    ...requalified.map((column) => columnEdit(tokens, column)),
  ].sort((a, b) => a.start - b.start);
  const end = tokens.findLast((token) => token.text !== ';')?.end ?? 0;
  const template: StatementTemplate = (scans) => applyEdits(bytes.slice(0, end), edits, withClause(named, scans));
  if (edits.length > 0) await prove(engine, template, tree, tables, named, requalified);
  return template;
}

/** A name for each scan that no CTE of the statement has: the table's own, so that derived column names read well. */
function scanNames({ tables, cteNames }: Pick<Inspection, 'tables' | 'cteNames'>): string[] {
  const taken = new Set(cteNames.map((name) => name.toLowerCase()));
  return tables.map((use) => {
    const base = use.database === undefined ? use.table : `${use.database}.${use.table}`;
    let name = base;
    for (let i = 2; taken.has(name.toLowerCase()); i++) name = `${base} ${i}`;
    taken.add(name.toLowerCase());
    return name;
  });
}

function withClause(named: readonly ScanName[], scans: readonly string[]): string {
  return named.map(({ name }, i) => `${sqlName(name)} AS NOT MATERIALIZED (${scans[i]!})`).join(', ');
}

async function prove(
  engine: Engine,
  template: StatementTemplate,
  tree: SyntaxNode,
  tables: readonly TableUse[],
  named: readonly ScanName[],
  requalified: readonly Requalified[],
): Promise<void> {
  const standIns = tables.map((_, i) => `SELECT ${i}`);
  const { sql } = template(standIns);
  const [actual, ...rest] = await engine.parse(`${sql}\n;${standIns.join(';')}`).catch((error: unknown) => {
    throw unprovable(error);
  });
  if (actual === undefined || rest.length !== tables.length) throw unprovable();
  const withoutScans = takeScans(
    actual,
    named.map(({ name }) => name),
    rest,
  );
  if (!sameTree(withoutScans, substitute(tree, tables, named, requalified))) throw unprovable();
}

/** The statement without the CTEs that are its scans, each of which must be exactly its stand-in. */
function takeScans(statement: SyntaxNode, names: readonly string[], standIns: readonly SyntaxNode[]): SyntaxNode {
  const node = statement.node as SyntaxNode;
  const map = (node.cte_map as { readonly map: readonly { readonly key: string; readonly value: SyntaxNode }[] }).map;
  const rest = map.filter(({ key, value }) => {
    const i = names.indexOf(key);
    if (i < 0) return true;
    const expected = {
      ...value,
      aliases: [],
      query: standIns[i],
      key_targets: [],
    };
    if (!sameTree(value, expected)) throw unprovable();
    return false;
  });
  if (rest.length !== map.length - names.length) throw unprovable();
  return { ...statement, node: { ...node, cte_map: { map: rest } } };
}

const latin1 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

function indexAt(tokens: readonly Token[], position: number | undefined): number {
  const index = tokens.findIndex((token) => token.start === position);
  if (index < 0) throw unprovable();
  return index;
}

/** Where the scans go: after the statement's own WITH, or with one in front of it. */
function scansEdit(tokens: readonly Token[]): Edit {
  const word = (i: number) => tokens[i]?.text.toLowerCase();
  if (word(0) !== 'with') return { start: tokens[0]!.start, end: tokens[0]!.start, text: 'WITH ', after: ' ' };
  const { end } = tokens[word(1) === 'recursive' ? 1 : 0]!;
  return { start: end, end, text: ' ', after: ',' };
}

/** `db.t AT (…)` → `"scan" AS "t"`; an alias of the caller's own stays behind it. */
function tableEdits(tokens: readonly Token[], use: TableUse, { name, aliased }: ScanName): Edit[] {
  const first = indexAt(tokens, use.position);
  let last = first;
  while (tokens[last + 1]?.text === '.' && tokens[last + 2] !== undefined) last += 2;
  const alias = use.node.alias === '' && aliased ? ` AS ${latin1(sqlName(use.table))}` : '';
  const text = `${latin1(sqlName(name))}${alias}`;
  const edits: Edit[] = [{ start: tokens[first]!.start, end: tokens[last]!.end, text }];
  if (use.timeTravel !== undefined) edits.push(timeTravelEdit(tokens, last));
  return edits;
}

function timeTravelEdit(tokens: readonly Token[], from: number): Edit {
  const at = tokens.findIndex(
    (token, i) => i > from && token.text.toLowerCase() === 'at' && tokens[i + 1]?.text === '(',
  );
  if (at < 0) throw unprovable();
  let depth = 0;
  for (let i = at + 1; i < tokens.length; i++) {
    if (tokens[i]!.text === '(') depth++;
    else if (tokens[i]!.text === ')' && --depth === 0) {
      return { start: tokens[at]!.start, end: tokens[i]!.end, text: '' };
    }
  }
  throw unprovable();
}

/** `db.t.c` → `t.c`. */
function columnEdit(tokens: readonly Token[], { node, dropped }: Requalified): Edit {
  const first = indexAt(tokens, positionOf(node));
  const kept = tokens[first + 2 * dropped];
  if (kept === undefined) throw unprovable();
  return { start: tokens[first]!.start, end: kept.start, text: '' };
}

function applyEdits(text: string, edits: readonly Edit[], scans: string): RenderedStatement {
  const pieces: { readonly from: number; readonly to: number; readonly original: number }[] = [];
  let result = '';
  let at = 0;
  const copy = (until: number) => {
    pieces.push({ from: result.length, to: result.length + until - at, original: at });
    result += text.slice(at, until);
    at = until;
  };
  for (const edit of edits) {
    if (edit.start < at) throw unprovable();
    copy(edit.start);
    result += edit.after === undefined ? edit.text : `${edit.text}${latin1(scans)}${edit.after}`;
    at = edit.end;
  }
  copy(text.length);
  return {
    sql: Buffer.from(result, 'latin1').toString('utf8'),
    originalPosition(position) {
      const piece = pieces.find((p) => position >= p.from && position < p.to);
      return piece === undefined ? undefined : piece.original + position - piece.from;
    },
  };
}

/** The tree as it must be after the edits. */
function substitute(
  tree: SyntaxNode,
  tables: readonly TableUse[],
  named: readonly ScanName[],
  requalified: readonly Requalified[],
): SyntaxNode {
  const scans = new Map(tables.map((use, i) => [use.node, { use, ...named[i]! }]));
  const columns = new Map(requalified.map(({ node, dropped }) => [node, dropped]));
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    if (value === null || typeof value !== 'object' || isRawNumber(value)) return value;
    const node = value as SyntaxNode;
    const scan = scans.get(node);
    if (scan !== undefined) {
      const alias = node.alias === '' && scan.aliased ? scan.use.table : node.alias;
      return { ...node, alias, catalog_name: '', schema_name: '', table_name: scan.name, at_clause: null };
    }
    const dropped = columns.get(node);
    if (dropped !== undefined) return { ...node, column_names: (node.column_names as string[]).slice(dropped) };
    return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, visit(item)]));
  };
  return visit(tree) as SyntaxNode;
}

const isRawNumber = (value: unknown) => (JSON as unknown as { isRawJSON(v: unknown): boolean }).isRawJSON(value);

/** Equal but for positions, which the edits move. */
function sameTree(a: SyntaxNode, b: SyntaxNode): boolean {
  const text = (node: SyntaxNode) =>
    JSON.stringify(node, (key, value) => (key === 'query_location' ? undefined : value));
  return text(a) === text(b);
}

function unprovable(cause?: unknown): LochError {
  return new LochError(
    'unsupported',
    'The statement names a table in a form that is not supported. Write it as `FROM database.table [AS alias]`.',
    { cause },
  );
}
