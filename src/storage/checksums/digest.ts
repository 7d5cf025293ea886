import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ChecksumAlgorithm } from '../contract.ts';
import { crc32c } from './crc32c.ts';
import { Crc64Nvme } from './crc64nvme.ts';

/** The algorithms a client may choose, in the order S3 lists them. */
export const CHECKSUM_ALGORITHMS: readonly ChecksumAlgorithm[] = [
  ...(['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256', 'sha512', 'md5'] as const),
];

/** A checksum that takes its bytes piece by piece. After `digest` nothing is called. */
export interface Digest {
  update(bytes: Uint8Array): void;
  digest(): Buffer;
}

/** A fresh digest. */
export function createDigest(algorithm: ChecksumAlgorithm): Digest {
  if (algorithm === 'crc32') return running32((bytes, before) => crc32(bytes, before));
  if (algorithm === 'crc32c') return running32(crc32c);
  if (algorithm === 'crc64nvme') return new Crc64Nvme();
  const hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() };
}

function running32(next: (bytes: Uint8Array, before: number) => number): Digest {
  let value = 0;
  return {
    update(bytes) {
      value = next(bytes, value);
    },
    digest() {
      const out = Buffer.alloc(4);
      out.writeUInt32BE(value);
      return out;
    },
  };
}
