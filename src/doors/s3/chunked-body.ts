/**
 * `aws-chunked` bodies: `size[;chunk-signature=hex]CRLF bytes CRLF … 0 … CRLF trailers CRLF`.
 *
 * Invariants
 * - Bytes of a chunk are handed on before its signature is verified, so the consumer commits nothing before the end of
 *   the iteration, which fails if any signature did.
 * - A body that ends early is an error wherever it ends; a trailer that was announced must come.
 * **Source**: Amazon S3 API Reference, "Signature calculations … transferring payload in multiple chunks" and
 * "… including trailing headers".
 */
import { createHash } from 'node:crypto';
import { LochError } from '../../core/errors.ts';
import { type ChunkSeed, chunkSignature, signatureEquals, trailerSignature } from '../kit/sigv4/index.ts';
import { s3Failure } from './errors.ts';

/** What chunk signatures build on; undefined for unsigned chunks. */
export interface ChunkSigning extends ChunkSeed {
  readonly signature: string;
  /** The trailing headers are signed as well. */
  readonly trailer: boolean;
}

const MAX_LINE = 16 * 1024;
const MAX_TRAILERS = 32;

/** Reads lines and counted bytes from a stream of buffers. */
class ChunkReader {
  readonly #source: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterator<Buffer>) {
    this.#source = source;
  }

  async #more(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done) return false;
    this.#buffer = this.#buffer.length === 0 ? next.value : Buffer.concat([this.#buffer, next.value]);
    return true;
  }

  /** The next line without its CRLF; undefined when the body has ended instead. */
  async line(): Promise<string | undefined> {
    for (let from = 0; ; ) {
      const end = this.#buffer.indexOf('\r\n', from);
      if (end >= 0) {
        const line = this.#buffer.toString('latin1', 0, end);
        this.#buffer = this.#buffer.subarray(end + 2);
        return line;
      }
      if (this.#buffer.length > MAX_LINE) {
        throw s3Failure('InvalidChunkSizeError', 'malformed_request', 'A chunk header is longer than 16 KiB.');
      }
      from = Math.max(0, this.#buffer.length - 1);
      if (await this.#more()) continue;
      if (this.#buffer.length === 0) return undefined;
      throw new LochError('incomplete_body', 'The chunked body ended inside a line.');
    }
  }

  /** Up to `most` of the next bytes. */
  async some(most: number): Promise<Buffer> {
    while (this.#buffer.length === 0) {
      if (!(await this.#more())) throw new LochError('incomplete_body', `The chunked body ended ${most} bytes early.`);
    }
    const piece = this.#buffer.subarray(0, most);
    this.#buffer = this.#buffer.subarray(piece.length);
    return piece;
  }

  async end(): Promise<void> {
    if (this.#buffer.length > 0 || (await this.#more())) {
      throw s3Failure('InvalidChunkSizeError', 'malformed_request', 'Bytes follow the end of the chunked body.');
    }
  }
}

/**
 * The bytes of an `aws-chunked` body. Trailing headers are put in `trailers` before the iteration ends.
 * **Errors**: `incomplete_body`, `malformed_request`, `signature_mismatch`.
 */
export async function* decodeChunks(
  source: AsyncIterator<Buffer>,
  signing: ChunkSigning | undefined,
  announced: readonly string[],
  trailers: Map<string, string>,
): AsyncGenerator<Buffer> {
  const reader = new ChunkReader(source);
  try {
    let previous = signing?.signature ?? '';
    for (;;) {
      const { size, signature } = parseHeader(await reader.line());
      const hash = signing === undefined ? undefined : createHash('sha256');
      for (let left = size; left > 0; ) {
        const piece = await reader.some(left);
        left -= piece.length;
        hash?.update(piece);
        yield piece;
      }
      if (signing !== undefined) previous = verifyChunk(signing, previous, hash!.digest('hex'), signature);
      if (size === 0) break;
      if ((await reader.line()) !== '') {
        throw s3Failure('InvalidChunkSizeError', 'malformed_request', 'A chunk is longer than its header says.');
      }
    }
    await readTrailers(reader, signing, previous, trailers);
    await reader.end();
    for (const name of announced) {
      if (trailers.has(name)) continue;
      throw s3Failure(
        'MalformedTrailerError',
        'malformed_request',
        `The trailer \`${name}\` was announced, but not sent.`,
      );
    }
  } finally {
    await source.return?.();
  }
}

function parseHeader(line: string | undefined): { readonly size: number; readonly signature: string } {
  if (line === undefined) throw new LochError('incomplete_body', 'The chunked body ended before its last chunk.');
  const match = /^([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line.trim());
  if (match !== null) return { size: Number.parseInt(match[1]!, 16), signature: match[2] ?? '' };
  throw s3Failure(
    'InvalidChunkSizeError',
    'malformed_request',
    'A chunk header is not of the form `size` or `size;chunk-signature=…`, with the size in hex.',
  );
}

function verifyChunk(signing: ChunkSigning, previous: string, sha256: string, stated: string): string {
  if (signatureEquals(chunkSignature(signing, previous, sha256), stated)) return stated;
  throw new LochError('signature_mismatch', 'The signature of a chunk of the body does not match its bytes.');
}

async function readTrailers(
  reader: ChunkReader,
  signing: ChunkSigning | undefined,
  previous: string,
  trailers: Map<string, string>,
): Promise<void> {
  const sent: [string, string][] = [];
  let stated = '';
  // Some clients end the body right after the last chunk, without the empty line.
  for (let line = await reader.line(); line !== undefined && line !== ''; line = await reader.line()) {
    const colon = line.indexOf(':');
    if (colon < 1 || sent.length === MAX_TRAILERS) {
      throw s3Failure(
        'MalformedTrailerError',
        'malformed_request',
        'A trailing header is not of the form `name:value`.',
      );
    }
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'x-amz-trailer-signature') stated = value;
    else sent.push([name, value]);
  }
  if (signing?.trailer && !signatureEquals(trailerSignature(signing, previous, sent), stated)) {
    throw new LochError('signature_mismatch', 'The signature of the trailing headers does not match them.');
  }
  for (const [name, value] of sent) trailers.set(name, value);
}
