import type {
  CreateJobRequest,
  ListJobsRequest,
  PutJobTaggingRequest,
  UpdateJobPriorityRequest,
  UpdateJobStatusRequest,
} from '@aws-sdk/client-s3-control';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { AccessGrants, AccessPoints, BatchJob, BatchJobs } from '../../../storage/contract.ts';
import type { AwsServiceDoor } from '../service.ts';
import { accessGrantOperations } from './access-grants.ts';
import { accessPointOperations } from './access-points.ts';
import { assertAccount, type OfAccount } from './account.ts';
import { jobOf, tagsOf } from './job-input.ts';

const MAX_PAGE = 1000;

interface OfJob extends OfAccount {
  readonly JobId?: string | undefined;
}

const summaryOf = (job: BatchJob) => ({
  JobId: job.id,
  Description: job.description,
  Priority: job.priority,
  Status: job.status,
  CreationTime: new Date(job.createdAt),
  TerminationDate: job.endedAt === undefined ? undefined : new Date(job.endedAt),
  ProgressSummary: {
    TotalNumberOfTasks: job.total ?? 0,
    NumberOfTasksSucceeded: job.succeeded,
    NumberOfTasksFailed: job.failed,
    Timers: { ElapsedTimeInActiveSeconds: Math.floor(job.activeMs / 1000) },
  },
});

const TIME = /Date$|Constraint$|^Created(After|Before)$/;

/** Times in what a door kept as JSON. */
function revived(value: unknown, name = ''): unknown {
  if (typeof value === 'string') return TIME.test(name) ? new Date(value) : value;
  if (Array.isArray(value)) return value.map((each) => revived(each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, revived(each, key)]));
}

function descriptorOf(job: BatchJob, { accountId, region }: RequestContext): object {
  return {
    ...(revived(job.foreign) as object),
    ...summaryOf(job),
    ConfirmationRequired: job.confirmationRequired,
    JobArn: `arn:aws:s3:${region}:${accountId}:job/${job.id}`,
    StatusUpdateReason: job.statusReason,
    FailureReasons: job.failures.map(({ code, reason }) => ({ FailureCode: code, FailureReason: reason })),
    RoleArn: job.roleArn,
    SuspendedDate: job.suspendedAt === undefined ? undefined : new Date(job.suspendedAt),
    SuspendedCause: job.suspendedAt === undefined ? undefined : 'AwaitingConfirmation',
  };
}

/** The error's own S3 name, if it has one. */
const finer =
  (name: string) =>
  ({ context }: LochError): string =>
    typeof context.s3_code === 'string' ? context.s3_code : name;

/** The S3 Control door: batch jobs, access grants, access points. Public-access blocks of accounts and tags of buckets are at the S3 door. */
export function s3controlService(deps: {
  readonly batch: BatchJobs;
  readonly accessGrants: AccessGrants;
  readonly accessPoints: AccessPoints;
}): AwsServiceDoor {
  const { batch } = deps;
  const readOnly = true;
  return {
    name: 's3',
    signingNames: ['s3'],
    schemas: () => import('@aws-sdk/client-s3-control'),
    operations: {
      ...accessGrantOperations(deps.accessGrants),
      ...accessPointOperations(deps.accessPoints),
      CreateJob: {
        async run(context, input: CreateJobRequest) {
          assertAccount(context, input);
          return { JobId: await batch.create(context, jobOf(input)) };
        },
        partial:
          'LambdaInvoke, S3UpdateObjectEncryption, EnableManifestOutput and MatchAnyObjectEncryption are refused by name; checksums of whole objects only',
      },
      DescribeJob: {
        readOnly,
        async run(context, input: OfJob) {
          assertAccount(context, input);
          return { Job: descriptorOf(await batch.describe(context, input.JobId!), context) };
        },
      },
      ListJobs: {
        readOnly,
        async run(context, input: ListJobsRequest) {
          assertAccount(context, input);
          const limit = Math.min(input.MaxResults ?? MAX_PAGE, MAX_PAGE);
          const jobs = await batch.list(context, {
            ...(input.JobStatuses === undefined || input.JobStatuses.length === 0
              ? {}
              : { statuses: input.JobStatuses }),
            ...(input.NextToken === undefined ? {} : { after: input.NextToken }),
            limit: limit + 1,
          });
          const page = jobs.slice(0, limit);
          const Jobs = page.map((job) => ({
            ...summaryOf(job),
            Operation: Object.keys(job.foreign.Operation as object)[0],
          }));
          return { Jobs, ...(jobs.length > limit ? { NextToken: page.at(-1)!.id } : {}) };
        },
      },
      UpdateJobPriority: {
        async run(context, input: UpdateJobPriorityRequest & OfAccount) {
          assertAccount(context, input);
          const job = await batch.setPriority(context, input.JobId!, input.Priority!);
          return { JobId: job.id, Priority: job.priority };
        },
      },
      UpdateJobStatus: {
        async run(context, input: UpdateJobStatusRequest & OfAccount) {
          assertAccount(context, input);
          const asked = input.RequestedJobStatus;
          if (asked !== 'Ready' && asked !== 'Cancelled') {
            throw new LochError(
              'invalid_argument',
              `\`RequestedJobStatus\` is Ready or Cancelled, not \`${asked ?? ''}\`.`,
            );
          }
          const job = await batch.setStatus(context, input.JobId!, asked, input.StatusUpdateReason);
          return { JobId: job.id, Status: job.status, StatusUpdateReason: job.statusReason };
        },
      },
      GetJobTagging: {
        readOnly,
        async run(context, input: OfJob) {
          assertAccount(context, input);
          const tags = await batch.tags(context, input.JobId!);
          return { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) };
        },
      },
      PutJobTagging: {
        async run(context, input: PutJobTaggingRequest & OfAccount) {
          assertAccount(context, input);
          await batch.putTags(context, input.JobId!, tagsOf(input.Tags));
          return {};
        },
      },
      DeleteJobTagging: {
        async run(context, input: OfJob) {
          assertAccount(context, input);
          await batch.deleteTags(context, input.JobId!);
          return {};
        },
      },
    },
    errors: {
      access_denied: 'AccessDenied',
      invalid_argument: finer('InvalidRequest'),
      missing_argument: 'InvalidRequest',
      malformed_request: 'MalformedXML',
      not_found: finer('NotFoundException'),
      conflict: finer('JobStatusException'),
      already_exists: finer('InvalidRequest'),
      bucket_not_found: 'NoSuchBucket',
      malformed_policy: 'MalformedPolicy',
      unsupported: 'NotImplemented',
      unknown_access_key: 'InvalidAccessKeyId',
      signature_mismatch: 'SignatureDoesNotMatch',
    },
  };
}
