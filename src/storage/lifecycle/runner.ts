/**
 * Runs the lifecycle rules of every bucket, once a day at midnight UTC and whenever somebody asks.
 *
 * Invariants
 * - A pass is written in the store before it begins and after each batch: a crash goes on from the position.
 * - Buckets are walked one after the other; a bucket that fails holds up no other, and is tried again.
 */
import type { Clock } from '../../core/clock.ts';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError, toLochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { Audit } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { BucketSettings, ObjectStore } from '../contract.ts';
import { applyActions, type PlannedAction } from './apply-rules.ts';
import type { LifecycleCounts, LifecycleRun } from './contract-types.ts';
import { compileLifecycle, type LifecycleEvaluator } from './evaluate.ts';
import lifecycleStore, { type HeldRun } from './store.ts';
import { walkVersions } from './walk-versions.ts';

const { procedures } = lifecycleStore;
/** Longer than any batch takes. **Units**: milliseconds. */
const LEASE_MS = 5 * 60_000;
/** How often it is looked whether a day has begun. **Units**: milliseconds. */
const LOOK_EVERY_MS = 60_000;
const UPLOADS = 1000;

export interface RunnerDeps {
  readonly store: MetadataStore;
  readonly objects: ObjectStore;
  readonly settings: BucketSettings;
  readonly audit: Audit;
  readonly clock: Clock;
  /** How long a day of the rules lasts. **Units**: milliseconds. */
  readonly dayMs: number;
  /** In whose name it acts. */
  readonly context: (signal: AbortSignal) => RequestContext;
  /** When versions were last read, for the buckets that keep that. */
  readonly accesses?: LastAccesses;
  /** The storage classes that have a place; all when absent. */
  readonly hasClass?: (storageClass: string) => boolean;
  /** What a day brings beside the rules of buckets. */
  readonly daily?: (context: RequestContext) => Promise<unknown>;
  /** 0: only when asked. **Units**: milliseconds. */
  readonly lookEveryMs?: number;
  readonly onFailure: (error: unknown) => void;
}

/** When versions were last read. */
export interface LastAccesses {
  /** By version id, in order; undefined where the bucket does not keep it. */
  of(
    bucket: string,
    versions: readonly { readonly versionId: string; readonly lastModified: number }[],
  ): Promise<readonly (number | undefined)[]>;
}

export interface LifecycleRunner extends Lifecycle {
  /** Runs what is due today, bucket by bucket. Resolves when all are done or have failed. */
  runDue(): Promise<void>;
  /** Runs one bucket now. **Errors**: `not_found` without rules; `concurrent_run`. */
  runBucket(bucket: string): Promise<LifecycleRun>;
}

type Counters = { -readonly [Name in keyof LifecycleCounts]: number };

