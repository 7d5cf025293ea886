/**
 * What we do to a Trino statement's text before and after the transpiler: names of functions it does not know, and time
 * travel. Both work on words, never on meaning; the gate judges the outcome.
 */
import { LochError } from '../../../core/errors.ts';
import { type Token, tokensOf } from '../gate/sql-tokens.ts';
import { expandedCall, EXPANDED } from './trino-functions.ts';

const MARK = 'trino_';
const TRAVEL = '\u2063loch_at\u2063';

/** Marks what the transpiler must leave alone. **Errors**: `unsupported` for time travel by an expression. */
export function prepareTrino(sql: string): string {
  return markTimeTravel(markFunctions(sql));
}

/** The statement of the engine behind the marks. */
export function finishTrino(sql: string): string {
  return expandCalls(unmarkTimeTravel(sql));
}

const significant = (sql: string) => tokensOf(sql).filter((token) => token.kind !== 'comment');

function markFunctions(sql: string): string {
  const tokens = significant(sql);
  let text = '';
  let at = 0;
  tokens.forEach((token, i) => {
    if (token.kind !== 'name' || tokens[i + 1]?.text !== '(' || tokens[i - 1]?.text === '.') return;
    if (!EXPANDED.has(token.text.toLowerCase())) return;
    text += `${sql.slice(at, token.start)}${MARK}`;
    at = token.start;
  });
  return text + sql.slice(at);
}

/** `t FOR VERSION AS OF 5` → a name that carries it: `"t…VERSION:5"`. */
function markTimeTravel(sql: string): string {
  const tokens = significant(sql);
  const word = (i: number) => tokens[i]?.text.toLowerCase();
  let text = '';
  let at = 0;
  for (let i = 1; i < tokens.length; i++) {
    if (word(i) !== 'for' || word(i + 2) !== 'as' || word(i + 3) !== 'of') continue;
    const unit = { timestamp: 'TIMESTAMP', version: 'VERSION', system_time: 'TIMESTAMP', system_version: 'VERSION' }[
      word(i + 1) ?? ''
    ];
    const table = tokens[i - 1]!;
    if (unit === undefined || (table.kind !== 'name' && table.kind !== 'quoted')) continue;
    const typed = word(i + 4) === 'timestamp' || word(i + 4) === 'date';
    const literal = tokens[i + (typed ? 5 : 4)];
    if (literal?.kind !== 'number' && literal?.kind !== 'string') {
      throw new LochError(
        'unsupported',
        'Time travel takes a literal: a snapshot id, a branch or tag, or a timestamp.',
      );
    }
    const value = literal.kind === 'string' ? literal.text.slice(1, -1).replaceAll("''", "'") : literal.text;
    text += `${sql.slice(at, table.start)}"${quotedName(table)}${TRAVEL}${unit}:${Buffer.from(value).toString('hex')}"`;
    at = literal.end;
  }
  return text + sql.slice(at);
}

const quotedName = (token: Token) => (token.kind === 'quoted' ? token.text.slice(1, -1) : token.text);

const CLAUSE_WORDS = new Set(
  'where group order having limit join inner left right full cross natural on using union intersect except window qualify tablesample offset fetch for at'.split(
    ' ',
  ),
);

/** `"t…VERSION:5" AS a` → `"t" AS a AT (VERSION => 5)`. */
function unmarkTimeTravel(sql: string): string {
  if (!sql.includes(TRAVEL)) return sql;
  const tokens = significant(sql);
  let text = '';
  let at = 0;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    const [, name, unit, hex] = new RegExp(`^"(.*)${TRAVEL}(TIMESTAMP|VERSION):([0-9a-f]*)"$`).exec(token.text) ?? [];
    if (name === undefined) continue;
    const alias = aliasAfter(tokens, i);
    const value = Buffer.from(hex!, 'hex').toString('utf8');
    const literal = /^\d+$/.test(value) ? value : `'${value.replaceAll("'", "''")}'`;
    const typed = unit === 'TIMESTAMP' ? `CAST('${value.replaceAll("'", "''")}' AS TIMESTAMP)` : literal;
    const end = alias?.end ?? token.end;
    const written = alias === undefined ? ` AS "${name}"` : sql.slice(token.end, end);
    text += `${sql.slice(at, token.start)}"${name}"${written} AT (${unit} => ${typed})`;
    at = end;
  }
  return text + sql.slice(at);
}

/** The alias that follows a table, with its columns. */
function aliasAfter(tokens: readonly Token[], table: number): { readonly end: number } | undefined {
  let i = table + 1;
  if (tokens[i]?.text.toLowerCase() === 'as') i++;
  const alias = tokens[i];
  if (alias === undefined || (alias.kind !== 'name' && alias.kind !== 'quoted')) return undefined;
  if (alias.kind === 'name' && CLAUSE_WORDS.has(alias.text.toLowerCase())) return undefined;
  if (tokens[i + 1]?.text !== '(') return alias;
  const close = closing(tokens, i + 1);
  return close === undefined ? alias : tokens[close];
}

/** The index of the parenthesis that closes the one at `open`. */
function closing(tokens: readonly Token[], open: number): number | undefined {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    if ('([{'.includes(tokens[i]!.text)) depth++;
    else if (')]}'.includes(tokens[i]!.text) && --depth === 0) return i;
  }
  return undefined;
}

/** Marked calls as expressions of the engine, innermost first. */
function expandCalls(sql: string): string {
  const tokens = significant(sql);
  let text = '';
  let at = 0;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    const name = token.kind === 'name' ? token.text.toLowerCase() : '';
    if (!name.startsWith(MARK) || tokens[i + 1]?.text !== '(') continue;
    const close = closing(tokens, i + 1);
    if (close === undefined) continue;
    const args = argumentsBetween(sql, tokens, i + 1, close).map(expandCalls);
    const expanded = expandedCall(name.slice(MARK.length), args);
    if (expanded === undefined) {
      throw new LochError(
        'unsupported',
        `\`${name.slice(MARK.length)}\` with ${args.length} arguments is not supported.`,
      );
    }
    text += sql.slice(at, token.start) + expanded;
    at = tokens[close]!.end;
    i = close;
  }
  return text + sql.slice(at);
}

function argumentsBetween(sql: string, tokens: readonly Token[], open: number, close: number): string[] {
  if (close === open + 1) return [];
  const args: string[] = [];
  let depth = 0;
  let start = tokens[open]!.end;
  for (let i = open + 1; i < close; i++) {
    const { text } = tokens[i]!;
    if ('([{'.includes(text)) depth++;
    else if (')]}'.includes(text)) depth--;
    else if (text === ',' && depth === 0) {
      args.push(sql.slice(start, tokens[i]!.start).trim());
      start = tokens[i]!.end;
    }
  }
  args.push(sql.slice(start, tokens[close]!.start).trim());
  return args;
}
