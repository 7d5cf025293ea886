/**
 * Signatures of aws-chunked bodies: each chunk's covers its bytes and the signature before it, the first one seeded by
 * the request's own. **Source**: Amazon S3 API Reference, "Signature calculations: transferring payload in multiple
 * chunks" and "… including trailing headers".
 */
import { type HmacKey, hmacSha256, sha256Hex } from './hmac.ts';

const EMPTY_SHA256 = sha256Hex('');

/** What of the authenticated request the chunk signatures build on. */
export interface ChunkSeed {
  readonly signingKey: HmacKey;
  readonly amzDate: string;
  readonly scope: string;
}

/** The signature of a chunk whose bytes hash to `chunkSha256` (hex). The last, empty chunk is signed the same way. */
export function chunkSignature(seed: ChunkSeed, previousSignature: string, chunkSha256: string): Buffer {
  return hmacSha256(
    seed.signingKey,
    `AWS4-HMAC-SHA256-PAYLOAD\n${seed.amzDate}\n${seed.scope}\n${previousSignature}\n${EMPTY_SHA256}\n${chunkSha256}`,
  );
}

/** The signature of the trailing headers: `trailers` are lower-case names with values, in the order they were sent. */
export function trailerSignature(
  seed: ChunkSeed,
  previousSignature: string,
  trailers: readonly (readonly [name: string, value: string])[],
): Buffer {
  const canonical = trailers.map(([name, value]) => `${name}:${value.trim()}\n`).join('');
  return hmacSha256(
    seed.signingKey,
    `AWS4-HMAC-SHA256-TRAILER\n${seed.amzDate}\n${seed.scope}\n${previousSignature}\n${sha256Hex(canonical)}`,
  );
}
