import type {
  BatchGetQueryExecutionInput,
  GetQueryExecutionInput,
  GetQueryResultsInput,
  ListQueryExecutionsInput,
  QueryExecution as AthenaExecution,
  StartQueryExecutionInput,
  StopQueryExecutionInput,
} from '@aws-sdk/client-athena';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { Queries, QueryExecution, ResultColumn } from '../../../consumption/contract.ts';
import type { OperationSpec } from '../service.ts';

const MAX_RESULTS = 1000;
const MAX_BATCH = 50;
const DATA_CATALOG = 'AwsDataCatalog';
/** The token of the page that begins with the first row after the names. */
const FIRST_ROW = 'first-row';

/** An execution in Athena's shape. */
function shapeOf(execution: QueryExecution): AthenaExecution {
  const { error } = execution;
  return {
    QueryExecutionId: execution.id,
    Query: execution.sql,
    StatementType: execution.statementType,
    SubstatementType: execution.substatementType,
    ResultConfiguration: { OutputLocation: execution.outputLocation },
    QueryExecutionContext: {
      Catalog: DATA_CATALOG,
      ...(execution.database === undefined ? {} : { Database: execution.database }),
    },
    Status: {
      State: execution.state,
      SubmissionDateTime: new Date(execution.submittedAt),
      ...(execution.endedAt === undefined ? {} : { CompletionDateTime: new Date(execution.endedAt) }),
      ...(execution.stateReason === undefined ? {} : { StateChangeReason: execution.stateReason }),
      ...(error === undefined
        ? {}
        : {
            AthenaError: {
              ErrorCategory: error.category,
              ErrorType: error.type,
              Retryable: error.retryable,
              ErrorMessage: error.message,
            },
          }),
    },
    Statistics: {
      EngineExecutionTimeInMillis: execution.planMs + execution.runMs,
      DataScannedInBytes: execution.bytesScanned,
      TotalExecutionTimeInMillis: execution.totalMs,
      QueryQueueTimeInMillis: execution.queueMs,
      QueryPlanningTimeInMillis: execution.planMs,
      ...(execution.manifestLocation === undefined ? {} : { DataManifestLocation: execution.manifestLocation }),
      ServiceProcessingTimeInMillis: Math.max(
        0,
        execution.totalMs - execution.queueMs - execution.planMs - execution.runMs,
      ),
    },
    WorkGroup: execution.workgroup,
    EngineVersion: { SelectedEngineVersion: 'AUTO', EffectiveEngineVersion: 'Athena engine version 3' },
  };
}

/** What of a configuration Loch does not have is refused, not left out. */
function refuseUnsupported(input: StartQueryExecutionInput): void {
  const refused: [unknown, string][] = [
    [input.ResultConfiguration?.EncryptionConfiguration, 'ResultConfiguration.EncryptionConfiguration'],
    [input.ResultReuseConfiguration?.ResultReuseByAgeConfiguration?.Enabled || undefined, 'ResultReuseConfiguration'],
  ];
  for (const [value, name] of refused) {
    if (value !== undefined)
      throw new LochError('unsupported', `\`${name}\` is not supported yet. Send the statement without it.`, {
        context: { argument: name },
      });
  }
  const catalog = input.QueryExecutionContext?.Catalog;
  if (catalog !== undefined && catalog.toLowerCase() !== DATA_CATALOG.toLowerCase()) {
    throw new LochError('invalid_argument', `Data catalog \`${catalog}\` does not exist. Known: ${DATA_CATALOG}.`, {
      context: { catalog },
    });
  }
}

async function start(queries: Queries, context: RequestContext, input: StartQueryExecutionInput) {
  refuseUnsupported(input);
  const database = input.QueryExecutionContext?.Database;
  const outputLocation = input.ResultConfiguration?.OutputLocation;
  const id = await queries.start(context, {
    sql: input.QueryString ?? '',
    dialect: 'athena',
    ...(database === undefined ? {} : { database }),
    ...(outputLocation === undefined ? {} : { outputLocation }),
    ...(input.WorkGroup === undefined ? {} : { workgroup: input.WorkGroup }),
    ...(input.ClientRequestToken === undefined ? {} : { clientRequestToken: input.ClientRequestToken }),
    ...(input.ExecutionParameters === undefined ? {} : { parameters: input.ExecutionParameters }),
  });
  return { QueryExecutionId: id };
}

const columnInfo = (column: ResultColumn) => ({
  CatalogName: 'hive',
  SchemaName: '',
  TableName: '',
  Name: column.name,
  Label: column.name,
  Type: column.athenaType,
  Precision: column.precision,
  Scale: column.scale,
  Nullable: 'UNKNOWN' as const,
  CaseSensitive: column.athenaType === 'varchar' || column.athenaType === 'char',
});

