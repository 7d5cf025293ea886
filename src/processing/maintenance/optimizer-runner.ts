/**
 * Runs the upkeep of tables: what is due, what was asked for, and what a stop left.
 *
 * Invariants
 * - One run at a time, so that upkeep never takes more than one engine slot from those who ask.
 * - A run stands in the store from before its first step to after its last; `close` cuts it off and leaves it to the
 *   next start.
 */
import { isLochError, LochError, toLochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { Identities } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { resumedContext } from '../jobs/run-context.ts';
import { untilAborted } from '../jobs/until-aborted.ts';
import type { OptimizerRun } from './contract.ts';
import { compactionOptions, type PerformDeps, performRun } from './perform-run.ts';
import maintenanceStore, { type DueOptimizer, type StoredRun } from './store.ts';

const HOUR_MS = 3_600_000;
const EVERY_HOURS = 24;
/** How soon a table is looked at again for small files. */
const COMPACTION_PAUSE_MS = 60_000;
const FAILED_PAUSE_MS = 10 * 60_000;
const DUE_AT_ONCE = 50;

class Closing extends Error {}

export interface RunnerDeps extends PerformDeps {
  readonly store: MetadataStore;
  readonly identities: Identities;
  readonly clock: Clock;
  readonly region: string;
  /** How often it is looked for what is due; 0 never. **Units**: milliseconds. */
  readonly everyMs: number;
  readonly onFailure: (error: unknown) => void;
}

export interface OptimizerRunner extends Lifecycle {
  /** Takes on a run that stands in the store. */
  take(runId: string, again?: boolean): void;
  /** Starts what is due now; resolves when it is over. */
  runDue(): Promise<void>;
  wait(runId: string, signal: AbortSignal): Promise<OptimizerRun>;
}

const { procedures } = maintenanceStore;

/** Opens the runner and goes on with the runs that a stop left. */
export async function openOptimizerRunner(deps: RunnerDeps): Promise<OptimizerRunner> {
  const { store, clock } = deps;
  const abort = new AbortController();
  const active = new Map<string, Promise<void>>();
  let line: Promise<void> = Promise.resolve();

  const contextOf = (actsAs: string) =>
    resumedContext(
      deps.identities,
      {
        principalArn: actsAs,
        requestId: newId(),
        door: 'internal',
        sourceIp: '127.0.0.1',
        userAgent: 'loch maintenance',
        secure: true,
      },
      { region: deps.region, startedAt: clock.now(), signal: abort.signal },
    );

  const perform = async (stored: StoredRun, again: boolean): Promise<void> => {
    const { run, configuration } = stored;
    await store.write(procedures.beginRun, { id: run.id });
    const context = await contextOf(stored.actsAs);
    await assertSame(deps, context, stored);
    const metrics = await performRun(deps, context, { ...run, again }, configuration);
    await store.write(procedures.endRun, { id: run.id, state: 'COMPLETED', at: clock.now(), metrics });
  };

  const drive = async (runId: string, again: boolean): Promise<void> => {
    if (abort.signal.aborted) return;
    const stored = await store.read(procedures.run, { id: runId });
    if (stored === undefined || stored.run.endedAt !== undefined) return;
    try {
      await perform(stored, again);
    } catch (error) {
      if (abort.signal.aborted) return; // the next start goes on with it
      const failure = toLochError(error);
      await store.write(procedures.endRun, { id: runId, state: 'FAILED', at: clock.now(), error: failure.message });
    }
  };

  const take = (runId: string, again = false): void => {
    const turn = line.then(() => drive(runId, again));
    line = turn.catch(deps.onFailure);
    const over = turn.finally(() => active.delete(runId));
    over.catch(() => undefined); // told to onFailure
    active.set(runId, over);
  };

  const runOne = async (due: DueOptimizer): Promise<void> => {
    const { tableId, type, configuration } = due;
    const table = { database: due.database, table: due.table };
    const later = (ms: number, seen?: string | null) =>
      store.write(procedures.postpone, {
        tableId,
        type,
        nextAt: clock.now() + ms,
        ...(seen === undefined ? {} : { seen }),
      });
    const pause = type === 'compaction' ? COMPACTION_PAUSE_MS : (configuration.everyHours ?? EVERY_HOURS) * HOUR_MS;
    if (!configuration.enabled) return void (await later(HOUR_MS));
    if (type === 'compaction' && !(await worthWhile(deps, await contextOf(due.actsAs), due))) {
      return void (await later(pause));
    }
    const run = await store.write(procedures.startRun, {
      id: newId(),
      ...due,
      database: table.database,
      table: table.table,
      at: clock.now(),
    });
    await later(pause);
    take(run.id);
    await active.get(run.id);
    const ended = await store.read(procedures.run, { id: run.id });
    if (ended?.run.state === 'FAILED') await later(Math.max(pause, FAILED_PAUSE_MS));
    else if (type === 'compaction') await later(pause, await snapshotOf(deps, await contextOf(due.actsAs), table));
  };

  const runDue = async (): Promise<void> => {
    for (const due of await store.read(procedures.due, { at: clock.now(), limit: DUE_AT_ONCE })) {
      if (abort.signal.aborted) return;
      try {
        await runOne(due);
      } catch (error) {
        if (abort.signal.aborted) return;
        if (isLochError(error, 'concurrent_run')) continue;
        if (isLochError(error, 'table_not_found', 'database_not_found')) {
          // The table is gone, or hidden from whom the optimizer acts as: somebody must make it anew.
          await store.write(procedures.remove, { tableId: due.tableId, type: due.type });
          continue;
        }
        await store.write(procedures.postpone, {
          tableId: due.tableId,
          type: due.type,
          nextAt: clock.now() + FAILED_PAUSE_MS,
        });
        deps.onFailure(error);
      }
    }
  };

  let looking: Promise<void> = Promise.resolve();
  const look = () => {
    looking = looking.then(runDue).catch((error: unknown) => {
      if (!abort.signal.aborted) deps.onFailure(error);
    });
    return looking;
  };
  const timer = deps.everyMs === 0 ? undefined : setInterval(look, deps.everyMs);
  timer?.unref();
  for (const { run } of await store.read(procedures.activeRuns, {})) take(run.id, true);
  return {
    take,
    runDue: look,
    async wait(runId, signal) {
      const running = active.get(runId);
      if (running !== undefined) await untilAborted(running, signal);
      const stored = await store.read(procedures.run, { id: runId });
      if (stored === undefined) throw new LochError('not_found', `There is no maintenance run \`${runId}\`.`);
      if (stored.run.endedAt !== undefined) return stored.run;
      throw new LochError('unavailable', `The run \`${runId}\` waits for the next start.`);
    },
    async close() {
      clearInterval(timer);
      abort.abort(new Closing());
      await Promise.allSettled([looking, ...active.values()]);
    },
  };
}

/** **Errors**: `table_not_found` when the name is another table's by now. */
async function assertSame(deps: RunnerDeps, context: RequestContext, stored: StoredRun): Promise<void> {
  const { table } = stored.run;
  const { record } = await deps.catalog.resolveTable(context, table);
  if (record.id !== stored.tableId) throw renamed(table);
}

const renamed = (table: OptimizerRun['table']) =>
  new LochError('table_not_found', `\`${table.database}.${table.table}\` is another table by now.`);

/** Whether a table has changed since the last look and has files that would be joined. */
async function worthWhile(deps: RunnerDeps, context: RequestContext, due: DueOptimizer): Promise<boolean> {
  const { record, metadata } = await deps.catalog.resolveTable(context, { database: due.database, table: due.table });
  if (record.id !== due.tableId) {
    throw renamed({ database: due.database, table: due.table });
  }
  if (metadata === undefined) return false;
  const current = metadata['current-snapshot-id'] ?? '';
  if (current === due.seen) return false;
  const groups = await deps.tables.compactionGroups(metadata, compactionOptions(due.configuration));
  if (groups.length > 0) return true;
  await deps.store.write(procedures.postpone, {
    tableId: due.tableId,
    type: due.type,
    nextAt: deps.clock.now(),
    seen: current,
  });
  return false;
}

async function snapshotOf(deps: RunnerDeps, context: RequestContext, table: OptimizerRun['table']): Promise<string> {
  const { metadata } = await deps.catalog.resolveTable(context, table);
  return metadata?.['current-snapshot-id'] ?? '';
}
