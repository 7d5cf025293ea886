import { formatArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { Identities, Policy } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { BatchJobs, BatchStatus, NewBatchJob } from './contract-types.ts';
import type { BatchRunner } from './runner.ts';
import batchStore, { type StoredJob } from './store.ts';

export { openBatchRunner } from './runner.ts';

const { procedures } = batchStore;
const MAX_PRIORITY = 2_147_483_647;
const MAX_TAGS = 50;
const OPEN: readonly BatchStatus[] = ['New', 'Preparing', 'Suspended', 'Ready', 'Active', 'Completing'];

/** The store module of jobs. */
export const batchModule = new URL('./store.ts', import.meta.url);

const invalid = (message: string): LochError =>
  new LochError('invalid_argument', message, { context: { s3_code: 'InvalidRequest' } });

/** Batch jobs as callers may use them. */
export function createBatchJobs(deps: {
  readonly store: MetadataStore;
  readonly policy: Policy;
  readonly identities: Pick<Identities, 'principal'>;
  readonly region: string;
  readonly runner: BatchRunner;
}): BatchJobs {
  const { store, policy } = deps;
  const arnOf = ({ accountId }: RequestContext, id: string): string =>
    formatArn({ service: 's3', region: deps.region, accountId, resource: `job/${id}` });
  const allow = (context: RequestContext, action: string, id = '*') =>
    policy.authorize(context, {
      action: `s3:${action}`,
      resource: arnOf(context, id),
      side: { accountId: context.accountId },
    });
  const find = async (context: RequestContext, id: string): Promise<StoredJob> => {
    const job = await store.read(procedures.job, { id });
    if (job?.accountId === context.accountId) return job;
    throw new LochError('not_found', `There is no job \`${id}\`.`, { context: { s3_code: 'NoSuchJob', job: id } });
  };

  return {
    async create(context, job) {
      check(job);
      await allow(context, 'CreateJob');
      await policy.authorize(context, { action: 'iam:PassRole', resource: job.roleArn });
      const role = await deps.identities.principal(job.roleArn);
      if (role?.kind !== 'role' || role.accountId !== context.accountId) {
        throw invalid(`The role \`${job.roleArn}\` does not exist in your account.`);
      }
      const id = await store.write(procedures.create, { id: newId(), accountId: context.accountId, job });
      deps.runner.wake();
      return id;
    },
    async describe(context, id) {
      await allow(context, 'DescribeJob', id);
      return find(context, id);
    },
    async list(context, query) {
      await allow(context, 'ListJobs');
      return store.read(procedures.list, { ...query, accountId: context.accountId });
    },
    async setPriority(context, id, priority) {
      if (!Number.isInteger(priority) || priority < 0 || priority > MAX_PRIORITY) throw badPriority(priority);
      await allow(context, 'UpdateJobPriority', id);
      await find(context, id);
      await store.write(procedures.setPriority, { id, priority });
      return find(context, id);
    },
    async setStatus(context, id, status, reason) {
      await allow(context, 'UpdateJobStatus', id);
      await find(context, id);
      const from: readonly BatchStatus[] = status === 'Ready' ? ['Suspended'] : OPEN;
      const why = reason === undefined ? {} : { reason };
      const confirmed = status === 'Ready' ? { confirmed: true as const } : {};
      await store.write(procedures.setStatus, { id, from, to: status, ...why, ...confirmed });
      deps.runner.wake();
      return find(context, id);
    },
    async tags(context, id) {
      await allow(context, 'GetJobTagging', id);
      return (await find(context, id)).tags;
    },
    async putTags(context, id, tags) {
      if (Object.keys(tags).length > MAX_TAGS) throw invalid(`A job has at most ${MAX_TAGS} tags.`);
      await allow(context, 'PutJobTagging', id);
      await find(context, id);
      await store.write(procedures.setTags, { id, tags });
    },
    async deleteTags(context, id) {
      await allow(context, 'DeleteJobTagging', id);
      await find(context, id);
      await store.write(procedures.setTags, { id, tags: {} });
    },
  };
}

const badPriority = (priority: number): LochError => invalid(`\`Priority\` is 0 to ${MAX_PRIORITY}, not ${priority}.`);

function check({ priority, token, tags, manifest, operation }: NewBatchJob): void {
  if (!Number.isInteger(priority) || priority < 0 || priority > MAX_PRIORITY) throw badPriority(priority);
  if (token === '' || token.length > 64) throw invalid('`ClientRequestToken` has 1 to 64 characters.');
  if (Object.keys(tags).length > MAX_TAGS) throw invalid(`A job has at most ${MAX_TAGS} tags.`);
  if (manifest.kind === 'csv' && (!manifest.fields.includes('Bucket') || !manifest.fields.includes('Key'))) {
    throw invalid('The Fields of a manifest hold Bucket and Key.');
  }
  if (operation.kind === 'retention' && operation.retention !== undefined && Number.isNaN(operation.retention.until)) {
    throw invalid('`RetainUntilDate` is no time.');
  }
}
