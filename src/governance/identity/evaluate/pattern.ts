/**
 * Patterns of policies: `*` any run of characters, `?` one character, `${key}` a value of the request.
 *
 * Invariants
 * - Only the policy's own text makes wildcards. The name it is compared with, and every value a variable stands for,
 *   are plain characters: a table named `*.*` matches a pattern that spells it or covers it, and widens nothing.
 * - Matching is linear in name times pattern; no pattern can make it exponential.
 */

type Token = string | typeof ANY | typeof ONE | Variable;
interface Variable {
  readonly key: string;
  readonly fallback: string | undefined;
}
const ANY = Symbol('any run');
const ONE = Symbol('one character');

export interface Pattern {
  readonly tokens: readonly Token[];
  /** The whole text, when it has neither wildcard nor variable. */
  readonly literal: string | undefined;
  /** What stands before it, when the only wildcard is a `*` at the end. */
  readonly prefix: string | undefined;
}

/** The value of a context key for a variable: only a single value can stand for one. */
export type VariableValues = (key: string) => string | undefined;

const WITH_VARIABLES = /\$\{([^}]*)\}|\*|\?|[^*?$]+|\$/gu;
const PLAIN = /\*|\?|[^*?]+/gu;

export interface PatternOptions {
  /** Variables exist since policy version 2012-10-17. */
  readonly variables: boolean;
  readonly wildcards: boolean;
  readonly ignoreCase?: boolean;
}

/** The tokens of a policy's text. */
export function compilePattern(text: string, options: PatternOptions): Pattern {
  const tokens: Token[] = [];
  const source = options.ignoreCase ? text.toLowerCase() : text;
  for (const [part, variable] of source.matchAll(options.variables ? WITH_VARIABLES : PLAIN)) {
    if (variable !== undefined) tokens.push(compileVariable(variable));
    else if (options.wildcards && part === '*') tokens.push(ANY);
    else if (options.wildcards && part === '?') tokens.push(ONE);
    else tokens.push(part);
  }
  const plain = tokens.filter((token) => typeof token === 'string');
  const last = tokens.at(-1);
  return {
    tokens,
    literal: plain.length === tokens.length ? plain.join('') : undefined,
    prefix: last === ANY && plain.length === tokens.length - 1 ? plain.join('') : undefined,
  };
}

/** `${*}`, `${?}` and `${$}` spell the special characters; `${key, 'text'}` has a value for when the key is absent. */
function compileVariable(inner: string): Token {
  if (inner === '*' || inner === '?' || inner === '$') return inner;
  const found = /^\s*([^,]+?)\s*(?:,\s*'(.*)'\s*)?$/s.exec(inner);
  return { key: (found?.[1] ?? inner).toLowerCase(), fallback: found?.[2] };
}

/** Whether `name` matches. A variable without a value matches nothing. */
export function matchesPattern(pattern: Pattern, name: string, values: VariableValues): boolean {
  if (pattern.literal !== undefined) return pattern.literal === name;
  if (pattern.prefix !== undefined) return name.startsWith(pattern.prefix);
  const tokens: (string | typeof ANY | typeof ONE)[] = [];
  for (const token of pattern.tokens) {
    if (token === ANY || token === ONE) tokens.push(token);
    else if (typeof token === 'string') tokens.push(...token);
    else {
      const value = values(token.key) ?? token.fallback;
      if (value === undefined) return false;
      tokens.push(...value);
    }
  }
  return matchTokens(tokens, [...name]);
}

/** Greedy matching that returns to the last `*` only. */
function matchTokens(tokens: readonly (string | typeof ANY | typeof ONE)[], name: readonly string[]): boolean {
  let t = 0;
  let n = 0;
  let star = -1;
  let resume = 0;
  while (n < name.length) {
    const token = tokens[t];
    if (token === ANY) {
      star = t++;
      resume = n;
    } else if (token === ONE || (token !== undefined && token === name[n])) {
      t++;
      n++;
    } else if (star !== -1) {
      t = star + 1;
      n = ++resume;
    } else return false;
  }
  while (tokens[t] === ANY) t++;
  return t === tokens.length;
}

/** The context keys whose values a pattern needs, lower-case. */
export function variablesOf(pattern: Pattern): string[] {
  return pattern.tokens.flatMap((token) => (typeof token === 'object' ? [token.key] : []));
}
