import type { ObjectAccess } from '../contract.ts';
import { asWritten } from '../buckets/written-attributes.ts';
import { keyBytes } from '../stores/names.ts';
import { authorizeAttributes, tagConditions } from './attribute-access.ts';
import { authorizeWrite } from './authorize.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';
import { asReplica, putAction } from './replica-write.ts';

/** Begins a multipart upload. */
export function createUpload(deps: ObjectDeps): ObjectAccess['createUpload'] {
  return (context, target, options) =>
    recorded(deps, context, 'CreateMultipartUpload', target, async () => {
      keyBytes(target.key);
      await authorizeWrite(deps, context, target, putAction(options), tagConditions(options?.attributes?.tags));
      await authorizeAttributes(deps, context, target, options?.attributes);
      const written = asReplica(await asWritten(deps, context, target, options));
      return deps.objects.createUpload(target.bucket, target.key, written);
    });
}
