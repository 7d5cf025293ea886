import { glueArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import { nearestNames } from '../../core/suggest.ts';
import type { Policy } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { Workflows } from '../contract.ts';
import { callerOf } from '../jobs/run-context.ts';
import { type WorkflowRecord, workflowProcedures } from './store.ts';
import { assertWorkflowDefinition } from './workflow-definition.ts';
import type { WorkflowExecutor } from './workflow-executor.ts';

export interface WorkflowDeps {
  readonly store: MetadataStore;
  readonly policy: Policy;
  readonly executor: WorkflowExecutor;
  readonly accountId: string;
  readonly region: string;
}

const DEFAULT_RUNS = 50;
const MAX_RUNS = 1000;

/** The use-cases of workflows. A run that an event starts is in the name of whoever put the workflow last. */
export function createWorkflows(deps: WorkflowDeps): Workflows {
  const { store, policy } = deps;
  const arn = (name: string) => glueArn(deps.region, deps.accountId, `workflow/${name}`);
  const authorize = (context: RequestContext, action: string, name: string) =>
    policy.authorize(context, { action, resource: arn(name) });
  const allowed = async (context: RequestContext, action: string, name: string) =>
    (await policy.decide(context, { action, resource: arn(name) })).allowed;

  const requireWorkflow = async (name: string): Promise<WorkflowRecord> => {
    const record = await store.read(workflowProcedures.get, { name });
    if (record !== undefined) return record;
    const all = await store.read(workflowProcedures.list, {});
    const near = nearestNames(
      name,
      all.map((known) => known.definition.name),
    );
    throw new LochError(
      'not_found',
      `There is no workflow \`${name}\`. ${near.length > 0 ? `Did you mean ${near.map((n) => `\`${n}\``).join(', ')}?` : 'List the workflows to see which there are.'}`,
      { context: { workflow: name } },
    );
  };

  const requireRun = async (runId: string) => {
    const record = await store.read(workflowProcedures.run, { id: runId });
    if (record !== undefined) return record.run;
    throw new LochError('not_found', `There is no workflow run \`${runId}\`.`, { context: { runId } });
  };

  return {
    async put(context, definition) {
      assertWorkflowDefinition(definition);
      const known = await store.read(workflowProcedures.get, { name: definition.name });
      await authorize(context, known === undefined ? 'glue:CreateWorkflow' : 'glue:UpdateWorkflow', definition.name);
      await store.write(workflowProcedures.put, { definition, owner: context.principal.arn });
    },

    async get(context, name) {
      await authorize(context, 'glue:GetWorkflow', name);
      return (await requireWorkflow(name)).definition;
    },

    async list(context) {
      const all = (await store.read(workflowProcedures.list, {})).map((record) => record.definition);
      const shown = await Promise.all(all.map((workflow) => allowed(context, 'glue:GetWorkflow', workflow.name)));
      return all.filter((_, i) => shown[i]);
    },

    async delete(context, name) {
      await authorize(context, 'glue:DeleteWorkflow', name);
      await requireWorkflow(name);
      await store.write(workflowProcedures.delete, { name });
    },

    async start(context, name) {
      await authorize(context, 'glue:StartWorkflowRun', name);
      const { definition } = await requireWorkflow(name);
      const caller = callerOf(context);
      const run = await store.write(workflowProcedures.start, {
        id: newId(),
        trigger: 'on_demand',
        definition,
        caller,
      });
      deps.executor.take(run.id);
      return run;
    },

    async stop(context, runId) {
      const run = await requireRun(runId);
      await authorize(context, 'glue:StopWorkflowRun', run.workflow);
      if (run.endedAt !== undefined) {
        throw new LochError('conflict', `The run \`${runId}\` is over: it is ${run.state}.`, { context: { runId } });
      }
      await deps.executor.stop(context, runId);
    },

    async run(context, runId) {
      const run = await requireRun(runId);
      await authorize(context, 'glue:GetWorkflowRun', run.workflow);
      return run;
    },

    wait: (runId, signal) => deps.executor.finished(runId, signal),

    async runs(context, filter = {}) {
      const limit = Math.min(MAX_RUNS, filter.limit ?? DEFAULT_RUNS);
      if (filter.workflow !== undefined) await authorize(context, 'glue:GetWorkflowRuns', filter.workflow);
      const runs = await store.read(workflowProcedures.runs, { ...filter, limit });
      if (filter.workflow !== undefined) return runs;
      const shown = new Set<string>();
      for (const name of new Set(runs.map((run) => run.workflow))) {
        if (await allowed(context, 'glue:GetWorkflowRuns', name)) shown.add(name);
      }
      return runs.filter((run) => shown.has(run.workflow));
    },
  };
}
