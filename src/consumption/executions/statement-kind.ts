/** What a statement is, told from its first words: which path it takes and what Athena calls it. */
import { LochError } from '../../core/errors.ts';
import type { QueryExecution } from '../contract.ts';
import { parseChange } from '../changes/parse/parse-change.ts';
import type { ChangeStatement, TableRef } from '../changes/statements.ts';
import type { DescribeForm } from './describe-table.ts';
import { type Token, tokensOf } from '../queries/gate/sql-tokens.ts';

/** A statement that reads the catalog, not data. */
export type UtilityStatement =
  | { readonly kind: 'databases'; readonly like?: string }
  | { readonly kind: 'tables' | 'views'; readonly database?: string; readonly like?: string }
  /** The upkeep of an Iceberg table: `OPTIMIZE t REWRITE DATA USING BIN_PACK`, `VACUUM t`. */
  | { readonly kind: 'optimize' | 'vacuum'; readonly table: TableRef }
  | { readonly kind: 'columns' | 'partitions' | 'create'; readonly table: TableRef }
  | { readonly kind: 'properties'; readonly table: TableRef; readonly property?: string }
  | { readonly kind: 'describe'; readonly table: TableRef; readonly form: DescribeForm };

/** A statement with its kind. */
export interface StatementKind {
  readonly statementType: QueryExecution['statementType'];
  readonly substatementType: string;
  /** It reads the catalog. */
  readonly utility?: UtilityStatement;
  /** It changes tables or the catalog. Neither: a SELECT. */
  readonly change?: ChangeStatement;
}

const QUERY_WORDS = new Set(['select', 'with', 'values', 'table', 'from', '(']);

/**
 * The kind of a statement. **Errors**: `unsupported` naming the statement; `syntax_error` for a SHOW or DESCRIBE of
 * another form.
 */
export function statementKind(sql: string): StatementKind {
  const tokens = tokensOf(sql).filter((token) => token.kind !== 'comment');
  while (tokens.at(-1)?.text === ';') tokens.pop();
  const reader = new Reader(tokens);
  const first = reader.peek()?.text.toLowerCase();
  if (first === undefined) throw new LochError('syntax_error', 'The statement is empty.', { context: { position: 0 } });
  if (QUERY_WORDS.has(first)) return { statementType: 'DML', substatementType: 'SELECT' };
  if (reader.accept('show')) return show(reader);
  if (reader.accept('describe') || reader.accept('desc')) {
    const form = reader.accept('formatted') ? 'formatted' : reader.accept('extended') ? 'extended' : 'plain';
    reader.accept('view');
    const table = reader.table();
    reader.end();
    return { statementType: 'UTILITY', substatementType: 'DESCRIBE_TABLE', utility: { kind: 'describe', table, form } };
  }
  if (reader.accept('optimize')) {
    const table = reader.table();
    for (const word of ['rewrite', 'data', 'using', 'bin_pack']) reader.expect(word);
    if (reader.peek()?.text.toLowerCase() === 'where') {
      throw new LochError('unsupported', 'OPTIMIZE with WHERE is not supported: it takes the whole table.', {
        context: { statement: 'OPTIMIZE' },
      });
    }
    reader.end();
    return { statementType: 'UTILITY', substatementType: 'OPTIMIZE', utility: { kind: 'optimize', table } };
  }
  if (reader.accept('vacuum')) {
    const table = reader.table();
    reader.end();
    return { statementType: 'UTILITY', substatementType: 'VACUUM', utility: { kind: 'vacuum', table } };
  }
  const parsed = parseChange(sql);
  if (parsed === undefined) throw notSupported(tokens);
  const { statement, statementType, substatementType } = parsed;
  return { statementType, substatementType, change: statement };
}

