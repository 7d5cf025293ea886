import { hash } from 'node:crypto';

/**
 * The canonical user id of an account, by which S3's lists and owners name it: derived, so that it needs no table and
 * is the same after a restore.
 */
export function canonicalUserId(accountId: string): string {
  return hash('sha256', `loch canonical user ${accountId}`);
}

/** The owner of what nobody in particular has written. **Source**: S3's own id of the anonymous user. */
export const ANONYMOUS_USER_ID = '65a011a29cdf8ec533ec3d1ccaae921c';
