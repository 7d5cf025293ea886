import { s3Arn } from '../../core/arn.ts';
import type { Policy } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { ObjectStore } from '../contract.ts';
import type { BucketFigures, StorageFigures } from './contract-types.ts';
import type { FigureRunner } from './runner.ts';
import figureStore from './store.ts';

/** Whoever may list the versions of a bucket could count them himself. */
const ACTION = 's3:ListBucketVersions';

/** Figures as callers may see them and have them counted. */
export function createStorageFigures(deps: {
  readonly store: MetadataStore;
  readonly objects: ObjectStore;
  readonly policy: Policy;
  readonly runner: FigureRunner;
}): StorageFigures {
  const { store, objects, policy, runner } = deps;
  const list: StorageFigures['list'] = async (context) => {
    const shown: BucketFigures[] = [];
    for (const { name } of await objects.buckets()) {
      if (!(await policy.decide(context, { action: ACTION, resource: s3Arn(name) })).allowed) continue;
      shown.push(await store.read(figureStore.procedures.figures, { bucket: name }));
    }
    return shown;
  };
  return {
    list,
    async count(context, bucket) {
      if (bucket !== undefined) {
        await policy.authorize(context, { action: ACTION, resource: s3Arn(bucket) });
        await runner.run(bucket);
        return [await store.read(figureStore.procedures.figures, { bucket })];
      }
      for (const { bucket: name } of await list(context)) await runner.run(name);
      return list(context);
    },
  };
}
