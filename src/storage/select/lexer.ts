import { selectError } from './select-error.ts';

/** A piece of a statement with where it begins. */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'symbol' | 'end';
  /** As meant: unquoted, words as written. */
  readonly text: string;
  readonly at: number;
}

const WORD = /[A-Za-z_$][A-Za-z0-9_$]*/y;
const NUMBER = /(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?/y;
const SYMBOL = /<>|!=|<=|>=|\|\||[-+*/%=<>(),.[\]]/y;
const SPACE = /(\s+|--[^\n]*|\/\*[\s\S]*?\*\/)+/y;

/** The tokens of a statement. **Errors**: `LexerInvalidChar`, `LexerInvalidLiteral`. */
export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(sql)?.[0];
  };
  while (at < sql.length) {
    const space = take(SPACE);
    if (space !== undefined) {
      at += space.length;
      continue;
    }
    const quote = sql[at];
    if (quote === "'" || quote === '"') {
      const { text, end } = quoted(sql, at, quote);
      tokens.push({ kind: quote === "'" ? 'string' : 'quoted', text, at });
      at = end;
      continue;
    }
    const found: [Token['kind'], string | undefined][] = [
      ['word', take(WORD)],
      ['number', take(NUMBER)],
      ['symbol', take(SYMBOL)],
    ];
    const [kind, text] = found.find(([, match]) => match !== undefined) ?? ['end', undefined];
    if (text === undefined) {
      throw selectError(
        'LexerInvalidChar',
        `The SQL expression contains an invalid character at line 1, column ${at + 1}.`,
        {
          position: at + 1,
        },
      );
    }
    tokens.push({ kind, text, at });
    at += text.length;
  }
  tokens.push({ kind: 'end', text: '', at });
  return tokens;
}

function quoted(sql: string, begin: number, quote: string): { readonly text: string; readonly end: number } {
  let text = '';
  for (let at = begin + 1; at < sql.length; at++) {
    if (sql[at] !== quote) text += sql[at];
    else if (sql[at + 1] === quote) text += sql[at++];
    else return { text, end: at + 1 };
  }
  throw selectError(
    'LexerInvalidLiteral',
    `The SQL expression contains a literal without its end, begun at column ${begin + 1}.`,
    {
      position: begin + 1,
    },
  );
}
