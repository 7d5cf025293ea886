/**
 * A policy that a test states in a few lines: who may call which actions, and who holds what on which table. It holds
 * the rules of the contract (hidden is missing, absence denies) and records nothing.
 */
import { LochError } from '../../core/errors.ts';
import type { LakePermission, Policy, TableName, TableShape } from '../../governance/contract.ts';

/** What one principal (by name) may do. `root` may do everything unless it is stated here. */
export interface StatedRights {
  /** IAM: `true` for every action, or a test. */
  readonly iam: true | ((action: string, resource: string) => boolean);
  /** Lake Formation on databases, by name. */
  readonly databases?: Readonly<Record<string, readonly LakePermission[]>>;
  /** Lake Formation on tables, by `database.table`; with `columns`, SELECT on these alone; `rows` hides some rows. */
  readonly tables?: Readonly<
    Record<
      string,
      { readonly permissions: readonly LakePermission[]; readonly columns?: readonly string[]; readonly rows?: 'some' }
    >
  >;
  readonly createDatabases?: boolean;
  /** DATA_LOCATION_ACCESS everywhere. */
  readonly dataLocations?: boolean;
}

const keyOf = (name: TableName) => `${name.database}.${name.table}`;

/** The policy of these rights. `registered` are locations under Lake Formation, open to root alone. */
export function statedPolicy(
  rights: Readonly<Record<string, StatedRights>>,
  registered: readonly string[] = [],
): Policy {
  const of = (name: string): StatedRights | 'all' => rights[name] ?? (name === 'root' ? 'all' : { iam: () => false });
  const denied = (who: string, what: string) =>
    new LochError('access_denied', `\`${who}\` may not ${what}.`, { context: { principal: who, action: what } });
  const holds = (held: readonly LakePermission[] | undefined, wanted: LakePermission) =>
    held !== undefined && (held.includes('ALL') || held.includes(wanted) || (wanted === 'DESCRIBE' && held.length > 0));
  const seesDatabase = (mine: StatedRights | 'all', database: string) =>
    mine === 'all' ||
    mine.databases?.[database] !== undefined ||
    Object.keys(mine.tables ?? {}).some((key) => key.startsWith(`${database}.`));
  const decide: Policy['decide'] = async (context, request) => {
    const mine = of(context.principal.name);
    const allowed = mine === 'all' || mine.iam === true || mine.iam(request.action, request.resource);
    return { allowed, reason: allowed ? 'allowed' : 'implicit_deny', decidedBy: [] };
  };
  return {
    decide,
    async authorize(context, request) {
      if ((await decide(context, request)).allowed) return;
      throw denied(context.principal.name, `${request.action} on ${request.resource}`);
    },
    refuse: async (context, { action, resource }) => denied(context.principal.name, `${action} on ${resource}`),
    async authorizeTable(context, name, permission) {
      const mine = of(context.principal.name);
      if (mine === 'all') return;
      const held = mine.tables?.[keyOf(name)];
      if (held === undefined) throw new LochError('table_not_found', 'Hidden.');
      if (!holds(held.permissions, permission)) throw denied(context.principal.name, `${permission} ${keyOf(name)}`);
    },
    async mayTable(context, name, permission) {
      const mine = of(context.principal.name);
      return mine === 'all' || holds(mine.tables?.[keyOf(name)]?.permissions, permission);
    },
    async authorizeDatabase(context, database, permission) {
      const mine = of(context.principal.name);
      if (mine === 'all') return;
      if (!seesDatabase(mine, database)) throw new LochError('database_not_found', 'Hidden.');
      const held = mine.databases?.[database] ?? (permission === 'DESCRIBE' ? ['DESCRIBE'] : []);
      if (!holds(held as readonly LakePermission[], permission)) {
        throw denied(context.principal.name, `${permission} ${database}`);
      }
    },
    async authorizeCatalog(context) {
      const mine = of(context.principal.name);
      if (mine !== 'all' && mine.createDatabases !== true) throw denied(context.principal.name, 'CREATE_DATABASE');
    },
    async tableShape(context, name, columns): Promise<TableShape> {
      const mine = of(context.principal.name);
      if (mine === 'all') return { kind: 'full' };
      const held = mine.tables?.[keyOf(name)];
      if (held === undefined || !holds(held.permissions, 'SELECT')) throw new LochError('table_not_found', 'Hidden.');
      if (held.columns === undefined && held.rows === undefined) return { kind: 'full' };
      const visible = held.columns ?? columns.map((column) => column.name);
      return {
        kind: 'shaped',
        columns: visible,
        grants: [{ grantId: 'g', columns: visible, rows: { op: held.rows === undefined ? 'all' : 'none' }, masks: {} }],
      };
    },
    async visibleTables(context) {
      const mine = of(context.principal.name);
      return {
        database: (name) => seesDatabase(mine, name),
        table: (name) => mine === 'all' || mine.tables?.[keyOf(name)] !== undefined,
        tablesIn: (database) =>
          mine === 'all'
            ? undefined
            : Object.keys(mine.tables ?? {})
                .flatMap((key) => (key.startsWith(`${database}.`) ? [key.slice(database.length + 1)] : []))
                .sort(),
        columns: (name, columns) => {
          if (mine === 'all') return columns;
          const visible = mine.tables?.[keyOf(name)]?.columns;
          return visible === undefined ? columns : columns.filter((column) => visible.includes(column));
        },
      };
    },
    registeredLocation: async (bucket, key) =>
      registered.find((location) => `s3://${bucket}/${key}`.startsWith(location)),
    registeredUnder: async (bucket, prefix) => registered.filter((root) => root.startsWith(`s3://${bucket}/${prefix}`)),
    creatorGrants: () => [],
    dropGrants: () => [],
    restoreGrants: () => [],
    renameGrants: () => [],
    async authorizeDataLocation(context, location) {
      const mine = of(context.principal.name);
      if (mine !== 'all' && mine.dataLocations !== true) throw denied(context.principal.name, `use ${location}`);
    },
  };
}
