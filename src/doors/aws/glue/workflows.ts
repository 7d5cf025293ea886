import type {
  DeleteWorkflowRequest,
  DeleteWorkflowResponse,
  GetWorkflowRequest,
  GetWorkflowResponse,
  GetWorkflowRunRequest,
  GetWorkflowRunResponse,
  GetWorkflowRunsRequest,
  GetWorkflowRunsResponse,
  ListWorkflowsRequest,
  ListWorkflowsResponse,
  StartWorkflowRunRequest,
  StartWorkflowRunResponse,
  StopWorkflowRunRequest,
  StopWorkflowRunResponse,
  Workflow,
  WorkflowGraph,
  WorkflowRun as WorkflowRunShape,
  WorkflowRunStatistics,
  WorkflowRunStatus,
} from '@aws-sdk/client-glue';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { Jobs, WorkflowDefinition, WorkflowRun, Workflows } from '../../../processing/contract.ts';
import type { OperationSpec } from '../service.ts';
import { fromJobRun } from './jobs.ts';
import { isCount, isText, pageSize, positionOf, tokenOf } from './pages.ts';

const PAGE = 25;
const MAX_RUNS = 1000;

/** A run with failed nodes is COMPLETED there; its statistics and its message tell of them. */
const STATUS: Readonly<Record<WorkflowRun['state'], WorkflowRunStatus>> = {
  RUNNING: 'RUNNING',
  COMPLETED: 'COMPLETED',
  FAILED: 'COMPLETED',
  STOPPED: 'STOPPED',
};

function statisticsOf(run: WorkflowRun): WorkflowRunStatistics {
  const count = (...states: WorkflowRun['nodes'][number]['state'][]) =>
    run.nodes.filter((node) => states.includes(node.state)).length;
  return {
    TotalActions: run.nodes.length,
    TimeoutActions: 0,
    FailedActions: count('FAILED'),
    StoppedActions: count('STOPPED', 'SKIPPED'),
    SucceededActions: count('SUCCEEDED'),
    RunningActions: count('RUNNING'),
    ErroredActions: 0,
    WaitingActions: count('PENDING'),
  };
}

/** A workflow run in Glue's shape. */
function fromRun(run: WorkflowRun, graph?: WorkflowGraph): WorkflowRunShape {
  const failed = run.nodes.filter((node) => node.state === 'FAILED');
  return {
    Name: run.workflow,
    WorkflowRunId: run.id,
    WorkflowRunProperties: {},
    StartedOn: new Date(run.startedAt),
    ...(run.endedAt === undefined ? {} : { CompletedOn: new Date(run.endedAt) }),
    Status: STATUS[run.state],
    Statistics: statisticsOf(run),
    ...(failed.length === 0
      ? {}
      : { ErrorMessage: failed.map((node) => `${node.name}: ${node.error ?? 'failed'}`).join('; ') }),
    ...(graph === undefined ? {} : { Graph: graph }),
  };
}

/** The graph of a workflow, with the job runs of one of its runs where one is given. */
async function graphOf(
  jobs: Jobs,
  context: RequestContext,
  workflow: WorkflowDefinition,
  run: WorkflowRun | undefined,
): Promise<WorkflowGraph> {
  const runs = run === undefined ? [] : await jobs.runs(context, { workflowRunId: run.id, limit: MAX_RUNS });
  return {
    Nodes: workflow.nodes.map((node) => {
      const id = run?.nodes.find((n) => n.name === node.name)?.runId;
      const jobRun = runs.find((r) => r.id === id);
      return {
        Type: node.kind === 'job' ? 'JOB' : 'CRAWLER',
        Name: node.kind === 'job' ? node.job : node.crawler,
        UniqueId: node.name,
        ...(jobRun === undefined ? {} : { JobDetails: { JobRuns: [fromJobRun(jobRun)] } }),
      };
    }),
    Edges: workflow.nodes.flatMap((node) =>
      node.after.map((before) => ({ SourceId: before, DestinationId: node.name })),
    ),
  };
}

