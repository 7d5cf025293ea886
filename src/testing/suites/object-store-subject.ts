/** What the suites of object stores share: the store under test, and how its answers are looked at. */
import { createHash } from 'node:crypto';
import { type ErrorCode, LochError } from '../../core/errors.ts';
import type { ObjectRead, ObjectStore } from '../../storage/contract.ts';

/** Parts but the last have at least so many bytes in a store under test. */
export const SUITE_MIN_PART_BYTES = 16;

/** A store under test, and how to take it away. */
export interface SuiteSubject {
  readonly store: ObjectStore;
  readonly close: () => Promise<void>;
}

/** Region and owner of the buckets of a suite. */
export const OWNER = { region: 'us-east-1', ownerAccountId: '000000000000' };

/** The ETag of a body put in one piece. */
export const md5 = (bytes: Uint8Array): string => `"${createHash('md5').update(bytes).digest('hex')}"`;

/** A body as a stream of pieces. */
export async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

/** All bytes of a read. */
export async function bytesOf(read: ObjectRead): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of read.body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The code `work` fails with; `none` when it succeeds. */
export async function codeOf(work: Promise<unknown>): Promise<ErrorCode | 'none'> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (error instanceof LochError) return error.code;
    throw error;
  }
}
