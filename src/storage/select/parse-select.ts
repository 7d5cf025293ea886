/**
 * Parses the SQL of S3 Select: one SELECT over one object. Nothing of its text reaches an engine; only the tree does.
 * **Source**: Amazon S3 User Guide, "SQL reference for Amazon S3 Select".
 */
import type { LochError } from '../../core/errors.ts';
import { type Token, tokensOf } from './lexer.ts';
import { selectError } from './select-error.ts';
import type { BinaryOperator, CastType, Expression, PathStep, SelectStatement } from './syntax.ts';

const MAX_BYTES = 256 * 1024;
const MAX_DEPTH = 100;

const CAST_TYPES: Readonly<Record<string, CastType>> = {
  BOOL: 'boolean',
  BOOLEAN: 'boolean',
  INT: 'integer',
  INTEGER: 'integer',
  STRING: 'string',
  VARCHAR: 'string',
  CHAR: 'string',
  FLOAT: 'float',
  DOUBLE: 'float',
  REAL: 'float',
  DECIMAL: 'decimal',
  NUMERIC: 'decimal',
  TIMESTAMP: 'timestamp',
};

/** By how tightly they bind, loosest first. */
const BINARY: readonly Readonly<Record<string, BinaryOperator>>[] = [
  { OR: 'or' },
  { AND: 'and' },
  { '=': '=', '<>': '<>', '!=': '<>', '<': '<', '<=': '<=', '>': '>', '>=': '>=' },
  { '+': '+', '-': '-', '||': '||' },
  { '*': '*', '/': '/', '%': '%' },
];
const COMPARISON = 2;

const CLAUSES = new Set(['FROM', 'WHERE', 'LIMIT', 'AS']);
const UNSUPPORTED = new Set(['GROUP', 'ORDER', 'HAVING', 'JOIN', 'UNION', 'INNER', 'LEFT', 'OFFSET']);
const KEYWORDS = new Set([
  ...CLAUSES,
  ...UNSUPPORTED,
  ...['SELECT', 'AND', 'OR', 'NOT', 'IN', 'LIKE', 'BETWEEN', 'IS', 'CASE', 'WHEN', 'THEN', 'ELSE', 'END', 'ESCAPE'],
]);

