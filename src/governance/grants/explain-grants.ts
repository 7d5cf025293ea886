import type { Principal, RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import {
  type ColumnType,
  type Decision,
  type GrantShape,
  type TableName,
  type TableShape,
  tableNotFound,
} from '../contract.ts';
import { columnsOf } from './assert-resource.ts';
import type { GrantExplanation, LakeFormation } from './contract.ts';
import { decideTable, visibilityOf } from './decide-grants.ts';
import { formatRowFilter } from './filter/format-row-filter.ts';
import { mayUse } from './get-filter.ts';
import { type GrantState, type Held, tableKey } from './grant-index.ts';
import { authorizeLake, type GrantsDeps } from './grants-deps.ts';
import { describeResource } from './lake-resource.ts';
import { coveredColumns, fitFilter, selectingGrants, shapeOfTable } from './table-shape.ts';

export interface ExplainDeps extends GrantsDeps {
  readonly decide: (context: RequestContext, request: { action: string; resource: string }) => Promise<Decision>;
}

/** The use-case behind "Why?": built from the same functions that decide, so that it cannot say anything else. */
export function explainGrants(deps: ExplainDeps): LakeFormation['explainGrants'] {
  return async (context, question) => {
    const table = { database: question.table.database.toLowerCase(), table: question.table.table.toLowerCase() };
    const state = await deps.index.current();
    const own = question.principal === undefined || question.principal === context.principal.arn;
    if (!own) await authorizeLake(deps, context, 'GetEffectivePermissionsForPath');
    const subject = own ? context.principal : await otherPrincipal(deps, context, state, question.principal!);
    // Who may not know of the table, or of a column, does not hear of it here either.
    const visibility = visibilityOf(state, context.principal);
    if (!visibility.table(table)) throw tableNotFound(table);
    const columns = await columnsOf(deps, table);
    const visible = new Set(
      visibility.columns(
        table,
        columns.map((column) => column.name),
      ),
    );
    const grants = state.grantsOf(subject);
    const shape = shapeOfTable(state, grants, table, columns);
    const access = await deps.decide(
      { ...context, principal: subject },
      { action: 'lakeformation:GetDataAccess', resource: '*' },
    );
    const allowed = shape !== undefined && access.allowed;
    const held = selectingGrants(grants, table).map((grant) => describeGrant(state, context.principal, grant, columns));
    const shown = columns
      .filter(({ name }) => visible.has(name))
      .map(({ name }) => ({ name, shown: shownAs(shape, name) }));
    const role = state.isAdmin(subject)
      ? 'a data lake administrator'
      : state.isReadOnlyAdmin(subject)
        ? 'a read-only administrator'
        : 'no administrator';
    const describe = decideTable(state, subject, table, 'DESCRIBE');
    const lines = [
      `Identity: ${subject.arn} (${subject.kind}, ${role}).`,
      `Policies: lakeformation:GetDataAccess is ${access.allowed ? 'allowed' : access.reason.replace('_', ' ')}${by(access.decidedBy)}.`,
      `Metadata: DESCRIBE on ${table.database}.${table.table} is ${describe.allowed ? `allowed${by(describe.decidedBy)}` : 'not granted'}.`,
      held.length === 0
        ? 'Grants: none gives SELECT.'
        : `Grants with SELECT: ${held.length}, their union is what is shown.`,
      ...held.map(
        (grant) =>
          `  ${grant.id} to ${grant.principal} on ${grant.resource}: rows ${grant.rows}; columns ${grant.columns.join(', ') || 'none'}${maskText(grant.masks)}.`,
      ),
      `Columns: ${shown.map((column) => `${column.name} ${column.shown}`).join(', ')}.`,
      allowed ? 'Answer: allowed.' : `Answer: denied. ${whatWouldAllow(subject, table, shape, access)}`,
    ];
    return { principal: subject.arn, table, allowed, columns: shown, grants: held, lines };
  };
}

const by = (ids: readonly string[]): string => (ids.length === 0 ? '' : ` by ${ids.join(', ')}`);

const maskText = (masks: Readonly<Record<string, string>>): string => {
  const list = Object.entries(masks).map(([column, mask]) => `${column} as ${mask}`);
  return list.length === 0 ? '' : `; masked ${list.join(', ')}`;
};

function whatWouldAllow(subject: Principal, table: TableName, shape: TableShape | undefined, access: Decision): string {
  const grant = `GRANT SELECT on ${table.database}.${table.table} to ${subject.arn}`;
  if (access.allowed) return `What would allow: ${grant}.`;
  const policy =
    access.reason === 'explicit_deny'
      ? 'removing the explicit deny of lakeformation:GetDataAccess'
      : 'an IAM policy that allows lakeformation:GetDataAccess on *';
  return shape === undefined ? `What would allow: ${policy}, and ${grant}.` : `What would allow: ${policy}.`;
}

async function otherPrincipal(
  deps: GrantsDeps,
  context: RequestContext,
  state: GrantState,
  arn: string,
): Promise<Principal> {
  if (!state.isAdmin(context.principal) && !state.isReadOnlyAdmin(context.principal)) {
    throw await deps.refuse(context, {
      action: 'lakeformation:GetEffectivePermissionsForPath',
      resource: arn,
      why: 'one may ask about oneself; about others, only administrators.',
      by: ['not-a-data-lake-administrator'],
    });
  }
  const principal = await deps.identities.principal(arn);
  if (principal !== undefined) return principal;
  throw new LochError('invalid_argument', `There is no principal \`${arn}\`.`, { context: { argument: 'principal' } });
}

function describeGrant(
  state: GrantState,
  viewer: Principal,
  held: Held,
  columns: readonly ColumnType[],
): GrantExplanation['grants'][number] {
  const names = columns.map((column) => column.name);
  const common = {
    id: held.id,
    principal: held.principal,
    permissions: [...held.permissions],
  };
  const { resource } = held;
  if (resource.kind === 'columns') {
    // Told by what it shows, since the columns it hides are not the holder's to know.
    const { database, table } = resource;
    const include = coveredColumns(names, resource);
    const shown = describeResource({ kind: 'columns', database, table, include });
    return { ...common, resource: shown, rows: 'all', columns: include, masks: {} };
  }
  const text = describeResource(resource);
  if (resource.kind !== 'filter') return { ...common, resource: text, rows: 'all', columns: names, masks: {} };
  const filter = state.filters.get(tableKey(resource))?.get(resource.filter);
  if (filter === undefined)
    return { ...common, resource: text, rows: 'none (the filter is gone)', columns: [], masks: {} };
  const fit = fitFilter(filter, columns);
  const literals = mayUse(state, viewer, filter, 'DESCRIBE');
  const rows =
    fit.invalid === undefined
      ? filter.expression === undefined
        ? 'all'
        : literals
          ? `where ${formatRowFilter(fit.rows)}`
          : 'by a condition that needs DESCRIBE on the filter to be shown'
      : `none (filter invalid${literals ? `: ${fit.invalid}` : ''})`;
  return { ...common, resource: text, rows, columns: coveredColumns(names, filter), masks: filter.masks };
}

/** How one column appears over all rows of the table. */
function shownAs(shape: TableShape | undefined, column: string): 'clear' | 'masked' | 'partly' | 'hidden' {
  if (shape === undefined) return 'hidden';
  if (shape.kind === 'full') return 'clear';
  const covering = shape.grants.filter((grant) => grant.columns.includes(column));
  if (covering.length === 0) return 'hidden';
  const unmasked = covering.filter((grant: GrantShape) => !Object.hasOwn(grant.masks, column));
  if (unmasked.some((grant) => grant.rows.op === 'all')) return 'clear';
  return unmasked.length === 0 ? 'masked' : 'partly';
}
