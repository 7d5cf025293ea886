import { LochError } from '../../core/errors.ts';
import type { ObjectAccess } from '../contract.ts';
import { assertVersionId } from '../stores/names.ts';
import { authorizeWrite, missingOrHidden } from './authorize.ts';
import type { ObjectDeps } from './object-deps.ts';
import { recorded } from './record.ts';

/** Asks for a copy of an archived version for some days, or for more days of the copy that is there. */
export function restoreObject(deps: ObjectDeps): ObjectAccess['restoreObject'] {
  return (context, name, days) =>
    recorded(deps, context, 'RestoreObject', name, async () => {
      if (name.versionId !== undefined) assertVersionId(name.versionId);
      if (days !== undefined && days < 1) {
        throw new LochError('invalid_argument', `Days must be a positive whole number, not ${days}.`, {
          context: { argument_name: 'Days', argument_value: days },
        });
      }
      await authorizeWrite(deps, context, name, 's3:RestoreObject');
      const { tiers } = deps.objects;
      if (tiers === undefined) {
        throw new LochError('unsupported', 'RestoreObject needs an archive tier: set `storage.tiers.archive`.');
      }
      try {
        return await tiers.restore(name, days);
      } catch (error) {
        throw await missingOrHidden(deps, context, name, error);
      }
    });
}
