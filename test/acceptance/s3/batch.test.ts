/** Batch jobs by the official client of S3 Control. */
import { Agent } from 'node:http';
import * as iam from '@aws-sdk/client-iam';
import * as s3 from '@aws-sdk/client-s3';
import * as control from '@aws-sdk/client-s3-control';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type RunningLoch, startLoch } from '../../../src/testing/builders/running-loch.ts';

const AccountId = '000000000001';
const RoleArn = `arn:aws:iam::${AccountId}:role/batch`;
const Bucket = 'many';

let loch: RunningLoch;
let client: s3.S3Client;
let jobs: control.S3ControlClient;
let tokens = 0;

/** The client puts the account before the host's name, which no resolver knows. */
const everyHostIsThisOne = new Agent({
  keepAlive: true,
  lookup: (_host, options, done) => {
    const address = { address: '127.0.0.1', family: 4 };
    if (options.all === true) done(null, [address]);
    else done(null, address.address, address.family);
  },
});

function connect(): void {
  const { sdk } = loch.client;
  client = new s3.S3Client(sdk);
  const endpoint = sdk.endpoint.replace('127.0.0.1', 'localhost');
  jobs = new control.S3ControlClient({ ...sdk, endpoint, requestHandler: { httpAgent: everyHostIsThisOne } });
}

const put = (Key: string, Body: string | Uint8Array = 'x', more: Partial<s3.PutObjectCommandInput> = {}) =>
  client.send(new s3.PutObjectCommand({ Bucket, Key, Body, ...more }));

/** A manifest of these keys. */
async function manifest(name: string, keys: readonly string[]): Promise<control.JobManifest> {
  const lines = keys.map((key) => `${Bucket},${encodeURIComponent(key).replaceAll('%2F', '/')}\n`);
  const { ETag } = await put(name, Buffer.from(lines.join('')));
  return {
    Spec: { Format: 'S3BatchOperations_CSV_20180820', Fields: ['Bucket', 'Key'] },
    Location: { ObjectArn: `arn:aws:s3:::${Bucket}/${name}`, ETag },
  };
}

async function create(Operation: control.JobOperation, more: Partial<control.CreateJobRequest>): Promise<string> {
  tokens += 1;
  const made = await jobs.send(
    new control.CreateJobCommand({
      AccountId,
      Operation,
      Priority: 10,
      RoleArn,
      ClientRequestToken: `token-${tokens}`,
      ConfirmationRequired: false,
      Report: {
        Enabled: true,
        Bucket: `arn:aws:s3:::${Bucket}`,
        Prefix: 'reports',
        Format: 'Report_CSV_20180820',
        ReportScope: 'AllTasks',
      },
      ...more,
    }),
  );
  return made.JobId!;
}

const describe = async (JobId: string) => (await jobs.send(new control.DescribeJobCommand({ AccountId, JobId }))).Job!;

const reaches = (JobId: string, status: string, ms = 60_000) =>
  vi.waitFor(
    async () => {
      const job = await describe(JobId);
      expect(`${job.Status} ${JSON.stringify(job.FailureReasons ?? [])}`).toContain(status);
      return job;
    },
    { timeout: ms, interval: 100 },
  );

async function text(Key: string): Promise<string> {
  const { Body } = await client.send(new s3.GetObjectCommand({ Bucket, Key }));
  return Body!.transformToString();
}

/** The lines of a job's report, by status. */
async function report(id: string): Promise<Record<string, string[]>> {
  const { Results, ReportSchema } = JSON.parse(await text(`reports/job-${id}/manifest.json`)) as {
    Results: { TaskExecutionStatus: string; Key: string }[];
    ReportSchema: string;
  };
  expect(ReportSchema).toBe('Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage');
  const found: Record<string, string[]> = {};
  for (const { TaskExecutionStatus, Key } of Results) {
    found[TaskExecutionStatus] = (await text(Key)).trim().split('\n');
  }
  return found;
}

async function failure(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: Error) => error.name,
  );
}

