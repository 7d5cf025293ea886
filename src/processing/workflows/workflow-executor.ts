/**
 * Brings workflow runs to their end: starts nodes whose predecessors succeeded, skips those whose predecessors did not.
 *
 * Invariants
 * - Node states in the store decide what is next; memory holds only the promises of what runs now.
 * - `close` leaves states as they stand; the next start goes on from them.
 */
import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError, toLochError } from '../../core/errors.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { Identities } from '../../governance/contract.ts';
import type { WorkflowNode, WorkflowRun } from '../contract.ts';
import { resumedContext } from '../jobs/run-context.ts';
import { untilAborted } from '../jobs/until-aborted.ts';
import { type NodeDeps, type NodeOutcome, runNode } from './run-node.ts';
import { type WorkflowRunRecord, workflowProcedures } from './store.ts';

export interface WorkflowExecutor extends Lifecycle {
  resume(): Promise<void>;
  take(runId: string): void;
  /** Stops what the run's nodes run, in the name of whoever asks. Resolves when the run is over. */
  stop(context: RequestContext, runId: string): Promise<void>;
  finished(runId: string, signal: AbortSignal): Promise<WorkflowRun>;
}

export interface WorkflowExecutorOptions extends NodeDeps {
  readonly identities: Identities;
  /** Called after each run's end. */
  readonly onEnd: () => void;
}

interface Active {
  readonly abort: AbortController;
  readonly over: Promise<WorkflowRun>;
}

const DONE = new Set(['SUCCEEDED', 'FAILED', 'SKIPPED', 'STOPPED']);

/** The executor of workflow runs. Nothing runs before `resume` or `take`. */
export function createWorkflowExecutor(options: WorkflowExecutorOptions): WorkflowExecutor {
  const { store } = options;
  const active = new Map<string, Active>();
  let closed = false;

  const load = async (id: string): Promise<WorkflowRunRecord> => {
    const record = await store.read(workflowProcedures.run, { id });
    if (record === undefined) throw new LochError('not_found', `There is no workflow run \`${id}\`.`);
    return record;
  };

  const endNode = (
    runId: string,
    name: string,
    outcome: Omit<NodeOutcome, 'state'> & { state: 'PENDING' | 'SKIPPED' | NodeOutcome['state'] },
  ) => store.write(workflowProcedures.endNode, { runId, name, ...outcome });

  /** One attempt of a node, its end written to the store. A failed node with retries left is PENDING again. */
  const attend = async (record: WorkflowRunRecord, node: WorkflowNode, signal: AbortSignal): Promise<void> => {
    const { run } = record;
    const child = run.nodes.find((n) => n.name === node.name)!;
    let outcome: NodeOutcome;
    try {
      const context: RequestContext = await resumedContext(options.identities, record.caller, {
        region: options.region,
        startedAt: run.startedAt,
        signal,
      });
      outcome = await runNode(options, context, run.id, node, child.state === 'RUNNING' ? child.runId : undefined);
    } catch (error) {
      if (signal.aborted) throw error;
      const failure = toLochError(error);
      outcome = { state: 'FAILED', error: `${failure.code}: ${failure.message}` };
    }
    const attempts = (await load(run.id)).attempts[node.name] ?? 1;
    const again = outcome.state === 'FAILED' && attempts > 0 && attempts <= (node.retries ?? 0);
    await endNode(run.id, node.name, again ? { ...outcome, state: 'PENDING' } : outcome);
  };

  const drive = async (runId: string, signal: AbortSignal): Promise<WorkflowRun> => {
    const attended = new Map<string, Promise<void>>();
    for (;;) {
      signal.throwIfAborted();
      const record = await load(runId);
      if (record.run.endedAt !== undefined) return record.run;
      const states = new Map(record.run.nodes.map((node) => [node.name, node.state]));
      let moved = false;
      for (const node of record.definition.nodes) {
        const state = states.get(node.name)!;
        if (attended.has(node.name) || DONE.has(state)) continue;
        const before = node.after.map((name) => states.get(name)!);
        if (state === 'PENDING' && record.stopping) {
          await endNode(runId, node.name, { state: 'STOPPED' });
          moved = true;
        } else if (state === 'PENDING' && before.some((s) => DONE.has(s) && s !== 'SUCCEEDED')) {
          await endNode(runId, node.name, { state: 'SKIPPED' });
          moved = true;
        } else if (state === 'RUNNING' || before.every((s) => s === 'SUCCEEDED')) {
          const end = attend(record, node, signal).finally(() => attended.delete(node.name));
          end.catch(() => undefined); // the race below tells; a second failure beside the first is nobody's
          attended.set(node.name, end);
        }
      }
      if (moved) continue;
      if (attended.size === 0) {
        const all = record.run.nodes.every((node) => node.state === 'SUCCEEDED');
        const state = record.stopping ? 'STOPPED' : all ? 'COMPLETED' : 'FAILED';
        return store.write(workflowProcedures.end, { id: runId, state });
      }
      await untilAborted(Promise.race(attended.values()), signal);
    }
  };

  const take = (runId: string): void => {
    if (closed || active.has(runId)) return;
    const abort = new AbortController();
    const over = drive(runId, abort.signal).finally(() => {
      active.delete(runId);
      if (!closed) options.onEnd();
    });
    over.catch(() => undefined);
    active.set(runId, { abort, over });
  };

  return {
    take,
    async resume() {
      for (const id of await store.read(workflowProcedures.activeRuns, {})) take(id);
    },
    async stop(context, runId) {
      await store.write(workflowProcedures.stopping, { id: runId });
      const { run, definition } = await load(runId);
      for (const { name, state, runId: child } of run.nodes) {
        if (state !== 'RUNNING') continue;
        const node = definition.nodes.find((n) => n.name === name)!;
        if (node.kind === 'job' && child !== undefined) await options.runs.stop(child);
        if (node.kind === 'crawler') {
          // It may have ended between the look and the stop.
          await options.crawlers.stop(context, node.crawler).catch((error: unknown) => {
            if (!isLochError(error, 'conflict')) throw error;
          });
        }
      }
      await active.get(runId)?.over.catch(() => undefined);
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
      for (const { abort } of active.values()) abort.abort(new LochError('unavailable', 'Loch is closing.'));
      await Promise.allSettled([...active.values()].map((entry) => entry.over));
    },
  };
}
