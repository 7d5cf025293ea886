import type { ObjectAccess } from '../contract.ts';
import { keyBytes } from '../stores/names.ts';
import { authorizeRead, authorizeWrite, missingOrHidden } from './authorize.ts';
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
        await authorizeRead(deps, context, from);
        await authorizeWrite(deps, context, to, 's3:PutObject');
        try {
          return await deps.objects.copy(from, to, { operation: 'CopyObject', ...options });
        } catch (error) {
          throw await missingOrHidden(deps, context, from, error);
        }
      },
      (head) => head.size,
    );
}
