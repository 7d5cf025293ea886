import { LochError } from '../../../core/errors.ts';
import { type Token, tokensOf } from '../../queries/gate/sql-tokens.ts';
import type { Properties, PropertyValue, TableRef } from '../statements.ts';

/** Reads a statement word by word. Words compare without case; names are folded to lower case, as the catalog has them. */
export class Reader {
  readonly #sql: string;
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(sql: string) {
    this.#sql = sql;
    const tokens = tokensOf(sql).filter((token) => token.kind !== 'comment');
    while (tokens.at(-1)?.text === ';') tokens.pop();
    this.#tokens = tokens;
  }

  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead];
  }

  /** The next word, lower case; empty at the end and for what is no plain word. */
  word(ahead = 0): string {
    const token = this.peek(ahead);
    return token?.kind === 'name' || token?.kind === 'symbol' ? token.text.toLowerCase() : '';
  }

  /** Takes the words if all of them come next. */
  accept(...words: readonly string[]): boolean {
    if (!words.every((word, i) => this.word(i) === word)) return false;
    this.#at += words.length;
    return true;
  }

  /** Passes over the next word, whatever it is. */
  take(): void {
    this.#at++;
  }

  expect(...words: readonly string[]): void {
    for (const word of words) if (!this.accept(word)) throw this.unexpected(word.toUpperCase());
  }

  get done(): boolean {
    return this.peek() === undefined;
  }

  end(): void {
    if (!this.done) throw this.unexpected('the end of the statement');
  }

  name(): string {
    return this.written().toLowerCase();
  }

  /** A name in the case it was written in. */
  written(): string {
    const token = this.peek();
    if (token?.kind !== 'name' && token?.kind !== 'quoted') throw this.unexpected('a name');
    this.#at++;
    return token.kind === 'quoted' ? unquoted(token.text) : token.text;
  }

  table(): TableRef {
    const names = [this.name()];
    while (this.accept('.')) names.push(this.name());
    if (names.length > 3) throw this.unexpected('a name of at most three parts');
    if (names.length === 3 && !['awsdatacatalog', 'loch'].includes(names.shift()!)) {
      throw new LochError(
        'unsupported',
        'Only tables of the data catalog AwsDataCatalog are written. Name the table as database.table.',
      );
    }
    return names.length === 1 ? { table: names[0]! } : { database: names[0]!, table: names[1]! };
  }

  /** `'text'`; Hive takes `"text"` as well. */
  string(): string {
    const token = this.peek();
    if (token?.kind !== 'string' && token?.kind !== 'quoted') throw this.unexpected('a text in single quotes');
    this.#at++;
    return token.kind === 'quoted' ? unescaped(unquoted(token.text)) : unescaped(literalText(token.text));
  }

  integer(): number {
    const token = this.peek();
    const value = Number(token?.text);
    if (token?.kind !== 'number' || !Number.isSafeInteger(value)) throw this.unexpected('a whole number');
    this.#at++;
    return value;
  }

  /** `(item, item)`. */
  list<T>(item: () => T): T[] {
    this.expect('(');
    const items = [item()];
    while (this.accept(',')) items.push(item());
    this.expect(')');
    return items;
  }

  names(): string[] {
    return this.list(() => this.name());
  }

  /** `('a' = 'b', …)`. */
  texts(): Record<string, string> {
    const pairs = this.list((): [string, string] => {
      const key = this.string();
      this.expect('=');
      return [key, this.string()];
    });
    return Object.fromEntries(pairs);
  }

  /** `(name = value, …)` as CTAS and UNLOAD have it. */
  properties(): Properties {
    return Object.fromEntries(
      this.list((): [string, PropertyValue] => {
        const key = this.peek()?.kind === 'string' ? this.string().toLowerCase() : this.name();
        this.expect('=');
        return [key, this.#property()];
      }),
    );
  }

  #property(): PropertyValue {
    if (this.accept('array')) {
      this.expect('[');
      const items: string[] = [];
      while (!this.accept(']')) {
        items.push(this.string());
        if (this.word() !== ']') this.expect(',');
      }
      return items;
    }
    const token = this.peek();
    if (token?.kind === 'string') return this.string();
    if (token?.kind !== 'name' && token?.kind !== 'number') throw this.unexpected('a value');
    this.#at++;
    return token.text;
  }

  /** The text from here up to one of `words` outside of parentheses (CASE … END counts), or to the end. */
  textUntil(...words: readonly string[]): string {
    const first = this.peek();
    if (first === undefined) throw this.unexpected('an expression');
    let depth = 0;
    let last: Token | undefined;
    for (; !this.done; this.#at++) {
      const word = this.word();
      if (depth === 0 && words.includes(word)) break;
      if ('([{'.includes(word) && word !== '') depth++;
      else if (')]}'.includes(word) && word !== '') depth--;
      else if (word === 'case') depth++;
      else if (word === 'end') depth--;
      if (depth < 0) break;
      last = this.peek();
    }
    if (last === undefined) throw this.unexpected('an expression');
    return this.#sql.slice(first.start, last.end);
  }

  /** Everything that is left. */
  rest(): string {
    const first = this.peek();
    if (first === undefined) throw this.unexpected('a query');
    const end = this.#tokens.at(-1)!.end;
    this.#at = this.#tokens.length;
    return this.#sql.slice(first.start, end);
  }

  /** The error for what comes next. */
  unexpected(wanted: string): LochError {
    const token = this.peek();
    const start = token?.start ?? this.#sql.length;
    const before = this.#sql.slice(0, start);
    const line = before.split('\n').length;
    const column = start - before.lastIndexOf('\n');
    const found = token === undefined ? 'the end' : `\`${token.text}\``;
    return new LochError('syntax_error', `line ${line}:${column}: Expected ${wanted}, found ${found}.`, {
      context: { line, column },
    });
  }
}

function unquoted(text: string): string {
  const quote = text[0]!;
  return text.slice(1, -1).replaceAll(quote + quote, quote);
}

const literalText = (text: string) =>
  text
    .replace(/^[^']*'/, '')
    .slice(0, -1)
    .replaceAll("''", "'");

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', '0': '\0' };

/** Hive's escapes. */
function unescaped(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|([0-7]{3})|([tnr0\\'"]))/g, (_, unicode, octal, one: string) => {
    if (unicode !== undefined) return String.fromCharCode(Number.parseInt(unicode, 16));
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
    return ESCAPES[one] ?? one;
  });
}
