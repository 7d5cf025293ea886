/**
 * Counts what every bucket holds, once a day (UTC) and whenever somebody asks.
 *
 * Invariants
 * - A walk counts a page and notes where the next begins in one transaction: a crash goes on from there.
 * - One bucket at a time; one that fails holds up no other, and is tried again.
 */
import type { Clock } from '../../core/clock.ts';
import { isLochError, LochError, toLochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { ObjectStore, UploadInfo } from '../contract.ts';
import type { StorageCounts } from './contract-types.ts';
import { countsOf, firstPrefix, NO_COUNTS, plus } from './counts.ts';
import figureStore, { type FigureStep, type HeldWalk } from './store.ts';

const { procedures } = figureStore;
const DAY_MS = 86_400_000;
const LEASE_MS = 5 * 60_000;
const LOOK_EVERY_MS = 60_000;
const PAGE = 1000;
const UPLOADS = 100;

export interface FigureDeps {
  readonly store: MetadataStore;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  /** 0: only when asked. **Units**: milliseconds. */
  readonly lookEveryMs?: number;
  readonly onFailure: (error: unknown) => void;
}

export interface FigureRunner extends Lifecycle {
  /** Counts what was not counted today. Resolves when all are done or have failed. */
  runDue(): Promise<void>;
  /** Counts a bucket now. **Errors**: `bucket_not_found`, `concurrent_run`. */
  run(bucket: string): Promise<void>;
}

/** The runner. It looks for what is due from a minute after it was opened, unless `lookEveryMs` is 0. */
export function openFigureRunner(deps: FigureDeps): FigureRunner {
  const { store, objects, clock } = deps;
  const holder = newId();
  const stop = new AbortController();
  let working: Promise<unknown> = Promise.resolve();
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = working.then(work, work);
    working = mine.catch(() => undefined); // told to whoever asked for it
    return mine;
  };
  const holding = (bucket: string) => ({ bucket, holder, leaseMs: LEASE_MS, now: clock.now() });

  const walk = async (bucket: string, held: HeldWalk): Promise<void> => {
    let at: Pick<HeldWalk, 'state' | 'position'> = held;
    while (at.state !== 'done') {
      stop.signal.throwIfAborted();
      const step = await (at.state === 'versions' ? versionStep : uploadStep)(objects, bucket, at.position);
      await store.write(procedures.step, { ...holding(bucket), ...step, number: held.number });
      at = step.next;
    }
  };

  const pass = async (bucket: string, again: boolean): Promise<boolean> => {
    const day = Math.floor(clock.now() / DAY_MS);
    const held = await store.write(procedures.begin, { ...holding(bucket), day, again });
    if (held === undefined) return false;
    try {
      await walk(bucket, held);
    } catch (error) {
      const failure = stop.signal.aborted ? 'Loch was stopped.' : toLochError(error).message;
      await store.write(procedures.fail, { bucket, holder, failure });
      throw error;
    }
    return true;
  };

  const runDue = async (): Promise<void> => {
    for (const { name } of await objects.buckets()) {
      if (stop.signal.aborted) return;
      try {
        await pass(name, false);
      } catch (error) {
        // A bucket that went meanwhile has nothing to count.
        if (!stop.signal.aborted && !isLochError(error, 'bucket_not_found')) deps.onFailure(error);
      }
    }
  };

  const everyMs = deps.lookEveryMs ?? LOOK_EVERY_MS;
  const look = () => void alone(runDue).catch(deps.onFailure);
  const timer = everyMs === 0 ? undefined : setInterval(look, everyMs).unref();

  return {
    runDue: () => alone(runDue),
    run: (bucket) =>
      alone(async () => {
        await objects.bucket(bucket);
        if (await pass(bucket, true)) return;
        throw new LochError('concurrent_run', `Another process counts \`${bucket}\`. Try again later.`);
      }),
    async close() {
      clearInterval(timer);
      stop.abort();
      await working;
    },
  };
}

function byPrefix(items: readonly { readonly key: string; readonly counts: StorageCounts }[]): FigureStep['counted'] {
  const found = new Map<string, StorageCounts>();
  for (const { key, counts } of items) {
    const prefix = firstPrefix(key);
    found.set(prefix, plus(found.get(prefix) ?? NO_COUNTS, counts));
  }
  return [...found].map(([prefix, counts]) => ({ prefix, counts }));
}

async function versionStep(objects: ObjectStore, bucket: string, position: string | null): Promise<FigureStep> {
  const after = position === null ? {} : { after: JSON.parse(position) as { key: string; versionId?: string } };
  const { versions, next } = await objects.listVersions(bucket, { max: PAGE, ...after });
  return {
    counted: byPrefix(versions.map((version) => ({ key: version.key, counts: countsOf(version) }))),
    next:
      next === undefined ? { state: 'uploads', position: null } : { state: 'versions', position: JSON.stringify(next) },
  };
}

async function uploadStep(objects: ObjectStore, bucket: string, position: string | null): Promise<FigureStep> {
  const after = position === null ? {} : { after: JSON.parse(position) as { key: string; uploadId: string } };
  const uploads = await objects.uploads(bucket, { max: UPLOADS, ...after });
  const counted: { key: string; counts: StorageCounts }[] = [];
  for (const upload of uploads) {
    const uploadBytes = await partBytes(objects, upload);
    if (uploadBytes !== undefined) counted.push({ key: upload.key, counts: { ...NO_COUNTS, uploads: 1, uploadBytes } });
  }
  const last = uploads.at(-1);
  return {
    counted: byPrefix(counted),
    next:
      last === undefined || uploads.length < UPLOADS
        ? { state: 'done', position: null }
        : { state: 'uploads', position: JSON.stringify({ key: last.key, uploadId: last.uploadId }) },
  };
}

/** Undefined when it was completed or aborted meanwhile. */
async function partBytes(objects: ObjectStore, upload: UploadInfo): Promise<number | undefined> {
  let sum = 0;
  let after = 0;
  try {
    for (;;) {
      const parts = await objects.parts(upload, { after, max: PAGE });
      for (const { size } of parts) sum += size;
      const last = parts.at(-1);
      if (last === undefined || parts.length < PAGE) return sum;
      after = last.partNumber;
    }
  } catch (error) {
    if (isLochError(error, 'upload_not_found')) return undefined;
    throw error;
  }
}
