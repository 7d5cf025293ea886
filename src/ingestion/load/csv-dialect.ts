import { LochError } from '../../core/errors.ts';
import { CsvRecords } from './csv-records.ts';

/** How the CSV files of one shape are written, and their fields. */
export interface CsvDialect {
  readonly delimiter: string;
  readonly quote: string;
  readonly header: boolean;
  readonly encoding: 'utf-8' | 'utf-16' | 'latin-1';
  readonly fields: readonly string[];
}

const DELIMITERS = [',', ';', '\t', '|'];
const VALUE = /^\s*([+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?|\d{4}-\d{2}-\d{2}([T ].*)?)\s*$/;

/**
 * The dialect that the head of a file shows. The delimiter is the one that cuts the first record into most fields; the
 * first record is a header unless a field of it is empty, repeated, a number or a date.
 * **Errors**: `invalid_argument` when the file is empty.
 */
export function sniffCsv(head: Buffer, name: string, delimiter?: string): CsvDialect {
  const encoding = encodingOf(head);
  const text = new TextDecoder(encoding === 'latin-1' ? 'latin1' : encodingLabel(head, encoding)).decode(head);
  const plain = text.replace(/^\ufeff/, '');
  if (plain.trim() === '') {
    throw new LochError('invalid_argument', `\`${name}\` is empty: it shows no columns.`, { context: { file: name } });
  }
  const first = (by: string) => firstRecord(plain, by);
  const chosen =
    delimiter ?? DELIMITERS.reduce((best, each) => (first(each).length > first(best).length ? each : best));
  const record = first(chosen);
  const folded = record.map((field) => field.trim().toLowerCase());
  const header = new Set(folded).size === folded.length && folded.every((field) => field !== '' && !VALUE.test(field));
  return {
    delimiter: chosen,
    quote: '"',
    header,
    encoding,
    fields: header ? record : record.map((_, i) => `column_${i + 1}`),
  };
}

function firstRecord(text: string, delimiter: string): readonly string[] {
  const records = new CsvRecords({ delimiter, quote: '"' });
  for (const record of records.push(text)) return record.fields;
  return records.end()?.fields ?? [];
}

function encodingOf(head: Buffer): CsvDialect['encoding'] {
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) return 'utf-16';
  try {
    // `stream` leaves a character that the end of the head cut in two.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return 'utf-8';
  } catch {
    return 'latin-1';
  }
}

function encodingLabel(head: Buffer, encoding: 'utf-8' | 'utf-16'): string {
  if (encoding === 'utf-8') return 'utf-8';
  return head[0] === 0xff ? 'utf-16le' : 'utf-16be';
}
