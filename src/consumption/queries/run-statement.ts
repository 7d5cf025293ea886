/**
 * The query path: text → gate → bind → policy → secured scans → engine → record.
 *
 * Invariants
 * - One data event for each table read is durable before the answer leaves; a refused statement leaves one as well.
 * - The statement's folder goes when the call settles; nobody waits for that.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { glueArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError, type LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { EngineColumn, EngineResult, EngineResultKind } from '../../engines/contract.ts';
import type { DataEvent } from '../../governance/contract.ts';
import type { StatementOutcome, StatementRunner } from '../../processing/contract.ts';
import {
  type BoundSource,
  type BoundStatement,
  type BoundTable,
  type BoundView,
  bindStatement,
} from './bind/bind-statement.ts';
import { flowsOfResult } from './bind/column-flows.ts';
import type { QueryPathDeps } from './deps.ts';
import { materialize, type MaterializedStatement, renderEmpty } from './materialize.ts';
import { maskSalts } from './secure/mask-sql.ts';
import type { ChangedTable, ChangeRead, ReadForChange } from './read-for-change.ts';
import { engineFailure, placedError } from './statement-errors.ts';

type Request = Parameters<StatementRunner['run']>[1];
type Asked = Omit<Request, 'result'> & { readonly result: EngineResultKind } & Pick<ChangeRead, 'changed'> & {
    readonly text?: string;
    readonly shape?: ChangeRead['shape'];
  };

/** The schema of names without a database, where the caller sets none. **Source**: Athena. */
export const DEFAULT_DATABASE = 'default';

export const runStatement = (deps: QueryPathDeps): StatementRunner['run'] => {
  const run = statementPath(deps);
  return async (context, request, signal) => (await run(context, request, signal)).outcome;
};

/** Reads the rows that a change is made of. */
export const readForChange = (deps: QueryPathDeps): ReadForChange => {
  const run = statementPath(deps);
  return async (context, request, signal) => {
    const asked = { ...request, result: { kind: 'columns' } as const };
    const { outcome, statement, sourceColumns } = await run(context, asked, signal);
    const changed = changedTable(statement);
    return { ...outcome, sourceColumns: sourceColumns!, ...(changed === undefined ? {} : { changed }) };
  };
};

const statementPath = (deps: QueryPathDeps) => async (context: RequestContext, request: Asked, signal: AbortSignal) => {
  const queryId = request.queryId ?? newId();
  const startedAt = performance.now();
  let statement: BoundStatement | undefined;
  try {
    statement = await bindStatement(deps, context, request.sql, {
      database: request.database ?? DEFAULT_DATABASE,
      dialect: request.dialect,
      objects: request.objects ?? [],
      stages: request.stages ?? [],
      ...(request.changed === undefined ? {} : { changed: request.changed }),
    });
    const planMs = performance.now() - startedAt;
    const { result, sourceColumns } = await execute(deps, context, request, statement, signal);
    const outcome = outcomeOf(statement, result, planMs, sourceColumns);
    await deps.audit.recordData(context, dataEvents(context, statement, queryId, { outcome }));
    return { outcome, statement, sourceColumns };
  } catch (error) {
    const text = request.text ?? request.sql;
    const sameText = statement === undefined ? request.dialect === 'duckdb' : statement.sql === request.sql;
    const known = placedError(error, text, sameText && text === request.sql);
    await deps.audit.recordData(context, dataEvents(context, statement, queryId, { error: known }));
    throw known;
  }
};

async function execute(
  deps: QueryPathDeps,
  context: RequestContext,
  request: Asked,
  statement: BoundStatement,
  signal: AbortSignal,
): Promise<{ readonly result: EngineResult; readonly sourceColumns?: readonly EngineColumn[] }> {
  const directory = join(deps.statementDirectory, newId());
  await mkdir(directory, { recursive: true, mode: 0o700 });
  let materialized: MaterializedStatement | undefined;
  const { settings, preamble } = statement;
  const hideValues = boundTables(statement).some((table) => table.shape.kind === 'shaped');
  try {
    materialized = await materialize(deps, statement, maskSalts(deps.maskKey, context.accountId), {
      directory,
      caller: context,
    });
    const asked = {
      sql: materialized.sql,
      inputs: materialized.inputs,
      result: request.result,
      hideValues,
      settings: { TimeZone: 'UTC', ...settings },
      preamble: preambleOf(statement, preamble),
      fairnessKey: context.principal.arn,
    };
    const result = await deps.engine.execute(asked, signal);
    if (request.shape === undefined) return { result };
    const { columns: sourceColumns } = result;
    const shape = await request.shape(sourceColumns, changedTable(statement));
    const source = materialized.sql.replace(/[\s;]+$/, '');
    materialized = within(materialized, shape.select(SOURCE), source);
    const shaped = { ...asked, sql: materialized.sql, result: shape.result };
    const written = await deps.engine.execute({ ...shaped, preamble: [...asked.preamble, ...shape.preamble] }, signal);
    return { result: { ...written, queueMs: result.queueMs + written.queueMs }, sourceColumns };
  } catch (error) {
    if (materialized === undefined) throw error;
    if (hideValues && isLochError(error, 'statement_failed', 'type_mismatch')) {
      throw (await errorWithoutRows(deps, statement, signal)) ?? engineFailure(error, statement, materialized);
    }
    throw engineFailure(error, statement, materialized);
  } finally {
    deps.afterwards(rm(directory, { recursive: true, force: true }));
  }
}

/** Stands for the statement in the text around it: no text of ours has it. */
const SOURCE = '\u2063source\u2063';

