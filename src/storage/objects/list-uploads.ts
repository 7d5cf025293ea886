import { authorizeBucket } from '../buckets/bucket-side.ts';
import type { ListUploadsOptions, ObjectAccess, ObjectStore, UploadInfo, UploadPage } from '../contract.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';

const MAX_KEY_BYTES = 1024;

/** Uploads of a bucket that are neither completed nor aborted. */
export function listUploads(deps: ObjectDeps): ObjectAccess['listUploads'] {
  return (context, bucket, options = {}) =>
    recorded(deps, context, 'ListMultipartUploads', { bucket }, async () => {
      await authorizeBucket(deps, context, bucket, 's3:ListBucketMultipartUploads', {
        's3:prefix': options?.prefix ?? '',
      });
      return uploadPage(deps.objects, bucket, options);
    });
}

/** A page of uploads; a common prefix costs one seek, however many uploads it stands for. */
async function uploadPage(
  objects: Pick<ObjectStore, 'uploads'>,
  bucket: string,
  options: ListUploadsOptions & { readonly delimiter?: string },
): Promise<UploadPage> {
  const { prefix = '', delimiter = '', max = 1000 } = options;
  const uploads: UploadInfo[] = [];
  const commonPrefixes: string[] = [];
  const toldBefore = commonPrefix(options.after?.key ?? '', prefix, delimiter);
  let after = toldBefore !== undefined && toldBefore === options.after?.key ? beyond(toldBefore) : options.after;
  let last: UploadPage['next'];
  for (;;) {
    const wanted = max - uploads.length - commonPrefixes.length + 1;
    const found = await objects.uploads(bucket, { prefix, max: wanted, ...(after === undefined ? {} : { after }) });
    let common: string | undefined;
    for (const upload of found) {
      if (uploads.length + commonPrefixes.length === max) {
        return { uploads, commonPrefixes, ...(last === undefined ? {} : { next: last }) };
      }
      common = commonPrefix(upload.key, prefix, delimiter);
      if (common !== undefined) break;
      uploads.push(upload);
      last = { key: upload.key, uploadId: upload.uploadId };
      after = last;
    }
    if (common !== undefined) {
      commonPrefixes.push(common);
      last = { key: common };
      after = beyond(common);
    } else if (found.length < wanted) return { uploads, commonPrefixes };
  }
}

function commonPrefix(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '' || !key.startsWith(prefix)) return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at === -1 ? undefined : key.slice(0, at + delimiter.length);
}

/** A place behind every key that begins with `prefix`: no character's UTF-8 bytes come after those of U+10FFFF. */
function beyond(prefix: string): { readonly key: string } {
  const left = Math.max(0, MAX_KEY_BYTES - Buffer.byteLength(prefix));
  return { key: prefix + '\u{10FFFF}'.repeat(Math.ceil(left / 4)) };
}
