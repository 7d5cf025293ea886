import type { ObjectAccess } from '../contract.ts';
import { authorizeWrite } from './authorize.ts';
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
        return deps.objects.completeUpload(upload, parts, { operation: 'CompleteMultipartUpload', ...options });
      },
      (head) => head.size,
    );
}
