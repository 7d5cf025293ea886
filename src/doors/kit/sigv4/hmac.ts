import { hash } from 'node:crypto';

/** An HMAC-SHA-256 key as its two padded blocks, so that each use costs two one-shot hashes and no stream object. */
export interface HmacKey {
  readonly inner: Uint8Array;
  readonly outer: Uint8Array;
}

const BLOCK = 64;
const DIGEST = 32;

/** The key of HMAC-SHA-256 over `key`. **Source**: RFC 2104. */
export function hmacKey(key: Uint8Array): HmacKey {
  const block = key.length > BLOCK ? hash('sha256', key, 'buffer') : key;
  const inner = new Uint8Array(BLOCK).fill(0x36);
  const outer = new Uint8Array(BLOCK).fill(0x5c);
  for (let i = 0; i < block.length; i++) {
    inner[i]! ^= block[i]!;
    outer[i]! ^= block[i]!;
  }
  return { inner, outer };
}

/**
 * HMAC-SHA-256 of `text` (as UTF-8).
 * **Cost**: two one-shot hashes; two to three times faster than `createHmac` for the short texts of signatures.
 */
export function hmacSha256(key: HmacKey, text: string): Buffer {
  const length = Buffer.byteLength(text);
  const first = Buffer.allocUnsafe(BLOCK + length);
  first.set(key.inner);
  first.write(text, BLOCK);
  const second = Buffer.allocUnsafe(BLOCK + DIGEST);
  second.set(key.outer);
  second.set(hash('sha256', first, 'buffer'), BLOCK);
  return hash('sha256', second, 'buffer');
}

/** SHA-256 of `data` in lower-case hex. */
export function sha256Hex(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex');
}
