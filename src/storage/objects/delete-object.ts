import type { ObjectAccess } from '../contract.ts';
import { authorizeWrite } from './authorize.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';

/** Deletes an object; one that is not there is deleted too. */
export function deleteObject(deps: ObjectDeps): ObjectAccess['deleteObject'] {
  return (context, name, options) =>
    recorded(deps, context, 'DeleteObject', name, async () => {
      await authorizeWrite(deps, context, name, 's3:DeleteObject');
      await deps.objects.delete(name.bucket, name.key, options);
    });
}
