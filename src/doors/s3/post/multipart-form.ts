/**
 * Forms of browsers (`multipart/form-data`), read as they come: the fields before the file, then the file as a stream.
 *
 * Invariants
 * - Memory is the fields, up to a limit, and one network chunk of the file.
 * - The file has ended well only when its closing boundary was seen: a body that breaks off before fails, so that a store
 *   which commits after the last byte commits nothing.
 * **Source**: RFC 7578, RFC 2046 section 5.1.
 */
import { LochError } from '../../../core/errors.ts';
import { s3Failure } from '../errors.ts';

/** Before the file, fields and their headers together. **Source**: S3 API Reference, "POST Object". */
const MAX_FIELD_BYTES = 20 * 1024;
const MAX_HEADER_BYTES = 8 * 1024;
const CRLF = Buffer.from('\r\n');
const BLANK_LINE = Buffer.from('\r\n\r\n');

/** A form as it was read up to the bytes of its file. */
export interface UploadForm {
  /** By lower-case name. */
  readonly fields: ReadonlyMap<string, string>;
  readonly fileName: string;
  /** Of the file's part; undefined when the form states none. */
  readonly fileType: string | undefined;
  readonly file: AsyncIterable<Uint8Array>;
}

/** The boundary of a form, if the request is one. */
export function formBoundary(contentType: string | undefined): string | undefined {
  const match = /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))/i.exec(
    contentType ?? '',
  );
  return match?.[1] ?? match?.[2];
}

/** **Errors**: `malformed_request` (MalformedPOSTRequest), `entity_too_large` (MaxPostPreDataLengthExceededError), `invalid_argument`. */
export async function readForm(bytes: AsyncIterable<Uint8Array>, boundary: string): Promise<UploadForm> {
  const source = new FormSource(bytes);
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  // What stands before the first boundary is a preamble that nobody reads; the first may stand at the very start.
  await source.prepend(CRLF).until(delimiter, MAX_FIELD_BYTES);
  const fields = new Map<string, string>();
  let left = MAX_FIELD_BYTES;
  while (await source.partFollows()) {
    const part = partOf((await source.until(BLANK_LINE, MAX_HEADER_BYTES)).toString('utf8'));
    if (part.name === 'file') {
      return { fields, fileName: part.fileName, fileType: part.type, file: source.streamUntil(delimiter) };
    }
    const value = await source.until(delimiter, left);
    left -= value.length + part.name.length;
    if (left < 0) throw tooMuch();
    fields.set(part.name, value.toString('utf8'));
  }
  throw new LochError('invalid_argument', 'POST requires exactly one file upload per request.', {
    context: { argument_name: 'file', argument_value: '0' },
  });
}

function partOf(head: string): { readonly name: string; readonly fileName: string; readonly type: string | undefined } {
  const headers = new Map<string, string>();
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const disposition = headers.get('content-disposition') ?? '';
  const parameter = (name: string) =>
    new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]+))`, 'i').exec(disposition)?.slice(1).find(Boolean);
  const name = parameter('name');
  if (!/^form-data\b/i.test(disposition) || name === undefined) {
    throw malformed('A part of the form has no Content-Disposition with a name.');
  }
  // Some browsers send the whole path of the file.
  const fileName = (parameter('filename') ?? '').replaceAll('\\"', '"').replace(/^.*[/\\]/s, '');
  return { name: name.toLowerCase(), fileName, type: headers.get('content-type') };
}

const malformed = (message: string) => s3Failure('MalformedPOSTRequest', 'malformed_request', message);

function tooMuch(): LochError {
  return s3Failure(
    'MaxPostPreDataLengthExceededError',
    'entity_too_large',
    `The fields before the file have more than ${MAX_FIELD_BYTES} bytes. The file must be the last field that counts.`,
  );
}

/** The bytes of a form with what was read of them and not yet used. */
class FormSource {
  readonly #incoming: AsyncIterator<Uint8Array>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#incoming = bytes[Symbol.asyncIterator]();
  }

  prepend(bytes: Buffer): this {
    this.#buffer = Buffer.concat([bytes, this.#buffer]);
    return this;
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#incoming.next();
    if (done === true) return false;
    this.#buffer = this.#buffer.length === 0 ? Buffer.from(value) : Buffer.concat([this.#buffer, value]);
    return true;
  }

  /** The bytes before `delimiter`, which is passed over. */
  async until(delimiter: Buffer, limit: number): Promise<Buffer> {
    for (;;) {
      const at = this.#buffer.indexOf(delimiter);
      if (at !== -1 && at <= limit) return this.#take(at, delimiter.length);
      if (at !== -1 || this.#buffer.length > limit + delimiter.length) throw tooMuch();
      if (!(await this.#more())) throw malformed('The body of the form ends before its last boundary.');
    }
  }

  #take(length: number, passed: number): Buffer {
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length + passed);
    return taken;
  }

  /** Behind a boundary: whether a part follows, or the form has ended. */
  async partFollows(): Promise<boolean> {
    while (this.#buffer.length < 2) {
      if (!(await this.#more())) throw malformed('The body of the form ends in a boundary.');
    }
    const next = this.#take(2, 0).toString('latin1');
    if (next === '--') return false;
    if (next === '\r\n') return true;
    throw malformed('A boundary of the form is followed by neither a line nor the end.');
  }

  /** The bytes before `delimiter` as they come; what is behind it is read and dropped, so that the client is heard out. */
  async *streamUntil(delimiter: Buffer): AsyncGenerator<Buffer> {
    for (;;) {
      const at = this.#buffer.indexOf(delimiter);
      if (at !== -1) {
        const last = this.#take(at, delimiter.length);
        if (last.length > 0) yield last;
        break;
      }
      // The last bytes may be the beginning of the delimiter.
      const sure = this.#buffer.length - delimiter.length + 1;
      if (sure > 0) yield this.#take(sure, 0);
      if (!(await this.#more())) throw malformed('The file of the form ends before its boundary.');
    }
    await this.partFollows();
    this.#buffer = Buffer.alloc(0);
    while (await this.#more()) this.#buffer = Buffer.alloc(0);
  }
}
