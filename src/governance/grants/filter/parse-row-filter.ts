/**
 * The filter expressions of data cells filters: the WHERE subset of PartiQL that Lake Formation takes.
 *
 * Grammar
 *   or       := and ('OR' and)*
 *   and      := not ('AND' not)*
 *   not      := 'NOT' not | '(' or ')' | 'TRUE' | 'FALSE' | compare
 *   compare  := path ('=' | '<>' | '!=' | '<' | '<=' | '>' | '>=') literal | literal (the same) path
 *             | path ['NOT'] 'IN' '(' literal (',' literal)* ')' | path ['NOT'] 'BETWEEN' literal 'AND' literal
 *             | path ['NOT'] 'LIKE' string | path 'IS' ['NOT'] 'NULL'
 *   path     := name ('.' name)*            literal := string | number | TRUE | FALSE | DATE string | TIMESTAMP string
 *
 * Invariants: the answer is typed against the columns, so that no operator in it can fail on a row; no functions, no
 * subqueries, no arrays, no maps. A row is covered when the filter is TRUE (SQL's three-valued logic).
 * **Source**: Lake Formation developer guide, "PartiQL support in row filter expressions".
 */
import { isLochError, LochError } from '../../../core/errors.ts';
import type { ColumnType, FilterValue, RowFilter } from '../../contract.ts';
import { type ComparableKind, kindOfType, typeAtPath } from './column-types.ts';
import { isDate, isTimestamp, literalAs } from './literals.ts';
import { filterSyntaxError, type Token, tokensOf } from './tokens.ts';

/** **Source**: Lake Formation, `RowFilter.FilterExpression`. */
const MOST_CHARACTERS = 2048;
const MOST_DEPTH = 64;

type Comparison = Extract<RowFilter, { value: FilterValue }>['op'];

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  '=': '=',
  '<>': '<>',
  '!=': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
};
const MIRRORED: Readonly<Record<Comparison, Comparison>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

const RESERVED = new Set(
  'AND BETWEEN CASE CAST ESCAPE EXISTS FALSE FROM IN IS LIKE MISSING NOT NULL OR SELECT TRUE WHERE'.split(' '),
);

/**
 * The filter of an expression over these columns. `offset` is where the expression begins in the caller's text.
 * **Errors**: `limit_exceeded` above 2,048 characters; `syntax_error` with `position`; `column_not_found`;
 * `type_mismatch`, both with `position`.
 */
