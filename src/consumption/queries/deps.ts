import type { Catalog } from '../../catalog/contract.ts';
import type { Clock } from '../../core/clock.ts';
import type { Secret } from '../../core/secret.ts';
import type { Engine } from '../../engines/contract.ts';
import type { Audit, Policy } from '../../governance/contract.ts';
import type { ObjectStore } from '../../storage/contract.ts';

/** What the query path needs. */
export interface QueryPathDeps {
  readonly catalog: Catalog;
  readonly policy: Policy;
  readonly audit: Audit;
  readonly engine: Engine;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  /** Folders of running statements; wiped at start. */
  readonly statementDirectory: string;
  /** Key from which the salts of masks are derived, per account. */
  readonly maskKey: Secret;
  /** Work that no answer waits for; a stop does. */
  readonly afterwards: (work: Promise<void>) => void;
  /** Turns a statement of another dialect into the engine's; never trusted. */
  readonly transpile: Transpile;
}

/** **Errors**: `syntax_error` with position, `unsupported` naming the construct. */
export type Transpile = (sql: string, dialect: 'athena' | 'duckdb') => Promise<TranspiledStatement>;

export interface TranspiledStatement {
  readonly sql: string;
  /** Macros that stand for functions the engine lacks. */
  readonly preamble: readonly string[];
  readonly settings: Readonly<Record<string, string>>;
}
