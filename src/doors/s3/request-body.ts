/**
 * The bytes of a request as they are meant, whichever way S3 clients frame and sign them.
 *
 * Invariants
 * - A body that is not what was signed or declared fails at its end at the latest, so that a store which commits after
 *   the last byte commits nothing.
 * - Memory is one network chunk: signatures and hashes are computed as bytes pass.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { CHECKSUM_ALGORITHMS, createDigest } from '../../storage/contract.ts';
import { LochError } from '../../core/errors.ts';
import type { ChunkSeed } from '../kit/sigv4/index.ts';
import { BodyReader } from './body-reader.ts';
import { decodeChunks } from './chunked-body.ts';
import { s3Failure } from './errors.ts';
import type { S3Request } from './request.ts';
import { parseXml, type XmlElement } from './xml.ts';

/** What the signature said about the body. Only one of Version 4 can seed signatures of chunks. */
export interface BodySignature extends Partial<ChunkSeed> {
  readonly signature?: string;
  /** Hex SHA-256, `UNSIGNED-PAYLOAD`, or a `STREAMING-…` name. */
  readonly payloadHash: string;
}

export interface RequestBody {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Bytes without framing, when the client told them. */
  readonly length?: number;
  /** Names of trailing headers the client announced. */
  readonly announced: readonly string[];
  /** Trailing headers, complete once `bytes` has ended. */
  readonly trailers: ReadonlyMap<string, string>;
}

/** **Units**: milliseconds. */
const IDLE_MS = 60_000;
const SIGNED = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
const SIGNED_TRAILER = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER';
const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

/**
 * Opens the body of `request`.
 * **Errors**, at once or while reading: `incomplete_body`, `checksum_mismatch`, `signature_mismatch`, `timeout`,
 * `malformed_request`, `invalid_argument`.
 */
export function openBody(
  request: Pick<S3Request, 'incoming' | 'signature'>,
  options: { readonly idleMs?: number } = {},
): RequestBody {
  const { incoming, signature } = request;
  const hash = signature?.payloadHash ?? String(incoming.headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD');
  const source = new BodyReader(incoming, options.idleMs ?? IDLE_MS);
  if (hash.startsWith('STREAMING-')) return openChunked(incoming, hash, signature, source);
  const stated = incoming.headers['content-length'];
  const plain = { ...(stated === undefined ? {} : { length: Number(stated) }), announced: [], trailers: new Map() };
  if (hash === 'UNSIGNED-PAYLOAD') return { ...plain, bytes: source };
  if (/^[0-9a-fA-F]{64}$/.test(hash)) return { ...plain, bytes: hashed(source, hash.toLowerCase()) };
  throw new LochError(
    'invalid_argument',
    'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING-… name, or the hex SHA-256 of the body.',
    { context: { argument_name: 'x-amz-content-sha256', argument_value: hash } },
  );
}

async function* hashed(source: BodyReader, expected: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
  const calculated = hash.digest('hex');
  if (calculated === expected) return;
  throw s3Failure(
    'XAmzContentSHA256Mismatch',
    'checksum_mismatch',
    'The body is not the one whose SHA-256 was signed (x-amz-content-sha256).',
    { clientComputedContentSHA256: expected, s3ComputedContentSHA256: calculated },
  );
}

function openChunked(
  incoming: IncomingMessage,
  kind: string,
  signature: BodySignature | undefined,
  source: BodyReader,
): RequestBody {
  const signed = kind === SIGNED || kind === SIGNED_TRAILER;
  if (!signed && kind !== UNSIGNED_TRAILER) {
    throw new LochError(
      'unsupported',
      `x-amz-content-sha256 \`${kind}\` is not supported. Known: ${SIGNED}, ${SIGNED_TRAILER}, ${UNSIGNED_TRAILER}.`,
    );
  }
  const seed = signed ? chunkSeed(signature) : undefined;
  const stated = String(incoming.headers['x-amz-decoded-content-length'] ?? '');
  if (!/^\d{1,15}$/.test(stated)) {
    throw s3Failure(
      'MissingContentLength',
      'missing_argument',
      'A chunked body needs the header x-amz-decoded-content-length.',
    );
  }
  const announced = announcedTrailers(incoming);
  const trailers = new Map<string, string>();
  const signing = seed === undefined ? undefined : { ...seed, trailer: kind === SIGNED_TRAILER };
  return { bytes: decodeChunks(source, signing, announced, trailers), length: Number(stated), announced, trailers };
}

function chunkSeed(from: BodySignature | undefined): ChunkSeed & { readonly signature: string } {
  const { signingKey, amzDate, scope, signature } = from ?? {};
  if (signingKey === undefined || amzDate === undefined || scope === undefined || signature === undefined) {
    throw new LochError('signature_mismatch', 'Chunks can be signed only in a request that is signed by Version 4.');
  }
  return { signingKey, amzDate, scope, signature };
}

function announcedTrailers(incoming: IncomingMessage): string[] {
  const names = String(incoming.headers['x-amz-trailer'] ?? '').toLowerCase();
  return names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/**
 * The small XML document of a request, as it was signed; undefined for an empty body. With `integrity`, S3 wants it
 * covered by Content-MD5 or a checksum; `of another` when the checksums of the request are not of the document.
 * **Errors**: those of `openBody`; `entity_too_large`, `checksum_mismatch`.
 */
export async function readDocument(
  request: S3Request,
  limit: number,
  integrity: 'required' | 'optional' | 'of another' = 'optional',
): Promise<XmlElement | undefined> {
  const text = await readText(request, limit, integrity);
  return text === '' ? undefined : parseXml(text);
}

/** The small body of a request as text. **Errors**: as `readDocument`. */
export async function readText(
  request: S3Request,
  limit: number,
  integrity: 'required' | 'optional' | 'of another' = 'optional',
): Promise<string> {
  const body = openBody(request);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body.bytes) {
    size += chunk.length;
    if (size > limit) {
      throw new LochError('entity_too_large', `The document of the request is larger than ${limit} bytes.`, {
        context: { limit },
      });
    }
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks, size);
  const checked = integrity !== 'of another' && verifyDocument(request, body, bytes);
  if (integrity === 'required' && !checked) {
    throw new LochError('missing_argument', 'Missing required header: Content-MD5 or x-amz-checksum-…');
  }
  return bytes.toString('utf8');
}

function verifyDocument(request: S3Request, body: RequestBody, bytes: Buffer): boolean {
  let checked = false;
  const verify = (algorithm: (typeof CHECKSUM_ALGORITHMS)[number], expected: string | undefined) => {
    if (expected === undefined) return;
    const digest = createDigest(algorithm);
    digest.update(bytes);
    const calculated = digest.digest().toString('base64');
    checked = true;
    if (calculated === expected) return;
    throw new LochError('checksum_mismatch', `The body's ${algorithm} is ${calculated}, not ${expected} as stated.`, {
      context: { checksum: algorithm, expected, calculated },
    });
  };
  verify('md5', request.headers['content-md5'] as string | undefined);
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    const name = `x-amz-checksum-${algorithm}`;
    verify(algorithm, body.trailers.get(name) ?? (request.incoming.headers[name] as string | undefined));
  }
  return checked;
}
