/**
 * Runs that compute column statistics.
 *
 * Invariants
 * - A run stands in the store before it begins; the next start goes on with one that a stop cut off. Statistics are
 *   replaced column by column, so that a repeat changes nothing.
 * - They are of the whole table or not at all: who sees it filtered or masked gets no run.
 */
import { glueArn, iamArn } from '../../core/arn.ts';
import type { Catalog, CatalogColumn } from '../../catalog/contract.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { isLochError, LochError, toLochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { Identities, Policy, TableName } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { StatementRunner, StatisticsRun, StatisticsRuns } from '../contract.ts';
import { resumedContext } from '../jobs/run-context.ts';
import { untilAborted } from '../jobs/until-aborted.ts';
import { measureColumn, statisticsKind } from './measure-column.ts';
import statisticsStore from './store.ts';

export interface StatisticsDeps {
  readonly store: MetadataStore;
  readonly catalog: Catalog;
  readonly policy: Policy;
  readonly identities: Identities;
  readonly runner: StatementRunner;
  readonly clock: Clock;
  readonly accountId: string;
  readonly region: string;
}

class Stopped extends Error {}
class Closing extends Error {}

const fold = (name: TableName): TableName => ({
  database: name.database.toLowerCase(),
  table: name.table.toLowerCase(),
});

/** Opens the runs and goes on with those that a stop left. */
export async function openStatisticsRuns(
  deps: StatisticsDeps,
): Promise<Lifecycle & { readonly statistics: StatisticsRuns }> {
  const { store, clock } = deps;
  const { procedures } = statisticsStore;
  const active = new Map<string, { readonly abort: AbortController; readonly over: Promise<void> }>();
  let closed = false;

  const drive = async (id: string, signal: AbortSignal): Promise<void> => {
    const found = await store.read(procedures.run, { id });
    if (found === undefined || found.run.endedAt !== undefined) return;
    try {
      await store.write(procedures.move, { id, state: 'RUNNING', at: clock.now() });
      const context = await resumedContext(
        deps.identities,
        {
          principalArn: found.actsAs,
          requestId: newId(),
          door: 'internal',
          sourceIp: '127.0.0.1',
          userAgent: 'loch statistics',
          secure: true,
        },
        { region: deps.region, startedAt: clock.now(), signal },
      );
      await measure(deps, context, found.run);
      await store.write(procedures.move, { id, state: 'SUCCEEDED', at: clock.now() });
    } catch (error) {
      if (signal.reason instanceof Closing) return; // the next start goes on with it
      const stopped = signal.reason instanceof Stopped;
      await store.write(procedures.move, {
        id,
        state: stopped ? 'STOPPED' : 'FAILED',
        at: clock.now(),
        ...(stopped ? {} : { error: toLochError(error).message }),
      });
    }
  };
  const take = (id: string): void => {
    if (closed || active.has(id)) return;
    const abort = new AbortController();
    const over = drive(id, abort.signal).finally(() => active.delete(id));
    over.catch(() => undefined);
    active.set(id, { abort, over });
  };
  const allow = async (context: RequestContext, action: string, name: TableName) => {
    for (const resource of ['catalog', `database/${name.database}`, `table/${name.database}/${name.table}`]) {
      await deps.policy.authorize(context, {
        action: `glue:${action}`,
        resource: glueArn(deps.region, deps.accountId, resource),
      });
    }
  };
  const actorOf = async (context: RequestContext, role: string): Promise<string> => {
    const arn = role.startsWith('arn:') ? role : iamArn(deps.accountId, `role/${role.replace(/^\/+/, '')}`);
    if (arn === context.principal.arn || (await deps.identities.principal(arn)) === undefined) {
      return context.principal.arn;
    }
    await deps.policy.authorize(context, {
      action: 'iam:PassRole',
      resource: arn,
      conditions: { 'iam:PassedToService': 'glue.amazonaws.com' },
    });
    return arn;
  };
  const find = async (id: string): Promise<StatisticsRun> => {
    const found = await store.read(procedures.run, { id });
    if (found !== undefined) return found.run;
    throw new LochError('not_found', `There is no run \`${id}\` of column statistics.`);
  };

  for (const run of await store.read(procedures.active, {})) take(run.id);
  const statistics: StatisticsRuns = {
    async start(context, given, options) {
      const name = fold(given);
      await allow(context, 'StartColumnStatisticsTaskRun', name);
      const { record } = await deps.catalog.resolveTable(context, name);
      await deps.policy.authorizeTable(context, name, 'ALTER');
      const columns = options.columns?.map((column) => column.toLowerCase());
      columnsOf([...record.columns, ...record.partitionKeys], columns, name);
      const run = await store.write(procedures.start, {
        id: newId(),
        ...name,
        role: options.role,
        actsAs: await actorOf(context, options.role),
        at: clock.now(),
        ...(columns === undefined ? {} : { columns }),
      });
      take(run.id);
      return run;
    },
    async stop(context, given) {
      const name = fold(given);
      await allow(context, 'StopColumnStatisticsTaskRun', name);
      await deps.policy.authorizeTable(context, name, 'ALTER');
      const [last] = await store.read(procedures.runs, { ...name, limit: 1 });
      const running = last === undefined ? undefined : active.get(last.id);
      if (running === undefined) {
        throw new LochError('conflict', `No run computes statistics of \`${name.database}.${name.table}\`.`, {
          context: { statisticsRun: last?.id ?? 'none' },
        });
      }
      running.abort.abort(new Stopped());
      await running.over.catch(() => undefined);
    },
    async run(context, id) {
      const run = await find(id);
      await allow(context, 'GetColumnStatisticsTaskRun', run.table);
      await deps.catalog.getTable(context, run.table);
      return run;
    },
    async runs(context, query) {
      const name = query.table === undefined ? undefined : fold(query.table);
      if (name !== undefined) {
        await allow(context, 'GetColumnStatisticsTaskRuns', name);
        await deps.catalog.getTable(context, name);
      } else {
        await deps.policy.authorize(context, {
          action: 'glue:ListColumnStatisticsTaskRuns',
          resource: glueArn(deps.region, deps.accountId, 'catalog'),
        });
      }
      const last = query.after === undefined ? undefined : await find(query.after);
      const visible = await deps.policy.visibleTables(context);
      const found = await store.read(procedures.runs, {
        ...name,
        limit: query.limit,
        ...(last === undefined ? {} : { after: { at: last.createdAt, id: last.id } }),
      });
      return found.filter((run) => visible.table(run.table));
    },
    async wait(id, signal) {
      const running = active.get(id);
      if (running !== undefined) await untilAborted(running.over, signal);
      return find(id);
    },
  };
  return {
    statistics,
    async close() {
      closed = true;
      for (const { abort } of active.values()) abort.abort(new Closing());
      await Promise.allSettled([...active.values()].map(({ over }) => over));
    },
  };
}