function show(reader: Reader): StatementKind {
  const kind = (substatementType: string, utility: UtilityStatement): StatementKind => {
    reader.end();
    return { statementType: 'UTILITY', substatementType, utility };
  };
  if (reader.accept('databases') || reader.accept('schemas')) {
    return kind('SHOW_DATABASES', { kind: 'databases', ...reader.like() });
  }
  for (const word of ['tables', 'views'] as const) {
    if (!reader.accept(word)) continue;
    const database = reader.accept('in') || reader.accept('from') ? reader.name() : undefined;
    const of = database === undefined ? {} : { database };
    return kind(`SHOW_${word.toUpperCase()}`, { kind: word, ...of, ...reader.like() });
  }
  if (reader.accept('columns')) {
    if (!reader.accept('in')) reader.expect('from');
    const table = reader.table();
    const database = reader.accept('in') || reader.accept('from') ? reader.name() : undefined;
    return kind('SHOW_COLUMNS', {
      kind: 'columns',
      table: database === undefined ? table : { ...table, database },
    });
  }
  if (reader.accept('partitions')) return kind('SHOW_PARTITIONS', { kind: 'partitions', table: reader.table() });
  if (reader.accept('tblproperties')) {
    const table = reader.table();
    const [property] = reader.peek()?.text === '(' ? reader.list() : [];
    const wanted = property === undefined ? {} : { property };
    return kind('SHOW_TBLPROPERTIES', { kind: 'properties', table, ...wanted });
  }
  if (reader.accept('create')) {
    if (!reader.accept('view')) reader.expect('table');
    return kind('SHOW_CREATE_TABLE', { kind: 'create', table: reader.table() });
  }
  throw notSupported([{ text: 'SHOW' } as Token, ...reader.rest()]);
}

function notSupported(tokens: readonly Token[]): LochError {
  const words = tokens
    .slice(0, 2)
    .map((token) => token.text.toUpperCase())
    .filter((word) => /^[A-Z_]+$/.test(word));
  const name = words.join(' ') || tokens[0]!.text;
  return new LochError(
    'unsupported',
    `${name} is not supported. Supported: SELECT, SHOW DATABASES, TABLES, VIEWS, COLUMNS, PARTITIONS, CREATE TABLE and TBLPROPERTIES, DESCRIBE, OPTIMIZE, VACUUM.`,
    { context: { statement: name } },
  );
}

class Reader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  rest(): readonly Token[] {
    return this.#tokens.slice(this.#at);
  }

  accept(word: string): boolean {
    if (this.peek()?.text.toLowerCase() !== word) return false;
    this.#at++;
    return true;
  }

  expect(word: string): void {
    if (!this.accept(word)) throw this.#unexpected(word.toUpperCase());
  }

  end(): void {
    if (this.peek() !== undefined) throw this.#unexpected('the end of the statement');
  }

  name(): string {
    const token = this.peek();
    if (token?.kind !== 'name' && token?.kind !== 'quoted') throw this.#unexpected('a name');
    this.#at++;
    if (token.kind === 'name') return token.text.toLowerCase();
    const quote = token.text[0]!;
    return token.text
      .slice(1, -1)
      .replaceAll(quote + quote, quote)
      .toLowerCase();
  }

  table(): TableRef {
    const names = [this.name()];
    while (this.accept('.')) names.push(this.name());
    if (names.length > 2) names.shift(); // the catalog
    return names.length === 1 ? { table: names[0]! } : { database: names[0]!, table: names[1]! };
  }

  /** `('text')`. */
  list(): readonly string[] {
    this.expect('(');
    const token = this.peek();
    if (token?.kind !== 'string') throw this.#unexpected('a text in single quotes');
    this.#at++;
    this.expect(')');
    return [token.text.slice(1, -1).replaceAll("''", "'")];
  }

  /** `LIKE 'pattern'`, or the pattern alone, as Hive has it. */
  like(): { readonly like?: string } {
    this.accept('like');
    const token = this.peek();
    if (token?.kind !== 'string') return {};
    this.#at++;
    return { like: token.text.slice(1, -1).replaceAll("''", "'") };
  }

  #unexpected(wanted: string): LochError {
    const token = this.peek();
    const found = token === undefined ? 'the end' : `\`${token.text}\``;
    return new LochError('syntax_error', `Expected ${wanted}, found ${found}.`, {
      context: token === undefined ? {} : { position: token.start },
    });
  }
}
