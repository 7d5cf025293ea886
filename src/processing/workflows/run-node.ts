/** One node of a workflow run: start its job or crawler (or find the one already started), wait for its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { glueArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { Crawlers } from '../../catalog/contract.ts';
import type { Policy } from '../../governance/contract.ts';
import { type MetadataStore, storeCall } from '../../metadata/contract.ts';
import type { WorkflowNode } from '../contract.ts';
import { requireJob } from '../jobs/read-jobs.ts';
import { callerOf } from '../jobs/run-context.ts';
import type { RunExecutor } from '../jobs/run-executor.ts';
import { jobProcedures } from '../jobs/store.ts';
import { workflowProcedures } from './store.ts';

const BETWEEN_STARTS_MS = 100;

export interface NodeDeps {
  readonly store: MetadataStore;
  readonly policy: Policy;
  readonly crawlers: Crawlers;
  readonly runs: RunExecutor;
  readonly accountId: string;
  readonly region: string;
}

export interface NodeOutcome {
  readonly state: 'SUCCEEDED' | 'FAILED' | 'STOPPED';
  readonly error?: string;
}

/**
 * Runs one attempt of a node. `childRunId` is that of an attempt begun before a restart.
 * **Errors**: those of starting: `access_denied`, `not_found`.
 */
export async function runNode(
  deps: NodeDeps,
  context: RequestContext,
  workflowRunId: string,
  node: WorkflowNode,
  childRunId: string | undefined,
): Promise<NodeOutcome> {
  return node.kind === 'job'
    ? runJobNode(deps, context, workflowRunId, node, childRunId)
    : runCrawlerNode(deps, context, workflowRunId, node, childRunId);
}

async function runJobNode(
  deps: NodeDeps,
  context: RequestContext,
  workflowRunId: string,
  node: Extract<WorkflowNode, { kind: 'job' }>,
  childRunId: string | undefined,
): Promise<NodeOutcome> {
  const runId = childRunId ?? (await startJobRun(deps, context, workflowRunId, node));
  const run = await deps.runs.finished(runId, context.signal);
  if (run.state === 'SUCCEEDED') return { state: 'SUCCEEDED' };
  const state = run.state === 'STOPPED' ? 'STOPPED' : 'FAILED';
  return { state, ...(run.error === undefined ? {} : { error: `${run.error.code}: ${run.error.message}` }) };
}

/** The node becomes RUNNING and its job run begins in one transaction. A run by somebody else is waited for first. */
async function startJobRun(
  deps: NodeDeps,
  context: RequestContext,
  workflowRunId: string,
  node: Extract<WorkflowNode, { kind: 'job' }>,
): Promise<string> {
  await deps.policy.authorize(context, {
    action: 'glue:StartJobRun',
    resource: glueArn(deps.region, deps.accountId, `job/${node.job}`),
  });
  await requireJob(deps, node.job);
  for (;;) {
    context.signal.throwIfAborted();
    const id = newId();
    const run = { id, job: node.job, caller: callerOf(context), workflowRunId };
    try {
      await deps.store.transact([
        storeCall(jobProcedures.startRun, run),
        storeCall(workflowProcedures.startNode, { runId: workflowRunId, name: node.name, childRunId: id }),
      ]);
      deps.runs.take(id);
      return id;
    } catch (error) {
      if (!isLochError(error, 'concurrent_run')) throw error;
      await deps.runs.finished(String(error.context.runId), context.signal);
    }
  }
}

async function runCrawlerNode(
  deps: NodeDeps,
  context: RequestContext,
  workflowRunId: string,
  node: Extract<WorkflowNode, { kind: 'crawler' }>,
  childRunId: string | undefined,
): Promise<NodeOutcome> {
  if (childRunId !== undefined) {
    // A crawl that a restart interrupted is made again: crawling twice describes the same tables.
    const crawl = await deps.crawlers.wait(childRunId, context.signal).catch((error: unknown) => {
      if (isLochError(error, 'not_found')) return undefined;
      throw error;
    });
    if (crawl?.state === 'COMPLETED') return { state: 'SUCCEEDED' };
  } else {
    await deps.store.write(workflowProcedures.startNode, { runId: workflowRunId, name: node.name });
  }
  const id = await startCrawl(deps, context, node.crawler);
  await deps.store.write(workflowProcedures.nodeChild, { runId: workflowRunId, name: node.name, childRunId: id });
  const crawl = await deps.crawlers.wait(id, context.signal);
  if (crawl.state === 'COMPLETED') return { state: 'SUCCEEDED' };
  return {
    state: crawl.state === 'STOPPED' ? 'STOPPED' : 'FAILED',
    ...(crawl.error === undefined ? {} : { error: crawl.error }),
  };
}

/** A crawl begun by somebody else may have listed before the newest objects came: ours begins after its end. */
async function startCrawl(deps: NodeDeps, context: RequestContext, crawler: string): Promise<string> {
  for (;;) {
    context.signal.throwIfAborted();
    try {
      return (await deps.crawlers.start(context, crawler)).id;
    } catch (error) {
      if (!isLochError(error, 'concurrent_run')) throw error;
      const { lastRun } = await deps.crawlers.get(context, crawler);
      if (lastRun?.state === 'RUNNING') await deps.crawlers.wait(lastRun.id, context.signal);
      else await sleep(BETWEEN_STARTS_MS, undefined, { signal: context.signal });
    }
  }
}
