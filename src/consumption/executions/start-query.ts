import { createHash } from 'node:crypto';
import { s3Arn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import { parseS3Uri } from '../../storage/contract.ts';
import type { PreparedStatements, Queries } from '../contract.ts';
import { withParameters } from '../queries/with-parameters.ts';
import { authorizeWorkgroup, PRIMARY_WORKGROUP, resultPrefix } from './access.ts';
import type { ExecutionDeps } from './deps.ts';
import type { Executor } from './executor.ts';
import { preparedCommand } from './prepared-statements.ts';
import { type StatementKind, statementKind } from './statement-kind.ts';
import { executionProcedures } from './store.ts';

/** **Source**: Athena, `QueryString`. */
const MAX_SQL_BYTES = 262_144;

type Request = Parameters<Queries['start']>[1];

/** Writes a query down as QUEUED and sets it going. **Errors**: `invalid_argument`, `access_denied`, `bucket_not_found`. */
export const startQuery =
  (deps: ExecutionDeps, executor: Executor, prepared: PreparedStatements): Queries['start'] =>
  async (context, request) => {
    const workgroup = request.workgroup ?? PRIMARY_WORKGROUP;
    await authorizeWorkgroup(deps, context, 'athena:StartQueryExecution', workgroup);
    const sql = await sqlOf(prepared, context, { ...request, workgroup });
    const id = newId();
    const kind = kindOf(sql);
    const form = kind.utility === undefined && kind.statementType === 'DML' ? 'csv' : 'txt';
    const outputLocation = await locationOf(deps, context, request, `${id}.${form}`);
    const { principal } = context;
    const answer = await deps.store.write(executionProcedures.create, {
      id,
      sql,
      dialect: request.dialect ?? 'athena',
      database: request.database ?? null,
      workgroup,
      statementType: kind.statementType,
      substatementType: kind.substatementType,
      outputLocation,
      accountId: context.accountId,
      token: request.clientRequestToken ?? null,
      digest: digestOf(request, sql),
      caller: {
        principalArn: principal.arn,
        requestId: context.requestId,
        door: context.door,
        sourceIp: context.sourceIp,
        userAgent: context.userAgent,
        secure: context.secure,
      },
    });
    if (answer.created) executor.take(id);
    return answer.id;
  };

/** The statement that is run: with its parameters in it, and that of EXECUTE is the one it names. */
async function sqlOf(prepared: PreparedStatements, context: RequestContext, request: Request): Promise<string> {
  const bytes = Buffer.byteLength(request.sql, 'utf8');
  if (request.sql.trim() === '') throw new LochError('invalid_argument', 'The query string is empty.');
  if (bytes > MAX_SQL_BYTES) {
    throw new LochError(
      'invalid_argument',
      `The query string has ${bytes} bytes; at most ${MAX_SQL_BYTES} are taken.`,
      {
        context: { limit: MAX_SQL_BYTES, bytes },
      },
    );
  }
  const command = preparedCommand(request.sql);
  const parameters = request.parameters ?? [];
  if (command?.kind !== 'execute') return withParameters(request.sql, parameters);
  const { sql } = await prepared.get(context, command.name, request.workgroup);
  const values = command.values.length > 0 ? command.values : parameters;
  return withParameters(sql, values, true);
}

/** A statement that is not supported is still a query: it fails with its reason, where its caller looks for it. */
function kindOf(sql: string): StatementKind {
  try {
    const command = preparedCommand(sql);
    if (command !== undefined) {
      return {
        statementType: 'UTILITY',
        substatementType: command.kind === 'prepare' ? 'PREPARE' : 'DEALLOCATE_PREPARE',
      };
    }
    return statementKind(sql);
  } catch (error) {
    if (!isLochError(error, 'unsupported', 'syntax_error')) throw error;
    return {
      statementType: 'DDL',
      substatementType: String(error.context.statement ?? 'UNKNOWN').replaceAll(' ', '_'),
    };
  }
}

/** The caller's own location, where he may write, or his prefix in the result bucket. */
async function locationOf(
  deps: ExecutionDeps,
  context: RequestContext,
  request: Request,
  file: string,
): Promise<string> {
  if (request.outputLocation === undefined) {
    const prefix = resultPrefix(context.principal.arn);
    await deps.ownPrefix(prefix, context.principal.arn);
    return `s3://${deps.resultBucket}/${prefix}/${file}`;
  }
  const { bucket, key } = parseS3Uri(request.outputLocation);
  const path = `${key === '' || key.endsWith('/') ? key : `${key}/`}${file}`;
  await deps.objects.bucket(bucket);
  await deps.policy.authorize(context, { action: 's3:PutObject', resource: s3Arn(bucket, path) });
  if (bucket === deps.resultBucket && !path.startsWith(`${resultPrefix(context.principal.arn)}/`)) {
    throw new LochError('access_denied', `Results of ${context.principal.arn} do not belong under ${path}.`);
  }
  const location = await deps.policy.registeredLocation(bucket, path);
  if (location !== undefined) await deps.policy.authorizeDataLocation(context, location);
  return `s3://${bucket}/${path}`;
}

function digestOf(request: Request, sql: string): string {
  const { database, workgroup, outputLocation, dialect } = request;
  return createHash('sha256')
    .update(JSON.stringify([sql, database, workgroup, outputLocation, dialect]))
    .digest('hex');
}
