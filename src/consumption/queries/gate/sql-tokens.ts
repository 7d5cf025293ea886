/** The words of a SQL text in the engine's (PostgreSQL's) lexical form. */
export interface Token {
  readonly kind: 'name' | 'quoted' | 'string' | 'number' | 'symbol' | 'comment';
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const NAME = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y;
const NUMBER = /(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?/y;
const DOLLAR = /\$([A-Za-z_][A-Za-z0-9_]*)?\$/y;

/**
 * Splits `text`. What is not closed reaches to the end: whoever needs certainty parses the text.
 * **Cost**: linear.
 */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at]!)) {
      at++;
      continue;
    }
    const [kind, end] = tokenAt(text, at);
    tokens.push({ kind, text: text.slice(at, end), start: at, end });
    at = end;
  }
  return tokens;
}

function tokenAt(text: string, at: number): [Token['kind'], number] {
  const two = text.slice(at, at + 2);
  const c = text[at]!;
  if (two === '--') return ['comment', until(text, '\n', at)];
  if (two === '/*') return ['comment', blockComment(text, at)];
  if (c === '"') return ['quoted', quoted(text, at, '"', false)];
  // Hive's way to quote a name. The engine has no such thing and refuses it, so no text of its own is read otherwise.
  if (c === '`') return ['quoted', quoted(text, at, '`', false)];
  if (c === "'") return ['string', quoted(text, at, "'", false)];
  if (/[eE]/.test(c) && text[at + 1] === "'") return ['string', quoted(text, at + 1, "'", true)];
  if (/[xXbB]/.test(c) && text[at + 1] === "'") return ['string', quoted(text, at + 1, "'", false)];
  const dollar = match(DOLLAR, text, at);
  if (dollar !== undefined) {
    const close = text.indexOf(dollar, at + dollar.length);
    return ['string', close < 0 ? text.length : close + dollar.length];
  }
  const name = match(NAME, text, at);
  if (name !== undefined) return ['name', at + name.length];
  const number = match(NUMBER, text, at);
  if (number !== undefined) return ['number', at + number.length];
  return ['symbol', at + 1];
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function until(text: string, end: string, at: number): number {
  const found = text.indexOf(end, at);
  return found < 0 ? text.length : found;
}

/** Comments nest. */
function blockComment(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    const two = text.slice(i, i + 2);
    if (two === '/*') {
      depth++;
      i++;
    } else if (two === '*/') {
      i++;
      if (--depth === 0) return i + 1;
    }
  }
  return text.length;
}

/** The end of a quoted part; the quote doubles inside it, and a backslash escapes where `escapes`. */
function quoted(text: string, at: number, quote: string, escapes: boolean): number {
  for (let i = at + 1; i < text.length; i++) {
    if (escapes && text[i] === '\\') i++;
    else if (text[i] === quote) {
      if (text[i + 1] !== quote) return i + 1;
      i++;
    }
  }
  return text.length;
}
