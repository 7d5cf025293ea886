import { hash } from 'node:crypto';
import { formatArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { StoreCall } from '../../core/store-call.ts';
import type { Policy, ResourcePolicies } from '../../governance/contract.ts';
import { type MetadataStore, storeCall } from '../../metadata/contract.ts';
import { OBJECT_ACTIONS } from '../buckets/s3-actions.ts';
import type { ObjectStore } from '../contract.ts';
import type { AccessPoint, AccessPoints } from './contract-types.ts';
import pointStore from './store.ts';

const { procedures } = pointStore;
const MAX_POLICY_BYTES = 20 * 1024;
const MAX_NAME = 50;
const LISTS = ['s3:ListBucket', 's3:ListBucketMultipartUploads', 's3:ListBucketVersions', 's3:GetBucketLocation'];

/** The store module of access points. */
export const accessPointsModule = new URL('./store.ts', import.meta.url);

/** The call that forgets the points of a bucket, for the transactions that make and delete it. */
export const forgetAccessPoints = (bucket: string): readonly StoreCall[] => [storeCall(procedures.forget, { bucket })];

/** How the policy of a point is named in decisions. */
const policyId = ({ arn }: AccessPoint): string => `access-point-policy:${arn}`;

export interface AccessPointDeps {
  readonly store: MetadataStore;
  readonly objects: Pick<ObjectStore, 'bucket'>;
  readonly policy: Policy;
  readonly resourcePolicies: ResourcePolicies;
  readonly clock: Clock;
  readonly region: string;
}

/** Access points as callers may use them. */
export function createAccessPoints(deps: AccessPointDeps): AccessPoints {
  const { store, policy } = deps;
  const arnOf = (accountId: string, name: string): string =>
    formatArn({ service: 's3', region: deps.region, accountId, resource: `accesspoint/${name}` });
  const allow = ({ accountId, ...context }: RequestContext, action: string, name: string) =>
    policy.authorize(
      { ...context, accountId },
      { action: `s3:${action}`, resource: arnOf(accountId, name), side: { accountId } },
    );
  const find = async ({ accountId }: RequestContext, name: string): Promise<AccessPoint> => {
    const text = await store.read(procedures.one, { accountId, name });
    if (text !== undefined) return JSON.parse(text) as AccessPoint;
    throw new LochError('not_found', `The specified access point \`${name}\` does not exist.`, {
      context: { s3_code: 'NoSuchAccessPoint', accessPoint: name },
    });
  };
  const keep = (point: AccessPoint) =>
    store.write(procedures.put, { accountId: point.accountId, name: point.name, value: JSON.stringify(point) });

  return {
    async create(context, { name, bucket, blockPublicPolicy }) {
      if (!/^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$/.test(name) || name.endsWith('-s3alias')) {
        throw new LochError(
          'invalid_argument',
          `\`${name}\` is no name of an access point: 3 to ${MAX_NAME} lower-case letters, digits and hyphens, not ending in -s3alias.`,
          { context: { s3_code: 'InvalidRequest' } },
        );
      }
      await allow(context, 'CreateAccessPoint', name);
      const { ownerAccountId } = await deps.objects.bucket(bucket);
      if (ownerAccountId !== context.accountId) {
        throw new LochError('access_denied', `The bucket \`${bucket}\` is of another account.`, {
          context: { bucket },
        });
      }
      const { accountId } = context;
      const alias = `${name.slice(0, 20)}-${hash('sha256', newId()).slice(0, 31)}-s3alias`.replaceAll('--', '-');
      const point: AccessPoint = {
        name,
        accountId,
        bucket,
        alias,
        arn: arnOf(accountId, name),
        createdAt: deps.clock.now(),
        blockPublicPolicy,
      };
      await store.write(procedures.create, { accountId, name, alias, bucket, value: JSON.stringify(point) });
      return point;
    },
    async get(context, name) {
      await allow(context, 'GetAccessPoint', name);
      return find(context, name);
    },
    async list(context, { bucket, after = '', limit }) {
      await allow(context, 'ListAccessPoints', '*');
      const { accountId } = context;
      const of = bucket === undefined ? {} : { bucket };
      const found = await store.read(procedures.list, { accountId, after, limit, ...of });
      return found.map((text) => JSON.parse(text) as AccessPoint);
    },
    async delete(context, name) {
      await allow(context, 'DeleteAccessPoint', name);
      await find(context, name);
      await store.write(procedures.remove, { accountId: context.accountId, name });
    },
    async putPolicy(context, name, text) {
      await allow(context, 'PutAccessPointPolicy', name);
      const point = await find(context, name);
      const parsed = deps.resourcePolicies.parse(text, policyId(point));
      await deps.resourcePolicies.check(parsed, {
        maxBytes: MAX_POLICY_BYTES,
        resources: [
          { arn: point.arn, actions: LISTS },
          { arn: `${point.arn}/object/`, actions: OBJECT_ACTIONS },
        ],
      });
      if (parsed.isPublic && point.blockPublicPolicy) {
        throw await policy.refuse(context, {
          action: 's3:PutAccessPointPolicy',
          resource: point.arn,
          why: 'public policies are blocked by the BlockPublicPolicy setting of the access point.',
          by: [`public-access-block:${point.arn}`],
        });
      }
      await keep({ ...point, policy: text });
    },
    async policy(context, name) {
      await allow(context, 'GetAccessPointPolicy', name);
      const point = await find(context, name);
      if (point.policy !== undefined) return point.policy;
      throw new LochError('not_found', `The access point \`${name}\` has no policy.`, {
        context: { s3_code: 'NoSuchAccessPointPolicy' },
      });
    },
    async deletePolicy(context, name) {
      await allow(context, 'DeleteAccessPointPolicy', name);
      const { policy: _, ...point } = await find(context, name);
      await keep(point);
    },
    async isPublic(context, name) {
      await allow(context, 'GetAccessPointPolicyStatus', name);
      const point = await find(context, name);
      return point.policy !== undefined && deps.resourcePolicies.parse(point.policy, policyId(point)).isPublic;
    },
    async byAlias(alias) {
      const text = await store.read(procedures.byAlias, { alias });
      return text === undefined ? undefined : (JSON.parse(text) as AccessPoint);
    },
  };
}
