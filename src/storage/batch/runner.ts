/**
 * Does batch jobs in the background: chunk after chunk of the one with the greatest priority.
 *
 * Invariants
 * - Each task is decided by governance in the name of the job's role, as a request of his would be.
 * - A chunk is recorded before the next begins; a restart goes on behind the last one that was.
 * - A job fails when more than half of at least 1,000 tasks have failed. **Source**: S3 User Guide, "Tracking job
 *   failure".
 * - In memory are a chunk, and where the manifest of the job at work stands.
 */
import { createHash } from 'node:crypto';
import { LochError, toLochError } from '../../core/errors.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { type BackgroundDeps, backgroundContext } from '../background-context.ts';
import type { VersionName } from '../contract.ts';
import type { ReplicationRuns } from '../replication/contract-types.ts';
import type { BatchStatus } from './contract-types.ts';
import { type ManifestDeps, tasksOf } from './manifest.ts';
import { failureName, runTask } from './run-task.ts';
import batchStore, { type ReportLine, type StoredJob } from './store.ts';

const { procedures } = batchStore;
const SERVICE = 'batch-operations';
const CHUNK = 200;
const AT_ONCE = 8;
const LOOK_EVERY_MS = 1000;
const THRESHOLD_AFTER = 1000;
const LINES_PAGE = 1000;

export interface BatchRunnerDeps extends BackgroundDeps, ManifestDeps {
  readonly store: MetadataStore;
  readonly replication: ReplicationRuns;
  readonly onFailure: (error: unknown) => void;
  /** Tests with a look every 0 ms look when they say so. */
  readonly lookEveryMs?: number;
}

export interface BatchRunner extends Lifecycle {
  /** Looks for work now. */
  wake(): void;
}

interface Reading {
  readonly id: string;
  readonly tasks: AsyncGenerator<VersionName, void, void>;
  at: number;
}

