import type { ObjectAccess } from '../contract.ts';
import { authorizeBegun } from './authorize.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';

/** Gives an upload up; its parts go. */
export function abortUpload(deps: ObjectDeps): ObjectAccess['abortUpload'] {
  return (context, upload) =>
    recorded(deps, context, 'AbortMultipartUpload', upload, async () => {
      await authorizeBegun(deps, context, upload, 's3:AbortMultipartUpload');
      await deps.objects.abortUpload(upload);
    });
}
