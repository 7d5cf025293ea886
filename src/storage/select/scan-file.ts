/**
 * Looks into a staged file before an engine does: how many columns its records have, what they are called, and where the
 * records of a scan range are.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { isLochError } from '../../core/errors.ts';
import { selectError } from './select-error.ts';

/** S3's own limit of a record. **Units**: bytes. */
const MAX_RECORD = 1024 * 1024;
const LINE_END = 0x0a;

export interface CsvLook {
  readonly fieldDelimiter: string;
  readonly quote: string;
  readonly quoteEscape: string;
  readonly comments: string;
}

/** The fields of the first record of a CSV file; none of an empty file. **Errors**: `OverMaxRecordSize`, `TruncatedInput`. */
export async function firstRecord(path: string, gzip: boolean, look: CsvLook): Promise<readonly string[]> {
  const source = createReadStream(path, { highWaterMark: 64 * 1024 });
  const plain = gzip ? source.pipe(createGunzip()) : source;
  if (gzip) source.on('error', (error) => plain.destroy(error));
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const chunk of plain) {
      text += decoder.decode(chunk as Buffer, { stream: true });
      const found = recordIn(text, look, false);
      if (found !== undefined) return found;
      if (text.length > MAX_RECORD) {
        throw selectError(
          'OverMaxRecordSize',
          `The length of a record in the input is greater than ${MAX_RECORD} bytes.`,
        );
      }
    }
  } catch (error) {
    if (isLochError(error)) throw error;
    throw selectError('TruncatedInput', `Object decompression failed: ${(error as Error).message}.`);
  } finally {
    source.destroy();
  }
  return recordIn(text, look, true) ?? [];
}

/** The first record of `text` that is no comment, when it is whole (or the text is). */
function recordIn(text: string, look: CsvLook, whole: boolean): string[] | undefined {
  let at = text.startsWith('\ufeff') ? 1 : 0;
  while (look.comments !== '' && text.startsWith(look.comments, at)) {
    const end = text.indexOf('\n', at);
    if (end === -1) return undefined;
    at = end + 1;
  }
  const fields: string[] = [];
  let field = '';
  let quoted = false;
  for (; at < text.length; at++) {
    const character = text[at]!;
    if (quoted) {
      const escapes = character === look.quoteEscape && text[at + 1] === look.quote;
      if (escapes) field += text[++at];
      else if (character === look.quote) quoted = false;
      else field += character;
    } else if (look.quote !== '' && character === look.quote && field === '') quoted = true;
    else if (text.startsWith(look.fieldDelimiter, at)) {
      fields.push(field);
      field = '';
      at += look.fieldDelimiter.length - 1;
    } else if (character === '\n') return [...fields, field.replace(/\r$/, '')];
    else field += character;
  }
  return whole && (fields.length > 0 || field !== '') ? [...fields, field.replace(/\r$/, '')] : undefined;
}

/**
 * Writes the records of `source` that begin within `first` to `last` (inclusive) to the new file `target`, behind its
 * first line when that is a header.
 */
export async function cutScanRange(
  source: string,
  target: string,
  range: { readonly first: number; readonly last: number; readonly header: boolean },
): Promise<void> {
  await pipeline(
    async function* () {
      if (range.header && range.first > 0) yield* linesFrom(source, 0, 0);
      yield* linesFrom(source, range.first, range.last);
    },
    createWriteStream(target, { flags: 'wx' }),
  );
}

/** The lines that begin at a byte from `first` to `last`, with their ends. */
async function* linesFrom(path: string, first: number, last: number): AsyncGenerator<Buffer> {
  // A line begins after the end of another: the byte before tells whether one begins at `first`.
  let at = Math.max(0, first - 1);
  let begun = first === 0;
  for await (const chunk of createReadStream(path, { start: at, highWaterMark: 256 * 1024 })) {
    const bytes = chunk as Buffer;
    let from = 0;
    if (!begun) {
      const end = bytes.indexOf(LINE_END);
      if (end === -1) {
        at += bytes.length;
        continue;
      }
      begun = true;
      from = end + 1;
    }
    if (at + from > last && from > 0) return;
    // The last line ends with the first end at or after `last`.
    const stop = last < at + bytes.length ? bytes.indexOf(LINE_END, Math.max(from, last - at)) : -1;
    if (stop !== -1) {
      yield bytes.subarray(from, stop + 1);
      return;
    }
    if (from < bytes.length) yield bytes.subarray(from);
    at += bytes.length;
  }
}
