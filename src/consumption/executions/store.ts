/**
 * Query executions, their results' places, and who owns which result prefix.
 *
 * Invariants
 * - A final state never changes: every write asks for the state it expects.
 * - One execution for each (principal, client token).
 */
import type { Kysely } from 'kysely';
import { LochError } from '../../core/errors.ts';
import { defineStoreModule, type ProcedureContext, proceduresOver } from '../../metadata/contract.ts';
import type { QueryExecution, QueryState, ResultColumn } from '../contract.ts';
import type { CallerRecord, ExecutionEnd, ExecutionRecord, NewExecution, ResultFile } from './records.ts';

interface ExecutionRow {
  id: string;
  principal_arn: string;
  account_id: string;
  caller: string;
  sql: string;
  dialect: string;
  database_name: string | null;
  workgroup: string;
  statement_type: string;
  substatement_type: string;
  state: QueryState;
  state_reason: string | null;
  error: string | null;
  attempt: number;
  submitted_at: number;
  ended_at: number | null;
  queue_ms: number;
  plan_ms: number;
  run_ms: number;
  bytes_scanned: number;
  row_count: number | null;
  columns: string;
  output_location: string;
  result_bucket: string | null;
  result_key: string | null;
  result_form: string | null;
  token: string | null;
  digest: string;
}

export interface ExecutionTables {
  query_execution: ExecutionRow;
  query_owner: { prefix: string; principal_arn: string };
  query_secret: { name: string; sealed: Uint8Array };
}

const { read, write } = proceduresOver<ExecutionTables>();

function toRecord(row: ExecutionRow): ExecutionRecord {
  const execution: QueryExecution = {
    id: row.id,
    sql: row.sql,
    ...(row.database_name === null ? {} : { database: row.database_name }),
    workgroup: row.workgroup,
    statementType: row.statement_type as QueryExecution['statementType'],
    substatementType: row.substatement_type,
    state: row.state,
    ...(row.state_reason === null ? {} : { stateReason: row.state_reason }),
    ...(row.error === null ? {} : { error: JSON.parse(row.error) as NonNullable<QueryExecution['error']> }),
    submittedAt: row.submitted_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    queueMs: row.queue_ms,
    planMs: row.plan_ms,
    runMs: row.run_ms,
    totalMs: (row.ended_at ?? row.submitted_at) - row.submitted_at,
    bytesScanned: row.bytes_scanned,
    ...(row.row_count === null ? {} : { rowCount: row.row_count }),
    outputLocation: row.output_location,
    ...(row.result_form === 'manifest' ? { manifestLocation: `s3://${row.result_bucket}/${row.result_key}` } : {}),
    principalArn: row.principal_arn,
  };
  return {
    execution,
    caller: JSON.parse(row.caller) as CallerRecord,
    accountId: row.account_id,
    dialect: row.dialect as ExecutionRecord['dialect'],
    attempt: row.attempt,
    columns: JSON.parse(row.columns) as readonly ResultColumn[],
    result:
      row.result_bucket === null || row.result_key === null
        ? undefined
        : { bucket: row.result_bucket, key: row.result_key, form: row.result_form as ResultFile['form'] },
  };
}

function changed(context: ProcedureContext, row: { id: string; principal_arn: string }, state: QueryState): void {
  context.emit({
    name: 'consumptionQueryChanged',
    payload: { queryId: row.id, state, principal: row.principal_arn },
  });
}

/** Moves an execution from one of `from` to `state` with `values`; undefined when it stands elsewhere. */
async function move(
  db: Kysely<ExecutionTables>,
  context: ProcedureContext,
  id: string,
  from: readonly QueryState[],
  values: Partial<ExecutionRow> & { state: QueryState },
): Promise<ExecutionRecord | undefined> {
  const row = await db
    .updateTable('query_execution')
    .set(values)
    .where('id', '=', id)
    .where('state', 'in', from)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) return undefined;
  changed(context, row, values.state);
  return toRecord(row);
}

