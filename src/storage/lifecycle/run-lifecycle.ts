import { s3Arn } from '../../core/arn.ts';
import type { Policy } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { LifecycleRun, LifecycleRuns } from './contract-types.ts';
import type { LifecycleRunner } from './runner.ts';
import lifecycleStore from './store.ts';

/** Runs of rules as a caller may start and see them: whoever may change the rules of a bucket may run them. */
export function createLifecycleRuns(deps: {
  readonly store: MetadataStore;
  readonly policy: Policy;
  readonly runner: LifecycleRunner;
}): LifecycleRuns {
  const { store, policy, runner } = deps;
  return {
    async run(context, bucket) {
      await policy.authorize(context, { action: 's3:PutLifecycleConfiguration', resource: s3Arn(bucket) });
      return runner.runBucket(bucket);
    },
    async list(context) {
      const shown: LifecycleRun[] = [];
      for (const run of await store.read(lifecycleStore.procedures.runs, {})) {
        const asked = { action: 's3:GetLifecycleConfiguration', resource: s3Arn(run.bucket) };
        if ((await policy.decide(context, asked)).allowed) shown.push(run);
      }
      return shown;
    },
  };
}
