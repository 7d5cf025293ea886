import { formatArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError, toLochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { SecretSealer } from '../../core/secret.ts';
import { nearestNames } from '../../core/suggest.ts';
import type { Policy } from '../../governance/contract.ts';
import { authorizeLanding } from '../authorize-landing.ts';
import type { FullLoadRun, FullLoadTask, Replication } from '../contract.ts';
import { type FullLoadDeps, runFullLoad } from './full-load.ts';
import store, { type StoredTask } from './store.ts';

export interface ReplicationDeps extends FullLoadDeps {
  readonly policy: Policy;
  readonly sealer: SecretSealer;
}

type TaskDefinition = Omit<FullLoadTask, 'source'>;

const MAX_PARALLEL = 49;

/** Full-load tasks and their runs. Runs that an earlier process left go on. */
export async function openReplication(deps: ReplicationDeps): Promise<Replication & Lifecycle> {
  const { policy } = deps;
  const closing = new AbortController();
  const running = new Map<string, { readonly stop: AbortController; readonly done: Promise<void> }>();

  const launch = (runId: string, task: StoredTask, context: RequestContext) => {
    const stop = new AbortController();
    const request = {
      runId,
      task: JSON.parse(task.definition) as TaskDefinition,
      url: deps.sealer.open(task.url, purposeOf(task.name)),
      context,
    };
    const done = runFullLoad(deps, request, AbortSignal.any([stop.signal, closing.signal])).finally(() => {
      running.delete(runId);
    });
    running.set(runId, { stop, done });
  };
  const findTask = async (name: string): Promise<StoredTask> => {
    const tasks = await deps.store.read(store.procedures.tasks, undefined);
    const task = tasks.find((each) => each.name === name);
    if (task !== undefined) return task;
    const near = nearestNames(
      name,
      tasks.map((each) => each.name),
    );
    const hint = near.length === 0 ? '' : ` Near: ${near.join(', ')}.`;
    throw new LochError('not_found', `There is no full-load task \`${name}\`.${hint}`, { context: { task: name } });
  };
  const findRun = async (id: string): Promise<FullLoadRun> => {
    const [run] = await deps.store.read(store.procedures.runs, { id, limit: 1 });
    if (run === undefined) {
      throw new LochError('not_found', `There is no full-load run ${id}.`, { context: { run: id } });
    }
    return withoutStarter(run);
  };
  const authorize = (context: RequestContext, operation: string, task: string) =>
    policy.authorize(context, { action: `dms:${operation}`, resource: taskArn(context, task) });

  for (const run of await deps.store.read(store.procedures.runs, { active: true, limit: 1000 })) {
    try {
      launch(run.id, await findTask(run.task), resumedContext(run));
    } catch (error) {
      // One task whose URL does not open must not keep Loch from starting.
      const failure = toLochError(error).message;
      await deps.store.write(store.procedures.setState, { id: run.id, state: 'FAILED', error: failure });
    }
  }

  return {
    async put(context, task) {
      checkTask(task);
      await authorize(context, 'CreateReplicationTask', task.name);
      await authorizeLanding(policy, context, task.target);
      const { source, ...definition } = task;
      await deps.objects.bucket(task.target.bucket);
      const [active] = await deps.store.read(store.procedures.runs, { task: task.name, active: true, limit: 1 });
      if (active !== undefined) {
        throw new LochError(
          'concurrent_run',
          `Run ${active.id} of \`${task.name}\` is under way. Wait, or stop it, then change the task.`,
          { context: { run: active.id } },
        );
      }
      await deps.store.write(store.procedures.putTask, {
        name: task.name,
        definition: JSON.stringify(definition),
        url: deps.sealer.seal(source.url, purposeOf(task.name)),
        shownUrl: deps.connector.shownUrl(source.url),
      });
    },

    async list(context) {
      await authorize(context, 'DescribeReplicationTasks', '*');
      const tasks = await deps.store.read(store.procedures.tasks, undefined);
      return tasks.map(({ definition, shownUrl }) => ({
        ...(JSON.parse(definition) as TaskDefinition),
        source: shownUrl,
      }));
    },

    async start(context, name) {
      await authorize(context, 'StartReplicationTask', name);
      const task = await findTask(name);
      await authorizeLanding(policy, context, (JSON.parse(task.definition) as TaskDefinition).target);
      const id = newId();
      const { principal, accountId, region, requestId } = context;
      const starter = JSON.stringify({ principal, accountId, region, requestId });
      await deps.store.write(store.procedures.startRun, { id, task: name, starter });
      const started = await findRun(id);
      launch(id, task, { ...context, signal: closing.signal });
      return started;
    },

    async stop(context, runId) {
      const run = await findRun(runId);
      await authorize(context, 'StopReplicationTask', run.task);
      const active = running.get(runId);
      active?.stop.abort(new LochError('statement_cancelled', 'The run was stopped.'));
      await active?.done;
      await deps.store.write(store.procedures.setState, { id: runId, state: 'STOPPED' });
    },

    async run(context, runId) {
      const run = await findRun(runId);
      await authorize(context, 'DescribeReplicationTasks', run.task);
      return run;
    },

    async runs(context, filter = {}) {
      await authorize(context, 'DescribeReplicationTasks', filter.task ?? '*');
      const runs = await deps.store.read(store.procedures.runs, {
        limit: filter.limit ?? 100,
        ...(filter.task === undefined ? {} : { task: filter.task }),
      });
      return runs.map(withoutStarter);
    },

    async close() {
      closing.abort(new LochError('unavailable', 'Loch is stopping. The load goes on at its next start.'));
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}

const purposeOf = (task: string) => `replication-task/${task}`;

function taskArn({ region, accountId }: RequestContext, task: string): string {
  return formatArn({ service: 'dms', region, accountId, resource: `task:${task}` });
}

function withoutStarter({ starter: _, ...run }: FullLoadRun & { readonly starter: string }): FullLoadRun {
  return run;
}

/** The request that started a run, for what the run does after a restart. */
function resumedContext(run: FullLoadRun & { readonly starter: string }): RequestContext {
  const starter = JSON.parse(run.starter) as Pick<RequestContext, 'principal' | 'accountId' | 'region' | 'requestId'>;
  return {
    ...starter,
    door: 'internal',
    sourceIp: 'dms.amazonaws.com',
    userAgent: 'dms.amazonaws.com',
    secure: true,
    signal: new AbortController().signal,
    startedAt: run.startedAt,
  };
}

function checkTask(task: FullLoadTask): void {
  const refuse = (member: string, why: string): never => {
    throw new LochError('invalid_argument', `\`${member}\` ${why}.`, { context: { member } });
  };
  if (!/^[A-Za-z][A-Za-z0-9-]{0,254}$/.test(task.name)) {
    refuse('name', 'must start with a letter and hold only letters, digits and hyphens, at most 255');
  }
  if (task.tables.length === 0) refuse('tables', 'must name at least one table, as schema.table; % matches any text');
  for (const table of task.tables) {
    if (!table.includes('.')) refuse('tables', `must be written as schema.table; found \`${table}\``);
  }
  const { parallel = 1, rowsPerFile = 1 } = task;
  if (!Number.isInteger(parallel) || parallel < 1 || parallel > MAX_PARALLEL) {
    refuse('parallel', `must be a whole number from 1 to ${MAX_PARALLEL}, and is ${parallel}`);
  }
  if (!Number.isInteger(rowsPerFile) || rowsPerFile < 1) refuse('rowsPerFile', 'must be a whole number above 0');
}
