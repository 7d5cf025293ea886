import type { ObjectAccess } from '../contract.ts';
import { assertVersionId, keyBytes } from '../stores/names.ts';
import { authorizeDelete, authorizeWrite, mayBypassGovernance } from './authorize.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';

/** Deletes an object or one version of it; what is not there is deleted too. */
export function deleteObject(deps: ObjectDeps): ObjectAccess['deleteObject'] {
  return (context, name, options = {}) =>
    recorded(deps, context, 'DeleteObject', name, async () => {
      keyBytes(name.key);
      const { versionId } = options;
      if (versionId !== undefined) assertVersionId(versionId);
      if (options.replica !== undefined && versionId === undefined) {
        await authorizeWrite(deps, context, name, 's3:ReplicateDelete');
        const { replica } = options;
        return deps.objects.delete(name.bucket, name.key, { operation: 'ReplicateDelete', replica });
      }
      await authorizeDelete(deps, context, { ...name, ...(versionId && { versionId }) });
      const bypassGovernance = options.bypassGovernance === true && (await mayBypassGovernance(deps, context, name));
      return deps.objects.delete(name.bucket, name.key, { operation: 'DeleteObject', ...options, bypassGovernance });
    });
}