const policy = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
const allow = (...Statement: object[]) =>
  new iam.IAMClient(loch.client.sdk).send(
    new iam.PutRolePolicyCommand({ RoleName: 'batch', PolicyName: 'p', PolicyDocument: policy(...Statement) }),
  );

beforeAll(async () => {
  loch = await startLoch();
  connect();
  await client.send(new s3.CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
  await new iam.IAMClient(loch.client.sdk).send(
    new iam.CreateRoleCommand({
      RoleName: 'batch',
      AssumeRolePolicyDocument: policy({
        Effect: 'Allow',
        Principal: { Service: 'batchoperations.s3.amazonaws.com' },
        Action: 'sts:AssumeRole',
      }),
    }),
  );
  await allow({ Effect: 'Allow', Action: 's3:*', Resource: '*' });
  for (let i = 0; i < 12; i++) await put(`in/ü ${i}, "q"`, `body ${i}`);
}, 90_000);
afterAll(() => loch.stop());

const KEYS = Array.from({ length: 12 }, (_, i) => `in/ü ${i}, "q"`);

it('tags, copies, locks, holds and sums what a manifest names, and reports each of it', async () => {
  const Manifest = await manifest('manifests/all.csv', [...KEYS, 'in/absent']);
  const TagSet = [{ Key: 'k', Value: 'v' }];
  const tagging = await create({ S3PutObjectTagging: { TagSet } }, { Manifest, Description: 'tags' });
  const done = await reaches(tagging, 'Complete');
  expect(done).toMatchObject({
    Description: 'tags',
    Operation: { S3PutObjectTagging: { TagSet } },
    Manifest,
    ProgressSummary: { TotalNumberOfTasks: 13, NumberOfTasksSucceeded: 12, NumberOfTasksFailed: 1 },
  });
  const lines = await report(tagging);
  expect(lines.succeeded).toHaveLength(12);
  expect(lines.failed).toHaveLength(1);
  expect(lines.failed![0]).toMatch(/^"many","in\/absent","","failed","NoSuchKey","404",/);
  const tags = await client.send(new s3.GetObjectTaggingCommand({ Bucket, Key: KEYS[3] }));
  expect(tags.TagSet).toEqual(TagSet);

  const some = await manifest('manifests/some.csv', KEYS.slice(0, 2));
  const until = new Date(Date.now() + 600_000);
  const each: Record<string, control.JobOperation> = {
    copy: {
      S3PutObjectCopy: {
        TargetResource: `arn:aws:s3:::${Bucket}`,
        TargetKeyPrefix: 'copied',
        NewObjectMetadata: { UserMetadata: { made: 'by-batch' }, ContentType: 'text/x-batch' },
        NewObjectTagging: [{ Key: 'c', Value: 'd' }],
      },
    },
    retention: { S3PutObjectRetention: { Retention: { Mode: 'GOVERNANCE', RetainUntilDate: until } } },
    hold: { S3PutObjectLegalHold: { LegalHold: { Status: 'ON' } } },
    sum: { S3ComputeObjectChecksum: { ChecksumAlgorithm: 'SHA256' } },
    untag: { S3DeleteObjectTagging: {} },
  };
  const ids: Record<string, string> = {};
  for (const [name, operation] of Object.entries(each)) ids[name] = await create(operation, { Manifest: some });
  for (const id of Object.values(ids)) {
    expect((await reaches(id, 'Complete')).ProgressSummary).toMatchObject({
      NumberOfTasksSucceeded: 2,
      NumberOfTasksFailed: 0,
    });
  }
  const head = await client.send(new s3.HeadObjectCommand({ Bucket, Key: KEYS[0] }));
  expect(head).toMatchObject({ ObjectLockMode: 'GOVERNANCE', ObjectLockLegalHoldStatus: 'ON' });
  expect(head.TagCount).toBeUndefined();
  const copy = await client.send(new s3.HeadObjectCommand({ Bucket, Key: `copied/${KEYS[1]}` }));
  expect(copy).toMatchObject({ Metadata: { made: 'by-batch' }, ContentType: 'text/x-batch', TagCount: 1 });
  // printf 'body 0' | sha256sum
  const sums = (await report(ids.sum!)).succeeded!.join('\n');
  const known = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from('body 0'))).toString('base64');
  expect(sums).toContain(known);
}, 120_000);

