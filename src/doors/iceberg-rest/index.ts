/**
 * The Iceberg REST catalog door. Authenticates (bearer token or AWS signature), finds the operation, calls one use-case,
 * writes JSON.
 *
 * Invariants
 * - Every answer has `x-request-id`; every failure is the specification's error form (OAuth's own for tokens).
 * - An operation is in the audit trail before the first byte of its answer.
 *
 * **Source**: Apache Iceberg REST catalog specification (rest-catalog-open-api.yaml).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Catalog } from '../../catalog/contract.ts';
import type { Principal, RequestContext } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { isLochError, LochError, toLochError } from '../../core/errors.ts';
import type { EventBus } from '../../core/events.ts';
import { newId } from '../../core/ids.ts';
import type { Audit, Identities, TableDirectory } from '../../governance/contract.ts';
import { parseLosslessJson } from '../../storage/contract.ts';
import { readBody } from '../kit/read-body.ts';
import { anonymousPrincipal, clientGone, requestContext, splitTarget } from '../kit/request-facts.ts';
import { createRejections } from '../kit/rejections.ts';
import { authenticate, createSigningKeys } from '../kit/sigv4/index.ts';
import { catalogConfig, warehousesOf } from './config.ts';
import { icebergError } from './errors.ts';
import { inItsWords } from './messages.ts';
import { ScanPlans } from './plans.ts';
import type { IcebergAnswer, IcebergSettings } from './request.ts';
import { bodyText, RequestKeys } from './request-key.ts';
import { findIcebergOperation, type IcebergOperation } from './routes.ts';
import { createIcebergTokens } from './tokens.ts';
import { grantToken, tokenFailure } from './token-endpoint.ts';

export interface IcebergDoorDeps {
  readonly catalog: Catalog;
  readonly identities: Identities;
  readonly audit: Audit;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly accountId: string;
  readonly region: string;
  /** 32 bytes known to this server alone, for bearer tokens. */
  readonly tokenKey: Uint8Array;
  readonly s3Endpoint: () => string;
  /** Which table a key belongs to, for signatures that name no table. */
  readonly directory: Pick<TableDirectory, 'tableAt'>;
  /** How long lent credentials last. Default 3,600. **Units**: seconds. */
  readonly loanSeconds?: number;
  /** Largest request body. Default 64 MiB: a commit carries the metadata of its snapshot. **Units**: bytes. */
  readonly maxBodyBytes?: number;
}

const MAX_BODY_BYTES = 64 * 1024 * 1024;
const LOAN_SECONDS = 3_600;
const SIGNING_NAMES = new Set(['glue', 's3tables', 'execute-api']);

/** What is known of a request so far. */
interface Progress {
  context: RequestContext;
  operation?: IcebergOperation;
  parameters: Readonly<Record<string, string>>;
}

