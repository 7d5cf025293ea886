import { LochError } from '../../../core/errors.ts';

export type TokenKind = 'word' | 'quoted' | 'string' | 'number' | 'symbol' | 'end';

/** One token of a filter expression. `at` counts characters from 1 in the caller's text. */
export interface Token {
  readonly kind: TokenKind;
  /** As written; strings and quoted names without quotes, with doubled quotes read as one. */
  readonly text: string;
  readonly at: number;
}

const PATTERNS: readonly [TokenKind, RegExp][] = [
  ['string', /'(?:[^']|'')*'/y],
  ['quoted', /"(?:[^"]|"")+"/y],
  ['number', /[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])/y],
  ['word', /[A-Za-z_][A-Za-z0-9_$]*/y],
  ['symbol', /<=|>=|<>|!=|[=<>(),.]/y],
];

/** A failure of the expression at a position (from 1). */
export function filterSyntaxError(message: string, at: number): LochError {
  return new LochError('syntax_error', `Filter expression, character ${at}: ${message}`, { context: { position: at } });
}

/** The tokens of an expression, ended by one of kind `end`. `offset` is added to positions. **Errors**: `syntax_error`. */
export function tokensOf(expression: string, offset: number): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  scan: while (position < expression.length) {
    const blank = /\s*/y;
    blank.lastIndex = position;
    position += blank.exec(expression)![0].length;
    if (position >= expression.length) break;
    const at = offset + position + 1;
    for (const [kind, pattern] of PATTERNS) {
      pattern.lastIndex = position;
      const match = pattern.exec(expression);
      if (match === null) continue;
      tokens.push({ kind, text: unquoted(kind, match[0]), at });
      position += match[0].length;
      continue scan;
    }
    throw filterSyntaxError(unreadable(expression.slice(position)), at);
  }
  tokens.push({ kind: 'end', text: '', at: offset + expression.length + 1 });
  return tokens;
}

function unquoted(kind: TokenKind, text: string): string {
  if (kind === 'string') return text.slice(1, -1).replaceAll("''", "'");
  if (kind === 'quoted') return text.slice(1, -1).replaceAll('""', '"');
  return text;
}

function unreadable(rest: string): string {
  if (rest.startsWith("'")) return "a text that begins here has no closing quote (').";
  if (rest.startsWith('"')) return 'a name that begins here has no closing quote (").';
  if (rest.startsWith('/*') || rest.startsWith('--')) return 'comments are not part of a filter expression.';
  if (rest.startsWith('[') || rest.startsWith('{')) return 'arrays and maps are not supported in filters.';
  return `\`${[...rest][0]}\` is not part of a filter expression.`;
}
