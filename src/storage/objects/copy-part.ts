import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import type {
  ByteRange,
  CopyOptions,
  GetOptions,
  ObjectAccess,
  ObjectName,
  ObjectRead,
  PartInfo,
  VersionName,
} from '../contract.ts';
import { authorizeRead, authorizeWrite, missingOrHidden, readAction } from './authorize.ts';
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
        await authorizeRead(deps, context, from, readAction(from));
        await authorizeWrite(deps, context, upload, 's3:PutObject');
        const read = await source(deps, context, from, sourceOptions(from, range, options));
        assertSourceSize(read, range, options?.source?.maxSize);
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

/** A range lies within the source, other than one of a read; without one it is all of the source that is copied. */
function assertSourceSize({ head, body }: ObjectRead, range: ByteRange | undefined, maxSize: number | undefined): void {
  if (range !== undefined && 'last' in range && range.last !== undefined && range.last >= head.size) {
    body.destroy();
    throw new LochError('range_not_satisfiable', `The range ends at byte ${range.last}; the source has ${head.size}.`, {
      context: { actualObjectSize: head.size },
    });
  }
  if (range !== undefined || maxSize === undefined || head.size <= maxSize) return;
  body.destroy();
  throw new LochError('limit_exceeded', `The source has ${head.size} bytes; copy it in ranges of at most ${maxSize}.`, {
    context: { size: head.size, limit: maxSize },
  });
}

function sourceOptions(
  { versionId }: VersionName,
  range: GetOptions['range'],
  options: CopyOptions | undefined,
): GetOptions {
  return {
    ...options?.source,
    ...(versionId === undefined ? {} : { versionId }),
    ...(range === undefined ? {} : { range }),
  };
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
