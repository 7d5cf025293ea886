/**
 * Preconditions of reads and writes. **Source**: RFC 9110 section 13; Amazon S3 API Reference, "GetObject" and
 * "Conditional writes".
 */
import { isLochError, LochError } from '../../core/errors.ts';
import type { CopyOptions, DeleteOptions, GetOptions, ObjectHead, PutOptions } from '../contract.ts';

const unquoted = (etag: string): string =>
  etag
    .trim()
    .replace(/^W\//, '')
    .replace(/^"(.*)"$/, '$1');

/** Whether `etag` is one of a comma-separated list of entity tags, or the list is `*`. */
export function etagMatches(list: string, etag: string): boolean {
  if (list.trim() === '*') return true;
  const own = unquoted(etag);
  return list.split(',').some((one) => unquoted(one) === own);
}

/** HTTP dates carry whole seconds. */
const seconds = (ms: number): number => Math.floor(ms / 1000);

/** **Errors**: `precondition_failed` and `not_modified`, with the ETag and time found. */
export function checkReadConditions(
  head: Pick<ObjectHead, 'bucket' | 'key' | 'etag' | 'lastModified'>,
  options: GetOptions,
): void {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = options;
  const context = { bucket: head.bucket, key: head.key, etag: head.etag, lastModified: head.lastModified };
  const failed = (condition: string) =>
    new LochError(
      'precondition_failed',
      `The condition ${condition} does not hold: the object's ETag is ${head.etag}.`,
      {
        context: { ...context, condition },
      },
    );
  const unchanged = () => new LochError('not_modified', `The object \`${head.key}\` has not changed.`, { context });
  if (ifMatch !== undefined) {
    if (!etagMatches(ifMatch, head.etag)) throw failed('If-Match');
  } else if (ifUnmodifiedSince !== undefined && seconds(head.lastModified) > seconds(ifUnmodifiedSince)) {
    throw failed('If-Unmodified-Since');
  }
  if (ifNoneMatch !== undefined) {
    if (etagMatches(ifNoneMatch, head.etag)) throw unchanged();
  } else if (ifModifiedSince !== undefined && seconds(head.lastModified) <= seconds(ifModifiedSince)) {
    throw unchanged();
  }
}

/** **Errors**: `precondition_failed`, also for a source that is as it was; `limit_exceeded` for one that is too large. */
export function checkCopySource(head: ObjectHead, { source = {} }: CopyOptions): void {
  try {
    checkReadConditions(head, source);
  } catch (error) {
    if (!isLochError(error, 'not_modified')) throw error;
    throw new LochError('precondition_failed', `The source object \`${head.key}\` has not changed.`, {
      context: error.context,
    });
  }
  if (source.maxSize === undefined || head.size <= source.maxSize) return;
  throw new LochError(
    'limit_exceeded',
    `The specified copy source is larger than the maximum allowable size for a copy source: ${source.maxSize}.`,
    { context: { size: head.size, limit: source.maxSize } },
  );
}

/**
 * Decides a conditional write against the current version's ETag, if there is one.
 * **Errors**: `precondition_failed`; `object_not_found` for If-Match on a key that does not exist.
 */
export function checkWriteConditions(
  name: { readonly bucket: string; readonly key: string },
  currentEtag: string | undefined,
  options: Pick<PutOptions, 'ifMatch' | 'ifNoneMatch'>,
): void {
  const context = { bucket: name.bucket, key: name.key };
  const { ifNoneMatch } = options;
  if (ifNoneMatch !== undefined && currentEtag !== undefined && etagMatches(ifNoneMatch, currentEtag)) {
    throw new LochError(
      'precondition_failed',
      `The object \`${name.key}\` exists already (If-None-Match: ${ifNoneMatch}).`,
      { context: { ...context, condition: 'If-None-Match', etag: currentEtag } },
    );
  }
  if (options.ifMatch === undefined) return;
  if (currentEtag === undefined) {
    throw new LochError('object_not_found', `The object \`${name.key}\` of If-Match does not exist.`, { context });
  }
  if (!etagMatches(options.ifMatch, currentEtag)) {
    throw new LochError(
      'precondition_failed',
      `The object \`${name.key}\` changed: its ETag is ${currentEtag}, If-Match wants ${options.ifMatch}. Read it again.`,
      { context: { ...context, condition: 'If-Match', etag: currentEtag } },
    );
  }
}

/**
 * Decides a conditional delete against the version that would go or be marked, if there is one; `isMarked` when it is a
 * delete marker. **Errors**: `precondition_failed`; `object_not_found` for a condition on what does not exist.
 * **Source**: Amazon S3 User Guide, "How to perform conditional deletes".
 */
export function checkDeleteConditions(
  name: { readonly bucket: string; readonly key: string },
  found: { readonly etag: string; readonly size: number; readonly modifiedAt: number } | undefined,
  options: Pick<DeleteOptions, 'ifMatch' | 'ifModifiedAt' | 'ifSize'>,
  isMarked = false,
): void {
  const { ifMatch, ifModifiedAt, ifSize } = options;
  if (ifMatch === undefined && ifModifiedAt === undefined && ifSize === undefined) return;
  const unlike = (condition: string) =>
    new LochError('precondition_failed', `The condition ${condition} does not hold for \`${name.key}\`.`, {
      context: { bucket: name.bucket, key: name.key, condition },
    });
  if (isMarked) throw unlike('If-Match');
  checkWriteConditions(name, found?.etag, { ifMatch: ifMatch ?? '*' });
  if (ifModifiedAt !== undefined && seconds(ifModifiedAt) !== seconds(found!.modifiedAt)) {
    throw unlike('x-amz-if-match-last-modified-time');
  }
  if (ifSize !== undefined && ifSize !== found!.size) throw unlike('x-amz-if-match-size');
}
