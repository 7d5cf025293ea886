import type {
  BatchStopJobRunRequest,
  BatchStopJobRunResponse,
  DeleteJobRequest,
  DeleteJobResponse,
  GetJobRequest,
  GetJobResponse,
  GetJobRunRequest,
  GetJobRunResponse,
  GetJobRunsRequest,
  GetJobRunsResponse,
  GetJobsRequest,
  GetJobsResponse,
  Job,
  JobRun as JobRunShape,
  JobRunState as JobRunStateShape,
  ListJobsRequest,
  ListJobsResponse,
  ResetJobBookmarkRequest,
  ResetJobBookmarkResponse,
  StartJobRunRequest,
  StartJobRunResponse,
} from '@aws-sdk/client-glue';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { JobDefinition, JobRun, JobRunState, Jobs } from '../../../processing/contract.ts';
import type { OperationSpec } from '../service.ts';
import { errorDetail } from './errors.ts';
import { isCount, isText, pageSize, positionOf, tokenOf } from './pages.ts';

const PAGE = 200;
const MAX_RUNS = 1000;

/** Glue knows no state between running and done: a run that commits still runs. */
const STATES: Readonly<Record<JobRunState, JobRunStateShape>> = {
  STARTING: 'STARTING',
  RUNNING: 'RUNNING',
  COMMITTING: 'RUNNING',
  SUCCEEDED: 'SUCCEEDED',
  FAILED: 'FAILED',
  STOPPED: 'STOPPED',
  WAITING: 'WAITING',
};

/** A job in Glue's shape. Its kind is the command; the definition itself stands in the arguments as JSON. */
export function fromJob(job: JobDefinition): Job {
  return {
    Name: job.name,
    ...(job.description === undefined ? {} : { Description: job.description }),
    Command: { Name: job.kind === 'sql' ? 'lochsql' : 'lochclean' },
    DefaultArguments: { '--loch-definition': JSON.stringify(job) },
    MaxRetries: job.maxRetries ?? 0,
    ExecutionProperty: { MaxConcurrentRuns: 1 },
  };
}

/** A run in Glue's shape. The first attempt is number 0 there; counts of rows stand in the arguments. */
export function fromJobRun(run: JobRun): JobRunShape {
  const { counts } = run;
  return {
    Id: run.id,
    JobName: run.job,
    Attempt: run.attempt - 1,
    JobRunState: STATES[run.state],
    StartedOn: new Date(run.startedAt),
    LastModifiedOn: new Date(run.endedAt ?? run.startedAt),
    ...(run.endedAt === undefined
      ? {}
      : {
          CompletedOn: new Date(run.endedAt),
          ExecutionTime: Math.round((run.endedAt - run.startedAt) / 1000),
        }),
    ...(run.error === undefined ? {} : { ErrorMessage: `${run.error.code}: ${run.error.message}` }),
    ...(counts === undefined
      ? {}
      : {
          Arguments: {
            '--loch-rows-in': String(counts.rowsIn),
            '--loch-rows-committed': String(counts.rowsCommitted),
            '--loch-rows-rejected': String(counts.rowsRejected),
            '--loch-rows-duplicate': String(counts.rowsDuplicate),
          },
        }),
  };
}

async function jobPage(jobs: Jobs, context: RequestContext, input: GetJobsRequest | ListJobsRequest) {
  const after = positionOf(input.NextToken, isText) ?? '';
  const limit = pageSize(input.MaxResults, PAGE);
  const rest = (await jobs.list(context)).filter((job) => job.name > after);
  const page = rest.slice(0, limit);
  return { page, ...(rest.length > limit ? { NextToken: tokenOf(page.at(-1)!.name) } : {}) };
}

/** **Errors**: `not_found` when the run is another job's. */
async function runOf(jobs: Jobs, context: RequestContext, job: string, runId: string): Promise<JobRun> {
  const run = await jobs.run(context, runId);
  if (run.job === job) return run;
  throw new LochError('not_found', `The job \`${job}\` has no run \`${runId}\`. List its runs.`);
}

