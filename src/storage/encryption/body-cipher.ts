/**
 * Bodies at rest: a sealed body is a header of 32 bytes, chunks, and a trailer of 16.
 *
 * Invariants
 * - Header: `LSB1`, log2 of the chunk size, three zero bytes, the part number (u64 LE), a salt of 16 random bytes.
 *   Chunk: up to 256 KiB under AES-256-GCM and its tag of 16 bytes. All chunks but the last are full. (With chunks of 64 KiB a third of the speed went to making ciphers.)
 * - The key of a body is HKDF-SHA-256 of the data key with the body's salt and part number: each body, each attempt at a
 *   part, has a key of its own, so its nonces may count: chunk 0, 1, 2 … No counter outlives the body it counts in.
 * - A chunk opens only at its place (the nonce) in its body (the key) and part (header, authenticated). The trailer
 *   authenticates the length, so that a body cut at a chunk's end is found out.
 * - Whatever does not open is `data_corrupt`; nothing of a chunk is handed on before its tag is verified.
 * **Source**: NIST SP 800-38D; the construction follows STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015).
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { LochError } from '../../core/errors.ts';

const MAGIC = Buffer.from('LSB1');
const CHUNK_LOG2 = 18;
/** Plain bytes of a full chunk. */
export const CHUNK_BYTES = 2 ** CHUNK_LOG2;
const TAG_BYTES = 16;
const SEALED_CHUNK = CHUNK_BYTES + TAG_BYTES;
const HEADER_BYTES = 32;
const TRAILER_CHUNK = 0xffff_ffff;

const chunksOf = (size: number): number => Math.ceil(size / CHUNK_BYTES);

/** Stored bytes of a body of `size` plain ones. */
export const sealedSize = (size: number): number => HEADER_BYTES + size + (chunksOf(size) + 1) * TAG_BYTES;

function nonceOf(index: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(index, 8);
  return nonce;
}

/** As a key object: a cipher from plain key bytes costs 29 µs to make, one from this 6 µs. */
const bodyKey = (dataKey: Uint8Array, header: Buffer): KeyObject =>
  createSecretKey(new Uint8Array(hkdfSync('sha256', dataKey, header.subarray(16), header.subarray(0, 16), 32)));

function trailerOf(key: KeyObject, header: Buffer, size: number): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(size));
  const cipher = createCipheriv('aes-256-gcm', key, nonceOf(TRAILER_CHUNK)).setAAD(Buffer.concat([header, length]));
  cipher.final();
  return cipher.getAuthTag();
}

/** Seals one body piece by piece. **Cost**: no copy of the bytes but the cipher's own. */
export class BodySealer {
  readonly #header = Buffer.alloc(HEADER_BYTES);
  readonly #key: KeyObject;
  #cipher: ReturnType<typeof createCipheriv> | undefined;
  #index = 0;
  #inChunk = 0;
  #size = 0;

