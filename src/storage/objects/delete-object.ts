import type { ObjectAccess } from '../contract.ts';
import { authorizeDelete } from './authorize.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';

/** Deletes an object or one version of it; what is not there is deleted too. */
export function deleteObject(deps: ObjectDeps): ObjectAccess['deleteObject'] {
  return (context, name, options = {}) =>
    recorded(deps, context, 'DeleteObject', name, async () => {
      await authorizeDelete(deps, context, name, options);
      return deps.objects.delete(name.bucket, name.key, { operation: 'DeleteObject', ...options });
    });
}
