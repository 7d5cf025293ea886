import type { Lifecycle } from '../../core/lifecycle.ts';
import type { Queries } from '../contract.ts';
import type { ExecutionDeps } from './deps.ts';
import { createExecutor } from './executor.ts';
import { expireResults } from './expire-results.ts';
import { preparedStatements } from './prepared-statements.ts';
import { queryResults } from './query-results.ts';
import { startQuery } from './start-query.ts';
import { executionProcedures } from './store.ts';
import { getQuery, getWorkgroup, listQueries, listWorkgroups, stopQuery } from './watch-queries.ts';

export type { ExecutionDeps } from './deps.ts';

/** The store module of query executions. */
export const executionStoreModule: URL = new URL('./store.ts', import.meta.url);

/** The store module of prepared statements. */
export const preparedStoreModule: URL = new URL('./prepared-store.ts', import.meta.url);

const EXPIRE_EVERY_MS = 3_600_000;

/** Queries, and whose results lie where. */
export interface Executions extends Lifecycle {
  readonly queries: Queries;
  /** ARN of the principal whose results lie under this key; undefined for other keys. */
  ownerOf(bucket: string, key: string): Promise<string | undefined>;
  /** Removes results that are older than the rule allows. Returns how many. */
  expireResults(): Promise<number>;
}

/** Opens query executions, and goes on with every query that the last stop or crash left. */
export async function openExecutions(options: Omit<ExecutionDeps, 'ownPrefix'>): Promise<Executions> {
  const owners = new Map<string, string>();
  const deps: ExecutionDeps = {
    ...options,
    async ownPrefix(prefix, principalArn) {
      if (owners.has(prefix)) return;
      await options.store.write(executionProcedures.own, { prefix, principalArn });
      owners.set(prefix, principalArn);
    },
  };
  const prepared = preparedStatements(deps);
  const executor = createExecutor(deps, prepared);
  const loadOwners = async () => {
    for (const { prefix, principalArn } of await deps.store.read(executionProcedures.owners, undefined)) {
      owners.set(prefix, principalArn);
    }
  };
  await loadOwners();
  await executor.resume();
  const expiry = setInterval(() => void expireResults(deps).catch(deps.onFailure), EXPIRE_EVERY_MS);
  expiry.unref();
  return {
    queries: {
      workgroup: getWorkgroup(deps),
      workgroups: listWorkgroups(deps),
      prepared,
      start: startQuery(deps, executor, prepared),
      get: getQuery(deps),
      list: listQueries(deps),
      stop: stopQuery(deps, executor),
      results: queryResults(deps),
      wait: (id, signal) => executor.finished(id, signal),
    },
    async ownerOf(bucket, key) {
      if (bucket !== deps.resultBucket) return undefined;
      const prefix = key.slice(0, Math.max(0, key.indexOf('/')));
      if (!owners.has(prefix)) await loadOwners();
      // A key that nobody owns is nobody's to read: results lie only under owned prefixes.
      return owners.get(prefix) ?? 'nobody';
    },
    expireResults: () => expireResults(deps),
    async close() {
      clearInterval(expiry);
      await executor.close();
    },
  };
}
