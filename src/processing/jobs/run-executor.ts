/**
 * Takes runs from the store and brings them to their end, a few at a time.
 *
 * Invariants
 * - What runs is written in the store before it is done and after; this object holds only what can be lost.
 * - `close` aborts what runs and leaves its state as it stands: the next start resumes it.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isLochError, LochError, serializeError, toLochError } from '../../core/errors.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { Identities } from '../../governance/contract.ts';
import type { JobRun } from '../contract.ts';
import type { CommitPlan } from './commit-run.ts';
import { removeDataFiles } from './data-files.ts';
import { executeRun, type RunDeps } from './execute-run.ts';
import type { RunRecord } from './records.ts';
import { resumedContext } from './run-context.ts';
import { createSlots } from './slots.ts';
import { jobProcedures } from './store.ts';
import { untilAborted } from './until-aborted.ts';

export interface RunExecutor extends Lifecycle {
  /** Resumes every run that is not in a final state. Called once, at start. */
  resume(): Promise<void>;
  /** Takes on a run that stands in the store. */
  take(runId: string): void;
  /** Ends a run as STOPPED, unless its commit is under way. Resolves when it is over. */
  stop(runId: string): Promise<void>;
  /** The run in its final state. */
  finished(runId: string, signal: AbortSignal): Promise<JobRun>;
}

export interface ExecutorOptions extends RunDeps {
  readonly identities: Identities;
  readonly workDirectory: string;
  readonly region: string;
  readonly concurrency: number;
  /** Pause before attempt n + 1; doubles with each. **Units**: milliseconds. */
  readonly retryPauseMs: number;
}

const MAX_RETRY_PAUSE_MS = 60_000;
/** Failures that no further attempt mends. */
const LASTING = [
  'access_denied',
  'invalid_argument',
  'unsupported',
  'syntax_error',
  'statement_refused',
  'not_found',
] as const;

class Stopped extends Error {}
class Closing extends Error {}

interface Active {
  readonly abort: AbortController;
  readonly over: Promise<JobRun>;
}

/** The executor of job runs. Nothing runs before `resume` or `take`. */
export function createRunExecutor(options: ExecutorOptions): RunExecutor {
  const { store } = options;
  const folders = join(options.workDirectory, 'jobs');
  const active = new Map<string, Active>();
  const slots = createSlots(options.concurrency);
  let closed = false;

  const load = async (runId: string): Promise<RunRecord> => {
    const record = await store.read(jobProcedures.run, { id: runId });
    if (record === undefined) throw new LochError('not_found', `There is no job run \`${runId}\`.`);
    return record;
  };

  const attempt = async (record: RunRecord, signal: AbortSignal): Promise<JobRun> => {
    const { id, job, startedAt } = record.run;
    const folder = join(folders, id);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    try {
      const found = await store.read(jobProcedures.get, { name: job });
      if (found === undefined) throw new LochError('not_found', `The job \`${job}\` is gone.`);
      const context = await resumedContext(options.identities, record.caller, {
        region: options.region,
        startedAt,
        signal,
      });
      return await executeRun(options, context, record, found.definition, folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };

  const maxRetries = async (job: string): Promise<number> =>
    (await store.read(jobProcedures.get, { name: job }))?.definition.maxRetries ?? 0;

  /** After a failed attempt: the final run, or undefined when another attempt is due. */
  const settle = async (runId: string, error: unknown, signal: AbortSignal): Promise<JobRun | undefined> => {
    if (signal.reason instanceof Closing) throw signal.reason;
    const record = await load(runId);
    if (signal.reason instanceof Stopped) {
      const run = await store.write(jobProcedures.fail, { id: runId, state: 'STOPPED' });
      await forget(record, error);
      return run;
    }
    const failure = serializeError(toLochError(error));
    const again = !isLochError(error, ...LASTING) && record.run.attempt <= (await maxRetries(record.run.job));
    if (again) await store.write(jobProcedures.retry, { id: runId, error: failure });
    const run = again
      ? undefined
      : await store.write(jobProcedures.fail, { id: runId, state: 'FAILED', error: failure });
    await forget(record, error);
    return run;
  };

  /** Removes the files of a commit that was given up; after the store knows, so that nobody commits them later. */
  const forget = async (record: RunRecord, error: unknown): Promise<void> => {
    if (record.plan === undefined || isLochError(error, 'commit_state_unknown')) return;
    const { location } = JSON.parse(record.plan) as CommitPlan;
    await removeDataFiles(options.objects, location, record.run.id).catch(() => undefined);
  };

  const drive = async (runId: string, signal: AbortSignal): Promise<JobRun> => {
    for (;;) {
      try {
        return await slots.run(signal, async () => attempt(await load(runId), signal));
      } catch (error) {
        const over = await settle(runId, error, signal);
        if (over !== undefined) return over;
        const { attempt: number } = (await load(runId)).run;
        const pause = Math.min(MAX_RETRY_PAUSE_MS, options.retryPauseMs * 2 ** Math.max(0, number - 2));
        await sleep(pause, undefined, { signal }).catch(() => undefined);
      }
    }
  };

  const take = (runId: string): void => {
    if (closed || active.has(runId)) return;
    const abort = new AbortController();
    const over = drive(runId, abort.signal).finally(() => active.delete(runId));
    over.catch(() => undefined);
    active.set(runId, { abort, over });
  };

  return {
    take,
    async resume() {
      await rm(folders, { recursive: true, force: true });
      for (const { run } of await store.read(jobProcedures.activeRuns, {})) take(run.id);
    },
    async stop(runId) {
      const running = active.get(runId);
      if (running === undefined) return;
      running.abort.abort(new Stopped());
      await running.over.catch(() => undefined);
    },
    async finished(runId, signal) {
      const running = active.get(runId);
      if (running !== undefined) return untilAborted(running.over, signal);
      const { run } = await load(runId);
      if (run.endedAt === undefined)
        throw new LochError('unavailable', `The run \`${runId}\` waits for the next start.`);
      return run;
    },
    async close() {
      closed = true;
      for (const { abort } of active.values()) abort.abort(new Closing());
      await Promise.allSettled([...active.values()].map((entry) => entry.over));
    },
  };
}
