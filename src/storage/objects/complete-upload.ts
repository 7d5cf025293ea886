import type { ObjectAccess } from '../contract.ts';
import { authorizeWrite } from './authorize.ts';
import { withLocks } from './bucket-lock.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';

/** Makes an object of the parts of an upload. */
export function completeUpload(deps: ObjectDeps): ObjectAccess['completeUpload'] {
  return (context, upload, parts, options) =>
    recorded(
      deps,
      context,
      'CompleteMultipartUpload',
      upload,
      async () => {
        await authorizeWrite(deps, context, upload, 's3:PutObject');
        const written = await withLocks(deps, context, upload.bucket, {
          operation: 'CompleteMultipartUpload',
          ...options,
        });
        return deps.objects.completeUpload(upload, parts, written);
      },
      (head) => head.size,
    );
}
