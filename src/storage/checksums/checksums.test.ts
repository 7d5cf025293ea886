import { expect, it } from 'vitest';
import type { ChecksumAlgorithm } from '../contract.ts';
import { combineCrcs } from './combine.ts';
import { CHECKSUM_ALGORITHMS, createDigest } from './digest.ts';

function checksum(algorithm: ChecksumAlgorithm | 'md5', ...pieces: Uint8Array[]): string {
  const digest = createDigest(algorithm);
  for (const piece of pieces) digest.update(piece);
  return digest.digest().toString('base64');
}

const hex = (algorithm: ChecksumAlgorithm, text: string) =>
  Buffer.from(checksum(algorithm, Buffer.from(text)), 'base64').toString('hex');

it('gives the check values of the CRC catalogue for 123456789', () => {
  expect(hex('crc32', '123456789')).toBe('cbf43926');
  expect(hex('crc32c', '123456789')).toBe('e3069283');
  expect(hex('crc64nvme', '123456789')).toBe('ae8b14860a799888');
});

it('gives the same checksum however the bytes are cut', () => {
  const bytes = Buffer.from(Array.from({ length: 3001 }, (_, i) => (i * 7919) & 0xff));
  for (const algorithm of [...CHECKSUM_ALGORITHMS, 'md5'] as const) {
    const whole = checksum(algorithm, bytes);
    expect(checksum(algorithm, bytes.subarray(0, 3), bytes.subarray(3, 1500), bytes.subarray(1500))).toBe(whole);
  }
});

it('combines the CRCs of parts to the CRC of the whole', () => {
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
  const cuts = [bytes.subarray(0, 1), bytes.subarray(1, 65_537), bytes.subarray(65_537), Buffer.alloc(0)];
  for (const algorithm of ['crc32', 'crc32c', 'crc64nvme'] as const) {
    const parts = cuts.map((cut) => ({ checksum: checksum(algorithm, cut), size: cut.length }));
    expect(combineCrcs(algorithm, parts)).toBe(checksum(algorithm, bytes));
  }
});
