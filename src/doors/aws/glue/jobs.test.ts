import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  BatchStopJobRunCommand,
  ConcurrentRunsExceededException,
  DeleteJobCommand,
  EntityNotFoundException,
  GetJobCommand,
  GetJobRunCommand,
  GetJobRunsCommand,
  GetJobsCommand,
  GetWorkflowCommand,
  GetWorkflowRunCommand,
  GetWorkflowRunsCommand,
  GlueClient,
  type JobRun,
  IllegalWorkflowStateException,
  ListJobsCommand,
  ListWorkflowsCommand,
  OperationNotSupportedException,
  ResetJobBookmarkCommand,
  StartJobRunCommand,
  StartWorkflowRunCommand,
  StopWorkflowRunCommand,
} from '@aws-sdk/client-glue';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { createEventBus } from '../../../core/events.ts';
import type { JobDefinition } from '../../../processing/contract.ts';
import { TEST_ACCOUNT } from '../../../testing/builders/test-lake.ts';
import { openTestProcessing } from '../../../testing/builders/test-processing.ts';
import { createAwsDoor } from '../index.ts';
import { glueService } from './service.ts';

let lake: Awaited<ReturnType<typeof openTestProcessing>>;
let server: Server;
let glue: GlueClient;

const sql = (name: string, text: string): JobDefinition => ({
  kind: 'sql',
  name,
  description: `Job ${name}`,
  sql: text,
  dialect: 'duckdb',
  target: { database: 'd', table: name },
  mode: 'overwrite',
});

beforeAll(async () => {
  lake = await openTestProcessing();
  await lake.catalog.createDatabase(lake.root, { name: 'd', locationUri: 's3://lake/d/' });
  const { jobs, workflows, catalog, crawlers } = lake;
  await jobs.put(lake.root, sql('one', 'SELECT 1 AS a'));
  await jobs.put(lake.root, sql('two', 'SELECT nothing FROM nowhere'));
  await jobs.put(lake.root, sql('wide', 'SELECT count(*) AS n FROM range(6000) a, range(6000) b, range(6000) c'));
  await workflows.put(lake.root, {
    name: 'both',
    nodes: [
      { name: 'first', kind: 'job', job: 'one', after: [] },
      { name: 'second', kind: 'job', job: 'two', after: ['first'] },
    ],
    triggers: [],
  });
  const { identities, audit } = lake.governance;
  const door = createAwsDoor({
    services: [glueService({ catalog, crawlers, jobs, workflows })],
    identities,
    audit,
    events: createEventBus((error) => {
      throw error;
    }),
    clock: systemClock,
    accountId: TEST_ACCOUNT,
    region: 'us-east-1',
  });
  server = createServer((request, response) => void door(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { accessKeyId, secret } = await lake.governance.ensureRootKey();
  glue = new GlueClient({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKeyId, secretAccessKey: secret.reveal() },
    maxAttempts: 1,
  });
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await lake.close();
});

const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => expect.fail('it should have failed'),
    (error: Error) => error,
  );

async function ended(JobName: string, RunId: string): Promise<JobRun> {
  await lake.jobs.wait(RunId, lake.root.signal);
  return (await glue.send(new GetJobRunCommand({ JobName, RunId }))).JobRun!;
}

it('lists jobs, page by page, and gives their definitions', async () => {
  const first = await glue.send(new ListJobsCommand({ MaxResults: 2 }));
  expect(first.JobNames).toEqual(['one', 'two']);
  const rest = await glue.send(new ListJobsCommand({ NextToken: first.NextToken }));
  expect([rest.JobNames, rest.NextToken]).toEqual([['wide'], undefined]);
  const { Job } = await glue.send(new GetJobCommand({ JobName: 'one' }));
  expect(Job).toMatchObject({ Name: 'one', Description: 'Job one', Command: { Name: 'lochsql' }, MaxRetries: 0 });
  expect(JSON.parse(Job!.DefaultArguments!['--loch-definition']!)).toEqual(sql('one', 'SELECT 1 AS a'));
  expect((await glue.send(new GetJobsCommand({}))).Jobs).toHaveLength(3);
  expect(await failure(glue.send(new GetJobCommand({ JobName: 'onne' })))).toBeInstanceOf(EntityNotFoundException);
});

