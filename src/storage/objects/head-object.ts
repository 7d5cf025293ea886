import type { ObjectAccess } from '../contract.ts';
import { authorizeRead, missingOrHidden, readAction } from './authorize.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';

/** Tells of an object without its bytes. Needs what reading it needs. */
export function headObject(deps: ObjectDeps): ObjectAccess['headObject'] {
  return (context, name, options) =>
    recorded(deps, context, 'HeadObject', name, async () => {
      await authorizeRead(deps, context, name, readAction(options));
      try {
        return await deps.objects.head(name.bucket, name.key, options);
      } catch (error) {
        throw await missingOrHidden(deps, context, name, error);
      }
    });
}
