import type { Clock } from '../../core/clock.ts';
import { LochError } from '../../core/errors.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { Policy } from '../contract.ts';

/** How long events are kept and can be looked up. **Source**: CloudTrail, "Event history": 90 days. */
export const RETENTION_MS = 90 * 24 * 60 * 60 * 1000;

export interface TrailDeps {
  readonly store: MetadataStore;
  readonly clock: Clock;
  readonly authorize: Policy['authorize'];
}

/** A page size of 1 to `most`. **Errors**: `invalid_argument`. */
export function pageSize(asked: number | undefined, usual: number, most: number): number {
  if (asked === undefined) return usual;
  if (Number.isInteger(asked) && asked >= 1 && asked <= most) return asked;
  throw new LochError('invalid_argument', `A page holds 1 to ${most} events, not ${asked}.`, {
    context: { argument: 'MaxResults', limit: most },
  });
}

/** The asked time range within the retention. **Errors**: `invalid_argument` when it ends before it begins. */
export function timeRange(
  asked: { readonly start?: number; readonly end?: number },
  now: number,
): { readonly start: number; readonly end: number } {
  const start = Math.max(asked.start ?? 0, now - RETENTION_MS);
  const end = asked.end ?? Number.MAX_SAFE_INTEGER;
  if (Number.isNaN(start) || Number.isNaN(end) || (asked.start !== undefined && end < asked.start)) {
    throw new LochError(
      'invalid_argument',
      'The time range ends before it begins. Give a StartTime before the EndTime.',
      {
        context: { argument: 'StartTime' },
      },
    );
  }
  return { start, end };
}