export function parseRowFilter(expression: string, columns: readonly ColumnType[], offset = 0): RowFilter {
  if (expression.length > MOST_CHARACTERS) {
    throw new LochError(
      'limit_exceeded',
      `A filter expression has at most ${MOST_CHARACTERS} characters; this one has ${expression.length}.`,
      { context: { limit: MOST_CHARACTERS, length: expression.length } },
    );
  }
  return new Parser(tokensOf(expression, offset), columns).parse();
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #columns: readonly ColumnType[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], columns: readonly ColumnType[]) {
    this.#tokens = tokens;
    this.#columns = columns;
  }

  parse(): RowFilter {
    if (this.#atEnd()) throw filterSyntaxError('the expression is empty. Leave it out for all rows.', this.#token.at);
    const filter = this.#or();
    if (!this.#atEnd()) throw this.#unexpected('AND, OR or the end of the expression');
    return filter;
  }

  get #token(): Token {
    return this.#tokens[this.#next]!;
  }

  #atEnd(): boolean {
    return this.#token.kind === 'end';
  }

  #take(): Token {
    const token = this.#token;
    if (token.kind !== 'end') this.#next += 1;
    return token;
  }

  #isWord(word: string): boolean {
    return this.#token.kind === 'word' && this.#token.text.toUpperCase() === word;
  }

  #acceptWord(word: string): boolean {
    if (!this.#isWord(word)) return false;
    this.#next += 1;
    return true;
  }

  #acceptSymbol(symbol: string): boolean {
    if (this.#token.kind !== 'symbol' || this.#token.text !== symbol) return false;
    this.#next += 1;
    return true;
  }

  #unexpected(wanted: string): LochError {
    const { kind, text, at } = this.#token;
    return filterSyntaxError(`expected ${wanted}, found ${kind === 'end' ? 'the end' : `\`${text}\``}.`, at);
  }

  #or(): RowFilter {
    return this.#chain('or', 'OR', () => this.#and());
  }

  #and(): RowFilter {
    return this.#chain('and', 'AND', () => this.#not());
  }

  #chain(op: 'and' | 'or', word: string, part: () => RowFilter): RowFilter {
    const terms = [part()];
    while (this.#acceptWord(word)) terms.push(part());
    return terms.length === 1 ? terms[0]! : { op, terms };
  }

  #not(): RowFilter {
    const { at } = this.#token;
    if (++this.#depth > MOST_DEPTH) throw filterSyntaxError(`nested deeper than ${MOST_DEPTH} levels.`, at);
    try {
      if (this.#acceptWord('NOT')) return { op: 'not', term: this.#not() };
      if (this.#acceptSymbol('(')) {
        if (this.#isWord('SELECT')) throw filterSyntaxError('subqueries are not supported in filters.', this.#token.at);
        const inner = this.#or();
        if (!this.#acceptSymbol(')')) throw this.#unexpected('`)`');
        return inner;
      }
      return this.#compare();
    } finally {
      this.#depth -= 1;
    }
  }

  #compare(): RowFilter {
    const start = this.#token;
    const literal = this.#literal();
    if (literal !== undefined) {
      const op = this.#comparison();
      if (op === undefined) {
        if (literal.kind === 'boolean') return { op: literal.value ? 'all' : 'none' };
        throw this.#unexpected('a comparison');
      }
      const { column, kind } = this.#column();
      return {
        op: MIRRORED[this.#allowed(op, kind, start.at)],
        column,
        value: this.#typed(literal, kind, column, start.at),
      };
    }
    const { column, kind, type, at } = this.#column();
    const op = this.#comparison();
    if (op !== undefined) {
      const value = this.#literalFor(kind, column);
      return { op: this.#allowed(op, kind, at), column, value };
    }
    if (this.#acceptWord('IS')) {
      const negated = this.#acceptWord('NOT');
      if (!this.#acceptWord('NULL')) throw this.#unexpected('NULL');
      return negate({ op: 'is_null', column }, negated);
    }
    const negated = this.#acceptWord('NOT');
    if (this.#acceptWord('IN')) return negate(this.#in(column, kind), negated);
    if (this.#acceptWord('BETWEEN')) {
      this.#allowed('<', kind, at);
      const low = this.#literalFor(kind, column);
      if (!this.#acceptWord('AND')) throw this.#unexpected('AND');
      return negate({ op: 'between', column, low, high: this.#literalFor(kind, column) }, negated);
    }
    if (this.#acceptWord('LIKE')) return negate(this.#like(column, kind, type, at), negated);
    if (this.#token.kind === 'symbol' && this.#token.text === '(') {
      throw filterSyntaxError(`functions (\`${column.join('.')}\`) are not supported in filters.`, at);
    }
    throw this.#unexpected('a comparison, IN, BETWEEN, LIKE or IS NULL');
  }

  #in(column: readonly string[], kind: ComparableKind | undefined): RowFilter {
    if (!this.#acceptSymbol('(')) throw this.#unexpected('`(`');
    if (this.#isWord('SELECT')) throw filterSyntaxError('subqueries are not supported in filters.', this.#token.at);
    const values = [this.#literalFor(kind, column)];
    while (this.#acceptSymbol(',')) values.push(this.#literalFor(kind, column));
    if (!this.#acceptSymbol(')')) throw this.#unexpected('`,` or `)`');
    return { op: 'in', column, values };
  }

  #like(column: readonly string[], kind: ComparableKind | undefined, type: string, at: number): RowFilter {
    if (kind !== 'string') throw this.#mismatch(`LIKE compares texts; \`${column.join('.')}\` is ${type}.`, at);
    if (this.#token.kind !== 'string') throw this.#unexpected("a pattern such as 'A%'");
    const pattern = this.#take().text;
    if (this.#isWord('ESCAPE')) throw filterSyntaxError('ESCAPE is not supported in filters.', this.#token.at);
    return { op: 'like', column, pattern };
  }

  #comparison(): Comparison | undefined {
    const op = this.#token.kind === 'symbol' ? COMPARISONS[this.#token.text] : undefined;
    if (op !== undefined) this.#next += 1;
    return op;
  }

  #allowed(op: Comparison, kind: ComparableKind | undefined, at: number): Comparison {
    if (kind === 'boolean' && op !== '=' && op !== '<>')
      throw this.#mismatch('booleans have no order; use = or <>.', at);
    return op;
  }

  /** A path. Its kind is undefined for types that only IS NULL may test. */
  #column(): { column: readonly string[]; kind: ComparableKind | undefined; type: string; at: number } {
    const { at } = this.#token;
    const column = [this.#name()];
    while (this.#acceptSymbol('.')) column.push(this.#name());
    if (this.#token.kind === 'symbol' && this.#token.text === '(') {
      throw filterSyntaxError(`functions (\`${column.join('.')}\`) are not supported in filters.`, at);
    }
    try {
      const type = typeAtPath(column, this.#columns);
      return { column, kind: kindOfType(type), type, at };
    } catch (error) {
      if (!isLochError(error)) throw error;
      throw new LochError(error.code, `Filter expression, character ${at}: ${error.message}`, {
        context: { ...error.context, position: at },
      });
    }
  }

  #name(): string {
    const { kind, text } = this.#token;
    if (kind === 'quoted' || (kind === 'word' && !RESERVED.has(text.toUpperCase())))
      return this.#take().text.toLowerCase();
    throw this.#unexpected('a column');
  }

  /** A literal at the cursor, or undefined. A word that only looks like one (`date.year`) is a column. */
  #literal(): FilterValue | undefined {
    const { kind, text, at } = this.#token;
    if (kind === 'string' || kind === 'number') {
      this.#take();
      return { kind, text };
    }
    if (kind !== 'word') return undefined;
    const word = text.toUpperCase();
    if (word === 'NULL' || word === 'MISSING') {
      throw filterSyntaxError(`${word} is compared by IS NULL or IS NOT NULL.`, at);
    }
    if (word === 'TRUE' || word === 'FALSE') {
      this.#take();
      return { kind: 'boolean', value: word === 'TRUE' };
    }
    if (word !== 'DATE' && word !== 'TIMESTAMP') return undefined;
    if (this.#tokens[this.#next + 1]!.kind !== 'string') return undefined;
    this.#take();
    const value = this.#take().text;
    if (word === 'DATE' ? isDate(value) : isTimestamp(value) || isDate(value)) {
      return word === 'DATE' || isDate(value) ? { kind: 'date', text: value } : { kind: 'timestamp', text: value };
    }
    throw filterSyntaxError(
      word === 'DATE'
        ? `'${value}' is not a date (YYYY-MM-DD).`
        : `'${value}' is not a timestamp (YYYY-MM-DD hh:mm:ss).`,
      at,
    );
  }

  #literalFor(kind: ComparableKind | undefined, column: readonly string[]): FilterValue {
    const { at } = this.#token;
    const literal = this.#literal();
    if (literal !== undefined) return this.#typed(literal, kind, column, at);
    if (this.#token.kind === 'word' || this.#token.kind === 'quoted') {
      throw filterSyntaxError(
        `\`${this.#token.text}\`: a column is compared with a literal, not with another column.`,
        at,
      );
    }
    throw this.#unexpected('a literal');
  }

  #typed(literal: FilterValue, kind: ComparableKind | undefined, column: readonly string[], at: number): FilterValue {
    const type = typeAtPath(column, this.#columns);
    if (kind === undefined) {
      throw this.#mismatch(`\`${column.join('.')}\` is ${type}; filters test such columns by IS NULL only.`, at);
    }
    const value = literalAs(literal, kind);
    if (value !== undefined) return value;
    throw this.#mismatch(`\`${column.join('.')}\` is ${type} and cannot be compared with a ${literal.kind}.`, at);
  }

  #mismatch(message: string, at: number): LochError {
    return new LochError('type_mismatch', `Filter expression, character ${at}: ${message}`, {
      context: { position: at },
    });
  }
}

function negate(filter: RowFilter, negated: boolean): RowFilter {
  return negated ? { op: 'not', term: filter } : filter;
}
