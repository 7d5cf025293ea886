import { LochError } from '../../core/errors.ts';
import type { BatchFailure, LakeFormation } from './contract.ts';
import { grantPermissions } from './grant-permissions.ts';
import type { GrantsDeps } from './grants-deps.ts';
import { revokePermissions } from './revoke-permissions.ts';

/** **Source**: Lake Formation API, BatchGrantPermissions: 20 entries. */
const MOST_ENTRIES = 20;

function batch(run: (...args: Parameters<LakeFormation['grant']>) => Promise<unknown>): LakeFormation['batchGrant'] {
  return async (context, entries) => {
    if (entries.length === 0 || entries.length > MOST_ENTRIES) {
      throw new LochError('invalid_argument', `A batch has 1 to ${MOST_ENTRIES} entries, not ${entries.length}.`, {
        context: { argument: 'Entries', limit: MOST_ENTRIES },
      });
    }
    const failures: BatchFailure[] = [];
    for (const entry of entries) {
      try {
        await run(context, entry);
      } catch (error) {
        failures.push({ id: entry.id, error });
      }
    }
    return failures;
  };
}

/** The use-case behind BatchGrantPermissions: each entry by itself, in order. */
export function batchGrantPermissions(deps: GrantsDeps): LakeFormation['batchGrant'] {
  return batch(grantPermissions(deps, 'BatchGrantPermissions'));
}

/** The use-case behind BatchRevokePermissions. */
export function batchRevokePermissions(deps: GrantsDeps): LakeFormation['batchRevoke'] {
  return batch(revokePermissions(deps, 'BatchRevokePermissions'));
}
