import { randomBytes } from 'node:crypto';

/** A version id: 32 characters of hex, of which the first twelve are the time, so that ids of one key order by age. */
export function newVersionId(now: number): string {
  return now.toString(16).padStart(12, '0') + randomBytes(10).toString('hex');
}
