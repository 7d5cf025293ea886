import type { ObjectAccess } from '../contract.ts';
import { authorizeRead, authorizeWrite, type ObjectDeps, recorded } from './authorize.ts';
import { assertKey } from './put-object.ts';

type Uploads = Pick<
  ObjectAccess,
  'createUpload' | 'putPart' | 'copyPart' | 'listParts' | 'completeUpload' | 'abortUpload'
>;

/** Multipart uploads. Parts are recorded in the audit as what they are: bytes towards an object. */
export function uploadUseCases(deps: ObjectDeps): Uploads {
  return {
    createUpload: (context, target, options) =>
      recorded(deps, context, 'CreateMultipartUpload', target, async () => {
        assertKey(target);
        await authorizeWrite(deps, context, target, 's3:PutObject');
        return deps.objects.createUpload(target.bucket, target.key, options);
      }),
    putPart: (context, upload, partNumber, body, options) =>
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
      ),
    copyPart: (context, upload, partNumber, from, range) =>
      recorded(
        deps,
        context,
        'UploadPartCopy',
        upload,
        async () => {
          await authorizeRead(deps, context, from);
          await authorizeWrite(deps, context, upload, 's3:PutObject');
          const { body } = await deps.objects.get(from.bucket, from.key, range === undefined ? {} : { range });
          return deps.objects.putPart(upload, partNumber, body);
        },
        (part) => part.size,
      ),
    async listParts(context, upload, options) {
      await authorizeWrite(deps, context, upload, 's3:ListMultipartUploadParts');
      return deps.objects.parts(upload, options);
    },
    completeUpload: (context, upload, parts, options) =>
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
      ),
    abortUpload: (context, upload) =>
      recorded(deps, context, 'AbortMultipartUpload', upload, async () => {
        await authorizeWrite(deps, context, upload, 's3:AbortMultipartUpload');
        await deps.objects.abortUpload(upload);
      }),
  };
}