const procedures = {
  /** Inserts a query as QUEUED, or answers the one that this token made before. */
  create: write(async (db, input: NewExecution, context) => {
    if (input.token !== null) {
      const known = await db
        .selectFrom('query_execution')
        .select(['id', 'digest'])
        .where('principal_arn', '=', input.caller.principalArn)
        .where('token', '=', input.token)
        .executeTakeFirst();
      if (known !== undefined) {
        if (known.digest === input.digest) return { id: known.id, created: false };
        throw new LochError(
          'invalid_argument',
          'Idempotent parameters do not match: the client request token was used with another request. Take a new token.',
          { context: { argument: 'ClientRequestToken' } },
        );
      }
    }
    const { caller } = input;
    await db
      .insertInto('query_execution')
      .values({
        id: input.id,
        principal_arn: caller.principalArn,
        account_id: input.accountId,
        caller: JSON.stringify(caller),
        sql: input.sql,
        dialect: input.dialect,
        database_name: input.database,
        workgroup: input.workgroup,
        statement_type: input.statementType,
        substatement_type: input.substatementType,
        state: 'QUEUED',
        state_reason: null,
        error: null,
        attempt: 0,
        submitted_at: context.now,
        ended_at: null,
        queue_ms: 0,
        plan_ms: 0,
        run_ms: 0,
        bytes_scanned: 0,
        row_count: null,
        columns: '[]',
        output_location: input.outputLocation,
        result_bucket: null,
        result_key: null,
        result_form: null,
        token: input.token,
        digest: input.digest,
      })
      .execute();
    changed(context, { id: input.id, principal_arn: caller.principalArn }, 'QUEUED');
    return { id: input.id, created: true };
  }),

  /** QUEUED → RUNNING. */
  begin: write(async (db, { id, attempt }: { id: string; attempt: number }, context) =>
    move(db, context, id, ['QUEUED'], { state: 'RUNNING', attempt }),
  ),

  /** RUNNING → QUEUED: what it was doing is lost, and a read can be done again. */
  requeue: write(async (db, { id }: { id: string }, context) =>
    move(db, context, id, ['RUNNING'], { state: 'QUEUED' }),
  ),

  /** To a final state, with everything the query leaves. */
  end: write(async (db, end: ExecutionEnd, context) => {
    const moved = await move(db, context, end.id, ['QUEUED', 'RUNNING'], {
      state: end.state,
      state_reason: end.stateReason,
      error: end.error === null ? null : JSON.stringify(end.error),
      ended_at: context.now,
      queue_ms: end.queueMs,
      plan_ms: end.planMs,
      run_ms: end.runMs,
      bytes_scanned: end.bytesScanned,
      row_count: end.rowCount,
      columns: JSON.stringify(end.columns),
      result_bucket: end.result?.bucket ?? null,
      result_key: end.result?.key ?? null,
      result_form: end.result?.form ?? null,
    });
    if (moved !== undefined && end.flows !== null) {
      context.emit({ name: 'consumptionTablesRead', payload: { queryId: end.id, flows: end.flows } });
    }
    return moved;
  }),

  get: read(async (db, { id }: { id: string }) => {
    const row = await db.selectFrom('query_execution').selectAll().where('id', '=', id).executeTakeFirst();
    return row === undefined ? undefined : toRecord(row);
  }),

  /** Newest first, after the one with id `after`. */
  list: read(
    async (
      db,
      query: { principalArn: string | null; workgroup: string | null; limit: number; after: string | null },
    ) => {
      let select = db.selectFrom('query_execution').selectAll();
      if (query.principalArn !== null) select = select.where('principal_arn', '=', query.principalArn);
      if (query.workgroup !== null) select = select.where('workgroup', '=', query.workgroup);
      if (query.after !== null) {
        const last = await db
          .selectFrom('query_execution')
          .select(['submitted_at', 'id'])
          .where('id', '=', query.after)
          .executeTakeFirst();
        if (last === undefined) return [];
        select = select.where((eb) =>
          eb.or([
            eb('submitted_at', '<', last.submitted_at),
            eb.and([eb('submitted_at', '=', last.submitted_at), eb('id', '<', last.id)]),
          ]),
        );
      }
      const rows = await select.orderBy('submitted_at', 'desc').orderBy('id', 'desc').limit(query.limit).execute();
      return rows.map(toRecord);
    },
  ),

  /** Every query that is not in a final state, oldest first. */
  unfinished: read(async (db) => {
    const rows = await db
      .selectFrom('query_execution')
      .selectAll()
      .where('state', 'in', ['QUEUED', 'RUNNING'])
      .orderBy('submitted_at')
      .execute();
    return rows.map(toRecord);
  }),

  /** Results of queries that ended before `before`. */
  resultsBefore: read(async (db, { before, limit }: { before: number; limit: number }) => {
    const rows = await db
      .selectFrom('query_execution')
      .selectAll()
      .where('ended_at', '<', before)
      .where('result_key', 'is not', null)
      .orderBy('ended_at')
      .limit(limit)
      .execute();
    return rows.map(toRecord);
  }),

  /** Forgets where results lay, and queries that ended before `forgetBefore` altogether. */
  forget: write(async (db, { ids, forgetBefore }: { ids: readonly string[]; forgetBefore: number }) => {
    if (ids.length > 0) {
      await db
        .updateTable('query_execution')
        .set({ result_bucket: null, result_key: null, result_form: null })
        .where('id', 'in', ids)
        .execute();
    }
    await db.deleteFrom('query_execution').where('ended_at', '<', forgetBefore).execute();
  }),

  /** Writes down whose results lie under a prefix. */
  own: write(async (db, owner: { prefix: string; principalArn: string }) => {
    await db
      .insertInto('query_owner')
      .values({ prefix: owner.prefix, principal_arn: owner.principalArn })
      .onConflict((conflict) => conflict.column('prefix').doNothing())
      .execute();
  }),

  owners: read(async (db) => {
    const rows = await db.selectFrom('query_owner').selectAll().execute();
    return rows.map((row) => ({ prefix: row.prefix, principalArn: row.principal_arn }));
  }),

  secret: read(async (db, { name }: { name: string }) => {
    const row = await db.selectFrom('query_secret').selectAll().where('name', '=', name).executeTakeFirst();
    return row?.sealed;
  }),

  /** Keeps a sealed secret unless there is one of that name. */
  keepSecret: write(async (db, secret: { name: string; sealed: Uint8Array }) => {
    await db
      .insertInto('query_secret')
      .values(secret)
      .onConflict((conflict) => conflict.column('name').doNothing())
      .execute();
  }),
};

