import type { Catalog } from '../../catalog/contract.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import type { Engine } from '../../engines/contract.ts';
import type { Policy, TableName } from '../../governance/contract.ts';
import type { StatementOutcome } from '../../processing/contract.ts';
import type { ObjectStore, TableFormat } from '../../storage/contract.ts';
import type { ReadForChange } from '../queries/read-for-change.ts';
import type { TableRef } from './statements.ts';

/** What statements that change tables need. */
export interface ChangeDeps {
  readonly catalog: Catalog;
  readonly policy: Policy;
  readonly engine: Engine;
  readonly objects: ObjectStore;
  readonly tables: TableFormat;
  readonly clock: Clock;
  readonly read: ReadForChange;
}

/** One statement as it runs. */
export interface ChangeRun {
  readonly context: RequestContext;
  readonly signal: AbortSignal;
  /** The whole statement, for places in messages. */
  readonly text: string;
  readonly database: string;
  readonly dialect: 'athena' | 'duckdb';
  /** Names the statement in the snapshot it makes and in the files it writes. */
  readonly queryId: string;
  /** A folder of its own, removed when it ends. */
  readonly folder: string;
  /** Files that were written and that no commit names yet, `s3://` paths. */
  readonly written: string[];
}

/** What a statement leaves. */
export interface ChangeAnswer {
  /** Rows that were written, changed or removed; undefined for a statement about the catalog. */
  readonly rowCount?: number;
  /** What a statement about the catalog has to say. */
  readonly lines?: readonly string[];
  /** The table it wrote, and what of: for lineage. */
  readonly made?: Pick<StatementOutcome, 'tables' | 'columnFlows' | 'views'> & { readonly table: TableName };
  /** Files it wrote. */
  readonly manifest?: readonly string[];
  readonly bytesScanned?: number;
  readonly queueMs?: number;
  readonly planMs?: number;
  readonly runMs?: number;
}

/** The name a reference means in a session. */
export function tableName(run: Pick<ChangeRun, 'database'>, { database, table }: TableRef): TableName {
  return { database: (database ?? run.database).toLowerCase(), table: table.toLowerCase() };
}

/** As messages name a table. */
export const fullName = ({ database, table }: TableName): string => `${database}.${table}`;
