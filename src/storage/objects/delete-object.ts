import { LochError } from '../../core/errors.ts';
import type { DeleteOutcome, ObjectAccess } from '../contract.ts';
import { authorizeWrite, type ObjectDeps, recorded } from './authorize.ts';

type Deletes = Pick<ObjectAccess, 'deleteObject' | 'deleteObjects'>;

/** Deleting one object, or many in one transaction. A refused key of a batch does not hold up the others. */
export function deleteUseCases(deps: ObjectDeps): Deletes {
  return {
    deleteObject: (context, name) =>
      recorded(deps, context, 'DeleteObject', name, async () => {
        await authorizeWrite(deps, context, name, 's3:DeleteObject');
        await deps.objects.delete(name.bucket, name.key);
      }),
    async deleteObjects(context, bucket, keys) {
      await deps.objects.bucket(bucket);
      const outcomes = await Promise.all(
        keys.map(async (key): Promise<DeleteOutcome> => {
          try {
            await authorizeWrite(deps, context, { bucket, key }, 's3:DeleteObject');
            return { key };
          } catch (error) {
            if (error instanceof LochError) return { key, error };
            throw error;
          }
        }),
      );
      const allowed = outcomes.filter((outcome) => outcome.error === undefined).map(({ key }) => key);
      await deps.objects.deleteMany(bucket, allowed);
      await deps.audit.recordData(
        context,
        outcomes.map(({ key, error }) => ({
          eventSource: 's3.amazonaws.com',
          eventName: 'DeleteObject',
          resource: `arn:aws:s3:::${bucket}/${key}`,
          ...(error === undefined ? {} : { errorCode: 'AccessDenied' }),
        })),
      );
      return outcomes;
    },
  };
}