const executionStore = defineStoreModule('queries', {
  migrations: [
    {
      number: 1,
      name: 'executions',
      statements: [
        `CREATE TABLE query_execution (
          id TEXT PRIMARY KEY, principal_arn TEXT NOT NULL, account_id TEXT NOT NULL, caller TEXT NOT NULL,
          sql TEXT NOT NULL, dialect TEXT NOT NULL, database_name TEXT, workgroup TEXT NOT NULL,
          statement_type TEXT NOT NULL, substatement_type TEXT NOT NULL, state TEXT NOT NULL, state_reason TEXT,
          error TEXT, attempt INTEGER NOT NULL, submitted_at BIGINT NOT NULL, ended_at BIGINT, queue_ms REAL NOT NULL,
          plan_ms REAL NOT NULL, run_ms REAL NOT NULL, bytes_scanned BIGINT NOT NULL, row_count BIGINT,
          columns TEXT NOT NULL, output_location TEXT NOT NULL, result_bucket TEXT, result_key TEXT, result_form TEXT,
          token TEXT, digest TEXT NOT NULL)`,
        'CREATE UNIQUE INDEX query_execution_token ON query_execution (principal_arn, token)',
        'CREATE INDEX query_execution_newest ON query_execution (submitted_at, id)',
        'CREATE INDEX query_execution_own ON query_execution (principal_arn, submitted_at, id)',
        'CREATE INDEX query_execution_ended ON query_execution (ended_at)',
        "CREATE INDEX query_execution_open ON query_execution (state) WHERE state IN ('QUEUED', 'RUNNING')",
        'CREATE TABLE query_owner (prefix TEXT PRIMARY KEY, principal_arn TEXT NOT NULL)',
        'CREATE TABLE query_secret (name TEXT PRIMARY KEY, sealed BLOB NOT NULL)',
      ],
    },
  ],
  procedures,
});

export default executionStore;
export const executionProcedures = executionStore.procedures;