/** The tree of `sql`. **Errors**: S3's `Parse…`, `Lexer…`, `ExpressionTooLong`, `UnsupportedSqlStructure` as `context.s3_code`. */
export function parseSelect(sql: string): SelectStatement {
  if (Buffer.byteLength(sql) > MAX_BYTES) {
    throw selectError('ExpressionTooLong', `The SQL expression is too long: the maximum byte-length is ${MAX_BYTES}.`);
  }
  return new Parser(tokensOf(sql)).statement();
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get #token(): Token {
    return this.#tokens[this.#at]!;
  }

  #is(word: string, ahead = 0): boolean {
    const token = this.#tokens[this.#at + ahead];
    return (token?.kind === 'word' || token?.kind === 'symbol') && token.text.toUpperCase() === word;
  }

  #accept(word: string): boolean {
    if (!this.#is(word)) return false;
    this.#at++;
    return true;
  }

  #expect(word: string, name = 'ParseUnexpectedToken'): void {
    if (!this.#accept(word)) throw this.#unexpected(name, `expected ${word}`);
  }

  #unexpected(name: string, what: string): LochError {
    const { kind, text, at } = this.#token;
    const found = kind === 'end' ? 'the end' : `\`${text}\``;
    return selectError(name, `Unexpected token found: ${found} at line 1, column ${at + 1}; ${what}.`, {
      position: at + 1,
    });
  }

  statement(): SelectStatement {
    this.#expect('SELECT');
    if (this.#is('DISTINCT')) throw this.#unexpected('ParseUnsupportedSelect', 'DISTINCT is not supported');
    const items = this.#items();
    if (!this.#accept('FROM'))
      throw this.#unexpected('ParseSelectMissingFrom', 'GROUP is not supported in SELECT; expected FROM');
    const from = this.#source();
    let alias: string | undefined;
    if (this.#accept('AS')) alias = this.#identifier('ParseExpectedIdentForAlias');
    else if ((this.#token.kind === 'word' && !this.#isKeyword()) || this.#token.kind === 'quoted') {
      alias = this.#identifier('ParseExpectedIdentForAlias');
    }
    if (this.#is(',')) throw this.#unexpected('UnsupportedSqlStructure', 'one object is read at a time');
    const where = this.#accept('WHERE') ? this.#expression() : undefined;
    const limit = this.#accept('LIMIT') ? this.#limit() : undefined;
    const next = this.#token;
    if (next.kind === 'word' && UNSUPPORTED.has(next.text.toUpperCase())) {
      throw this.#unexpected('UnsupportedSqlStructure', `${next.text.toUpperCase()} is not supported by S3 Select`);
    }
    if (next.kind !== 'end') throw this.#unexpected('ParseUnexpectedToken', 'the statement should end here');
    return {
      items,
      from,
      ...(alias === undefined ? {} : { alias }),
      ...(where === undefined ? {} : { where }),
      ...(limit === undefined ? {} : { limit }),
    };
  }

  #isKeyword(): boolean {
    return KEYWORDS.has(this.#token.text.toUpperCase());
  }

  #items(): SelectStatement['items'] {
    if (this.#accept('*')) {
      if (this.#is(',')) throw this.#unexpected('ParseAsteriskIsNotAloneInSelectList', '* stands alone');
      return 'all';
    }
    const items: { expression: Expression; alias?: string }[] = [];
    do {
      if (this.#is('*')) throw this.#unexpected('ParseAsteriskIsNotAloneInSelectList', '* stands alone');
      // `s.*`, alone as well.
      if (items.length === 0 && this.#token.kind === 'word' && this.#is('.', 1) && this.#is('*', 2)) {
        this.#at += 3;
        if (this.#is(',')) throw this.#unexpected('ParseAsteriskIsNotAloneInSelectList', '* stands alone');
        return 'all';
      }
      const expression = this.#expression();
      if (this.#accept('AS')) items.push({ expression, alias: this.#identifier('ParseExpectedIdentForAlias') });
      else if (this.#token.kind === 'quoted' || (this.#token.kind === 'word' && !this.#isKeyword())) {
        items.push({ expression, alias: this.#identifier('ParseExpectedIdentForAlias') });
      } else items.push({ expression });
    } while (this.#accept(','));
    return items;
  }

  #identifier(name: string): string {
    const token = this.#token;
    if (token.kind !== 'quoted' && (token.kind !== 'word' || this.#isKeyword())) {
      throw this.#unexpected(name, 'expected an identifier');
    }
    this.#at++;
    return token.text;
  }

  #source(): PathStep[] {
    if (this.#token.kind !== 'word' || this.#token.text.toUpperCase() !== 'S3OBJECT') {
      throw selectError(
        'InvalidDataSource',
        `The data source is not valid: \`${this.#token.text}\`. The only one there is is S3Object.`,
        { position: this.#token.at + 1 },
      );
    }
    this.#at++;
    return this.#steps();
  }

  #steps(): PathStep[] {
    const steps: PathStep[] = [];
    for (;;) {
      if (this.#accept('.')) {
        const token = this.#token;
        if (this.#accept('*')) steps.push({ kind: 'all' });
        else if (token.kind === 'word' || token.kind === 'quoted') {
          this.#at++;
          steps.push({ kind: 'name', name: token.text, quoted: token.kind === 'quoted' });
        } else throw this.#unexpected('ParseInvalidPathComponent', 'expected the name of a member');
      } else if (this.#accept('[')) {
        const token = this.#token;
        if (this.#accept('*')) steps.push({ kind: 'all' });
        else if (token.kind === 'number' && /^\d{1,9}$/.test(token.text)) {
          this.#at++;
          steps.push({ kind: 'index', index: Number(token.text) });
        } else if (token.kind === 'string') {
          this.#at++;
          steps.push({ kind: 'name', name: token.text, quoted: true });
        } else throw this.#unexpected('ParseInvalidPathComponent', 'expected an index or *');
        this.#expect(']');
      } else return steps;
    }
  }

  #limit(): number {
    const token = this.#token;
    if (token.kind !== 'number' || !/^\d{1,15}$/.test(token.text)) {
      throw this.#unexpected('ParseExpectedNumber', 'LIMIT takes a whole number');
    }
    this.#at++;
    return Number(token.text);
  }

  #expression(level = 0): Expression {
    this.#depth++;
    if (this.#depth > MAX_DEPTH * BINARY.length) {
      throw this.#unexpected('UnsupportedSyntax', `expressions are nested at most ${MAX_DEPTH} deep`);
    }
    try {
      if (level === COMPARISON && this.#accept('NOT')) {
        return { kind: 'unary', operator: 'not', operand: this.#expression(COMPARISON) };
      }
      let left = level === BINARY.length - 1 ? this.#unary() : this.#expression(level + 1);
      if (level === COMPARISON) left = this.#predicates(left);
      for (;;) {
        const token = this.#token;
        const operator =
          token.kind === 'word' || token.kind === 'symbol' ? BINARY[level]![token.text.toUpperCase()] : undefined;
        if (operator === undefined) return left;
        this.#at++;
        const right = level === BINARY.length - 1 ? this.#unary() : this.#expression(level + 1);
        left = { kind: 'binary', operator, left, right };
        if (level === COMPARISON) left = this.#predicates(left);
      }
    } finally {
      this.#depth--;
    }
  }

  #predicates(operand: Expression): Expression {
    if (this.#accept('IS')) {
      const negated = this.#accept('NOT');
      if (this.#accept('NULL')) return { kind: 'is', negated, what: 'null', operand };
      this.#expect('MISSING');
      return { kind: 'is', negated, what: 'missing', operand };
    }
    const negated = this.#is('NOT') && ['LIKE', 'IN', 'BETWEEN'].some((word) => this.#is(word, 1));
    if (negated) this.#at++;
    if (this.#accept('LIKE')) {
      const pattern = this.#expression(COMPARISON + 1);
      if (!this.#accept('ESCAPE')) return { kind: 'like', negated, operand, pattern };
      return { kind: 'like', negated, operand, pattern, escape: this.#expression(COMPARISON + 1) };
    }
    if (this.#accept('IN')) return { kind: 'in', negated, operand, list: this.#list() };
    if (this.#accept('BETWEEN')) {
      const low = this.#expression(COMPARISON + 1);
      this.#expect('AND');
      return { kind: 'between', negated, operand, low, high: this.#expression(COMPARISON + 1) };
    }
    return operand;
  }

  #list(): Expression[] {
    const bracket = this.#accept('[');
    if (!bracket) this.#expect('(', 'ParseExpectedLeftParenBuiltinFunctionCall');
    const list = [this.#expression()];
    while (this.#accept(',')) list.push(this.#expression());
    this.#expect(bracket ? ']' : ')', 'ParseExpectedRightParenBuiltinFunctionCall');
    return list;
  }

  #unary(): Expression {
    if (this.#accept('-')) return { kind: 'unary', operator: '-', operand: this.#unary() };
    if (this.#accept('+')) return { kind: 'unary', operator: '+', operand: this.#unary() };
    return this.#primary();
  }

  #primary(): Expression {
    const token = this.#token;
    if (this.#accept('(')) {
      const inner = this.#expression();
      this.#expect(')');
      return inner;
    }
    if (token.kind === 'string' || token.kind === 'number') {
      this.#at++;
      return { kind: 'literal', type: token.kind, text: token.text };
    }
    if (token.kind === 'quoted') return this.#path();
    if (token.kind !== 'word') throw this.#unexpected('ParseUnexpectedToken', 'expected an expression');
    const word = token.text.toUpperCase();
    if (word === 'TRUE' || word === 'FALSE' || word === 'NULL' || word === 'MISSING') {
      this.#at++;
      if (word === 'NULL' || word === 'MISSING') return { kind: 'literal', type: 'null', text: 'NULL' };
      return { kind: 'literal', type: 'boolean', text: word };
    }
    if (word === 'CAST') return this.#cast();
    if (word === 'CASE') return this.#case();
    if (this.#isKeyword()) throw this.#unexpected('ParseUnexpectedKeyword', 'expected an expression');
    return this.#is('(', 1) ? this.#call() : this.#path();
  }

  #path(): Expression {
    const { kind, text } = this.#token;
    this.#at++;
    return { kind: 'path', steps: [{ kind: 'name', name: text, quoted: kind === 'quoted' }, ...this.#steps()] };
  }

  #cast(): Expression {
    this.#at++;
    this.#expect('(', 'ParseCastArity');
    const operand = this.#expression();
    this.#expect('AS', 'ParseExpectedKeyword');
    const token = this.#token;
    const type = token.kind === 'word' ? CAST_TYPES[token.text.toUpperCase()] : undefined;
    if (type === undefined) throw this.#unexpected('ParseExpectedTypeName', 'expected the name of a type');
    this.#at++;
    if (this.#accept('(')) {
      do {
        if (this.#token.kind !== 'number') throw this.#unexpected('ParseInvalidTypeParam', 'expected a number');
        this.#at++;
      } while (this.#accept(','));
      this.#expect(')');
    }
    this.#expect(')', 'ParseExpectedRightParenBuiltinFunctionCall');
    return { kind: 'cast', operand, type };
  }

  #case(): Expression {
    this.#at++;
    const operand = this.#is('WHEN') ? undefined : this.#expression();
    const branches: { when: Expression; result: Expression }[] = [];
    while (this.#accept('WHEN')) {
      const when = this.#expression();
      this.#expect('THEN', 'ParseExpectedKeyword');
      branches.push({ when, result: this.#expression() });
    }
    if (branches.length === 0) throw this.#unexpected('ParseExpectedWhenClause', 'expected WHEN');
    const otherwise = this.#accept('ELSE') ? this.#expression() : undefined;
    this.#expect('END', 'ParseExpectedKeyword');
    return {
      kind: 'case',
      branches,
      ...(operand === undefined ? {} : { operand }),
      ...(otherwise === undefined ? {} : { otherwise }),
    };
  }

  #call(): Expression {
    const { text, at } = this.#token;
    const name = text.toUpperCase();
    this.#at += 2;
    if (name === 'COUNT' && this.#accept('*')) {
      this.#expect(')');
      return { kind: 'count-all' };
    }
    if (this.#accept(')')) return { kind: 'call', name, args: [], at };
    const args = this.#arguments(name);
    this.#expect(')', 'ParseExpectedRightParenBuiltinFunctionCall');
    return { kind: 'call', name, args, at };
  }

  /** Arguments with the words that SQL puts between some: `SUBSTRING(a FROM 1 FOR 2)`, `TRIM(LEADING ' ' FROM a)`, `EXTRACT(YEAR FROM t)`. */
  #arguments(name: string): Expression[] {
    const word = (text: string): Expression => ({ kind: 'literal', type: 'string', text });
    if (name === 'TRIM') {
      const side = ['LEADING', 'TRAILING', 'BOTH'].find((each) => this.#accept(each)) ?? 'BOTH';
      const first = this.#is('FROM') ? word(' ') : this.#expression();
      return this.#accept('FROM') ? [word(side), first, this.#expression()] : [word(side), word(' '), first];
    }
    if (name === 'EXTRACT' || name === 'DATE_ADD' || name === 'DATE_DIFF') {
      const part = word(this.#identifier('ParseExpectedDatePart'));
      if (name === 'EXTRACT') this.#expect('FROM', 'ParseExpectedKeyword');
      else this.#expect(',', 'ParseExpectedArgumentDelimiter');
      return [part, ...this.#separated()];
    }
    if (name === 'SUBSTRING') {
      const args = [this.#expression()];
      while (this.#accept(',') || this.#accept('FROM') || this.#accept('FOR')) args.push(this.#expression());
      return args;
    }
    return this.#separated();
  }

  #separated(): Expression[] {
    const args = [this.#expression()];
    while (this.#accept(',')) args.push(this.#expression());
    return args;
  }
}