/** Operations on jobs and their runs. Jobs are made by the own API or a lake definition. */
export function jobOperations(jobs: Jobs): Record<string, OperationSpec> {
  return {
    GetJob: {
      readOnly: true,
      partial: 'the definition stands in DefaultArguments as JSON',
      async run(context: RequestContext, input: GetJobRequest): Promise<GetJobResponse> {
        return { Job: fromJob(await jobs.get(context, input.JobName!)) };
      },
    },
    GetJobs: {
      readOnly: true,
      partial: 'as GetJob',
      async run(context: RequestContext, input: GetJobsRequest): Promise<GetJobsResponse> {
        const { page, ...next } = await jobPage(jobs, context, input);
        return { Jobs: page.map(fromJob), ...next };
      },
    },
    ListJobs: {
      readOnly: true,
      partial: 'no tags',
      async run(context: RequestContext, input: ListJobsRequest): Promise<ListJobsResponse> {
        const { page, ...next } = await jobPage(jobs, context, input);
        return { JobNames: page.map((job) => job.name), ...next };
      },
    },
    DeleteJob: {
      async run(context: RequestContext, input: DeleteJobRequest): Promise<DeleteJobResponse> {
        const name = input.JobName!;
        await jobs.delete(context, name).catch((error: unknown) => {
          if (!(error instanceof LochError) || error.code !== 'not_found') throw error;
        });
        return { JobName: name };
      },
    },
    StartJobRun: {
      partial: 'no arguments, capacity, timeout or queueing of a run',
      async run(context: RequestContext, input: StartJobRunRequest): Promise<StartJobRunResponse> {
        if (input.JobRunId !== undefined) {
          throw new LochError('unsupported', '`JobRunId` (a retry of an old run) is not supported. Start a new run.');
        }
        if (Object.keys(input.Arguments ?? {}).length > 0) {
          throw new LochError('unsupported', '`Arguments` of a run are not supported. Change the job instead.');
        }
        return { JobRunId: (await jobs.start(context, input.JobName!)).id };
      },
    },
    GetJobRun: {
      readOnly: true,
      async run(context: RequestContext, input: GetJobRunRequest): Promise<GetJobRunResponse> {
        return { JobRun: fromJobRun(await runOf(jobs, context, input.JobName!, input.RunId!)) };
      },
    },
    GetJobRuns: {
      readOnly: true,
      partial: `the ${MAX_RUNS} newest runs`,
      async run(context: RequestContext, input: GetJobRunsRequest): Promise<GetJobRunsResponse> {
        const start = positionOf(input.NextToken, isCount) ?? 0;
        const limit = pageSize(input.MaxResults, PAGE);
        const all = await jobs.runs(context, { job: input.JobName!, limit: MAX_RUNS });
        const page = all.slice(start, start + limit);
        return {
          JobRuns: page.map(fromJobRun),
          ...(all.length > start + limit ? { NextToken: tokenOf(start + limit) } : {}),
        };
      },
    },
    BatchStopJobRun: {
      async run(context: RequestContext, input: BatchStopJobRunRequest): Promise<BatchStopJobRunResponse> {
        const JobName = input.JobName!;
        const stopped: string[] = [];
        const Errors = [];
        for (const JobRunId of input.JobRunIds ?? []) {
          try {
            await runOf(jobs, context, JobName, JobRunId);
            await jobs.stop(context, JobRunId);
            stopped.push(JobRunId);
          } catch (error) {
            Errors.push({ JobName, JobRunId, ErrorDetail: errorDetail(error) });
          }
        }
        return { SuccessfulSubmissions: stopped.map((JobRunId) => ({ JobName, JobRunId })), Errors };
      },
    },
    ResetJobBookmark: {
      partial: 'the whole bookmark, not back to a run; the answer has no JobBookmarkEntry',
      async run(context: RequestContext, input: ResetJobBookmarkRequest): Promise<ResetJobBookmarkResponse> {
        if (input.RunId !== undefined) {
          throw new LochError('unsupported', 'Rewinding a bookmark to a run is not supported. Leave `RunId` out.');
        }
        await jobs.resetBookmark(context, input.JobName!);
        return {};
      },
    },
  };
}