/** A statement inside of other text, which its caller never saw: places in it are those of the statement. */
function within(statement: MaterializedStatement, text: string, source: string): MaterializedStatement {
  const [before = '', after = ''] = text.split(SOURCE);
  const start = Buffer.byteLength(before);
  const end = start + Buffer.byteLength(source);
  return {
    ...statement,
    sql: `${before}${source}${after}`,
    originalPosition: (position) =>
      position >= start && position < end ? statement.originalPosition(position - start) : undefined,
  };
}

/** The table whose rows the statement changes. */
function changedTable(statement: BoundStatement): ChangedTable | undefined {
  for (const source of statement.sources) {
    if (source.kind !== 'table' || source.changed === undefined) continue;
    return { table: source.table, files: source.scan.files, predicates: source.changed.predicates };
  }
  return undefined;
}

/**
 * The error that the statement makes over empty tables, if it makes one: then it depends on no row, and its text can be
 * told to a caller from whom rows are hidden.
 */
async function errorWithoutRows(
  deps: QueryPathDeps,
  statement: BoundStatement,
  signal: AbortSignal,
): Promise<LochError | undefined> {
  const rendered = renderEmpty(statement);
  try {
    await deps.engine.execute(
      {
        sql: rendered.sql,
        inputs: [],
        result: { kind: 'rows', maxRows: 10 },
        settings: { TimeZone: 'UTC', ...statement.settings },
        preamble: preambleOf(statement, statement.preamble),
        timeoutMs: 2_000,
      },
      signal,
    );
  } catch (error) {
    if (isLochError(error, 'statement_failed', 'type_mismatch')) return engineFailure(error, statement, rendered);
  }
  return undefined;
}

/** Macros of the statement and of the views it reads. */
function preambleOf(statement: BoundStatement, own: readonly string[]): string[] {
  const all = new Set(own);
  for (const source of statement.sources) {
    if (source.kind === 'view') for (const macro of preambleOf(source.body, source.body.preamble)) all.add(macro);
  }
  return [...all];
}

/** Tables and views of a statement, those inside views included. */
function boundTables(statement: BoundStatement): (BoundTable | BoundView)[] {
  return statement.sources.flatMap((source) => {
    if (source.kind === 'table') return [source];
    return source.kind === 'view' ? [source, ...boundTables(source.body)] : [];
  });
}

const toldOf = ({ name, columnsRead }: BoundTable | BoundView) => ({ name, columns: columnsRead });

/** A view and the views in it, but for those that are shaped for the caller: what he sees of them is not all of them. */
function openViews({ name, columns, body }: BoundView): NonNullable<StatementOutcome['views']>[number][] {
  const sources = body.sources.filter((source) => source.kind === 'table' || source.kind === 'view');
  const inner = sources.flatMap((source) => (source.kind === 'view' ? openViews(source) : []));
  if (boundTables(body).some(({ shape }) => shape.kind === 'shaped')) return inner;
  const flows = flowsOfResult(body.columnFlows, columns);
  return [{ name, tables: sources.map(toldOf), ...(flows === undefined ? {} : { columnFlows: flows }) }, ...inner];
}

/** Lineage is told by the statement's own columns, before they are written under the names of others. */
function outcomeOf(
  statement: BoundStatement,
  result: EngineResult,
  planMs: number,
  own: readonly EngineColumn[] = result.columns,
): StatementOutcome {
  const tables = boundTables(statement);
  const direct = new Set<BoundSource>(statement.sources);
  const views = statement.sources.flatMap((source) => (source.kind === 'view' ? openViews(source) : []));
  const flows = flowsOfResult(statement.columnFlows, own);
  return {
    columns: result.columns,
    rowCount: result.rowCount,
    rows: result.rows,
    files: result.files,
    tables: tables.map((table) => ({
      ...toldOf(table),
      ...(table.kind === 'table' && table.scan.snapshotId !== undefined ? { snapshotId: table.scan.snapshotId } : {}),
      ...(direct.has(table) ? {} : { inside: true }),
    })),
    ...(views.length === 0 ? {} : { views }),
    ...(flows === undefined ? {} : { columnFlows: flows }),
    bytesScanned: tables.reduce((sum, table) => sum + (table.kind === 'table' ? table.bytes : 0), 0),
    planMs,
    queueMs: result.queueMs,
    runMs: result.runMs,
  };
}

type Ending = { readonly outcome: StatementOutcome } | { readonly error: LochError };

function dataEvents(
  context: RequestContext,
  statement: BoundStatement | undefined,
  queryId: string,
  ending: Ending,
): DataEvent[] {
  const common = { eventSource: 'athena.amazonaws.com', eventName: 'ReadTable', queryId };
  const failed = 'error' in ending ? { errorCode: ending.error.code } : {};
  const tables = statement === undefined ? [] : boundTables(statement);
  if (tables.length === 0) {
    if (!('error' in ending)) return [];
    const { database, table } = ending.error.context;
    const named = typeof database === 'string' && typeof table === 'string';
    const resource = named ? `table/${database}/${table}` : 'catalog';
    return [{ ...common, eventName: 'RunStatement', resource: arnOf(context, resource), ...failed }];
  }
  return tables.map((table) => ({
    ...common,
    resource: arnOf(context, `table/${table.name.database}/${table.name.table}`),
    columns: table.columnsRead,
    appliedGrants: table.shape.kind === 'full' ? [] : table.shape.grants.map((grant) => grant.grantId),
    ...(table.kind === 'table' && table.scan.snapshotId !== undefined ? { snapshotId: table.scan.snapshotId } : {}),
    ...('outcome' in ending ? { rows: ending.outcome.rowCount } : {}),
    ...(table.kind === 'table' ? { bytes: table.bytes } : {}),
    ...failed,
  }));
}

const arnOf = (context: RequestContext, resource: string) => glueArn(context.region, context.accountId, resource);
