import { isLochError, LochError } from '../../core/errors.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import auditModule, { type DataRow, type ManagementRow } from './store.ts';

const MOST_ROWS = 2_000;

interface Waiting {
  readonly management: readonly ManagementRow[];
  readonly data: readonly DataRow[];
  resolve(): void;
  reject(error: unknown): void;
}

export interface Appender {
  /** Resolves when the rows are durable. **Errors**: `disk_full`, `unavailable` when the store cannot be written. */
  append(management: readonly ManagementRow[], data: readonly DataRow[]): Promise<void>;
}

/**
 * Puts rows of many requests in one append: what arrives while one append is on its way to the disk goes with the next.
 * Memory is bounded by the requests in flight, since each waits for its rows.
 */
export function createAppender(store: MetadataStore): Appender {
  let waiting: Waiting[] = [];
  let running = false;

  const takeBatch = (): Waiting[] => {
    let rows = 0;
    let count = 0;
    for (const entry of waiting) {
      rows += entry.management.length + entry.data.length;
      if (count > 0 && rows > MOST_ROWS) break;
      count += 1;
    }
    const batch = waiting.slice(0, count);
    waiting = waiting.slice(count);
    return batch;
  };

  const drain = async () => {
    running = true;
    while (waiting.length > 0) {
      const batch = takeBatch();
      try {
        await store.write(auditModule.procedures.append, {
          management: batch.flatMap((entry) => entry.management),
          data: batch.flatMap((entry) => entry.data),
        });
        for (const entry of batch) entry.resolve();
      } catch (error) {
        const failure = unwritable(error);
        for (const entry of batch) entry.reject(failure);
      }
    }
    running = false;
  };

  return {
    append: (management, data) =>
      new Promise((resolve, reject) => {
        waiting.push({ management, data, resolve, reject });
        if (!running) void drain();
      }),
  };
}

/** Without its record no request is answered: 503, so that the client may try again. */
function unwritable(error: unknown): unknown {
  if (isLochError(error, 'disk_full', 'unavailable')) return error;
  return new LochError(
    'unavailable',
    'The audit store cannot be written (AuditUnavailable). See the log, then retry.',
    {
      cause: error,
    },
  );
}