/** The runner; what was under way goes on at once. */
export function openBatchRunner(deps: BatchRunnerDeps): BatchRunner {
  const { store } = deps;
  const stop = new AbortController();
  let reading: Reading | undefined;
  let work: Promise<void> = Promise.resolve();
  let queued = false;

  const contextOf = (job: StoredJob) => backgroundContext(deps, job.roleArn, SERVICE, stop.signal);
  const become = (
    job: StoredJob,
    to: BatchStatus,
    more: { readonly total?: number; readonly failure?: { readonly code: string; readonly reason: string } } = {},
  ) => store.write(procedures.setStatus, { id: job.id, from: [job.status], to, ...more });

  const step = async (job: StoredJob): Promise<void> => {
    switch (job.status) {
      case 'New':
        return become(job, 'Preparing');
      case 'Preparing':
        return prepare(job);
      case 'Ready':
        return become(job, 'Active');
      case 'Active':
        return chunk(job);
      default:
        return complete(job);
    }
  };

  const prepare = async (job: StoredJob): Promise<void> => {
    let total = 0;
    const context = await contextOf(job);
    for await (const _ of tasksOf(deps, context, job.manifest, 0)) {
      total += 1;
      if (stop.signal.aborted) return;
    }
    await become(job, job.confirmed ? 'Ready' : 'Suspended', { total });
  };

  const open = async (job: StoredJob): Promise<Reading> => {
    if (reading?.id === job.id && reading.at === job.done) return reading;
    await reading?.tasks.return();
    reading = { id: job.id, at: job.done, tasks: tasksOf(deps, await contextOf(job), job.manifest, job.done) };
    return reading;
  };

  const chunk = async (job: StoredJob): Promise<void> => {
    const from = await open(job);
    const tasks: VersionName[] = [];
    let over = false;
    while (tasks.length < CHUNK && !over) {
      const next = await from.tasks.next();
      if (next.done === true) over = true;
      else tasks.push(next.value);
    }
    const started = deps.clock.now();
    const lines = await doAll(job, tasks);
    if (lines === undefined) return; // stopping: the chunk is done again
    const failed = lines.filter(({ ok }) => !ok).length;
    const kept =
      job.report === undefined ? [] : job.report.scope === 'AllTasks' ? lines : lines.filter(({ ok }) => !ok);
    await store.write(procedures.advance, {
      id: job.id,
      from: job.done,
      done: job.done + tasks.length,
      succeeded: tasks.length - failed,
      failed,
      ms: deps.clock.now() - started,
      lines: kept,
    });
    from.at = job.done + tasks.length;
    const attempted = job.succeeded + job.failed + tasks.length;
    if (attempted >= THRESHOLD_AFTER && (job.failed + failed) * 2 > attempted) {
      const reason = `More than half of ${attempted} tasks failed.`;
      await become(job, 'Completing', { failure: { code: 'JobFailureThresholdExceeded', reason } });
    } else if (over) {
      await become(job, 'Completing');
    }
  };

  const doAll = async (job: StoredJob, tasks: readonly VersionName[]): Promise<ReportLine[] | undefined> => {
    const context = await contextOf(job);
    const lines: ReportLine[] = [];
    let at = 0;
    const next = async (): Promise<void> => {
      for (let i = at++; i < tasks.length; i = at++) {
        const name = tasks[i]!;
        let ok = true;
        let cells: readonly string[];
        try {
          cells = ['succeeded', '', '200', await runTask(deps, context, job.operation, name)];
        } catch (error) {
          if (stop.signal.aborted) return;
          ok = false;
          const failure = toLochError(error);
          cells = ['failed', failureName(failure), String(failure.status), failure.message];
        }
        const place = [name.bucket, encodeURIComponent(name.key).replaceAll('%2F', '/'), name.versionId ?? ''];
        lines.push({ number: job.done + i + 1, ok, line: [...place, ...cells].map(quoted).join(',') });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
    return lines.length === tasks.length ? lines.sort((a, b) => a.number - b.number) : undefined;
  };

  const complete = async (job: StoredJob): Promise<void> => {
    if (job.report !== undefined) await writeReport(job, job.report);
    await become(job, job.failures.length > 0 ? 'Failed' : 'Complete');
    await store.write(procedures.forgetLines, { id: job.id });
  };

  const writeReport = async (job: StoredJob, report: NonNullable<StoredJob['report']>): Promise<void> => {
    const context = await contextOf(job);
    const folder = `${report.prefix === '' ? '' : `${report.prefix.replace(/\/$/, '')}/`}job-${job.id}`;
    const Results: object[] = [];
    for (const ok of [true, false]) {
      const [first] = await store.read(procedures.lines, { id: job.id, ok, after: 0, limit: 1 });
      if (first === undefined) continue;
      const key = `${folder}/results/${createHash('sha1').update(`${job.id} ${ok}`).digest('hex')}.csv`;
      const target = { bucket: report.bucket, key };
      const head = await deps.access.putObject(context, target, reportBytes(job.id, ok), { contentType: 'text/csv' });
      Results.push({
        TaskExecutionStatus: ok ? 'succeeded' : 'failed',
        Bucket: report.bucket,
        MD5Checksum: head.etag.replaceAll('"', ''),
        Key: key,
      });
    }
    const manifest = {
      Format: 'Report_CSV_20180820',
      ReportCreationDate: new Date(deps.clock.now()).toISOString(),
      Results,
      ReportSchema: 'Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage',
    };
    const target = { bucket: report.bucket, key: `${folder}/manifest.json` };
    const body = Buffer.from(JSON.stringify(manifest));
    await deps.access.putObject(context, target, body, { contentType: 'application/json' });
  };

  async function* reportBytes(id: string, ok: boolean): AsyncGenerator<Uint8Array, void, void> {
    let after = 0;
    for (;;) {
      const lines = await store.read(procedures.lines, { id, ok, after, limit: LINES_PAGE });
      if (lines.length === 0) return;
      after = lines.at(-1)!.number;
      yield Buffer.from(lines.map(({ line }) => `${line}\n`).join(''));
    }
  }

  const look = async (): Promise<void> => {
    queued = false;
    while (!stop.signal.aborted) {
      const job = await store.read(procedures.next, {});
      if (job === undefined) return;
      try {
        await step(job);
      } catch (error) {
        if (stop.signal.aborted) return;
        reading = undefined;
        const failure = toLochError(error);
        // Somebody changed its status meanwhile: look again.
        if (failure.code === 'conflict') continue;
        if (failure.retryable || failure.kind === 'internal') {
          deps.onFailure(error);
          return; // the next look tries again
        }
        const reason =
          job.status === 'Completing' ? `The report could not be written: ${failure.message}` : failure.message;
        await become(job, 'Failed', { failure: { code: failureName(failure), reason } }).catch(deps.onFailure);
      }
    }
  };

  const wake = (): void => {
    if (queued || stop.signal.aborted) return;
    queued = true;
    work = work.then(look).catch((error: unknown) => {
      if (!stop.signal.aborted) deps.onFailure(error);
    });
  };
  const everyMs = deps.lookEveryMs ?? LOOK_EVERY_MS;
  const timer = everyMs === 0 ? undefined : setInterval(wake, everyMs).unref();
  wake();
  return {
    wake,
    async close() {
      stop.abort(new LochError('unavailable', 'The server is stopping.'));
      clearInterval(timer);
      await work;
      await reading?.tasks.return();
    },
  };
}

const quoted = (cell: string): string => `"${cell.replaceAll('"', '""').replaceAll(/[\r\n]+/g, ' ')}"`;
