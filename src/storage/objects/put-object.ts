import type { ObjectAccess } from '../contract.ts';
import { asWritten } from '../buckets/written-attributes.ts';
import { keyBytes } from '../stores/names.ts';
import { authorizeAttributes, tagConditions } from './attribute-access.ts';
import { authorizeWrite } from './authorize.ts';
import { withLocks } from './bucket-lock.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';
import { asReplica, putAction } from './replica-write.ts';

/** Writes an object. Nothing of the body is read before the caller is known to be allowed. */
export function putObject(deps: ObjectDeps): ObjectAccess['putObject'] {
  return (context, target, body, options) =>
    recorded(
      deps,
      context,
      'PutObject',
      target,
      async () => {
        keyBytes(target.key);
        const tags = tagConditions(options?.attributes?.tags);
        await authorizeWrite(deps, context, target, putAction(options), tags);
        await authorizeAttributes(deps, context, target, options?.attributes);
        const asked = asReplica(await asWritten(deps, context, target, options));
        const written = await withLocks(deps, context, target.bucket, asked);
        return deps.objects.put(target.bucket, target.key, body, { operation: 'PutObject', ...written });
      },
      (head) => head.size,
    );
}
