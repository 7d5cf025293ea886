import { randomFillSync } from 'node:crypto';

const RANDOM_BYTES = 8;
const COUNTS = 0x10000;
/** Random bytes are drawn many ids at a time: one call costs as much for 8 bytes as for 8,000. */
const pool = Buffer.alloc(RANDOM_BYTES * 256);
let used = pool.length;
let lastTime = 0;
let count = 0;

/**
 * A version id: 32 characters of hex. The first twelve are the time and the next four count within it, so that the ids
 * of a process order by age even when its clock stands still or goes back.
 */
export function newVersionId(now: number): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += RANDOM_BYTES;
  if (now > lastTime) {
    lastTime = now;
    count = 0;
  } else if (++count === COUNTS) {
    lastTime++;
    count = 0;
  }
  const order = lastTime.toString(16).padStart(12, '0') + count.toString(16).padStart(4, '0');
  return order + pool.toString('hex', used - RANDOM_BYTES, used);
}
