import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import type { CopyOptions, GetOptions, ObjectAccess, ObjectName, PartInfo } from '../contract.ts';
import { authorizeRead, authorizeWrite, missingOrHidden } from './authorize.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';

/** Writes a part from another object, or a range of it. */
export function copyPart(deps: ObjectDeps): ObjectAccess['copyPart'] {
  return (context, upload, partNumber, from, range, options) =>
    recorded(
      deps,
      context,
      'UploadPartCopy',
      upload,
      async (): Promise<PartInfo> => {
        await authorizeRead(deps, context, from);
        await authorizeWrite(deps, context, upload, 's3:PutObject');
        const read = await source(deps, context, from, sourceOptions(range, options));
        const size = read.range === undefined ? read.head.size : read.range.last - read.range.first + 1;
        try {
          return await deps.objects.putPart(upload, partNumber, read.body, { ...options, contentLength: size });
        } finally {
          read.body.destroy();
        }
      },
      (part) => part.size,
    );
}

function sourceOptions(range: GetOptions['range'], options: CopyOptions | undefined): GetOptions {
  return { ...options?.source, ...(range === undefined ? {} : { range }) };
}

async function source(deps: ObjectDeps, context: RequestContext, from: ObjectName, options: GetOptions) {
  try {
    return await deps.objects.get(from.bucket, from.key, options);
  } catch (error) {
    // A source that is as it was is a condition that fails.
    if (isLochError(error, 'not_modified')) {
      throw new LochError('precondition_failed', error.message, { context: error.context });
    }
    throw await missingOrHidden(deps, context, from, error);
  }
}
