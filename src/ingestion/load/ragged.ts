import type { Readable } from 'node:stream';
import { LochError } from '../../core/errors.ts';
import type { CsvDialect } from './csv-dialect.ts';
import { CsvRecords } from './csv-records.ts';
import { unpacked } from './read-head.ts';

/** The first record of a file whose number of fields is not that of the header. */
export interface RaggedRecord {
  readonly line: number;
  readonly found: number;
}

/** Reads `body` (a CSV as it is stored under `key`) up to its first ragged record. */
export async function findRagged(body: Readable, key: string, dialect: CsvDialect): Promise<RaggedRecord | undefined> {
  const records = new CsvRecords(dialect);
  const stream = unpacked(body, key);
  const label = dialect.encoding === 'latin-1' ? 'latin1' : dialect.encoding === 'utf-16' ? 'utf-16le' : 'utf-8';
  const decoder = new TextDecoder(label);
  const ragged = (record: { line: number; fields: readonly string[] }) =>
    record.fields.length === dialect.fields.length ? undefined : { line: record.line, found: record.fields.length };
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      for (const record of records.push(decoder.decode(chunk, { stream: true }))) {
        const found = ragged(record);
        if (found !== undefined) return found;
      }
    }
    const last = records.end();
    return last === undefined ? undefined : ragged(last);
  } finally {
    stream.destroy();
    body.destroy();
  }
}

/** The error of a CSV whose rows do not all have the header's number of fields. */
export function raggedError(
  file: string,
  dialect: CsvDialect,
  place: RaggedRecord | { readonly row: number },
): LochError {
  const expected = dialect.fields.length;
  const where = 'line' in place ? `line ${place.line}` : `record ${place.row}`;
  const found = 'line' in place ? ` ${place.found}` : ' another number';
  return new LochError(
    'invalid_argument',
    `\`${file}\`, ${where}: expected ${expected} columns, found${found}. Nothing was loaded. Mend the line, or load with another delimiter.`,
    { context: { file, expected, ...('line' in place ? { line: place.line, found: place.found } : {}) } },
  );
}
