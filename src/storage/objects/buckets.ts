import { s3Arn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { ObjectAccess } from '../contract.ts';
import type { ObjectDeps } from './authorize.ts';

const NAME = /^(?=.{3,63}$)[a-z0-9][a-z0-9.-]*[a-z0-9]$/;

/** **Errors**: `invalid_bucket_name`. **Source**: S3 User Guide, "General purpose bucket naming rules". */
export function assertBucketName(name: string): void {
  const bad =
    !NAME.test(name) ||
    name.includes('..') ||
    /^\d+\.\d+\.\d+\.\d+$/.test(name) ||
    name.startsWith('xn--') ||
    name.endsWith('-s3alias');
  if (!bad) return;
  throw new LochError(
    'invalid_bucket_name',
    `\`${name}\` is no bucket name. Use 3 to 63 lower-case letters, digits, dots and hyphens, beginning and ending with a letter or digit.`,
    { context: { bucket: name } },
  );
}

type Buckets = Pick<ObjectAccess, 'createBucket' | 'deleteBucket' | 'headBucket' | 'listBuckets'>;

/** Creating, deleting and listing buckets. */
export function bucketUseCases(deps: ObjectDeps): Buckets {
  const authorize = (context: RequestContext, action: string, name: string) =>
    deps.policy.authorize(context, { action, resource: s3Arn(name) });
  return {
    async createBucket(context, name) {
      assertBucketName(name);
      await authorize(context, 's3:CreateBucket', name);
      return deps.objects.createBucket(name, { region: deps.region, ownerAccountId: deps.accountId });
    },
    async deleteBucket(context, name) {
      await authorize(context, 's3:DeleteBucket', name);
      await deps.objects.deleteBucket(name);
    },
    async headBucket(context, name) {
      await authorize(context, 's3:ListBucket', name);
      return deps.objects.bucket(name);
    },
    async listBuckets(context) {
      await deps.policy.authorize(context, { action: 's3:ListAllMyBuckets', resource: 'arn:aws:s3:::*' });
      return deps.objects.buckets();
    },
  };
}
