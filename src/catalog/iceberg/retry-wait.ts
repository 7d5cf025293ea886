import type { TableMetadata } from '../../storage/contract.ts';

/** How often and how long a commit tries again, by the table's `commit.retry.*` properties. */
export interface RetryLimits {
  readonly retries: number;
  readonly minWaitMs: number;
  readonly maxWaitMs: number;
  readonly totalMs: number;
}

/** The limits of a table: 4 retries, 100 ms to 60 s apart, 30 minutes in all, unless it says otherwise. */
export function retryLimits(metadata: TableMetadata): RetryLimits {
  const setting = (name: string, fallback: number) => {
    const value = Number(metadata.properties[name]);
    return metadata.properties[name] !== undefined && Number.isFinite(value) && value >= 0 ? value : fallback;
  };
  return {
    retries: setting('commit.retry.num-retries', 4),
    minWaitMs: setting('commit.retry.min-wait-ms', 100),
    maxWaitMs: setting('commit.retry.max-wait-ms', 60_000),
    totalMs: setting('commit.retry.total-timeout-ms', 1_800_000),
  };
}

/** The wait before retry number `attempt` (from 0): doubling, with full jitter, so that rivals part. */
export function retryWait(limits: RetryLimits, attempt: number, random: () => number): number {
  const ceiling = Math.min(limits.maxWaitMs, limits.minWaitMs * 2 ** attempt);
  return Math.round(ceiling * (0.1 + 0.9 * random()));
}
