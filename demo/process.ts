/** Jobs, workflow and crawler: defined through the doors, started by the arrival of a manifest, followed to the end. */
import { CreateCrawlerCommand, GlueClient } from '@aws-sdk/client-glue';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobRun, WorkflowRun } from '../src/processing/contract.ts';
import { grantDatabase, grantRootTables, makeRole } from './govern.ts';
import { putBytes } from './ingest.ts';
import type { Lake } from './lake.ts';
import { JOBS, MANIFEST_PREFIX, WORKFLOW } from './pipeline.ts';
import type { Report } from './report.ts';

const EVENT_PATIENCE_MS = 15_000;
const MOST_STARTS = 5;

/** Defines crawler, jobs and workflow; those that are there already are made anew. */
export async function definePipeline(lake: Lake): Promise<void> {
  await lake.through(async () => {
    const role = await makeRole(lake, 'halden-crawler', 'glue.amazonaws.com');
    await grantDatabase(lake, role, 'raw');
    const create = new CreateCrawlerCommand({
      Name: 'raw-zone',
      Role: role,
      DatabaseName: 'raw',
      Targets: {
        S3Targets: ['transactions/', 'ratings/', 'web_events/', 'halden/bank/customers/', 'halden/bank/accounts/'].map(
          (prefix) => ({ Path: `s3://raw/${prefix}` }),
        ),
      },
    });
    await new GlueClient(lake.client.sdk).send(create).catch((error: { name?: string }) => {
      if (error.name !== 'AlreadyExistsException') throw error;
    });
  });
  await grantRootTables(lake, 'raw');
  for (const { name, ...job } of JOBS) await lake.through(() => lake.client.call('PUT', `/api/jobs/${name}`, job));
  const { name, ...workflow } = WORKFLOW;
  await lake.through(() => lake.client.call('PUT', `/api/workflows/${name}`, workflow));
}

/** Writes the manifest of a batch and follows the workflow that it starts. Returns the job runs since `since`. */
export async function processBatch(
  lake: Lake,
  since: number,
  manifest: object,
  report: Report,
): Promise<readonly JobRun[]> {
  const key = `${MANIFEST_PREFIX}${new Date(since).toISOString().replaceAll(/[:.]/g, '-')}.json`;
  const arrived = Date.now();
  await putBytes(lake, key, Buffer.from(JSON.stringify(manifest)));
  let run = await startedByEvent(lake, arrived);
  if (run === undefined) {
    report.note('no run was started by the arrival of the manifest; starting one by hand');
    run = await startByHand(lake);
  }
  for (let starts = 1; ; starts++) {
    const ended = await follow(lake, run.id, report);
    if (ended.state === 'COMPLETED') break;
    const why = ended.nodes
      .filter((node) => node.error !== undefined)
      .map((node) => `${node.name}: ${node.error}`)
      .join('; ');
    if (starts === MOST_STARTS) throw new Error(`The workflow ${ended.state.toLowerCase()}: ${why}`);
    report.note(`the workflow ${ended.state.toLowerCase()} (${why}); starting it again`);
    run = await startByHand(lake);
  }
  const { runs } = await lake.through(() => lake.client.call<{ runs: JobRun[] }>('GET', '/api/job-runs'));
  return runs.filter((candidate) => candidate.startedAt >= since && candidate.state === 'SUCCEEDED');
}

async function startedByEvent(lake: Lake, arrived: number): Promise<WorkflowRun | undefined> {
  const end = Date.now() + EVENT_PATIENCE_MS;
  while (Date.now() < end) {
    const { runs } = await lake.through(() =>
      lake.client.call<{ runs: WorkflowRun[] }>('GET', `/api/workflow-runs?workflow=${WORKFLOW.name}`),
    );
    const run = runs.find((candidate) => candidate.startedAt >= arrived);
    if (run !== undefined) return run;
    await sleep(100);
  }
  return undefined;
}

async function startByHand(lake: Lake): Promise<WorkflowRun> {
  return lake.through(() => lake.client.call<WorkflowRun>('POST', `/api/workflows/${WORKFLOW.name}/start`));
}

async function follow(lake: Lake, id: string, report: Report): Promise<WorkflowRun> {
  for (;;) {
    const run = await lake.through(() => lake.client.call<WorkflowRun>('GET', `/api/workflow-runs/${id}`));
    const done = run.nodes.filter((node) => node.state === 'SUCCEEDED').length;
    const active = run.nodes.filter((node) => node.state === 'RUNNING').map((node) => node.name);
    report.progress(`workflow (${active.join(', ') || run.state.toLowerCase()})`, done, run.nodes.length);
    if (run.state !== 'RUNNING') return run;
    await sleep(150);
  }
}