/** NULL is a cell without a value. */
const rowOf = (cells: readonly (string | null)[]) => ({
  Data: cells.map((cell) => (cell === null ? {} : { VarCharValue: cell })),
});

async function results(queries: Queries, context: RequestContext, input: GetQueryResultsInput) {
  const id = input.QueryExecutionId ?? '';
  const limit = input.MaxResults ?? MAX_RESULTS;
  if (!(limit >= 1 && limit <= MAX_RESULTS)) {
    throw new LochError('invalid_argument', `\`MaxResults\` must be from 1 to ${MAX_RESULTS}, and is ${limit}.`, {
      context: { argument: 'MaxResults' },
    });
  }
  const execution = await queries.get(context, id);
  const token = input.NextToken;
  // The names are the first row of the first page of a SELECT; they count towards the page.
  const writes = execution.manifestLocation !== undefined;
  const header = execution.statementType === 'DML' && !writes && token === undefined;
  const page = await queries.results(context, id, {
    limit: header ? Math.max(1, limit - 1) : limit,
    ...(token === undefined || token === FIRST_ROW ? {} : { next: token }),
  });
  const names = header ? [rowOf(page.columns.map((column) => column.name))] : [];
  // A page of one row holds the names alone.
  const rows = header && limit === 1 ? [] : page.rows;
  const next = header && limit === 1 && page.rows.length > 0 ? FIRST_ROW : page.next;
  return {
    UpdateCount: page.updateCount ?? 0,
    ResultSet: {
      Rows: [...names, ...rows.map(rowOf)],
      ResultSetMetadata: { ColumnInfo: page.columns.map(columnInfo) },
    },
    ...(next === undefined ? {} : { NextToken: next }),
  };
}

async function batchGet(queries: Queries, context: RequestContext, input: BatchGetQueryExecutionInput) {
  const ids = input.QueryExecutionIds ?? [];
  if (ids.length < 1 || ids.length > MAX_BATCH) {
    throw new LochError(
      'invalid_argument',
      `\`QueryExecutionIds\` holds 1 to ${MAX_BATCH} ids; it holds ${ids.length}.`,
      { context: { limit: MAX_BATCH } },
    );
  }
  const found: AthenaExecution[] = [];
  const missing: { QueryExecutionId: string; ErrorCode: string; ErrorMessage: string }[] = [];
  for (const id of ids) {
    try {
      found.push(shapeOf(await queries.get(context, id)));
    } catch (error) {
      if (!(error instanceof LochError)) throw error;
      missing.push({ QueryExecutionId: id, ErrorCode: 'INTERNAL_FAILURE', ErrorMessage: error.message });
    }
  }
  return { QueryExecutions: found, UnprocessedQueryExecutionIds: missing };
}

async function list(queries: Queries, context: RequestContext, input: ListQueryExecutionsInput) {
  const limit = input.MaxResults ?? 50;
  if (!(limit >= 0 && limit <= 50))
    throw new LochError('invalid_argument', `\`MaxResults\` must be from 0 to 50, and is ${limit}.`);
  const executions = await queries.list(context, {
    limit: limit + 1,
    ...(input.WorkGroup === undefined ? {} : { workgroup: input.WorkGroup }),
    ...(input.NextToken === undefined ? {} : { after: input.NextToken }),
  });
  const shown = executions.slice(0, limit).map((execution) => execution.id);
  return {
    QueryExecutionIds: shown,
    ...(executions.length > limit && shown.length > 0 ? { NextToken: shown.at(-1)! } : {}),
  };
}

/** Statements and their results. */
export function queryOperations(queries: Queries): Readonly<Record<string, OperationSpec>> {
  return {
    StartQueryExecution: {
      partial: 'without encryption of results and result reuse',
      run: (context, input: StartQueryExecutionInput) => start(queries, context, input),
    },
    GetQueryExecution: {
      readOnly: true,
      run: async (context, input: GetQueryExecutionInput) => ({
        QueryExecution: shapeOf(await queries.get(context, input.QueryExecutionId ?? '')),
      }),
    },
    BatchGetQueryExecution: {
      readOnly: true,
      run: (context, input: BatchGetQueryExecutionInput) => batchGet(queries, context, input),
    },
    ListQueryExecutions: {
      readOnly: true,
      run: (context, input: ListQueryExecutionsInput) => list(queries, context, input),
    },
    StopQueryExecution: {
      run: async (context, input: StopQueryExecutionInput) => {
        await queries.stop(context, input.QueryExecutionId ?? '');
        return {};
      },
    },
    GetQueryResults: {
      readOnly: true,
      run: (context, input: GetQueryResultsInput) => results(queries, context, input),
    },
  };
}
