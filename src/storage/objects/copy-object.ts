import type { ObjectAccess } from '../contract.ts';
import { asWritten } from '../buckets/written-attributes.ts';
import { keyBytes } from '../stores/names.ts';
import { authorizeAttributes, tagConditions } from './attribute-access.ts';
import { authorizeRead, authorizeWrite, missingOrHidden, readAction } from './authorize.ts';
import { withLocks } from './bucket-lock.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';

/** Writes an object from another one: needs the right to read the one and to write the other. */
export function copyObject(deps: ObjectDeps): ObjectAccess['copyObject'] {
  return (context, from, to, options) =>
    recorded(
      deps,
      context,
      'CopyObject',
      to,
      async () => {
        keyBytes(to.key);
        await authorizeRead(deps, context, from, readAction(from));
        await authorizeWrite(deps, context, to, 's3:PutObject', tagConditions(options?.attributes?.tags));
        await authorizeAttributes(deps, context, to, options?.attributes);
        const written = await withLocks(deps, context, to.bucket, await asWritten(deps, context, to, options));
        try {
          return await deps.objects.copy(from, to, { operation: 'CopyObject', ...written });
        } catch (error) {
          throw await missingOrHidden(deps, context, from, error);
        }
      },
      (head) => head.size,
    );
}