it('runs a job and tells its state, its times and its rows', async () => {
  const { JobRunId } = await glue.send(new StartJobRunCommand({ JobName: 'one' }));
  const run = await ended('one', JobRunId!);
  expect(run).toMatchObject({
    Id: JobRunId,
    JobName: 'one',
    JobRunState: 'SUCCEEDED',
    Attempt: 0,
    Arguments: { '--loch-rows-in': '1', '--loch-rows-committed': '1' },
  });
  expect(run.CompletedOn!.getTime()).toBeGreaterThanOrEqual(run.StartedOn!.getTime());
  const failed = await glue.send(new StartJobRunCommand({ JobName: 'two' }));
  expect(await ended('two', failed.JobRunId!)).toMatchObject({
    JobRunState: 'FAILED',
    ErrorMessage: expect.stringContaining('nowhere'),
  });
  const { JobRuns } = await glue.send(new GetJobRunsCommand({ JobName: 'one' }));
  expect(JobRuns!.map((r) => r.Id)).toEqual([JobRunId]);
  const other = new GetJobRunCommand({ JobName: 'two', RunId: JobRunId });
  expect(await failure(glue.send(other))).toBeInstanceOf(EntityNotFoundException);
});

it('refuses a second run, stops runs one by one, and names what it cannot do', async () => {
  const { JobRunId } = await glue.send(new StartJobRunCommand({ JobName: 'wide' }));
  const again = await failure(glue.send(new StartJobRunCommand({ JobName: 'wide' })));
  expect(again).toBeInstanceOf(ConcurrentRunsExceededException);
  const stopped = await glue.send(new BatchStopJobRunCommand({ JobName: 'wide', JobRunIds: [JobRunId!, 'none'] }));
  expect(stopped.SuccessfulSubmissions).toEqual([{ JobName: 'wide', JobRunId }]);
  expect(stopped.Errors).toMatchObject([{ JobRunId: 'none', ErrorDetail: { ErrorCode: 'EntityNotFoundException' } }]);
  expect(await ended('wide', JobRunId!)).toMatchObject({ JobRunState: 'STOPPED' });
  const withArguments = new StartJobRunCommand({ JobName: 'one', Arguments: { '--a': 'b' } });
  expect(await failure(glue.send(withArguments))).toBeInstanceOf(OperationNotSupportedException);
  await glue.send(new ResetJobBookmarkCommand({ JobName: 'one' }));
  await glue.send(new DeleteJobCommand({ JobName: 'wide' }));
  expect((await glue.send(new DeleteJobCommand({ JobName: 'wide' }))).JobName).toBe('wide');
  expect((await glue.send(new ListJobsCommand({}))).JobNames).toEqual(['one', 'two']);
});

it('runs a workflow and tells its graph and how far it came', async () => {
  expect((await glue.send(new ListWorkflowsCommand({}))).Workflows).toEqual(['both']);
  const { RunId } = await glue.send(new StartWorkflowRunCommand({ Name: 'both' }));
  await lake.workflows.wait(RunId!, lake.root.signal);
  const { Run } = await glue.send(new GetWorkflowRunCommand({ Name: 'both', RunId, IncludeGraph: true }));
  expect(Run).toMatchObject({
    Name: 'both',
    Status: 'COMPLETED',
    Statistics: { TotalActions: 2, SucceededActions: 1, FailedActions: 1, RunningActions: 0, WaitingActions: 0 },
    ErrorMessage: expect.stringMatching(/^second: table_not_found/),
  });
  expect(Run!.Graph!.Edges).toEqual([{ SourceId: 'first', DestinationId: 'second' }]);
  expect(Run!.Graph!.Nodes!.map((n) => [n.UniqueId, n.Name, n.JobDetails!.JobRuns![0]!.JobRunState])).toEqual([
    ['first', 'one', 'SUCCEEDED'],
    ['second', 'two', 'FAILED'],
  ]);
  const { Workflow } = await glue.send(new GetWorkflowCommand({ Name: 'both', IncludeGraph: true }));
  expect(Workflow).toMatchObject({ Name: 'both', LastRun: { WorkflowRunId: RunId }, MaxConcurrentRuns: 1 });
  expect((await glue.send(new GetWorkflowRunsCommand({ Name: 'both' }))).Runs).toHaveLength(1);
  const late = await failure(glue.send(new StopWorkflowRunCommand({ Name: 'both', RunId })));
  expect(late).toBeInstanceOf(IllegalWorkflowStateException);
  expect(late.message).toMatch(/is over/);
});
