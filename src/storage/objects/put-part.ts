import type { ObjectAccess } from '../contract.ts';
import { authorizeWrite } from './authorize.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';

/** Writes a part of a multipart upload. */
export function putPart(deps: ObjectDeps): ObjectAccess['putPart'] {
  return (context, upload, partNumber, body, options) =>
    recorded(
      deps,
      context,
      'UploadPart',
      upload,
      async () => {
        await authorizeWrite(deps, context, upload, 's3:PutObject');
        return deps.objects.putPart(upload, partNumber, body, options);
      },
      (part) => part.size,
    );
}