/** **Errors**: `not_found` when the run is another workflow's. */
async function runOf(workflows: Workflows, context: RequestContext, name: string, id: string): Promise<WorkflowRun> {
  const run = await workflows.run(context, id);
  if (run.workflow === name) return run;
  throw new LochError('not_found', `The workflow \`${name}\` has no run \`${id}\`. List its runs.`);
}

/** Operations on workflows and their runs. Workflows are made by the own API or a lake definition. */
export function workflowOperations(workflows: Workflows, jobs: Jobs): Record<string, OperationSpec> {
  const describe = async (context: RequestContext, name: string, includeGraph: boolean): Promise<Workflow> => {
    const workflow = await workflows.get(context, name);
    const [last] = await workflows.runs(context, { workflow: name, limit: 1 });
    return {
      Name: workflow.name,
      ...(workflow.description === undefined ? {} : { Description: workflow.description }),
      DefaultRunProperties: {},
      MaxConcurrentRuns: 1,
      ...(last === undefined ? {} : { LastRun: fromRun(last) }),
      ...(includeGraph ? { Graph: await graphOf(jobs, context, workflow, last) } : {}),
    };
  };
  return {
    ListWorkflows: {
      readOnly: true,
      async run(context: RequestContext, input: ListWorkflowsRequest): Promise<ListWorkflowsResponse> {
        const after = positionOf(input.NextToken, isText) ?? '';
        const limit = pageSize(input.MaxResults, PAGE);
        const rest = (await workflows.list(context)).map((w) => w.name).filter((name) => name > after);
        const page = rest.slice(0, limit);
        return { Workflows: page, ...(rest.length > limit ? { NextToken: tokenOf(page.at(-1)) } : {}) };
      },
    },
    GetWorkflow: {
      readOnly: true,
      partial: 'triggers are not among the nodes of the graph',
      async run(context: RequestContext, input: GetWorkflowRequest): Promise<GetWorkflowResponse> {
        return { Workflow: await describe(context, input.Name!, input.IncludeGraph === true) };
      },
    },
    DeleteWorkflow: {
      async run(context: RequestContext, input: DeleteWorkflowRequest): Promise<DeleteWorkflowResponse> {
        await workflows.delete(context, input.Name!);
        return { Name: input.Name! };
      },
    },
    StartWorkflowRun: {
      partial: 'no run properties',
      async run(context: RequestContext, input: StartWorkflowRunRequest): Promise<StartWorkflowRunResponse> {
        if (Object.keys(input.RunProperties ?? {}).length > 0) {
          throw new LochError('unsupported', '`RunProperties` are not supported. Leave them out.');
        }
        return { RunId: (await workflows.start(context, input.Name!)).id };
      },
    },
    GetWorkflowRun: {
      readOnly: true,
      partial: 'as GetWorkflow',
      async run(context: RequestContext, input: GetWorkflowRunRequest): Promise<GetWorkflowRunResponse> {
        const run = await runOf(workflows, context, input.Name!, input.RunId!);
        if (input.IncludeGraph !== true) return { Run: fromRun(run) };
        const workflow = await workflows.get(context, run.workflow);
        return { Run: fromRun(run, await graphOf(jobs, context, workflow, run)) };
      },
    },
    GetWorkflowRuns: {
      readOnly: true,
      partial: `the ${MAX_RUNS} newest runs, without graphs`,
      async run(context: RequestContext, input: GetWorkflowRunsRequest): Promise<GetWorkflowRunsResponse> {
        const start = positionOf(input.NextToken, isCount) ?? 0;
        const limit = pageSize(input.MaxResults, MAX_RUNS);
        const all = await workflows.runs(context, { workflow: input.Name!, limit: MAX_RUNS });
        return {
          Runs: all.slice(start, start + limit).map((run) => fromRun(run)),
          ...(all.length > start + limit ? { NextToken: tokenOf(start + limit) } : {}),
        };
      },
    },
    StopWorkflowRun: {
      async run(context: RequestContext, input: StopWorkflowRunRequest): Promise<StopWorkflowRunResponse> {
        await runOf(workflows, context, input.Name!, input.RunId!);
        await workflows.stop(context, input.RunId!);
        return {};
      },
    },
  };
}
