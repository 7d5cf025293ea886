/**
 * Access logs of buckets: lines gather in memory for a second, wait in the store, and become objects of the target bucket.
 *
 * Invariants
 * - A request waits for nothing. As in S3, a log is best effort: a crash may lose the lines of its last second.
 * - An object is named by its first line: lines that are delivered again after a crash replace the same object.
 */
import type { Clock } from '../../core/clock.ts';
import { isLochError } from '../../core/errors.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { BucketSettings, ObjectStore } from '../contract.ts';
import { type AccessEntry, logKey, logLine } from './log-line.ts';
import accessLogStore from './store.ts';

const { procedures } = accessLogStore;
const WRITE_EVERY_MS = 1_000;
const DELIVER_EVERY_MS = 60_000;
const LINES = 10_000;

/** Takes requests to buckets whose access is logged. */
export interface AccessLog extends Lifecycle {
  /** Notes a request that is over. Never fails and keeps nobody waiting. */
  note(entry: Omit<AccessEntry, 'bucketOwner'>): void;
  /** Delivers what waits, now. */
  deliver(): Promise<void>;
}

/** Opens the log. */
export function openAccessLog(deps: {
  readonly store: MetadataStore;
  readonly objects: ObjectStore;
  readonly settings: BucketSettings;
  readonly clock: Clock;
  readonly accountId: string;
  readonly region: string;
  readonly onFailure: (error: unknown) => void;
}): AccessLog {
  const { store, objects, settings, clock } = deps;
  let gathered: Omit<AccessEntry, 'bucketOwner'>[] = [];
  let working: Promise<void> = Promise.resolve();
  const queued = (work: () => Promise<void>): Promise<void> => {
    working = working.then(work, work);
    return working;
  };

  const write = async (): Promise<void> => {
    const entries = gathered;
    gathered = [];
    const lines: { bucket: string; at: number; line: string }[] = [];
    for (const entry of entries) {
      if ((await settings.get(entry.bucket, 'logging')) === undefined) continue;
      const { bucket, at } = entry;
      lines.push({ bucket, at, line: logLine({ ...entry, bucketOwner: deps.accountId }) });
    }
    if (lines.length > 0) await store.write(procedures.addLines, { lines });
  };

  const deliverBucket = async (bucket: string): Promise<void> => {
    for (;;) {
      const rows = await store.read(procedures.lines, { bucket, limit: LINES });
      const [first] = rows;
      const last = rows.at(-1);
      if (first === undefined || last === undefined) return;
      const target = await settings.get(bucket, 'logging');
      if (target !== undefined) {
        const key = logKey(target, {
          account: deps.accountId,
          region: deps.region,
          bucket,
          eventAt: first.at,
          deliveredAt: clock.now(),
          unique: first.id.toString(16).toUpperCase().padStart(16, '0'),
        });
        const body = Buffer.from(rows.map(({ line }) => `${line}\n`).join(''));
        try {
          const options = { contentType: 'text/plain', operation: 'LogDelivery' };
          await objects.put(target.targetBucket, key, body, options);
        } catch (error) {
          if (!isLochError(error, 'bucket_not_found')) throw error; // S3 drops what has no place any more
        }
      }
      await store.write(procedures.dropLines, { bucket, upTo: last.id });
      if (rows.length < LINES) return;
    }
  };

  const deliver = async (): Promise<void> => {
    await write();
    for (const bucket of await store.read(procedures.bucketsWithLines, {})) await deliverBucket(bucket);
  };

  const writer = setInterval(() => {
    if (gathered.length > 0) void queued(write).catch(deps.onFailure);
  }, WRITE_EVERY_MS).unref();
  const deliverer = setInterval(() => void queued(deliver).catch(deps.onFailure), DELIVER_EVERY_MS).unref();

  return {
    note(entry) {
      if (gathered.length < LINES) gathered.push(entry);
    },
    deliver: () => queued(deliver),
    async close() {
      clearInterval(writer);
      clearInterval(deliverer);
      await queued(write);
    },
  };
}
