import { LochError } from '../../../core/errors.ts';
import type { PartitionTransform } from '../statements.ts';
import { Reader } from './reader.ts';

const WIDE = new Set(['bucket', 'truncate']);
const TIMES: Readonly<Record<string, string>> = {
  year: 'year',
  years: 'year',
  month: 'month',
  months: 'month',
  day: 'day',
  days: 'day',
  date: 'day',
  hour: 'hour',
  hours: 'hour',
};

/**
 * A partition transform as Athena, Trino or Spark spell it: `col`, `day(ts)`, `bucket(16, id)`, `truncate(name, 4)`.
 * **Errors**: `syntax_error`; `unsupported` naming a transform there is none of.
 */
export function partitionTransform(reader: Reader): PartitionTransform {
  if (reader.word(1) !== '(') return { column: columnPath(reader), transform: 'identity', ...named(reader) };
  const word = reader.name();
  reader.expect('(');
  if (WIDE.has(word)) {
    const before = reader.peek()?.kind === 'number' ? reader.integer() : undefined;
    if (before !== undefined) reader.expect(',');
    const column = columnPath(reader);
    if (before === undefined) reader.expect(',');
    const width = before ?? reader.integer();
    reader.expect(')');
    return { column, transform: `${word}[${width}]`, ...named(reader) };
  }
  const transform = TIMES[word];
  if (transform === undefined) {
    throw new LochError(
      'unsupported',
      `The partition transform \`${word}\` is not known. Known: a column alone, year, month, day, hour, bucket(n, column), truncate(n, column).`,
      { context: { transform: word } },
    );
  }
  const column = columnPath(reader);
  reader.expect(')');
  return { column, transform, ...named(reader) };
}

function columnPath(reader: Reader): string {
  let path = reader.name();
  while (reader.accept('.')) path += `.${reader.name()}`;
  return path;
}

const named = (reader: Reader): { readonly name?: string } => (reader.accept('as') ? { name: reader.name() } : {});

/** The same from a text of its own, as a property list has it. */
export function partitionTransformOf(text: string): PartitionTransform {
  const reader = new Reader(text);
  const transform = partitionTransform(reader);
  reader.end();
  return transform;
}
