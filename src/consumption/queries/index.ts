import { mkdir, rm } from 'node:fs/promises';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { StatementRunner } from '../../processing/contract.ts';
import type { QueryPathDeps } from './deps.ts';
import { openTranspiler } from './dialects/transpile.ts';
import type { ReadForChange } from './read-for-change.ts';
import { readForChange, runStatement } from './run-statement.ts';

export type { QueryPathDeps } from './deps.ts';

/** The query path as one port; `close` ends what it started beside the engine. */
export interface QueryPath extends Lifecycle {
  readonly runner: StatementRunner;
  readonly readForChange: ReadForChange;
}

/** Builds the query path. Folders of statements that a crash left behind are removed. */
export async function createQueryPath(deps: Omit<QueryPathDeps, 'transpile' | 'afterwards'>): Promise<QueryPath> {
  await rm(deps.statementDirectory, { recursive: true, force: true });
  await mkdir(deps.statementDirectory, { recursive: true, mode: 0o700 });
  const transpiler = openTranspiler();
  const pending = new Set<Promise<void>>();
  const afterwards = (work: Promise<void>) => {
    const settled = work.catch(() => {}).finally(() => pending.delete(settled)); // a folder that stays goes at the next start
    pending.add(settled);
  };
  const parts: QueryPathDeps = { ...deps, transpile: transpiler.transpile, afterwards };
  return {
    runner: { run: runStatement(parts) },
    readForChange: readForChange(parts),
    async close() {
      await transpiler.close();
      await Promise.all(pending);
    },
  };
}
