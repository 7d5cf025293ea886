import { LochError } from '../../core/errors.ts';
import type { LakePermission } from '../contract.ts';
import type { LakeFormation, LakeSettings, PrincipalPermissions } from './contract.ts';
import { assertAdmin, authorizeLake, type GrantsDeps } from './grants-deps.ts';
import { assertPermissionsFit } from './lake-resource.ts';
import { resolvePrincipal } from './resolve-principal.ts';
import grantsModule, { type StoredPrincipal } from './store.ts';

/** **Source**: Lake Formation API, `DataLakeSettings`. */
const MOST_ADMINS = 30;

/** The use-case behind PutDataLakeSettings. Root may always, so that a lake never loses its last administrator. */
export function putSettings(deps: GrantsDeps): LakeFormation['putSettings'] {
  return async (context, settings) => {
    assertAdminCounts(settings);
    await authorizeLake(deps, context, 'PutDataLakeSettings');
    if (context.principal.kind !== 'root') await assertAdmin(deps, context, 'PutDataLakeSettings');
    const before = (await deps.index.current()).settings;
    const known = new Map([...before.admins, ...before.readOnlyAdmins].map((principal) => [principal.arn, principal]));
    // Who is named already stays, though the user may be gone: settings are put as a whole.
    const resolve = async (arn: string): Promise<StoredPrincipal> =>
      known.get(arn) ?? (await resolvePrincipal(deps, arn));
    const defaults = async (kind: 'database' | 'table', given: readonly PrincipalPermissions[]) =>
      Promise.all(
        given.map(async ({ principal, permissions }) => {
          const resource = kind === 'database' ? { kind, database: '' } : { kind, database: '', table: '' };
          assertPermissionsFit(resource, permissions);
          return { ...(await resolvePrincipal(deps, principal)), permissions };
        }),
      );
    await deps.store.write(grantsModule.procedures.putSettings, {
      settings: {
        admins: await Promise.all(settings.admins.map(resolve)),
        readOnlyAdmins: await Promise.all(settings.readOnlyAdmins.map(resolve)),
        databaseDefaults: await defaults('database', settings.databaseDefaults),
        tableDefaults: await defaults('table', settings.tableDefaults),
      },
    });
  };
}

function assertAdminCounts(settings: LakeSettings): void {
  if (settings.admins.length === 0) {
    throw new LochError(
      'invalid_argument',
      'The last data lake administrator cannot be removed. Name at least one in DataLakeAdmins.',
      { context: { argument: 'DataLakeAdmins' } },
    );
  }
  for (const [name, list] of [
    ['DataLakeAdmins', settings.admins],
    ['ReadOnlyAdmins', settings.readOnlyAdmins],
  ] as const) {
    if (list.length <= MOST_ADMINS) continue;
    throw new LochError(
      'invalid_argument',
      `${name} has ${list.length} principals; at most ${MOST_ADMINS} are allowed.`,
      {
        context: { argument: name, limit: MOST_ADMINS },
      },
    );
  }
}

/** The use-case behind GetDataLakeSettings. */
export function getSettings(deps: GrantsDeps): LakeFormation['getSettings'] {
  return async (context) => {
    await authorizeLake(deps, context, 'GetDataLakeSettings');
    const { settings } = await deps.index.current();
    const arns = (principals: readonly StoredPrincipal[]) => principals.map((principal) => principal.arn);
    const given = (list: typeof settings.databaseDefaults) =>
      list.map(({ arn, permissions }) => ({ principal: arn, permissions: permissions as readonly LakePermission[] }));
    return {
      admins: arns(settings.admins),
      readOnlyAdmins: arns(settings.readOnlyAdmins),
      databaseDefaults: given(settings.databaseDefaults),
      tableDefaults: given(settings.tableDefaults),
    };
  };
}
