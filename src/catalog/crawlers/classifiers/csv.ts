/**
 * Delimited text: which delimiter and quote, whether the first row is a header, and the type of each column.
 * Header rules (**Source**: AWS Glue, "Built-in CSV classifier"): every name of the first row is text and shorter than
 * 150 characters, but for the last, which may be empty; and the rows below differ from it: some column of theirs is not
 * text. Where all columns are text the file does not tell.
 */
import type { CsvFacts, InferredColumn, TextFinding } from '../classified.ts';
import { type InferredType, mergeTypes, NOTHING, typeOfText } from '../inferred-type.ts';

const DELIMITERS = [',', '|', '\t', ';', '\u0001'];
const MOST_ROWS = 1_000;
const LONGEST_NAME = 150;
/** The share of rows that must have the common number of columns. */
const EVEN_ROWS = 0.8;

/** How fields are put in quotes. */
interface Quoting {
  readonly quote: string;
  readonly escape: 'doubled' | 'backslash';
}
const DOUBLED: Quoting = { quote: '"', escape: 'doubled' };

/** Rows of delimited text, quotes and newlines inside quotes included. The last row is left out if cut off. */
export function parseRows(
  text: string,
  delimiter: string,
  whole: boolean,
  quoting: Quoting = DOUBLED,
): { rows: string[][]; quoted: boolean } {
  const { quote } = quoting;
  const rows: string[][] = [];
  let quoted = false;
  let row: string[] = [];
  let at = 0;
  while (at < text.length && rows.length < MOST_ROWS) {
    if (quote !== '' && text[at] === quote) {
      const field = quotedField(text, at, quoting);
      if (field === undefined) {
        if (!whole) break; // cut off inside the quotes
        row.push(text.slice(at));
        at = text.length;
        break;
      }
      quoted = true;
      row.push(field.value);
      at = field.end;
    } else {
      let end = at;
      while (end < text.length && text[end] !== delimiter && text[end] !== '\n' && text[end] !== '\r') end++;
      row.push(text.slice(at, end));
      at = end;
    }
    if (at >= text.length) break;
    if (text[at] === delimiter) {
      at++;
      if (at === text.length && whole) row.push('');
      continue;
    }
    if (text[at] === '\r' || text[at] === '\n') {
      at += text[at] === '\r' && text[at + 1] === '\n' ? 2 : 1;
      if (row.length > 1 || row[0] !== '') rows.push(row);
      row = [];
    } else {
      at++; // text after a closing quote
    }
  }
  if (whole && rows.length < MOST_ROWS && (row.length > 1 || (row[0] ?? '') !== '')) rows.push(row);
  return { rows, quoted };
}

function quotedField(
  text: string,
  start: number,
  { quote, escape: escaping }: Quoting,
): { value: string; end: number } | undefined {
  let from = start + 1;
  let value = '';
  for (;;) {
    let close = text.indexOf(quote, from);
    if (close === -1) return undefined;
    if (escaping === 'backslash') {
      let at = from;
      while (at < close && text[at] !== '\\') at++;
      if (at < close) {
        value += text.slice(from, at) + (text[at + 1] ?? '');
        from = at + 2;
        continue;
      }
    } else if (text[close + 1] === quote) {
      close++;
      value += text.slice(from, close);
      from = close + 1;
      continue;
    }
    return { value: value + text.slice(from, close), end: close + 1 };
  }
}

interface Parsed {
  readonly delimiter: string;
  readonly rows: readonly string[][];
  readonly quoted: boolean;
  readonly quoting: Quoting;
  readonly width: number;
  /** The share of rows of that width. */
  readonly even: number;
}

function parseWith(text: string, delimiter: string, whole: boolean, quoting: Quoting): Parsed {
  const { rows, quoted } = parseRows(text, delimiter, whole, quoting);
  const widths = new Map<number, number>();
  for (const row of rows) widths.set(row.length, (widths.get(row.length) ?? 0) + 1);
  let width = 0;
  for (const [candidate, count] of widths) {
    if (count > (widths.get(width) ?? 0)) width = candidate;
  }
  return {
    delimiter,
    rows,
    quoted,
    quoting,
    width,
    even: rows.length === 0 ? 0 : (widths.get(width) ?? 0) / rows.length,
  };
}

/** Quotes are doubled inside quotes unless the text has some behind a backslash; single ones only where none are double. */
function quotingsOf(text: string): Quoting[] {
  if (text.includes('"')) {
    return text.includes('\\"') ? [DOUBLED, { quote: '"', escape: 'backslash' }] : [DOUBLED];
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: Ctrl-A is a delimiter.
  const single = /(?:^|[,|\t;\u0001])'(?:[^'\r\n]|'')*'(?=[,|\t;\u0001\r\n]|$)/m.test(text);
  return single ? [DOUBLED, { quote: "'", escape: 'doubled' }] : [DOUBLED];
}

/** The evenest delimiter that gives at least two columns; the wider one of two as even. */
function sniff(text: string, whole: boolean): Parsed | { readonly saw: string } {
  if (text.includes('\u0000')) return { saw: 'zero bytes, which text does not have' };
  const quotings = quotingsOf(text);
  const parsed = DELIMITERS.filter((delimiter) => text.includes(delimiter)).flatMap((one) =>
    quotings.map((quoting) => parseWith(text, one, whole, quoting)),
  );
  const likely = parsed.filter((one) => one.width >= 2 && one.even >= EVEN_ROWS);
  // Of two readings as even and as wide, the one that found quotes: it is the later of the same delimiter.
  const used = (one: Parsed) => (one.quoted ? quotings.indexOf(one.quoting) : -1);
  const [best] = likely.sort((a, b) => b.even - a.even || b.width - a.width || used(b) - used(a));
  if (best !== undefined) {
    return best.rows.length >= 2 ? best : { saw: `one row of ${best.width} columns; two rows are needed to tell` };
  }
  const [nearest] = parsed.filter((one) => one.width >= 2).sort((a, b) => b.even - a.even);
  if (nearest !== undefined) {
    return {
      saw: `${Math.round((1 - nearest.even) * 100)} % of the rows do not have the ${nearest.width} columns that ${named(nearest.delimiter)} gives`,
    };
  }
  return { saw: 'one column with each of comma, pipe, tab, semicolon and Ctrl-A' };
}

