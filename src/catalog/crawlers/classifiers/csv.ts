/**
 * Delimited text: which delimiter and quote, whether the first row is a header, and the type of each column.
 * Header rules (**Source**: AWS Glue, "Built-in CSV classifier"): every name of the first row is text and shorter than
 * 150 characters, but for the last, which may be empty; and the rows below differ from it: some column of theirs is not
 * text. Where all columns are text the file does not tell.
 */
import type { Classified, CsvFacts, InferredColumn } from '../classified.ts';
import { type InferredType, mergeTypes, NOTHING, typeOfText } from '../inferred-type.ts';

const DELIMITERS = [',', '|', '\t', ';', '\u0001'];
const MOST_ROWS = 1_000;
const LONGEST_NAME = 150;
/** The share of rows that must have the common number of columns. */
const EVEN_ROWS = 0.8;

/** Rows of delimited text by RFC 4180, quotes and newlines inside quotes included. The last row is left out if cut off. */
export function parseRows(text: string, delimiter: string, whole: boolean): { rows: string[][]; quoted: boolean } {
  const rows: string[][] = [];
  let quoted = false;
  let row: string[] = [];
  let at = 0;
  while (at < text.length && rows.length < MOST_ROWS) {
    if (text[at] === '"') {
      const field = quotedField(text, at);
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

function quotedField(text: string, start: number): { value: string; end: number } | undefined {
  let from = start + 1;
  for (;;) {
    const close = text.indexOf('"', from);
    if (close === -1) return undefined;
    if (text[close + 1] === '"') from = close + 2;
    else return { value: text.slice(start + 1, close).replaceAll('""', '"'), end: close + 1 };
  }
}

interface Parsed {
  readonly delimiter: string;
  readonly rows: readonly string[][];
  readonly quoted: boolean;
  readonly width: number;
  /** The share of rows of that width. */
  readonly even: number;
}

function parseWith(text: string, delimiter: string, whole: boolean): Parsed {
  const { rows, quoted } = parseRows(text, delimiter, whole);
  const widths = new Map<number, number>();
  for (const row of rows) widths.set(row.length, (widths.get(row.length) ?? 0) + 1);
  let width = 0;
  for (const [candidate, count] of widths) {
    if (count > (widths.get(width) ?? 0)) width = candidate;
  }
  return { delimiter, rows, quoted, width, even: rows.length === 0 ? 0 : (widths.get(width) ?? 0) / rows.length };
}

/** The evenest delimiter that gives at least two columns; the wider one of two as even. */
function sniff(text: string, whole: boolean): Parsed | { readonly saw: string } {
  if (text.includes('\u0000')) return { saw: 'zero bytes, which text does not have' };
  const parsed = DELIMITERS.filter((delimiter) => text.includes(delimiter)).map((one) => parseWith(text, one, whole));
  const likely = parsed.filter((one) => one.width >= 2 && one.even >= EVEN_ROWS);
  const [best] = likely.sort((a, b) => b.even - a.even || b.width - a.width);
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
const named = (delimiter: string): string => NAMES[delimiter] ?? 'Ctrl-A';

function typesOf(rows: readonly (readonly string[])[], width: number): InferredType[] {
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
function headerOf(row: readonly string[], width: number): string[] | undefined {
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

/** `whole` is false when the text is only the beginning of the file. */
export function classifyCsv(
  text: string,
  whole: boolean,
): Pick<Classified, 'columns' | 'csv' | 'records' | 'recordBytes'> | { readonly saw: string } {
  const parsed = sniff(text, whole);
  if ('saw' in parsed) return parsed;
  const { rows, width, delimiter, quoted } = parsed;
  const bodyTypes = typesOf(rows.slice(1), width);
  const allTypes = typesOf(rows, width);
  const headerNames = headerOf(rows[0]!, width);
  const tells = bodyTypes.some((type) => type.kind !== 'string' && type.kind !== 'nothing');
  const header = headerNames === undefined ? false : tells ? true : undefined;
  const csv: CsvFacts = {
    delimiter,
    bodyTypes,
    allTypes,
    ...(quoted ? { quote: '"' } : {}),
    ...(header === undefined ? {} : { header }),
    ...(headerNames === undefined ? {} : { headerNames }),
  };
  const bytes = rows.reduce(
    (total, row) => total + row.reduce((sum, field) => sum + Buffer.byteLength(field) + 1, 0),
    0,
  );
  return {
    columns: header === true ? namedColumns(headerNames!, bodyTypes) : numberedColumns(allTypes),
    csv,
    records: rows.length - (header === true ? 1 : 0),
    recordBytes: bytes,
  };
}
