import { randomFillSync } from 'node:crypto';

const RANDOM_BYTES = 10;
/** Random bytes are drawn many ids at a time: one call costs as much for 10 bytes as for 10,000. */
const pool = Buffer.alloc(RANDOM_BYTES * 256);
let used = pool.length;

/** A version id: 32 characters of hex, of which the first twelve are the time, so that ids of one key order by age. */
export function newVersionId(now: number): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += RANDOM_BYTES;
  return now.toString(16).padStart(12, '0') + pool.toString('hex', used - RANDOM_BYTES, used);
}
