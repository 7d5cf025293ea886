import type { LakePermission } from '../contract.ts';
import { notGrantable } from './grant-authority.ts';
import { heldOf } from './grant-index.ts';
import type { GrantsDeps } from './grants-deps.ts';
import { resourceAt } from './lake-resource.ts';
import grantsModule, { type EntryRow, type StoredPrincipal } from './store.ts';

/**
 * The grants that a principal made and could not make any more with what remains of his own, and, further down, those
 * that hang on these. Nothing hangs on an administrator.
 */
export async function dependentsOf(
  deps: GrantsDeps,
  grantor: StoredPrincipal,
  remaining: readonly EntryRow[],
): Promise<EntryRow[]> {
  const admins = new Set((await deps.index.current()).settings.admins.map((admin) => admin.key));
  const orphans = new Map<string, EntryRow>();
  const visit = async (principal: StoredPrincipal, kept: readonly EntryRow[]): Promise<void> => {
    if (admins.has(principal.key)) return;
    const held = kept.map(heldOf);
    for (const row of await deps.store.read(grantsModule.procedures.grantedBy, { arn: principal.arn })) {
      if (orphans.has(row.id) || row.principal_key === principal.key) continue;
      const permissions = JSON.parse(row.permissions) as LakePermission[];
      if (notGrantable(held, resourceAt(row), permissions).length === 0) continue;
      orphans.set(row.id, row);
      const own = await deps.store.read(grantsModule.procedures.entriesOf, {
        principals: [row.principal],
        keys: [row.principal_key],
      });
      await visit(
        { arn: row.principal, key: row.principal_key },
        own.filter((entry) => !orphans.has(entry.id)),
      );
    }
  };
  await visit(grantor, remaining);
  return [...orphans.values()];
}