/** The handler of paths below `/iceberg`. It answers everything itself and never throws. */
export function createIcebergDoor(
  deps: IcebergDoorDeps,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const tokens = createIcebergTokens({ identities: deps.identities, clock: deps.clock, key: deps.tokenKey });
  const signingKeys = createSigningKeys();
  const rejected = createRejections(deps.audit, deps.clock);
  const plans = new ScanPlans(deps.clock);
  const keys = new RequestKeys();
  const settings: IcebergSettings = {
    accountId: deps.accountId,
    region: deps.region,
    s3Endpoint: deps.s3Endpoint,
    loanSeconds: deps.loanSeconds ?? LOAN_SECONDS,
  };
  const prefixes = warehousesOf(settings);

  async function principalOf(request: IncomingMessage, body: Uint8Array): Promise<Principal> {
    const bearer = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '');
    if (bearer !== null) return tokens.principalOf(bearer[1]!);
    const signed = { method: request.method ?? 'GET', ...splitTarget(request), headers: request.headers, body };
    const proof = await authenticate(signed, { identities: deps.identities, now: deps.clock.now(), signingKeys });
    if (proof.anonymous) {
      throw new LochError(
        'missing_credentials',
        'The request is not signed. Sign it (service `glue`), or send a bearer token of POST /iceberg/v1/oauth/tokens.',
      );
    }
    if (!SIGNING_NAMES.has(proof.service)) {
      throw new LochError(
        'signature_mismatch',
        `The credential is scoped to the service \`${proof.service}\`; use \`${[...SIGNING_NAMES].join('`, `')}\`.`,
      );
    }
    return proof.principal;
  }

  async function serve(request: IncomingMessage, progress: Progress): Promise<IcebergAnswer> {
    const { rawPath, rawQuery } = splitTarget(request);
    const path = rawPath.replace(/^\/iceberg\/v1/, '');
    const query = new URLSearchParams(rawQuery);
    const method = request.method ?? 'GET';
    const body = await readBody(request, deps.maxBodyBytes ?? MAX_BODY_BYTES);
    if (method === 'POST' && path === '/oauth/tokens') return grantToken(tokens, request.headers, body);
    const principal = await principalOf(request, body);
    progress.context = { ...progress.context, principal, accountId: principal.accountId };
    if (method === 'GET' && path === '/config') return catalogConfig(settings, query);
    const found = findIcebergOperation(method, path, prefixes);
    progress.operation = found.operation;
    progress.parameters = found.values;
    progress.context = { ...progress.context, operation: `glue:${found.operation.name}` };
    const decoded = {
      context: progress.context,
      catalog: deps.catalog,
      audit: deps.audit,
      events: deps.events,
      plans,
      path: found.values,
      query,
      headers: request.headers,
      body: parseBody(body),
      settings,
      tableAt: deps.directory.tableAt,
      now: deps.clock.now(),
    };
    const answer = await keys.run(decoded, inItsWords(found.operation), { method, path, body });
    await record(progress);
    return answer;
  }

  async function record(progress: Progress, failure?: LochError): Promise<void> {
    const { operation, context, parameters } = progress;
    if (operation === undefined) return;
    // A refusal was recorded by the policy that refused, which names the action.
    if (failure?.code === 'access_denied' && failure.context.action !== undefined) return;
    const { namespace, table } = parameters;
    await deps.audit.recordManagement(context, {
      eventSource: 'glue.amazonaws.com',
      eventName: operation.name,
      readOnly: operation.readOnly,
      requestParameters: parameters,
      ...(table === undefined ? {} : { resources: [{ type: 'AWS::Glue::Table', name: `${namespace}.${table}` }] }),
      ...(failure === undefined
        ? {}
        : {
            errorCode: icebergError(failure, context.requestId, operation.noun).type,
            errorMessage: failure.message,
          }),
    });
  }

  /** A request that nobody vouches for, under the operation it asked for. */
  function recordRejection(request: IncomingMessage, { context }: Progress, failure: LochError): Promise<LochError> {
    const path = splitTarget(request).rawPath.replace(/^\/iceberg\/v1/, '');
    return rejected({
      request,
      context,
      failure,
      eventSource: 'glue.amazonaws.com',
      eventName: operationNameOf(request.method ?? 'GET', path, prefixes),
      errorCode: icebergError(failure, context.requestId).type,
    });
  }

  return async (request, response) => {
    const requestId = newId();
    const progress: Progress = {
      parameters: {},
      context: requestContext(request, clientGone(response), {
        door: 'iceberg',
        requestId,
        principal: anonymousPrincipal(deps.accountId),
        accountId: deps.accountId,
        region: deps.region,
        startedAt: deps.clock.now(),
      }),
    };
    let answer: IcebergAnswer | undefined;
    let failure: LochError | undefined;
    try {
      answer = await serve(request, progress);
    } catch (error) {
      failure = await recordRejection(request, progress, toLochError(error));
      await record(progress, failure).catch((cause: unknown) => {
        failure = toLochError(cause);
      });
    }
    if (answer !== undefined) send(response, requestId, answer);
    else sendFailure(request, response, { requestId, noun: progress.operation?.noun }, failure!);
    report(deps, progress, response.statusCode, failure);
  };
}

function operationNameOf(method: string, path: string, prefixes: readonly string[]): string {
  if (path === '/oauth/tokens') return 'GetToken';
  if (path === '/config') return 'GetConfig';
  try {
    return findIcebergOperation(method, path, prefixes).operation.name;
  } catch {
    return 'Unknown'; // the rejection is what counts, and is told
  }
}

function parseBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  try {
    return parseLosslessJson(body.toString('utf8'));
  } catch (cause) {
    throw new LochError('malformed_request', `The body is not JSON: ${(cause as Error).message}.`, { cause });
  }
}

function send(response: ServerResponse, requestId: string, { status, body, headers }: IcebergAnswer): void {
  const text = bodyText(body);
  response.writeHead(status, {
    'x-request-id': requestId,
    ...headers,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(status === 204 || status === 304 ? {} : { 'content-length': Buffer.byteLength(text) }),
  });
  response.end(text);
}

function sendFailure(
  request: IncomingMessage,
  response: ServerResponse,
  { requestId, noun }: { readonly requestId: string; readonly noun: string | undefined },
  failure: LochError,
): void {
  const oauth = splitTarget(request).rawPath.endsWith('/oauth/tokens');
  const { status, body } = oauth ? tokenFailure(failure) : icebergError(failure, requestId, noun);
  if (isLochError(failure, 'entity_too_large')) response.setHeader('connection', 'close');
  const retry = status === 503 ? { 'retry-after': '1' } : {};
  const bodiless = request.method === 'HEAD';
  response.writeHead(status, {
    'x-request-id': requestId,
    'content-type': 'application/json',
    ...retry,
    'content-length': bodiless ? 0 : Buffer.byteLength(body),
  });
  response.end(bodiless ? '' : body);
}

function report(deps: IcebergDoorDeps, progress: Progress, status: number, failure: LochError | undefined): void {
  const { context, operation } = progress;
  const facts = { door: 'iceberg', operation: operation?.name ?? 'Unknown', requestId: context.requestId };
  if (failure !== undefined) {
    const cause = failure.cause instanceof Error ? (failure.cause.stack ?? failure.cause.message) : failure.message;
    const message = failure.kind === 'internal' ? cause : failure.message;
    deps.events.publish({ name: 'doorRequestFailed', payload: { ...facts, code: failure.code, message } });
  }
  const ms = deps.clock.now() - context.startedAt;
  deps.events.publish({
    name: 'doorRequestFinished',
    payload: { ...facts, status, ms, principal: context.principal.arn },
  });
}
