import type { ObjectAccess } from '../contract.ts';
import type { ObjectDeps } from './authorize.ts';
import { bucketUseCases } from './buckets.ts';
import { deleteUseCases } from './delete-object.ts';
import { readUseCases } from './get-object.ts';
import { listUseCases } from './list-objects.ts';
import { uploadUseCases } from './multipart.ts';
import { writeUseCases } from './put-object.ts';

export type { ObjectDeps } from './authorize.ts';

/** Objects as a caller may use them, over a store that asks nobody. */
export function createObjectAccess(deps: ObjectDeps): ObjectAccess {
  return {
    ...bucketUseCases(deps),
    ...readUseCases(deps),
    ...writeUseCases(deps),
    ...deleteUseCases(deps),
    ...listUseCases(deps),
    ...uploadUseCases(deps),
  };
}
