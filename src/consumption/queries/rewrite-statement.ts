/**
 * Puts the secured scans into a statement's own text, and proves that nothing else changes.
 *
 * Invariants
 * - The text is edited at the places the engine's parser named; then, with a numbered stand-in for each scan, it is
 *   parsed again, and its tree must equal the statement's tree with the table nodes replaced. So no reading of the text
 *   of ours is trusted, and what cannot be proven is refused. (Writing the tree back as text is no alternative: the
 *   engine prints `a CROSS JOIN b JOIN c` as another join.)
 * - Scans are complete SELECTs of our own making, put in parentheses in the stand-ins' places.
 * - Positions are bytes of UTF-8, as the engine counts.
 */
import { LochError } from '../../core/errors.ts';
import type { Engine, SyntaxNode } from '../../engines/contract.ts';
import { positionOf, type TableUse } from './gate/inspect-statement.ts';
import { type Token, tokensOf } from './gate/sql-tokens.ts';
import { sqlName } from './sql-text.ts';

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

interface Edit {
  readonly start: number;
  readonly end: number;
  /** Text, or the number of the scan that comes here in parentheses, with what follows it. */
  readonly text: string;
  readonly scan?: number;
}

/** **Errors**: `unsupported` when the statement cannot be rewritten with proof. */
export async function rewriteStatement(
  engine: Engine,
  sql: string,
  tree: SyntaxNode,
  tables: readonly TableUse[],
  requalified: readonly Requalified[],
): Promise<StatementTemplate> {
  // One character a byte, so that the engine's offsets are ours.
  const bytes = latin1(sql);
  const tokens = tokensOf(bytes).filter((token) => token.kind !== 'comment');
  const edits = [
    ...tables.flatMap((use, i) => tableEdits(tokens, use, i)),
    ...requalified.map((column) => columnEdit(tokens, column)),
  ].sort((a, b) => a.start - b.start);
  const end = tokens.findLast((token) => token.text !== ';')?.end ?? 0;
  const template: StatementTemplate = (scans) => applyEdits(bytes.slice(0, end), edits, scans);
  if (edits.length > 0) await prove(engine, template, tree, tables, requalified);
  return template;
}

async function prove(
  engine: Engine,
  template: StatementTemplate,
  tree: SyntaxNode,
  tables: readonly TableUse[],
  requalified: readonly Requalified[],
): Promise<void> {
  const standIns = tables.map((_, i) => `SELECT ${i}`);
  const { sql } = template(standIns);
  const [actual, ...rest] = await engine.parse(`${sql}\n;${standIns.join(';')}`).catch((error: unknown) => {
    throw unprovable(error);
  });
  if (actual === undefined || rest.length !== tables.length) throw unprovable();
  if (!sameTree(actual, substitute(tree, tables, rest, requalified))) throw unprovable();
}

const latin1 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

function indexAt(tokens: readonly Token[], position: number | undefined): number {
  const index = tokens.findIndex((token) => token.start === position);
  if (index < 0) throw unprovable();
  return index;
}

/** `db.t AT (…)` → `(scan) AS "t"`; an alias of the caller's own stays behind it. */
function tableEdits(tokens: readonly Token[], use: TableUse, scan: number): Edit[] {
  const first = indexAt(tokens, use.position);
  let last = first;
  while (tokens[last + 1]?.text === '.' && tokens[last + 2] !== undefined) last += 2;
  const alias = use.node.alias === '' ? ` AS ${latin1(sqlName(use.table))}` : '';
  const edits: Edit[] = [{ start: tokens[first]!.start, end: tokens[last]!.end, text: alias, scan }];
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

function applyEdits(text: string, edits: readonly Edit[], scans: readonly string[]): RenderedStatement {
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
    result += edit.scan === undefined ? edit.text : `(${latin1(scans[edit.scan]!)})${edit.text}`;
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
  scans: readonly SyntaxNode[],
  requalified: readonly Requalified[],
): SyntaxNode {
  const uses = new Map(tables.map((use, i) => [use.node, { use, scan: scans[i] }]));
  const columns = new Map(requalified.map(({ node, dropped }) => [node, dropped]));
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    if (value === null || typeof value !== 'object' || isRawNumber(value)) return value;
    const node = value as SyntaxNode;
    const table = uses.get(node);
    if (table !== undefined) {
      return {
        type: 'SUBQUERY',
        alias: node.alias === '' ? table.use.table : node.alias,
        sample: node.sample,
        query_location: null,
        subquery: table.scan,
        column_name_alias: node.column_name_alias,
      };
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