  /** `part` is the number of the part a body is; 1 for a whole object. */
  constructor(dataKey: Uint8Array, part = 1) {
    MAGIC.copy(this.#header);
    this.#header[4] = CHUNK_LOG2;
    this.#header.writeBigUInt64LE(BigInt(part), 8);
    randomBytes(16).copy(this.#header, 16);
    this.#key = bodyKey(dataKey, this.#header);
  }

  /** The stored bytes that follow from `bytes`; the header comes first. */
  push(bytes: Uint8Array): Uint8Array[] {
    const out: Uint8Array[] = this.#begun();
    for (let at = 0; at < bytes.length; ) {
      const take = Math.min(bytes.length - at, CHUNK_BYTES - this.#inChunk);
      this.#cipher ??= this.#chunk();
      out.push(this.#cipher.update(bytes.subarray(at, at + take)));
      at += take;
      this.#size += take;
      this.#inChunk += take;
      if (this.#inChunk === CHUNK_BYTES) out.push(this.#seal());
    }
    return out;
  }

  /** The last stored bytes. */
  finish(): Uint8Array[] {
    const out = this.#begun();
    if (this.#inChunk > 0) out.push(this.#seal());
    out.push(trailerOf(this.#key, this.#header, this.#size));
    return out;
  }

  #started = false;

  #begun(): Uint8Array[] {
    if (this.#started) return [];
    this.#started = true;
    return [this.#header];
  }

  #chunk() {
    if (this.#index === TRAILER_CHUNK)
      throw new LochError('entity_too_large', 'A sealed body has at most 2^32 - 1 chunks.');
    return createCipheriv('aes-256-gcm', this.#key, nonceOf(this.#index++)).setAAD(this.#header);
  }

  #seal(): Buffer {
    const cipher = this.#cipher!;
    cipher.final();
    this.#cipher = undefined;
    this.#inChunk = 0;
    return (cipher as ReturnType<typeof createCipheriv> & { getAuthTag(): Buffer }).getAuthTag();
  }
}

/** A whole body in hand, sealed. */
export function sealBody(dataKey: Uint8Array, bytes: Uint8Array): Buffer {
  const sealer = new BodySealer(dataKey);
  return Buffer.concat([...sealer.push(bytes), ...sealer.finish()]);
}

/**
 * Reads stored bytes at a place; fewer than asked for only at the end. A long answer may be overwritten by the second
 * call after it: no more than two are in use at a time.
 */
export type ReadStored = (position: number, length: number) => Promise<Buffer>;

/** One sealed body of what is stored: a whole object, or a part of one. **Units**: bytes. */
interface StoredBody {
  readonly part: number;
  readonly plainStart: number;
  readonly size: number;
  readonly storedStart: number;
}

/** How an object lies in its sealed bodies. */
export interface SealedLayout {
  readonly size: number;
  /** Sizes of parts as runs; absent for a body that was sealed as one. */
  readonly partSizes?: readonly (readonly [size: number, count: number])[];
  /** Part numbers as runs `[first, count]`; absent: 1, 2, 3 … */
  readonly partNumbers?: readonly (readonly [first: number, count: number])[];
}

function* bodiesOf({ size, partSizes, partNumbers }: SealedLayout): Generator<StoredBody> {
  const numbers = (partNumbers ?? [[1, Number.MAX_SAFE_INTEGER]]).map(([first, count]) => ({
    next: first,
    left: count,
  }));
  const nextNumber = (): number => {
    while (numbers[0]!.left === 0) numbers.shift();
    numbers[0]!.left--;
    return numbers[0]!.next++;
  };
  let plainStart = 0;
  let storedStart = 0;
  for (const [each, count] of partSizes ?? [[size, 1] as const]) {
    for (let i = 0; i < count; i++) {
      yield { part: nextNumber(), plainStart, size: each, storedStart };
      plainStart += each;
      storedStart += sealedSize(each);
    }
  }
}

/** Stored bytes of an object. */
export function storedSize(layout: SealedLayout): number {
  let bytes = 0;
  for (const [size, count] of layout.partSizes ?? [[layout.size, 1] as const]) bytes += sealedSize(size) * count;
  return bytes;
}

/** Chunks read and opened at a time. */
const CHUNKS_AT_ONCE = 2;

/**
 * The plain bytes `first`–`last` (inclusive) of a sealed object, a chunk at a time. Only the chunks they lie in are read.
 * **Errors**: `data_corrupt`, by `corrupt`, before anything of the broken chunk is handed on.
 */
export async function* openRange(
  dataKey: Uint8Array,
  layout: SealedLayout,
  range: { readonly first: number; readonly last: number },
  read: ReadStored,
  corrupt: (why: string, cause?: unknown) => LochError,
): AsyncGenerator<Buffer> {
  for (const body of bodiesOf(layout)) {
    const end = body.plainStart + body.size;
    if (end <= range.first && body.size > 0) continue;
    if (body.plainStart > range.last) return;
    const from = Math.max(0, range.first - body.plainStart);
    const to = Math.min(body.size, range.last + 1 - body.plainStart);
    yield* openBody(dataKey, body, { from, to }, read, corrupt);
  }
}

async function* openBody(
  dataKey: Uint8Array,
  body: StoredBody,
  { from, to }: { readonly from: number; readonly to: number },
  read: ReadStored,
  corrupt: (why: string, cause?: unknown) => LochError,
): AsyncGenerator<Buffer> {
  const header = Buffer.from(await read(body.storedStart, HEADER_BYTES));
  const known = header.length === HEADER_BYTES && header.subarray(0, 4).equals(MAGIC) && header[4] === CHUNK_LOG2;
  if (!known || header.readBigUInt64LE(8) !== BigInt(body.part)) throw corrupt('its header is not what was written');
  const key = bodyKey(dataKey, header);
  if (to === body.size) {
    // The end is asked for: it must be the end that was written.
    const trailer = await read(body.storedStart + sealedSize(body.size) - TAG_BYTES, TAG_BYTES);
    if (!trailerOf(key, header, body.size).equals(trailer)) throw corrupt('its length is not what was written');
  }
  const chunks = chunksOf(body.size);
  const lastChunk = Math.min(chunks, Math.ceil(to / CHUNK_BYTES));
  const batch = (at: number) => {
    const until = Math.min(lastChunk, at + CHUNKS_AT_ONCE);
    const length = Math.min(body.size, until * CHUNK_BYTES) - at * CHUNK_BYTES + (until - at) * TAG_BYTES;
    const stored = read(body.storedStart + HEADER_BYTES + at * SEALED_CHUNK, length);
    stored.catch(() => undefined); // told when it is its turn, unless nobody wants it any more
    return { until, length, stored };
  };
  const begin = Math.floor(from / CHUNK_BYTES);
  // One batch is read while the one before it is opened and taken.
  let next = begin < lastChunk ? batch(begin) : undefined;
  for (let at = begin; next !== undefined; at += CHUNKS_AT_ONCE) {
    const { until, length, stored: reading } = next;
    const stored = await reading;
    if (stored.length !== length) throw corrupt('it ends early');
    next = until < lastChunk ? batch(until) : undefined;
    for (let index = at; index < until; index++) {
      const sealed = stored.subarray((index - at) * SEALED_CHUNK, (index - at + 1) * SEALED_CHUNK);
      const opened = openChunk(key, header, index, sealed, corrupt);
      const start = index * CHUNK_BYTES;
      yield opened.subarray(Math.max(0, from - start), Math.min(opened.length, to - start));
    }
  }
}

function openChunk(
  key: KeyObject,
  header: Buffer,
  index: number,
  sealed: Buffer,
  corrupt: (why: string, cause?: unknown) => LochError,
): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(index)).setAAD(header);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
  try {
    decipher.final();
  } catch (error) {
    throw corrupt(`chunk ${index} was changed`, error);
  }
  return plain;
}

/** An ETag that tells nothing of the plain bytes to who has not the data key; the same body and key give the same one. */
export const opaqueEtag = (dataKey: Uint8Array, md5: Uint8Array): string =>
  createHmac('sha256', dataKey).update('etag').update(md5).digest('hex').slice(0, 32);
