import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { DeleteName, DeleteOutcome, ObjectAccess } from '../contract.ts';
import { assertVersionId, keyBytes } from '../stores/names.ts';
import { authorizeDelete, mayBypassGovernance } from './authorize.ts';
import type { ObjectDeps } from './object-deps.ts';
import { dataEvent } from './record.ts';

/** Deletes many objects in one transaction. A refused name of a batch does not hold up the others. */
export function deleteObjects(deps: ObjectDeps): ObjectAccess['deleteObjects'] {
  return async (context, bucket, names, options = {}) => {
    const wanted = names.map((name) => (typeof name === 'string' ? { key: name } : name));
    const refused = await Promise.all(wanted.map((name) => refusal(deps, context, bucket, name)));
    const allowed = wanted.filter((_, i) => refused[i] === undefined);
    // One who may not bypass the lock of every key bypasses none.
    const bypassGovernance =
      options.bypassGovernance === true &&
      (await Promise.all(allowed.map(({ key }) => mayBypassGovernance(deps, context, { bucket, key })))).every(Boolean);
    const done = await deps.objects.deleteMany(bucket, allowed, { operation: 'DeleteObjects', bypassGovernance });
    let next = 0;
    const outcomes = wanted.map(({ key, versionId }, i): DeleteOutcome => {
      const error = refused[i];
      if (error === undefined) return done[next++]!;
      return { key, ...(versionId === undefined ? {} : { requestedVersionId: versionId }), error };
    });
    await deps.audit.recordData(
      context,
      outcomes.map(({ key, error }) =>
        dataEvent('DeleteObject', { bucket, key }, error === undefined ? {} : { error }),
      ),
    );
    return outcomes;
  };
}

async function refusal(
  deps: ObjectDeps,
  context: RequestContext,
  bucket: string,
  { key, versionId }: DeleteName,
): Promise<LochError | undefined> {
  try {
    keyBytes(key);
    if (versionId !== undefined) assertVersionId(versionId);
    await authorizeDelete(deps, context, { bucket, key, ...(versionId && { versionId }) });
    return undefined;
  } catch (error) {
    if (error instanceof LochError && error.kind === 'user') return error;
    throw error;
  }
}
