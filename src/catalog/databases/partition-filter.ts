/**
 * Glue's partition filter: a SQL-like condition over partition keys, typed by the keys.
 * Operators: `=` `<>` `!=` `<` `<=` `>` `>=` AND OR NOT IN BETWEEN LIKE IS [NOT] NULL, parentheses. NULL and values that
 * are not of their key's type make a comparison unknown, and unknown is not kept (SQL's three-valued logic).
 * **Source**: AWS Glue API reference, GetPartitions, Expression.
 */
import { LochError } from '../../core/errors.ts';
import type { CatalogColumn } from '../contract.ts';
import { type Comparable, compareValues, isCanonical, kindOf, NULL_VALUE, typedValue } from './partition-value.ts';

export interface PartitionFilter {
  test(values: readonly string[]): boolean;
  /** Equal values of the first string keys that every match has: the range of the primary key to read. */
  readonly leading: readonly string[];
  /** Position of a key → the canonical value that every match has there: what an index can be asked for. */
  readonly fixed: ReadonlyMap<number, string>;
}

/** True, false or unknown. */
type Verdict = boolean | undefined;
type Condition = (values: readonly string[]) => Verdict;

interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'sign' | 'end';
  readonly text: string;
  readonly at: number;
}

const TOKEN =
  /\s*(?:(?<number>-?\d+(?:\.\d+)?(?![\w.]))|(?<word>[A-Za-z_][\w$]*)|'(?<string>(?:[^']|'')*)'|[`"](?<quoted>[^`"]+)[`"]|(?<sign><=|>=|<>|!=|[=<>(),]))/y;
const LONGEST = 2048;
const DEEPEST = 100;

function tokensOf(expression: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (/\S/.test(expression.slice(TOKEN.lastIndex))) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(expression);
    if (match === null) {
      const at = from + expression.slice(from).search(/\S/);
      throw unreadable(expression, `\`${expression.slice(at, at + 10)}\` at character ${at + 1} is not understood`);
    }
    const [kind, text] = Object.entries(match.groups!).find(([, value]) => value !== undefined)!;
    tokens.push({ kind: kind as Token['kind'], text: kind === 'string' ? text.replaceAll("''", "'") : text, at: from });
  }
  return [...tokens, { kind: 'end', text: 'the end', at: expression.length }];
}

const unreadable = (expression: string, problem: string) =>
  new LochError(
    'invalid_argument',
    `The partition filter \`${expression.slice(0, 200)}\` cannot be read: ${problem}. Write conditions such as \`year = '2026' AND month >= 6\`.`,
    { context: { expression: expression.slice(0, 200) } },
  );

const not = (verdict: Verdict): Verdict => (verdict === undefined ? undefined : !verdict);
const and = (a: Verdict, b: Verdict): Verdict =>
  a === false || b === false ? false : a === undefined || b === undefined ? undefined : true;

class Parser {
  readonly #keys: ReadonlyMap<string, { readonly position: number; readonly type: string }>;
  readonly #tokens: readonly Token[];
  readonly #expression: string;
  #at = 0;
  #depth = 0;
  /** Equalities that stand under nothing but AND, on keys whose equal values have one spelling. */
  readonly certain = new Map<number, string>();
  #conjunctive = true;

  constructor(expression: string, keys: readonly CatalogColumn[]) {
    this.#expression = expression;
    this.#tokens = tokensOf(expression);
    this.#keys = new Map(keys.map((key, position) => [key.name, { position, type: key.type }]));
  }

  parse(): Condition {
    const condition = this.#either();
    if (this.#peek().kind !== 'end') throw this.#unexpected('AND, OR or the end');
    return condition;
  }

  #peek(): Token {
    return this.#tokens[this.#at]!;
  }