const NAMES: Readonly<Record<string, string>> = { ',': 'comma', '|': 'pipe', '\t': 'tab', ';': 'semicolon' };
const named = (delimiter: string): string =>
  NAMES[delimiter] ?? (delimiter === '\u0001' ? 'Ctrl-A' : `\`${delimiter}\``);

/** The type of each column over these rows. */
export function typesOf(rows: readonly (readonly string[])[], width: number): InferredType[] {
  return Array.from({ length: width }, (_, column) => {
    let type = NOTHING;
    for (const row of rows) {
      const text = row[column];
      if (text === undefined || text === '\\N') continue;
      type = mergeTypes(type, typeOfText(text));
      if (type.kind === 'string') break;
    }
    return type;
  });
}

/** The names a row would give as a header, or undefined when it cannot be one. */
export function headerOf(row: readonly string[], width: number): string[] | undefined {
  if (row.length !== width) return undefined;
  const names = row.map((name) => name.trim());
  const fit = names.every(
    (name, column) =>
      (name === '' && column === width - 1 && width > 2) ||
      (name !== '' && name.length < LONGEST_NAME && typeOfText(name).kind === 'string' && !/[\r\n]/.test(name)),
  );
  if (!fit) return undefined;
  const folded = names.map((name) => name.toLowerCase());
  return new Set(folded).size === width ? names : undefined;
}

/** Columns `col0`, `col1` … of these types. */
export function numberedColumns(types: readonly InferredType[]): InferredColumn[] {
  return types.map((type, column) => ({ name: `col${column}`, type }));
}

/** Columns by the header, its empty last name numbered. */
export function namedColumns(names: readonly string[], types: readonly InferredType[]): InferredColumn[] {
  return types.map((type, column) => ({ name: names[column] || `col${column}`, type }));
}

/** What a custom classifier states of its files; what it leaves out is sniffed. */
export interface StatedCsv {
  readonly delimiter?: string;
  readonly quote?: string;
  readonly header?: 'PRESENT' | 'ABSENT' | 'UNKNOWN';
  readonly names?: readonly string[];
  readonly allowSingleColumn?: boolean;
}

/** `whole` is false when the text is only the beginning of the file. */
export function classifyCsv(text: string, whole: boolean, stated: StatedCsv = {}): TextFinding {
  const parsed = stated.delimiter === undefined ? sniff(text, whole) : statedRows(text, whole, stated);
  if ('saw' in parsed) return parsed;
  const { rows, width, delimiter, quoted, quoting } = parsed;
  const bodyTypes = typesOf(rows.slice(1), width);
  const allTypes = typesOf(rows, width);
  const headerNames = stated.header === 'ABSENT' ? undefined : namesOf(rows[0]!, width, stated);
  const tells = bodyTypes.some((type) => type.kind !== 'string' && type.kind !== 'nothing');
  const sure = stated.header === 'PRESENT' || tells;
  const header = headerNames === undefined ? false : sure ? true : undefined;
  const csv: CsvFacts = {
    delimiter,
    bodyTypes,
    allTypes,
    ...(quoted ? { quote: quoting.quote } : {}),
    ...(quoted && quoting.escape === 'backslash' ? { escape: 'backslash' } : {}),
    ...(header === undefined ? {} : { header }),
    ...(headerNames === undefined ? {} : { headerNames }),
  };
  const bytes = rows.reduce(
    (total, row) => total + row.reduce((sum, field) => sum + Buffer.byteLength(field) + 1, 0),
    0,
  );
  const given = header !== true && stated.names !== undefined ? stated.names : undefined;
  return {
    format: 'csv',
    certainty: stated.delimiter === undefined ? 0.9 * parsed.even : 1,
    columns:
      header === true
        ? namedColumns(headerNames!, bodyTypes)
        : given === undefined
          ? numberedColumns(allTypes)
          : namedColumns(given, allTypes),
    csv,
    records: rows.length - (header === true ? 1 : 0),
    recordBytes: bytes,
  };
}

/** The header's names: a stated header may hold what a sniffed one may not, numbers say. */
function namesOf(row: readonly string[], width: number, stated: StatedCsv): string[] | undefined {
  if (stated.header !== 'PRESENT') return headerOf(row, width);
  return (stated.names ?? row).map((name, column) => name.trim() || `col${column}`);
}

function statedRows(text: string, whole: boolean, stated: StatedCsv): Parsed | { readonly saw: string } {
  const delimiter = stated.delimiter!;
  const parsed = parseWith(text, delimiter, whole, { quote: stated.quote ?? '"', escape: 'doubled' });
  if (parsed.rows.length === 0) return { saw: 'no row' };
  if (parsed.width < 2 && stated.allowSingleColumn !== true) return { saw: `one column with ${named(delimiter)}` };
  if (parsed.even < EVEN_ROWS) {
    return { saw: `${Math.round((1 - parsed.even) * 100)} % of the rows do not have ${parsed.width} columns` };
  }
  if (stated.names !== undefined && stated.names.length !== parsed.width) {
    return { saw: `${parsed.width} columns; its header has ${stated.names.length}` };
  }
  return parsed;
}