/** The columns to measure. **Errors**: `column_not_found`; `unsupported` for one whose type has no statistics. */
function columnsOf(
  all: readonly CatalogColumn[],
  wanted: readonly string[] | undefined,
  name: TableName,
): readonly CatalogColumn[] {
  if (wanted === undefined) return all.filter((column) => statisticsKind(column.type) !== undefined);
  return wanted.map((column) => {
    const found = all.find((one) => one.name === column);
    if (found === undefined) {
      throw new LochError('column_not_found', `Table \`${name.database}.${name.table}\` has no column \`${column}\`.`, {
        context: { table: name.table, column },
      });
    }
    if (statisticsKind(found.type) !== undefined) return found;
    throw new LochError(
      'unsupported',
      `Column \`${column}\` is of type ${found.type}, which has no statistics: only scalars do.`,
      { context: { column } },
    );
  });
}

async function measure(deps: StatisticsDeps, context: RequestContext, run: StatisticsRun): Promise<void> {
  const { record } = await deps.catalog.resolveTable(context, run.table);
  const all = [...record.columns, ...record.partitionKeys];
  const shape = await deps.policy.tableShape(context, run.table, all).catch((error: unknown) => {
    if (isLochError(error, 'table_not_found', 'access_denied')) return undefined;
    throw error;
  });
  if (shape?.kind !== 'full') {
    throw new LochError(
      'access_denied',
      `\`${run.table.database}.${run.table.table}\` is not seen whole and in clear by \`${context.principal.arn}\`: its statistics would be of a part. Let a role with SELECT on all of it compute them.`,
      { context: { table: run.table.table } },
    );
  }
  for (const column of columnsOf(all, run.columns, run.table)) {
    context.signal.throwIfAborted();
    const kind = statisticsKind(column.type)!;
    const measured = await measureColumn(deps.runner, context, run.table, column, kind, deps.clock.now());
    await deps.catalog.putColumnStatistics(context, run.table, [measured]);
  }
}
