/**
 * Reading result files back: CSV in which every value is quoted, NULL is nothing at all, and lines end in `\n`.
 * **Source**: the engine writes it so (FORCE_QUOTE); quotes double inside a value, which may hold line ends.
 */

/** Rows read from a piece of a file, and how many of its bytes they took. */
export interface CsvPiece {
  readonly rows: readonly (readonly (string | null)[])[];
  readonly bytes: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const LINE_END = 0x0a;

/** Up to `limit` whole rows from the beginning of `bytes`. A row that is cut off is not among them. */
export function readCsvRows(bytes: Buffer, limit: number): CsvPiece {
  const rows: (string | null)[][] = [];
  let at = 0;
  while (rows.length < limit) {
    const row = readRow(bytes, at);
    if (row === undefined) break;
    rows.push(row.values);
    at = row.end;
  }
  return { rows, bytes: at };
}

function readRow(bytes: Buffer, start: number): { values: (string | null)[]; end: number } | undefined {
  const values: (string | null)[] = [];
  let at = start;
  for (;;) {
    if (at >= bytes.length) return undefined;
    if (bytes[at] === QUOTE) {
      const close = closingQuote(bytes, at + 1);
      if (close === undefined) return undefined;
      values.push(bytes.toString('utf8', at + 1, close).replaceAll('""', '"'));
      at = close + 1;
      if (at >= bytes.length) return undefined;
    } else values.push(null);
    if (bytes[at] === LINE_END) return { values, end: at + 1 };
    if (bytes[at] !== COMMA) return undefined;
    at++;
  }
}

/** The quote that ends a value; undefined when the piece ends before that is certain. */
function closingQuote(bytes: Buffer, from: number): number | undefined {
  let at = from;
  for (;;) {
    const quote = bytes.indexOf(QUOTE, at);
    if (quote < 0 || quote + 1 >= bytes.length) return undefined;
    if (bytes[quote + 1] !== QUOTE) return quote;
    at = quote + 2;
  }
}
