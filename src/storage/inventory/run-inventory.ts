import { s3Arn } from '../../core/arn.ts';
import type { Policy } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { BucketSettings } from '../contract.ts';
import type { InventoryRun, InventoryRuns } from './contract-types.ts';
import { authorizeDestination } from './destination.ts';
import type { InventoryRunner } from './runner.ts';
import inventoryStore from './store.ts';

/** Inventories as a caller may start and see them. */
export function createInventoryRuns(deps: {
  readonly store: MetadataStore;
  readonly settings: BucketSettings;
  readonly policy: Policy;
  readonly runner: InventoryRunner;
}): InventoryRuns {
  const { store, settings, policy, runner } = deps;
  return {
    async run(context, bucket, id) {
      await policy.authorize(context, { action: 's3:PutInventoryConfiguration', resource: s3Arn(bucket) });
      const configuration = await settings.get(bucket, 'inventory', id);
      if (configuration !== undefined) await authorizeDestination(policy, context, bucket, configuration);
      return runner.run(bucket, id);
    },
    async list(context) {
      const shown: InventoryRun[] = [];
      for (const run of await store.read(inventoryStore.procedures.runs, {})) {
        const asked = { action: 's3:GetInventoryConfiguration', resource: s3Arn(run.bucket) };
        if (!(await policy.decide(context, asked)).allowed) continue;
        if ((await settings.get(run.bucket, 'inventory', run.id)) !== undefined) shown.push(run);
      }
      return shown;
    },
  };
}
