/** The rows of an engine's result as the records a client asked for. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { CompiledSelect } from './compile-select.ts';
import type { ParsedSelect } from './request.ts';

/** **Units**: characters before a batch is handed on; S3 sends records in messages of at most a MiB. */
const BATCH = 128 * 1024;

/** Records of the result file `path` (a line of JSON each, `{"r":[…]}`), in batches of bytes. */
export async function* writeRecords(
  path: string,
  names: CompiledSelect['names'],
  output: ParsedSelect['output'],
): AsyncGenerator<Buffer> {
  const record = output.kind === 'csv' ? csvRecord(output, names) : jsonRecord(names);
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  let batch = '';
  for await (const line of lines) {
    if (line === '') continue;
    const { r } = JSON.parse(line) as { r: (string | null)[] };
    batch += record(r) + output.recordDelimiter;
    if (batch.length < BATCH) continue;
    yield Buffer.from(batch);
    batch = '';
  }
  if (batch !== '') yield Buffer.from(batch);
}

function jsonRecord(names: CompiledSelect['names']): (values: readonly (string | null)[]) => string {
  if (names === 'document') return ([document]) => document ?? '{}';
  const keys = names.map((name) => `${JSON.stringify(name)}:`);
  return (values) => `{${values.flatMap((value, i) => (value === null ? [] : [keys[i] + value])).join(',')}}`;
}

type CsvOutput = Extract<ParsedSelect['output'], { kind: 'csv' }>;

function csvRecord(output: CsvOutput, names: CompiledSelect['names']): (values: readonly (string | null)[]) => string {
  const { quote, quoteEscape, fieldDelimiter, quoteFields, recordDelimiter } = output;
  const awkward = (text: string): boolean =>
    text.includes(fieldDelimiter) || text.includes(quote) || text.includes(recordDelimiter) || /[\r\n]/.test(text);
  const field = (value: string | null): string => {
    const text = value ?? '';
    if (quoteFields === 'ASNEEDED' && !awkward(text)) return text;
    return quote + text.replaceAll(quote, quoteEscape + quote) + quote;
  };
  const fieldsOf = names === 'document' ? membersOf : (values: readonly (string | null)[]) => values;
  return (values) => fieldsOf(values).map(field).join(fieldDelimiter);
}

/** The members of a record of JSON, as the fields of one of CSV. */
function membersOf([document]: readonly (string | null)[]): (string | null)[] {
  const value: unknown = JSON.parse(document ?? 'null');
  const members = typeof value === 'object' && value !== null ? Object.values(value) : [value];
  return members.map((member) =>
    member === null || member === undefined ? null : typeof member === 'string' ? member : JSON.stringify(member),
  );
}
