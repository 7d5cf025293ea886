/** The use-cases of optimizers. */
import { glueArn, iamArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { Policy, TableName } from '../../governance/contract.ts';
import { checkConfiguration } from './check-configuration.ts';
import type { OptimizerConfiguration, OptimizerType, TableMaintenance } from './contract.ts';
import { openOptimizerRunner, type RunnerDeps } from './optimizer-runner.ts';
import maintenanceStore from './store.ts';

const DAY_MS = 24 * 3_600_000;

export interface MaintenanceDeps extends RunnerDeps {
  readonly policy: Policy;
  readonly accountId: string;
}

export interface Maintenance extends Lifecycle {
  readonly maintenance: TableMaintenance;
  /** Starts what is due now; resolves when it is over. */
  runDue(): Promise<void>;
}

/** Opens the upkeep of tables. */
export async function openMaintenance(deps: MaintenanceDeps): Promise<Maintenance> {
  const { store, clock, policy } = deps;
  const { procedures } = maintenanceStore;
  const runner = await openOptimizerRunner(deps);

  /** The table, once the caller may do that to it. **Errors**: `unsupported` for tables that are not Iceberg. */
  const tableFor = async (context: RequestContext, given: TableName, action: string, changes: boolean) => {
    const name = { database: given.database.toLowerCase(), table: given.table.toLowerCase() };
    for (const resource of ['catalog', `database/${name.database}`, `table/${name.database}/${name.table}`]) {
      await policy.authorize(context, {
        action: `glue:${action}`,
        resource: glueArn(deps.region, deps.accountId, resource),
      });
    }
    const { record } = await deps.catalog.resolveTable(context, name);
    if (changes) await policy.authorizeTable(context, name, 'ALTER');
    if (record.metadataLocation === undefined) {
      throw new LochError(
        'unsupported',
        `\`${name.database}.${name.table}\` is a ${record.format} table; optimizers are for Iceberg tables.`,
        { context: { table: name.table } },
      );
    }
    return { id: record.id, name };
  };

  /** Whom the runs act as: the role, once the caller may pass it; one that identities do not know gives nobody's rights. */
  const actorOf = async (context: RequestContext, role: string | undefined): Promise<string> => {
    if (role === undefined) return context.principal.arn;
    const arn = role.startsWith('arn:') ? role : iamArn(deps.accountId, `role/${role.replace(/^\/+/, '')}`);
    if (arn === context.principal.arn || (await deps.identities.principal(arn)) === undefined) {
      return context.principal.arn;
    }
    await policy.authorize(context, {
      action: 'iam:PassRole',
      resource: arn,
      conditions: { 'iam:PassedToService': 'glue.amazonaws.com' },
    });
    return arn;
  };

  const missing = (name: TableName, type: OptimizerType) =>
    new LochError('not_found', `Table \`${name.database}.${name.table}\` has no optimizer \`${type}\`.`, {
      context: { table: name.table, type },
    });

  const maintenance: TableMaintenance = {
    async create(context, given, type, configuration) {
      const checked = checkConfiguration(type, configuration);
      const { id, name } = await tableFor(context, given, 'CreateTableOptimizer', true);
      await store.write(procedures.insert, {
        tableId: id,
        type,
        ...name,
        configuration: checked,
        actsAs: await actorOf(context, checked.role),
        at: clock.now(),
      });
    },
    async update(context, given, type, configuration) {
      const checked = checkConfiguration(type, configuration);
      const { id, name } = await tableFor(context, given, 'UpdateTableOptimizer', true);
      const changed = await store.write(procedures.change, {
        tableId: id,
        type,
        configuration: checked,
        actsAs: await actorOf(context, checked.role),
        at: clock.now(),
      });
      if (!changed) throw missing(name, type);
    },
    async delete(context, given, type) {
      const { id, name } = await tableFor(context, given, 'DeleteTableOptimizer', true);
      if (!(await store.write(procedures.remove, { tableId: id, type }))) throw missing(name, type);
    },
    async get(context, given, type) {
      const { id, name } = await tableFor(context, given, 'GetTableOptimizer', false);
      const found = await store.read(procedures.optimizer, { tableId: id, type });
      if (found === undefined) throw missing(name, type);
      return found;
    },
    async runs(context, given, type, page) {
      const { id } = await tableFor(context, given, 'ListTableOptimizerRuns', false);
      const last = page.after === undefined ? undefined : await store.read(procedures.run, { id: page.after });
      return store.read(procedures.runs, {
        tableId: id,
        type,
        limit: page.limit,
        ...(last === undefined ? {} : { after: { at: last.run.startedAt, id: last.run.id } }),
      });
    },
    async runNow(context, given, type, configuration = {}) {
      const checked: OptimizerConfiguration = checkConfiguration(type, { ...configuration, enabled: true });
      const { id, name } = await tableFor(context, given, 'UpdateTable', true);
      const run = await store.write(procedures.startRun, {
        id: newId(),
        tableId: id,
        type,
        ...name,
        configuration: checked,
        actsAs: context.principal.arn,
        at: clock.now(),
      });
      runner.take(run.id);
      return run;
    },
    async orphans(context, given, options = {}) {
      const { name } = await tableFor(context, given, 'GetTable', true);
      return deps.catalog.removeOrphanFiles(context, name, {
        dryRun: true,
        ...(options.olderThanDays === undefined ? {} : { olderThanMs: options.olderThanDays * DAY_MS }),
      });
    },
    wait: (runId, signal) => runner.wait(runId, signal),
  };
  return { maintenance, runDue: () => runner.runDue(), close: () => runner.close() };
}