it('waits for its confirmation, takes tags and a priority, and is cancelled', async () => {
  const Manifest = await manifest('manifests/wait.csv', KEYS.slice(0, 1));
  const operation = { S3PutObjectTagging: { TagSet: [{ Key: 'w', Value: '1' }] } };
  const tags = [{ Key: 'team', Value: 'lake' }];
  const waiting = await create(operation, { Manifest, ConfirmationRequired: true, Tags: tags });
  expect(await reaches(waiting, 'Suspended')).toMatchObject({ SuspendedCause: 'AwaitingConfirmation' });
  expect((await jobs.send(new control.GetJobTaggingCommand({ AccountId, JobId: waiting }))).Tags).toEqual(tags);
  await jobs.send(new control.PutJobTaggingCommand({ AccountId, JobId: waiting, Tags: [{ Key: 'a', Value: 'b' }] }));
  await jobs.send(new control.DeleteJobTaggingCommand({ AccountId, JobId: waiting }));
  expect((await jobs.send(new control.GetJobTaggingCommand({ AccountId, JobId: waiting }))).Tags ?? []).toEqual([]);
  await jobs.send(new control.UpdateJobPriorityCommand({ AccountId, JobId: waiting, Priority: 77 }));
  expect((await describe(waiting)).Priority).toBe(77);
  const suspended = await jobs.send(new control.ListJobsCommand({ AccountId, JobStatuses: ['Suspended'] }));
  expect(suspended.Jobs).toMatchObject([{ JobId: waiting, Operation: 'S3PutObjectTagging', Priority: 77 }]);
  const status = (JobId: string, RequestedJobStatus: 'Ready' | 'Cancelled') =>
    jobs.send(new control.UpdateJobStatusCommand({ AccountId, JobId, RequestedJobStatus }));
  await status(waiting, 'Ready');
  await reaches(waiting, 'Complete');
  expect(await failure(status(waiting, 'Cancelled'))).toBe('JobStatusException');
  const other = await create(operation, { Manifest, ConfirmationRequired: true });
  await reaches(other, 'Suspended');
  await status(other, 'Cancelled');
  expect((await describe(other)).Status).toBe('Cancelled');
  const first = await jobs.send(new control.ListJobsCommand({ AccountId, MaxResults: 1 }));
  expect(first.Jobs).toMatchObject([{ JobId: other }]);
  const next = await jobs.send(new control.ListJobsCommand({ AccountId, MaxResults: 1, NextToken: first.NextToken }));
  expect(next.Jobs).toMatchObject([{ JobId: waiting }]);
}, 90_000);

it('does what its role may and nothing else, and refuses what cannot be by name', async () => {
  const Manifest = await manifest('manifests/rights.csv', KEYS.slice(0, 2));
  await allow(
    { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: '*' },
    { Effect: 'Allow', Action: 's3:PutObjectTagging', Resource: `arn:aws:s3:::${Bucket}/${KEYS[0]}` },
  );
  const id = await create({ S3PutObjectTagging: { TagSet: [{ Key: 'r', Value: '1' }] } }, { Manifest });
  await reaches(id, 'Complete');
  const lines = await report(id);
  expect(lines.succeeded).toHaveLength(1);
  expect(lines.failed).toEqual([expect.stringMatching(/"failed","AccessDenied","403"/)]);
  await allow({ Effect: 'Allow', Action: 's3:*', Resource: '*' });
  const refused = (operation: control.JobOperation, more: Partial<control.CreateJobRequest> = {}) =>
    failure(create(operation, { Manifest, ...more }));
  const replicate = { S3ReplicateObject: {} };
  expect(await refused({ LambdaInvoke: { FunctionArn: 'arn:aws:lambda:us-east-1:1:function:f' } })).toBe(
    'NotImplemented',
  );
  expect(await refused({})).toBe('InvalidRequest');
  expect(await refused(replicate, { RoleArn: `${RoleArn}-absent` })).toBe('InvalidRequest');
  expect(await refused(replicate, { Manifest: undefined })).toBe('InvalidRequest');
  expect(await refused(replicate, { AccountId: '999999999999' })).toBe('AccessDenied');
  expect(await failure(describe('absent'))).toBe('NoSuchJob');
  const stale = { ...Manifest, Location: { ...Manifest.Location!, ETag: '"other"' } };
  const job = await reaches(await create(replicate, { Manifest: stale }), 'Failed');
  expect(job.FailureReasons).toHaveLength(1);
}, 90_000);