  #word(word: string): boolean {
    const token = this.#peek();
    if (token.kind !== 'word' || token.text.toUpperCase() !== word) return false;
    this.#at++;
    return true;
  }

  #sign(sign: string): boolean {
    const token = this.#peek();
    if (token.kind !== 'sign' || token.text !== sign) return false;
    this.#at++;
    return true;
  }

  #need(word: string): void {
    if (!(/\w/.test(word) ? this.#word(word) : this.#sign(word))) throw this.#unexpected(`\`${word}\``);
  }

  #unexpected(wanted: string): LochError {
    const token = this.#peek();
    return unreadable(this.#expression, `${wanted} was expected at character ${token.at + 1}, not \`${token.text}\``);
  }

  #either(): Condition {
    if (++this.#depth > DEEPEST) throw unreadable(this.#expression, `it is nested deeper than ${DEEPEST} levels`);
    const certain = new Map(this.certain);
    const terms = [this.#all()];
    while (this.#word('OR')) terms.push(this.#all());
    this.#depth--;
    if (terms.length === 1) return terms[0]!;
    this.certain.clear(); // what stands beside OR is not certain
    for (const [position, value] of certain) this.certain.set(position, value);
    return (values) => not(terms.map((term) => not(term(values))).reduce(and));
  }

  #all(): Condition {
    const terms = [this.#one()];
    while (this.#word('AND')) terms.push(this.#one());
    return terms.length === 1 ? terms[0]! : (values) => terms.map((term) => term(values)).reduce(and);
  }

  #one(): Condition {
    if (this.#word('NOT')) {
      if (++this.#depth > DEEPEST) throw unreadable(this.#expression, `it is nested deeper than ${DEEPEST} levels`);
      const before = this.#conjunctive;
      this.#conjunctive = false;
      const term = this.#one();
      this.#conjunctive = before;
      this.#depth--;
      return (values) => not(term(values));
    }
    if (this.#sign('(')) {
      const inside = this.#either();
      this.#need(')');
      return inside;
    }
    return this.#comparison();
  }

  #comparison(): Condition {
    const token = this.#peek();
    if (token.kind !== 'word' && token.kind !== 'quoted') throw this.#unexpected('a partition key');
    const key = this.#keys.get(token.text.toLowerCase());
    if (key === undefined) {
      throw unreadable(
        this.#expression,
        `\`${token.text}\` is not a partition key; the keys are ${[...this.#keys.keys()].map((name) => `\`${name}\``).join(', ') || 'none'}`,
      );
    }
    this.#at++;
    const kind = kindOf(key.type);
    const valueAt = (values: readonly string[]): Comparable | undefined => {
      const text = values[key.position];
      return text === undefined || text === NULL_VALUE ? undefined : typedValue(kind, text);
    };
    const negated = this.#word('NOT');
    const finish = (condition: Condition): Condition => (negated ? (values) => not(condition(values)) : condition);
    if (this.#word('IN')) {
      this.#need('(');
      const options = [this.#literal(token.text, key.type)];
      while (this.#sign(',')) options.push(this.#literal(token.text, key.type));
      this.#need(')');
      return finish((values) => {
        const value = valueAt(values);
        return value === undefined ? undefined : options.some((option) => compareValues(value, option) === 0);
      });
    }
    if (this.#word('BETWEEN')) {
      const low = this.#literal(token.text, key.type);
      this.#need('AND');
      const high = this.#literal(token.text, key.type);
      return finish((values) => {
        const value = valueAt(values);
        return value === undefined ? undefined : compareValues(value, low) >= 0 && compareValues(value, high) <= 0;
      });
    }
    if (this.#word('LIKE')) {
      if (kind !== 'text') {
        throw unreadable(this.#expression, `LIKE needs a string key, and \`${token.text}\` is ${key.type}`);
      }
      const pattern = likePattern(String(this.#literal(token.text, key.type)));
      return finish((values) => {
        const value = valueAt(values);
        return value === undefined ? undefined : pattern(String(value));
      });
    }
    if (negated) throw this.#unexpected('IN, BETWEEN or LIKE');
    if (this.#word('IS')) {
      const wantsNull = !this.#word('NOT');
      this.#need('NULL');
      return (values) => (values[key.position] === NULL_VALUE) === wantsNull;
    }
    const sign = this.#peek().text;
    const compare = COMPARISONS[sign];
    if (this.#peek().kind !== 'sign' || compare === undefined) throw this.#unexpected('a comparison');
    this.#at++;
    const wanted = this.#literal(token.text, key.type);
    if (sign === '=' && isCanonical(kind) && this.#conjunctive && !this.certain.has(key.position)) {
      this.certain.set(key.position, String(wanted));
    }
    return (values) => {
      const value = valueAt(values);
      return value === undefined ? undefined : compare(compareValues(value, wanted));
    };
  }

  #literal(key: string, type: string): Comparable {
    if (this.#word('DATE') || this.#word('TIMESTAMP')) {
      /* a typed literal: the key's type decides how it is read */
    }
    const token = this.#peek();
    if (token.kind !== 'string' && token.kind !== 'number') throw this.#unexpected('a value');
    this.#at++;
    const kind = kindOf(type);
    const value = typedValue(kind, token.text);
    if (value === undefined) {
      throw unreadable(this.#expression, `\`${token.text}\` is not a value for \`${key}\`, which is ${type}`);
    }
    return value;
  }
}

const COMPARISONS: Readonly<Record<string, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '<>': (order) => order !== 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

/** SQL's LIKE without an escape: `%` any text, `_` one character. **Cost**: pattern length × text length. */
export function likePattern(pattern: string): (text: string) => boolean {
  const wanted = [...pattern];
  return (text) => {
    const given = [...text];
    let at = 0;
    let part = 0;
    let star = -1;
    let mark = 0;
    while (at < given.length) {
      if (wanted[part] === '%') {
        star = part++;
        mark = at;
      } else if (part < wanted.length && (wanted[part] === '_' || wanted[part] === given[at])) {
        part++;
        at++;
      } else if (star >= 0) {
        part = star + 1;
        at = ++mark;
      } else {
        return false;
      }
    }
    while (wanted[part] === '%') part++;
    return part === wanted.length;
  };
}

/** **Errors**: `invalid_argument` for what cannot be read, a name that is no key, or a value not of the key's type. */
export function parsePartitionFilter(expression: string, keys: readonly CatalogColumn[]): PartitionFilter {
  if (expression.length > LONGEST) {
    throw new LochError(
      'invalid_argument',
      `The partition filter has ${expression.length} characters; the limit is ${LONGEST}.`,
    );
  }
  const parser = new Parser(expression, keys);
  const condition = parser.parse();
  const leading: string[] = [];
  for (let position = 0; position < keys.length; position++) {
    const value = parser.certain.get(position);
    if (value === undefined || kindOf(keys[position]!.type) !== 'text') break;
    leading.push(value);
  }
  return { test: (values) => condition(values) === true, leading, fixed: parser.certain };
}
