/**
 * The S3 door: path-style S3 REST over `ObjectAccess`. Authenticates, finds the operation, calls one use-case, encodes.
 *
 * Invariants
 * - Every answer has `x-amz-request-id`; every failure is S3's XML form, except where HTTP forbids a body.
 * - Bucket operations are in the audit trail before the first byte of their answer; objects are recorded by the use-case.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestContext } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { type LochError, toLochError } from '../../core/errors.ts';
import type { EventBus } from '../../core/events.ts';
import { newId } from '../../core/ids.ts';
import type { Audit, Identities } from '../../governance/contract.ts';
import type { ObjectAccess } from '../../storage/contract.ts';
import { anonymousPrincipal, clientGone, requestContext, splitTarget } from '../kit/request-facts.ts';
import { authenticate, createSigningKeys } from '../kit/sigv4/index.ts';
import { renderS3Error, s3ErrorOf } from './errors.ts';
import { type FoundOperation, findOperation } from './find-operation.ts';
import { parsePath, type S3Request } from './request.ts';

export interface S3DoorDeps {
  readonly access: ObjectAccess;
  readonly identities: Identities;
  readonly audit: Audit;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly accountId: string;
  readonly region: string;
}

interface Progress {
  operation?: FoundOperation;
  context?: RequestContext;
}

/** The handler of S3 requests. It answers everything itself and never throws. */
export function createS3Door(deps: S3DoorDeps): (incoming: IncomingMessage, response: ServerResponse) => Promise<void> {
  const signingKeys = createSigningKeys();

  async function open(
    incoming: IncomingMessage,
    response: ServerResponse,
    requestId: string,
    progress: Progress,
  ): Promise<S3Request> {
    const { rawPath, rawQuery } = splitTarget(incoming);
    const method = incoming.method ?? 'GET';
    const now = deps.clock.now();
    const proof = await authenticate(
      { method, rawPath, rawQuery, headers: incoming.headers },
      { identities: deps.identities, now, signingKeys },
    );
    const context = requestContext(incoming, clientGone(response), {
      door: 's3',
      requestId,
      principal: proof.anonymous ? anonymousPrincipal(deps.accountId) : proof.principal,
      accountId: deps.accountId,
      region: deps.region,
      startedAt: now,
    });
    progress.context = context;
    return {
      ...parsePath(rawPath),
      context,
      access: deps.access,
      method,
      query: new URLSearchParams(rawQuery),
      headers: incoming.headers,
      incoming,
      response,
      signature: proof.anonymous ? undefined : proof,
      region: deps.region,
      accountId: deps.accountId,
    };
  }

  async function record(progress: Progress, bucket: string, error?: LochError): Promise<void> {
    if (progress.operation?.management !== true || progress.context === undefined) return;
    // A refusal was recorded by the policy that refused.
    if (error?.code === 'access_denied') return;
    await deps.audit.recordManagement(progress.context, {
      eventSource: 's3.amazonaws.com',
      eventName: progress.operation.name,
      readOnly: /^(Get|List|Head)/.test(progress.operation.name),
      requestParameters: bucket === '' ? {} : { bucketName: bucket },
      ...(bucket === '' ? {} : { resources: [{ type: 'AWS::S3::Bucket', name: bucket }] }),
      ...(error === undefined ? {} : { errorCode: s3ErrorOf(error).name, errorMessage: error.message }),
    });
  }

  return async (incoming, response) => {
    const requestId = newId();
    const started = deps.clock.now();
    const progress: Progress = {};
    response.setHeader('x-amz-request-id', requestId);
    response.setHeader('server', 'Loch');
    let bucket = '';
    let failure: LochError | undefined;
    try {
      const request = await open(incoming, response, requestId, progress);
      bucket = request.bucket;
      progress.operation = findOperation(request);
      // A refusal stands in the trail under the operation that was refused.
      const context = { ...request.context, operation: `s3:${progress.operation.name}` };
      await runRecorded({ ...request, context }, progress);
    } catch (error) {
      failure = toLochError(error);
      await record(progress, bucket, failure).catch((cause: unknown) => {
        failure = toLochError(cause);
      });
      sendFailure(incoming, response, failure, requestId);
    }
    const payload = { door: 's3', operation: progress.operation?.name ?? 'Unknown', requestId };
    const principal = progress.context?.principal.arn ?? 'unknown';
    deps.events.publish({
      name: 'doorRequestFinished',
      payload: { ...payload, status: response.statusCode, ms: deps.clock.now() - started, principal },
    });
    if (failure !== undefined) {
      deps.events.publish({
        name: 'doorRequestFailed',
        payload: { ...payload, code: failure.code, message: failure.message },
      });
    }
  };

  async function runRecorded(request: S3Request, progress: Progress): Promise<void> {
    const operation = progress.operation!;
    if (!operation.management) return operation.run(request);
    // The answer of a management operation is held back until its event is durable.
    const held = holdAnswer(request.response);
    try {
      await operation.run(request);
      await record(progress, request.bucket);
    } catch (error) {
      held.drop();
      throw error;
    }
    held.release();
  }
}

/** Keeps what a handler writes (small documents) until `release`; `drop` forgets it. */
function holdAnswer(response: ServerResponse): { release(): void; drop(): void } {
  const writeHead = response.writeHead.bind(response);
  const end = response.end.bind(response);
  let head: Parameters<ServerResponse['writeHead']> | undefined;
  let body: unknown;
  response.writeHead = ((...args: Parameters<ServerResponse['writeHead']>) => {
    head = args;
    return response;
  }) as ServerResponse['writeHead'];
  response.end = ((chunk?: unknown) => {
    body = chunk;
    return response;
  }) as ServerResponse['end'];
  const restore = () => {
    response.writeHead = writeHead as ServerResponse['writeHead'];
    response.end = end as ServerResponse['end'];
  };
  return {
    drop: restore,
    release() {
      restore();
      if (head !== undefined) response.writeHead(...head);
      if (body === undefined) response.end();
      else response.end(body as Buffer);
    },
  };
}

function sendFailure(incoming: IncomingMessage, response: ServerResponse, error: LochError, requestId: string): void {
  const { name, status } = s3ErrorOf(error);
  // What is left of the body is not read: the connection is of no more use.
  if (!incoming.complete && incoming.method !== 'GET' && incoming.method !== 'HEAD')
    response.setHeader('connection', 'close');
  if (response.headersSent) {
    // A long completion has sent its status: S3 tells the failure in the body then. Anything else is cut off.
    if (response.getHeader('content-type') === 'application/xml' && !response.writableEnded)
      response.end(
        renderS3Error(error, { name, resource: incoming.url ?? '', requestId }).replace(/^<\?xml[^>]*\?>\n/, ''),
      );
    else response.destroy();
    return;
  }
  if (status === 304 || incoming.method === 'HEAD') {
    response.writeHead(status, { 'content-length': 0 }).end();
    return;
  }
  const body = Buffer.from(renderS3Error(error, { name, resource: splitTarget(incoming).rawPath, requestId }));
  response.writeHead(status, { 'content-type': 'application/xml', 'content-length': body.length }).end(body);
}
