import type { ObjectAccess } from '../contract.ts';
import { authorizeBegun } from './authorize.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';

/** The parts of an upload by number. */
export function listParts(deps: ObjectDeps): ObjectAccess['listParts'] {
  return (context, upload, options) =>
    recorded(deps, context, 'ListParts', upload, async () => {
      await authorizeBegun(deps, context, upload, 's3:ListMultipartUploadParts');
      return deps.objects.parts(upload, options);
    });
}
