import { mkdir, rm } from 'node:fs/promises';
import type { Lifecycle } from '../../core/lifecycle.ts';
import type { StatementRunner } from '../../processing/contract.ts';
import type { QueryPathDeps } from './deps.ts';
import { openTranspiler } from './dialects/transpile.ts';
import { runStatement } from './run-statement.ts';

export type { QueryPathDeps } from './deps.ts';

/** The query path as one port; `close` ends what it started beside the engine. */
export interface QueryPath extends Lifecycle {
  readonly runner: StatementRunner;
}

/** Builds the query path. Folders of statements that a crash left behind are removed. */
export async function createQueryPath(deps: Omit<QueryPathDeps, 'transpile'>): Promise<QueryPath> {
  await rm(deps.statementDirectory, { recursive: true, force: true });
  await mkdir(deps.statementDirectory, { recursive: true, mode: 0o700 });
  const transpiler = openTranspiler();
  const parts: QueryPathDeps = { ...deps, transpile: transpiler.transpile };
  return { runner: { run: runStatement(parts) }, close: () => transpiler.close() };
}
