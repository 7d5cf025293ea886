/**
 * The bytes of a request as they are meant, whichever way S3 clients frame and sign them.
 *
 * Invariants
 * - A body that is not what was signed or declared fails at its end at the latest, so that a store which commits after
 *   the last byte commits nothing.
 * - Memory is one network chunk: signatures and hashes are computed as bytes pass.
 * **Source**: S3 API Reference, "Signature Calculations for the Authorization Header: Transferring Payload in Chunks".
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { LochError } from '../../core/errors.ts';
import { type ChunkSeed, chunkSignature, trailerSignature } from '../kit/sigv4/index.ts';

/** What the signature said about the body. */
export interface BodySignature extends ChunkSeed {
  readonly signature: string;
  /** Hex SHA-256, `UNSIGNED-PAYLOAD`, or a `STREAMING-…` name. */
  readonly payloadHash: string;
}

export interface RequestBody {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Bytes without framing, when the client told them. */
  readonly length?: number;
  /** Trailing headers, complete once `bytes` has ended. */
  trailers(): Readonly<Record<string, string>>;
}

/** Opens the body of `request`. **Errors**, at once or while reading: `incomplete_body`, `checksum_mismatch`, `signature_mismatch`, `malformed_request`. */
export function openBody(request: IncomingMessage, signature: BodySignature | undefined): RequestBody {
  const hash = signature?.payloadHash ?? String(request.headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD');
  if (hash.startsWith('STREAMING-')) return openChunked(request, hash, signature);
  const stated = request.headers['content-length'];
  const length = stated === undefined ? {} : { length: Number(stated) };
  const source = complete(request);
  return {
    bytes: /^[0-9a-f]{64}$/i.test(hash) ? hashed(source, hash.toLowerCase()) : source,
    ...length,
    trailers: () => ({}),
  };
}

/** The bytes of a message; one that was cut off is an error, not an end. */
async function* complete(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) yield chunk;
  } catch (error) {
    throw new LochError('incomplete_body', 'The connection ended before the body did.', { cause: error });
  }
  if (!request.complete) throw new LochError('incomplete_body', 'The connection ended before the body did.');
}

async function* hashed(source: AsyncIterable<Buffer>, expected: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') === expected) return;
  throw new LochError('checksum_mismatch', 'The body is not the one whose SHA-256 was signed (x-amz-content-sha256).', {
    context: { s3_code: 'XAmzContentSHA256Mismatch' },
  });
}

function openChunked(request: IncomingMessage, kind: string, signature: BodySignature | undefined): RequestBody {
  const signed = kind.startsWith('STREAMING-AWS4-HMAC-SHA256-PAYLOAD');
  if (!signed && kind !== 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') {
    throw new LochError(
      'unsupported',
      `x-amz-content-sha256 \`${kind}\` is not supported. Known: STREAMING-AWS4-HMAC-SHA256-PAYLOAD, the same with -TRAILER, STREAMING-UNSIGNED-PAYLOAD-TRAILER.`,
    );
  }
  const stated = request.headers['x-amz-decoded-content-length'];
  if (stated === undefined || !/^\d+$/.test(String(stated))) {
    throw new LochError('missing_argument', 'A chunked body needs the header x-amz-decoded-content-length.', {
      context: { s3_code: 'MissingContentLength' },
    });
  }
  const trailers: Record<string, string> = {};
  return {
    bytes: decodeChunks(complete(request), signed ? signature : undefined, trailers),
    length: Number(stated),
    trailers: () => trailers,
  };
}

const MAX_LINE = 16 * 1024;

/** Reads lines and counted bytes from a stream of buffers. */
class ChunkReader {
  readonly #source: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async #more(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done) return false;
    this.#buffer = this.#buffer.length === 0 ? next.value : Buffer.concat([this.#buffer, next.value]);
    return true;
  }

  /** The next line without its CRLF. */
  async line(): Promise<string> {
    for (let from = 0; ; ) {
      const end = this.#buffer.indexOf('\r\n', from);
      if (end >= 0) {
        const line = this.#buffer.toString('latin1', 0, end);
        this.#buffer = this.#buffer.subarray(end + 2);
        return line;
      }
      if (this.#buffer.length > MAX_LINE)
        throw new LochError('malformed_request', 'A chunk header is longer than 16 KiB.');
      from = Math.max(0, this.#buffer.length - 1);
      if (!(await this.#more()))
        throw new LochError('incomplete_body', 'The chunked body ended inside a chunk header.');
    }
  }

  /** The next `count` bytes, piece by piece. */
  async *bytes(count: number): AsyncGenerator<Buffer> {
    let left = count;
    while (left > 0) {
      if (this.#buffer.length === 0 && !(await this.#more())) {
        throw new LochError('incomplete_body', `The chunked body ended ${left} bytes early.`);
      }
      const piece = this.#buffer.subarray(0, left);
      this.#buffer = this.#buffer.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }
}

async function* decodeChunks(
  source: AsyncIterable<Buffer>,
  signature: BodySignature | undefined,
  trailers: Record<string, string>,
): AsyncGenerator<Buffer> {
  const reader = new ChunkReader(source);
  let previous = signature?.signature ?? '';
  for (;;) {
    const header = await reader.line();
    const match = /^([0-9a-fA-F]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(header.trim());
    if (match === null)
      throw new LochError(
        'malformed_request',
        'A chunk header of the body is not of the form `size;chunk-signature=…`.',
        { context: { s3_code: 'InvalidChunkSizeError' } },
      );
    const size = Number.parseInt(match[1]!, 16);
    const hash = signature === undefined ? undefined : createHash('sha256');
    for await (const piece of reader.bytes(size)) {
      hash?.update(piece);
      yield piece;
    }
    if (signature !== undefined && hash !== undefined)
      previous = verifyChunk(signature, previous, hash.digest('hex'), match[2]);
    if (size === 0) break;
    if ((await reader.line()) !== '')
      throw new LochError('malformed_request', 'A chunk of the body is longer than its header says.');
  }
  await readTrailers(reader, signature, previous, trailers);
}

function verifyChunk(seed: BodySignature, previous: string, sha256: string, stated: string | undefined): string {
  const expected = chunkSignature(seed, previous, sha256);
  if (stated === undefined || !timingSafeEqual(expected, Buffer.from(stated, 'hex'))) {
    throw new LochError('signature_mismatch', 'The signature of a chunk of the body does not match its bytes.');
  }
  return stated;
}

async function readTrailers(
  reader: ChunkReader,
  signature: BodySignature | undefined,
  previous: string,
  trailers: Record<string, string>,
): Promise<void> {
  const sent: [string, string][] = [];
  let stated: string | undefined;
  for (;;) {
    // Some clients end the body right after the last chunk, without the empty line.
    const line = await reader.line().catch((error: unknown) => {
      if (error instanceof LochError && error.code === 'incomplete_body') return '';
      throw error;
    });
    if (line === '') break;
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'x-amz-trailer-signature') stated = value;
    else sent.push([name, value]);
  }
  if (signature?.payloadHash.endsWith('-TRAILER')) {
    const expected = trailerSignature(signature, previous, sent);
    if (
      stated === undefined ||
      !/^[0-9a-f]{64}$/.test(stated) ||
      !timingSafeEqual(expected, Buffer.from(stated, 'hex'))
    ) {
      throw new LochError('signature_mismatch', 'The signature of the trailing headers does not match them.');
    }
  }
  for (const [name, value] of sent) trailers[name] = value;
}