/** The runner. Nothing runs before the first look, which is at once unless `lookEveryMs` is 0. */
export function openLifecycleRunner(deps: RunnerDeps): LifecycleRunner {
  const { store, objects, settings, clock, dayMs } = deps;
  const holder = newId();
  const stop = new AbortController();
  let working: Promise<unknown> = Promise.resolve();
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = working.then(work, work);
    working = mine.catch(() => undefined); // told to whoever asked for it
    return mine;
  };
  const holding = (bucket: string) => ({ bucket, holder, leaseMs: LEASE_MS });

  const walk = async (held: HeldRun, evaluator: LifecycleEvaluator): Promise<void> => {
    const { bucket } = held;
    const counts: Counters = { ...held.counts };
    const context = deps.context(stop.signal);
    const apply = { objects, audit: deps.audit, context };
    const advance = (state: HeldRun['state'], position: string | null) =>
      store.write(procedures.advance, { ...holding(bucket), state, position, counts: { ...counts }, now: clock.now() });
    if (held.state === 'versions') {
      for await (const { versions, position } of walkVersions(objects, bucket, held.position)) {
        stop.signal.throwIfAborted();
        const times = await deps.accesses?.of(
          bucket,
          versions.map(({ version }) => version),
        );
        const planned: PlannedAction[] = [];
        for (const [i, { version, facts }] of versions.entries()) {
          const lastAccess = times?.[i];
          const action = evaluator.decide(
            { ...facts, ...(lastAccess === undefined ? {} : { lastAccess }) },
            clock.now(),
          );
          if (action === undefined) continue;
          if (action.kind === 'transition' && deps.hasClass?.(action.storageClass) === false) counts.kept++;
          else planned.push({ version, action });
        }
        counts.seen += versions.length;
        await applyActions(apply, bucket, planned, counts);
        if (position !== undefined) await advance('versions', position);
      }
      await advance('uploads', null);
    }
    await abortUploads(bucket, held.state === 'uploads' ? held.position : null, evaluator, counts, advance);
    await advance('done', null);
  };

  const abortUploads = async (
    bucket: string,
    position: string | null,
    evaluator: LifecycleEvaluator,
    counts: Counters,
    advance: (state: HeldRun['state'], position: string | null) => Promise<void>,
  ): Promise<void> => {
    let after = position === null ? undefined : placeOf(position);
    for (;;) {
      stop.signal.throwIfAborted();
      const uploads = await objects.uploads(bucket, { max: UPLOADS, ...(after === undefined ? {} : { after }) });
      for (const upload of uploads) {
        counts.seen++;
        const due = evaluator.abortOf(upload.key, upload.startedAt);
        if (due === undefined || due.at > clock.now()) continue;
        try {
          await objects.abortUpload(upload);
          counts.aborted++;
        } catch (error) {
          if (!isLochError(error, 'upload_not_found')) throw error; // completed meanwhile
        }
      }
      const last = uploads.at(-1);
      if (last === undefined || uploads.length < UPLOADS) return;
      after = { key: last.key, uploadId: last.uploadId };
      await advance('uploads', `${last.uploadId} ${last.key}`);
    }
  };

  /** One bucket's pass, if it is due. */
  const pass = async (bucket: string, again: boolean): Promise<boolean> => {
    const rules = await settings.get(bucket, 'lifecycle');
    if (rules === undefined) return false;
    const now = clock.now();
    const held = await store.write(procedures.begin, {
      ...holding(bucket),
      day: Math.floor(now / dayMs),
      again,
      now,
    });
    if (held === undefined) return false;
    try {
      await walk(held, compileLifecycle(rules, dayMs));
    } catch (error) {
      if (isLochError(error, 'bucket_not_found')) return true; // it went, and its row with it
      const failure = stop.signal.aborted ? 'Loch was stopped.' : toLochError(error).message;
      await store.write(procedures.fail, { bucket, holder, failure });
      throw error;
    }
    return true;
  };

  let dailyDone = -1;
  const daily = async (): Promise<void> => {
    const today = Math.floor(clock.now() / dayMs);
    if (deps.daily === undefined || today <= dailyDone || stop.signal.aborted) return;
    try {
      await deps.daily(deps.context(stop.signal));
      dailyDone = today;
    } catch (error) {
      if (!stop.signal.aborted) deps.onFailure(error);
    }
  };

  const runDue = async (): Promise<void> => {
    for (const { name } of await objects.buckets()) {
      if (stop.signal.aborted) return;
      try {
        await pass(name, false);
      } catch (error) {
        if (!stop.signal.aborted) deps.onFailure(error);
      }
    }
    await daily();
  };

  const everyMs = deps.lookEveryMs ?? Math.min(LOOK_EVERY_MS, dayMs);
  const look = () => void alone(runDue).catch(deps.onFailure);
  const timer = everyMs === 0 ? undefined : setInterval(look, everyMs).unref();
  if (everyMs !== 0) look();

  return {
    runDue: () => alone(runDue),
    runBucket: (bucket) =>
      alone(async () => {
        await objects.bucket(bucket);
        if (!(await pass(bucket, true))) {
          const missing = (await settings.get(bucket, 'lifecycle')) === undefined;
          throw missing
            ? new LochError('not_found', `The bucket \`${bucket}\` has no lifecycle rules.`, { context: { bucket } })
            : new LochError('concurrent_run', `Another process runs the rules of \`${bucket}\`. Try again later.`);
        }
        return (await store.read(procedures.run, { bucket }))!;
      }),
    async close() {
      clearInterval(timer);
      stop.abort();
      await working;
    },
  };
}

function placeOf(position: string): { readonly key: string; readonly uploadId: string } {
  const space = position.indexOf(' ');
  return { uploadId: position.slice(0, space), key: position.slice(space + 1) };
}
