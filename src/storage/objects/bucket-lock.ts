import type { RequestContext } from '../../core/caller.ts';
import { authorizeBucket } from '../buckets/bucket-side.ts';
import type { BucketSetting, ObjectAccess, PutOptions } from '../contract.ts';
import type { ObjectDeps } from './object-deps.ts';

const DAY_MS = 86_400_000;

/** Enables object lock and keeps the bucket's default. There is no way back from it. */
export function putLockConfiguration(deps: ObjectDeps): ObjectAccess['putLockConfiguration'] {
  return async (context, bucket, configuration) => {
    await authorizeBucket(deps, context, bucket, 's3:PutBucketObjectLockConfiguration');
    await deps.objects.enableObjectLock(bucket);
    await deps.settings.put(bucket, 'objectLock', configuration);
  };
}

/** Tells the bucket's default; one without is told as such. */
export function lockConfiguration(deps: ObjectDeps): ObjectAccess['lockConfiguration'] {
  return async (context, bucket) => {
    await authorizeBucket(deps, context, bucket, 's3:GetBucketObjectLockConfiguration');
    const { objectLock } = await deps.objects.bucket(bucket);
    if (objectLock !== true) return undefined;
    return (await deps.settings.get(bucket, 'objectLock')) ?? {};
  };
}

/** What a write is told, with the retention of its bucket where it says none itself. */
export async function withLocks<Options extends PutOptions>(
  deps: ObjectDeps,
  context: RequestContext,
  bucket: string,
  options: Options,
): Promise<Options> {
  if (options.attributes?.retention !== undefined) return options;
  const retention = (await deps.settings.get(bucket, 'objectLock'))?.defaultRetention;
  if (retention === undefined) return options;
  const until = endOf(retention, context.startedAt);
  return { ...options, attributes: { ...options.attributes, retention: { mode: retention.mode, until } } };
}

type DefaultRetention = NonNullable<BucketSetting<'objectLock'>['defaultRetention']>;

function endOf({ unit, count }: DefaultRetention, now: number): number {
  if (unit === 'days') return now + count * DAY_MS;
  const end = new Date(now);
  return end.setUTCFullYear(end.getUTCFullYear() + count);
}
