import { LochError } from '../../core/errors.ts';
import { authorizeBucket } from './bucket-side.ts';
import type { BucketSettingAccess } from './contract.ts';
import type { SettingDeps } from './setting-deps.ts';

const MAX_TAGS = 50;

/** Tags of a bucket one by one, as S3 Control takes them; the whole set is the setting `tagging`. */
export function bucketTags(deps: SettingDeps): BucketSettingAccess['tags'] {
  const authorize = async (context: Parameters<typeof authorizeBucket>[1], bucket: string, action: string) => {
    await authorizeBucket(deps, context, bucket, action);
    await deps.objects.bucket(bucket);
  };
  return {
    async list(context, bucket) {
      await authorize(context, bucket, 's3:ListTagsForResource');
      return (await deps.settings.get(bucket, 'tagging'))?.tags ?? {};
    },
    async add(context, bucket, added) {
      await authorize(context, bucket, 's3:TagResource');
      await deps.settings.change(bucket, 'tagging', (now) => {
        const tags = { ...now?.tags, ...added };
        const count = Object.keys(tags).length;
        if (count <= MAX_TAGS) return { tags };
        throw new LochError('invalid_tag', `The bucket would have ${count} tags; ${MAX_TAGS} is the most.`);
      });
    },
    async remove(context, bucket, keys) {
      await authorize(context, bucket, 's3:UntagResource');
      await deps.settings.change(bucket, 'tagging', (now) => {
        const left = Object.entries(now?.tags ?? {}).filter(([key]) => !keys.includes(key));
        return left.length === 0 ? undefined : { tags: Object.fromEntries(left) };
      });
    },
  };
}
