import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { StoreCall } from '../../core/store-call.ts';
import { type MetadataStore, storeCall } from '../../metadata/contract.ts';
import { authorizeBucket } from '../buckets/bucket-side.ts';
import { authorizeObject } from '../buckets/object-side.ts';
import type { ObjectDeps } from '../objects/object-deps.ts';
import type { ReplicationRuns } from './contract-types.ts';
import { type Replicator, TIME_CONTROL_MS } from './replicator.ts';
import replicationStore from './store.ts';

export { createCarryOut } from './carry-out.ts';
export { markingStore } from './marking-store.ts';
export { openReplicator } from './replicator.ts';

const { procedures } = replicationStore;

/** The store module of what is to be replicated. */
export const replicationModule = new URL('./store.ts', import.meta.url);

/** The call that forgets what was to be replicated of a bucket, for the transactions that make and delete it. */
export const forgetReplication = (bucket: string): readonly StoreCall[] => [storeCall(procedures.forget, { bucket })];

/** Replication as callers may look at it. */
export function createReplicationRuns(
  deps: ObjectDeps & { readonly store: MetadataStore; readonly replicator: Replicator; readonly now: () => number },
): ReplicationRuns {
  const allow = async (context: RequestContext, bucket: string) => {
    await authorizeBucket(deps, context, bucket, 's3:GetReplicationConfiguration');
    await deps.objects.bucket(bucket);
  };
  return {
    async figures(context, bucket) {
      await allow(context, bucket);
      const rules = (await deps.settings.get(bucket, 'replication'))?.rules ?? [];
      const counted = await deps.store.read(procedures.figures, { bucket });
      return rules.map(({ id, destination }) => {
        const found = counted.find((each) => each.rule === id && each.destination === destination.bucket);
        const latencyMs = found?.oldestAt == null ? 0 : Math.max(0, deps.now() - found.oldestAt);
        const linkFailure = deps.replicator.linkFailure(destination.bucket);
        return {
          bucket,
          rule: id,
          destination: destination.bucket,
          operationsPending: Number(found?.pending ?? 0),
          bytesPending: Number(found?.pendingBytes ?? 0),
          latencyMs,
          operationsFailed: Number(found?.failed ?? 0),
          missedThreshold: destination.timeControl === true && latencyMs > TIME_CONTROL_MS,
          ...(linkFailure === undefined ? {} : { linkFailure }),
        };
      });
    },
    async failures(context, bucket, limit) {
      await allow(context, bucket);
      const found = await deps.store.read(procedures.failures, { bucket, limit });
      return found.map(({ key, versionId, rule, destination, failure = '' }) => ({
        key,
        versionId,
        rule,
        destination,
        failure,
      }));
    },
    async replicate(context, { bucket, key, versionId }) {
      const name = { bucket, key, ...(versionId === undefined ? {} : { versionId }) };
      await authorizeObject(deps, context, name, 's3:InitiateReplication');
      const head = await deps.objects.head(bucket, key, versionId === undefined ? {} : { versionId });
      if (await deps.replicator.queue(head)) return;
      throw new LochError('invalid_argument', `No rule of the bucket \`${bucket}\` replicates \`${key}\`.`);
    },
  };
}
