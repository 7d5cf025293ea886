import type { RequestContext } from '../../core/caller.ts';
import type { KeyInfo, Keys } from '../../governance/contract.ts';
import { bucketRequest, type SideDeps } from '../buckets/bucket-side.ts';
import type { BucketInfo, ObjectStore } from '../contract.ts';
import type { BucketUnderKey, ExplainKeyImpact } from './contract.ts';
import type { ObjectDeps } from '../objects/object-deps.ts';
import { recorded } from '../objects/record.ts';

/** What the use-case is built from. */
export interface KeyImpactDeps extends SideDeps {
  readonly keys: Pick<Keys, 'describeKey'>;
  readonly objects: ObjectStore;
  readonly audit: ObjectDeps['audit'];
  /** How many versions are read in all, shared evenly among the buckets, but a page of each at least. */
  readonly maxVersions?: number;
}

const PAGE = 1000;
const MAX_VERSIONS = 100_000;
const ACTION = 's3:ListBucketVersions';

/**
 * Tells what is encrypted under a key, by bucket: for whoever may describe the key, of the buckets that he may list the
 * versions of; each bucket that was read is in the audit. **Cost**: memory of one page, a bounded number of rows.
 */
export function createKeyImpact(deps: KeyImpactDeps): ExplainKeyImpact {
  return async (context, name) => {
    const key = await deps.keys.describeKey(context, name);
    const all = await deps.objects.buckets();
    const open: BucketInfo[] = [];
    for (const bucket of all) {
      const request = await bucketRequest(deps, context, bucket.name, ACTION);
      if ((await deps.policy.decide(context, request)).allowed) open.push(bucket);
    }
    const share = Math.max(PAGE, Math.floor((deps.maxVersions ?? MAX_VERSIONS) / Math.max(1, open.length)));
    const buckets: BucketUnderKey[] = [];
    for (const { name: bucket } of open) {
      const found = await recorded(deps, context, 'ListObjectVersions', { bucket }, () =>
        countUnder(deps, context, { bucket, keyArn: key.arn, share }),
      );
      const isDefault = namesKey(key, (await deps.settings.get(bucket, 'encryption'))?.keyId);
      if (found.versions > 0 || found.cut || isDefault) buckets.push({ bucket, ...found, isDefault });
    }
    return { keyArn: key.arn, buckets, hidden: all.length - open.length };
  };
}

async function countUnder(
  deps: KeyImpactDeps,
  context: RequestContext,
  { bucket, keyArn, share }: { readonly bucket: string; readonly keyArn: string; readonly share: number },
): Promise<Pick<BucketUnderKey, 'versions' | 'bytes' | 'cut'>> {
  let [versions, bytes, read] = [0, 0, 0];
  let after: { readonly key: string; readonly versionId?: string } | undefined;
  for (;;) {
    context.signal.throwIfAborted();
    const page = await deps.objects.listVersions(bucket, {
      max: Math.min(PAGE, share - read),
      ...(after === undefined ? {} : { after }),
    });
    for (const { attributes, size } of page.versions) {
      if (attributes.encryption?.keyId !== keyArn) continue;
      versions++;
      bytes += size;
    }
    read += page.versions.length;
    if (page.next === undefined) return { versions, bytes, cut: false };
    if (read >= share || page.versions.length === 0) return { versions, bytes, cut: true };
    after = page.next;
  }
}

/** Whether a setting means the key: by id, ARN, alias or alias ARN. */
function namesKey(key: KeyInfo, named: string | undefined): boolean {
  if (named === undefined) return false;
  const prefix = key.arn.slice(0, key.arn.indexOf(':key/') + 1);
  return (
    named === key.keyId || named === key.arn || key.aliases.some((alias) => named === alias || named === prefix + alias)
  );
}
