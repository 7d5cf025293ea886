/**
 * The policy every layer asks: IAM and Lake Formation composed, and the record of each refusal.
 *
 * Invariants
 * - IAM and Lake Formation must both allow. `authorize` asks IAM; the rest asks the grants; selecting data asks IAM for
 *   `lakeformation:GetDataAccess` as well, so that one IAM statement can close all data to somebody.
 * - A refusal is durable in the audit before the caller hears of it.
 * - What a caller may not know of answers exactly as what does not exist.
 */
import { glueArn } from '../core/arn.ts';
import type { Principal, RequestContext } from '../core/caller.ts';
import type { LochError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import { storeCall } from '../metadata/contract.ts';
import {
  type ActionRequest,
  type CatalogName,
  type Decision,
  databaseNotFound,
  type LakePermission,
  type Policy,
  type TableDirectory,
  type TableName,
  tableNotFound,
} from './contract.ts';
import { decideScope, scopeWrites } from './decide-scope.ts';
import { isUnder, locationArn } from './grants/data-location.ts';
import {
  decideCatalog,
  decideDatabase,
  decideLocation,
  decideTable,
  governingLocation,
  type LakeDecision,
  visibilityOf,
} from './grants/decide-grants.ts';
import { type GrantIndex, principalKey } from './grants/grant-index.ts';
import grantsModule, { type NewEntry } from './grants/store.ts';
import { placeOf } from './grants/lake-resource.ts';
import { shapeOfTable } from './grants/table-shape.ts';
import type { Refuse } from './refusals.ts';

export interface PolicyDeps {
  /** The IAM decision over the caller's policies. Lent storage credentials are decided by their scope instead. */
  readonly decide: (context: RequestContext, request: ActionRequest) => Promise<Decision>;
  readonly index: GrantIndex;
  readonly refuse: Refuse;
  readonly accountId: string;
  readonly region: string;
  readonly directory: () => TableDirectory;
}

const foldName = (name: TableName): TableName => ({
  database: name.database.toLowerCase(),
  table: name.table.toLowerCase(),
});

/** Why nothing allows a request, and what would. */
function whyNot({ principal }: RequestContext, { action, side }: ActionRequest): string {
  if (principal.kind === 'anonymous')
    return `the request is not signed, and nothing lets everybody ${action}. Sign it.`;
  if (side !== undefined && side.accountId !== principal.accountId) {
    return `it is of account ${side.accountId}; its policy and one of the caller's must both allow ${action}.`;
  }
  return `no identity-based policy allows ${action}, and no policy of the resource does. Attach one that does.`;
}

/** The policy over an IAM decision and a compiled grant index. */
export function createPolicy(deps: PolicyDeps): Policy {
  const { index, refuse, accountId, region } = deps;
  const decide = (context: RequestContext, request: ActionRequest): Promise<Decision> => {
    const scope = context.principal.session?.scope;
    return scope === undefined ? deps.decide(context, request) : decideScope(deps, context, request, scope);
  };
  const arnOf = (name: CatalogName): string =>
    glueArn(
      region,
      accountId,
      name.table === undefined ? `database/${name.database}` : `table/${name.database}/${name.table}`,
    );

  const authorize = async (context: RequestContext, request: ActionRequest): Promise<void> => {
    const decision = await decide(context, request);
    if (decision.allowed) return;
    const why =
      decision.reason === 'explicit_deny'
        ? `an explicit deny in ${decision.decidedBy.join(', ')}.`
        : whyNot(context, request);
    throw await refuse(context, { ...request, why, by: [decision.reason, ...decision.decidedBy] });
  };

  /** Records a refusal of the grants and answers what the caller may know of it. */
  const refuseLake = async (
    context: RequestContext,
    decision: LakeDecision,
    permission: LakePermission,
    resource: string,
    hidden: () => LochError,
  ): Promise<LochError> => {
    const refusal = await refuse(context, {
      action: `lakeformation:${permission}`,
      resource,
      why: `no Lake Formation grant gives ${permission} there. Ask a data lake administrator to grant it.`,
      by: decision.decidedBy.length === 0 ? ['no-grant'] : decision.decidedBy,
    });
    return decision.visible ? refusal : hidden();
  };

  const creatorEntry = (principal: Principal, name: CatalogName): NewEntry => ({
    id: newId(),
    principal: principal.arn,
    principal_key: principalKey(principal),
    ...placeOf(
      name.table === undefined
        ? { kind: 'database', database: name.database }
        : { kind: 'table', database: name.database, table: name.table },
    ),
    permissions: ['ALL'],
    grantable: ['ALL'],
    granted_by: principal.arn,
  });

  const foldCatalogName = (name: CatalogName): { database: string; table?: string } => ({
    database: name.database.toLowerCase(),
    ...(name.table === undefined ? {} : { table: name.table.toLowerCase() }),
  });

  return {
    decide,
    authorize,
    refuse,
    async authorizeTable(context, asked, permission) {
      const name = foldName(asked);
      const decision = decideTable(await index.current(), context.principal, name, permission);
      if (decision.allowed) return;
      throw await refuseLake(context, decision, permission, arnOf(name), () => tableNotFound(name));
    },
    mayTable: async (context, asked, permission) =>
      decideTable(await index.current(), context.principal, foldName(asked), permission).allowed,
    async authorizeDatabase(context, asked, permission) {
      const database = asked.toLowerCase();
      const decision = decideDatabase(await index.current(), context.principal, database, permission);
      if (decision.allowed) return;
      throw await refuseLake(context, decision, permission, arnOf({ database }), () => databaseNotFound(database));
    },
    async authorizeCatalog(context, permission) {
      const decision = decideCatalog(await index.current(), context.principal, permission);
      if (decision.allowed) return;
      throw await refuseLake(context, decision, permission, glueArn(region, accountId, 'catalog'), () =>
        databaseNotFound('catalog'),
      );
    },
    async tableShape(context, asked, columns) {
      const name = foldName(asked);
      const state = await index.current();
      const shape = shapeOfTable(state, state.grantsOf(context.principal), name, columns);
      if (shape === undefined) {
        const { visible } = decideTable(state, context.principal, name, 'DESCRIBE');
        throw await refuseLake(context, { allowed: false, visible, decidedBy: [] }, 'SELECT', arnOf(name), () =>
          tableNotFound(name),
        );
      }
      await authorize(context, { action: 'lakeformation:GetDataAccess', resource: '*' });
      return shape;
    },
    visibleTables: async (context) => visibilityOf(await index.current(), context.principal),
    async registeredLocation(bucket, key) {
      const root = governingLocation(await index.current(), key === '' ? bucket : `${bucket}/${key}`);
      return root === undefined ? undefined : locationArn(root);
    },
    async registeredUnder(bucket, prefix) {
      const path = `${bucket}/${prefix}`.replace(/\/+$/, '');
      return [...(await index.current()).locations.keys()]
        .filter((root) => isUnder(root, path))
        .map((root) => `s3://${root}`);
    },
    async authorizeDataLocation(context, location) {
      const decision = decideLocation(await index.current(), context.principal, location);
      if (decision.allowed || (await scopeWrites(deps, context.principal, location))) return;
      throw await refuse(context, {
        action: 'lakeformation:DATA_LOCATION_ACCESS',
        resource: location,
        why: 'the location is registered and no grant gives DATA_LOCATION_ACCESS on it. Ask a data lake administrator.',
        by: ['no-grant'],
      });
    },
    creatorGrants: (context, asked) => {
      const name = foldCatalogName(asked);
      return [storeCall(grantsModule.procedures.create, { ...name, creator: creatorEntry(context.principal, name) })];
    },
    dropGrants: (name, tableId = '') => [
      storeCall(grantsModule.procedures.drop, { ...foldCatalogName(name), id: newId(), tableId }),
    ],
    restoreGrants: (name, tableId) => [storeCall(grantsModule.procedures.restore, { ...foldName(name), tableId })],
    renameGrants: (from, to) => [storeCall(grantsModule.procedures.rename, { from: foldName(from), to: foldName(to) })],
  };
}