it('goes on behind what it had done when the server is killed, and ends when most of it fails', async () => {
  const keys = Array.from({ length: 3000 }, (_, i) => (i < 1400 ? KEYS[0]! : `absent/${i}`));
  const Manifest = await manifest('manifests/long.csv', keys);
  const id = await create({ S3ComputeObjectChecksum: { ChecksumAlgorithm: 'CRC32' } }, { Manifest });
  await vi.waitFor(
    async () => expect((await describe(id)).ProgressSummary!.NumberOfTasksSucceeded).toBeGreaterThan(0),
    { timeout: 30_000, interval: 20 },
  );
  await loch.kill();
  loch = await startLoch({ data: loch.data });
  connect();
  const job = await reaches(id, 'Failed', 90_000);
  const { NumberOfTasksSucceeded = 0, NumberOfTasksFailed = 0, TotalNumberOfTasks } = job.ProgressSummary!;
  expect(TotalNumberOfTasks).toBe(3000);
  expect(NumberOfTasksSucceeded).toBe(1400);
  expect(NumberOfTasksFailed).toBeGreaterThan(1400);
  expect(NumberOfTasksFailed).toBeLessThanOrEqual(1600);
  expect(job.FailureReasons).toMatchObject([{ FailureCode: 'JobFailureThresholdExceeded' }]);
  const lines = await report(id);
  expect(lines.succeeded).toHaveLength(1400);
  expect(lines.failed).toHaveLength(NumberOfTasksFailed);
}, 180_000);

it('makes its own manifest, and replicates what was there before the rules', async () => {
  await client.send(new s3.CreateBucketCommand({ Bucket: 'many-copies', ObjectLockEnabledForBucket: true }));
  await client.send(
    new s3.PutBucketReplicationCommand({
      Bucket,
      ReplicationConfiguration: {
        Role: RoleArn,
        Rules: [
          {
            ID: 'in',
            Priority: 1,
            Status: 'Enabled',
            Filter: { Prefix: 'in/' },
            DeleteMarkerReplication: { Status: 'Disabled' },
            Destination: { Bucket: 'arn:aws:s3:::many-copies' },
          },
        ],
      },
    }),
  );
  const id = await create(
    { S3ReplicateObject: {} },
    {
      ManifestGenerator: {
        S3JobManifestGenerator: {
          SourceBucket: `arn:aws:s3:::${Bucket}`,
          EnableManifestOutput: false,
          Filter: { EligibleForReplication: true, ObjectReplicationStatuses: ['NONE', 'FAILED'] },
        },
      },
    },
  );
  const job = await reaches(id, 'Complete');
  expect(job.ProgressSummary).toMatchObject({ TotalNumberOfTasks: 12, NumberOfTasksSucceeded: 12 });
  await vi.waitFor(async () => {
    const { Versions = [] } = await client.send(new s3.ListObjectVersionsCommand({ Bucket: 'many-copies' }));
    expect(Versions.map(({ Key }) => Key).sort()).toEqual([...KEYS].sort());
  }, 20_000);
}, 90_000);
