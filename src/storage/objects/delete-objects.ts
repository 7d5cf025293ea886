import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { DeleteOutcome, ObjectAccess } from '../contract.ts';
import { keyBytes } from '../stores/names.ts';
import { authorizeWrite } from './authorize.ts';
import type { ObjectDeps } from './object-deps.ts';
import { dataEvent } from './record.ts';

/** Deletes many objects in one transaction. A refused key of a batch does not hold up the others. */
export function deleteObjects(deps: ObjectDeps): ObjectAccess['deleteObjects'] {
  return async (context, bucket, keys) => {
    const outcomes = await Promise.all(keys.map((key) => permission(deps, context, bucket, key)));
    const allowed = outcomes.filter((outcome) => outcome.error === undefined).map(({ key }) => key);
    await deps.objects.deleteMany(bucket, allowed);
    await deps.audit.recordData(
      context,
      outcomes.map(({ key, error }) =>
        dataEvent('DeleteObject', { bucket, key }, error === undefined ? {} : { error }),
      ),
    );
    return outcomes;
  };
}

async function permission(
  deps: ObjectDeps,
  context: RequestContext,
  bucket: string,
  key: string,
): Promise<DeleteOutcome> {
  try {
    keyBytes(key);
    await authorizeWrite(deps, context, { bucket, key }, 's3:DeleteObject');
    return { key };
  } catch (error) {
    if (error instanceof LochError && error.kind === 'user') return { key, error };
    throw error;
  }
}
