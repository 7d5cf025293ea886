/**
 * The S3 door: S3 REST over `ObjectAccess`, buckets named by path or host. Authenticates, finds the operation, calls one use-case, encodes.
 *
 * Invariants
 * - Every answer has `x-amz-request-id`; every failure is S3's XML form, except where HTTP forbids a body.
 * - Nothing of an answer is sent before the operation has succeeded, but for a completion that takes its time.
 * - Bucket operations are in the audit trail before the first byte of their answer; objects are recorded by the use-case.
 * - A request that nobody vouches for is in the trail as well, under the operation it asked for.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestContext } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { type LochError, toLochError } from '../../core/errors.ts';
import type { EventBus } from '../../core/events.ts';
import { newId } from '../../core/ids.ts';
import type { Accounts, Audit, Identities } from '../../governance/contract.ts';
import type { AccessLog, AccessPoints, BucketSettingAccess, ObjectAccess } from '../../storage/contract.ts';
import { clientGone, splitTarget } from '../kit/request-facts.ts';
import { createRejections } from '../kit/rejections.ts';
import { createSigningKeys, type SigningKeys } from '../kit/sigv4/index.ts';
import { accessEntry } from './access-entry.ts';
import { assertServedByPoint, throughAlias } from './alias.ts';
import type { S3Answer } from './answer.ts';
import { type Addressing, type BucketHosts, createAddressing } from './bucket-host.ts';
import { answerOrigin, preflight } from './cors.ts';
import { s3ErrorOf } from './errors.ts';
import { type FoundOperation, findOperation } from './find-operation.ts';
import { assertExpectedOwner, contextFor, proveRequest, type RequestFacts, takeApart } from './open-request.ts';
import { parsePath, type S3Request } from './request.ts';
import { sendAnswer, sendFailure } from './send-answer.ts';

export interface S3DoorDeps {
  /** Where requests to buckets are noted. */
  readonly accessLog?: Pick<AccessLog, 'note'>;
  readonly access: ObjectAccess;
  /** For aliases that stand where a bucket's name does; without it there are none. */
  readonly accessPoints?: Pick<AccessPoints, 'byAlias'>;
  readonly settings: BucketSettingAccess;
  readonly accounts: Accounts;
  readonly identities: Identities;
  readonly audit: Audit;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly accountId: string;
  readonly region: string;
  /** Whether customer keys may come over plain HTTP from this machine. Default false. */
  readonly customerKeysOverHttp?: boolean;
  /** Hosts that name buckets. Default: those below `localhost`. */
  readonly bucketHosts?: BucketHosts;
}

/** What one door keeps beside what it was given. */
interface DoorParts {
  readonly signingKeys: SigningKeys;
  readonly addressing: Addressing;
}

/** What is known of a request so far, for its record. */
interface Progress {
  context: RequestContext;
  operation?: FoundOperation;
  /** Of the answer, when there is one. */
  headers?: S3Answer['headers'];
}

/** The handler of S3 requests. It answers everything itself and never throws. */
export function createS3Door(deps: S3DoorDeps): (incoming: IncomingMessage, response: ServerResponse) => Promise<void> {
  const addressing = createAddressing(deps.bucketHosts ?? { domains: ['localhost'], bucketHosts: [] });
  const parts: DoorParts = { signingKeys: createSigningKeys(), addressing };
  const rejected = createRejections(deps.audit, deps.clock);
  return async (incoming, response) => {
    const startedAt = deps.clock.now();
    const facts = { requestId: newId(), startedAt, signal: clientGone(response) };
    const progress: Progress = { context: contextFor(incoming, facts, deps) };
    let failure: LochError | undefined;
    try {
      await answerOrigin(incoming, response, deps.settings, addressing);
      const answer = await serve(incoming, facts, progress, deps, parts);
      progress.headers = answer.headers;
      failure = await sendAnswer(response, answer, facts.requestId);
    } catch (error) {
      const resource = splitTarget(incoming).rawPath;
      const known = toLochError(error);
      failure = await rejected({
        request: incoming,
        context: progress.context,
        failure: known,
        eventSource: 's3.amazonaws.com',
        eventName: operationAskedFor(incoming, addressing),
        errorCode: s3ErrorOf(known).name,
      });
      sendFailure(incoming, response, failure, { resource, requestId: facts.requestId });
    }
    report(deps, progress, response, failure);
    const entry = accessEntry(incoming, response, progress.context, {
      failure,
      now: deps.clock.now(),
      headers: progress.headers,
      addressing,
    });
    if (entry !== undefined) deps.accessLog?.note(entry);
  };
}

/** The operation of a request that nobody vouched for. */
function operationAskedFor(incoming: IncomingMessage, addressing: Addressing): string {
  const { rawQuery } = splitTarget(incoming);
  try {
    const { method = 'GET', headers } = incoming;
    const { path } = addressing(incoming);
    return findOperation({ ...parsePath(path), method, headers, query: new URLSearchParams(rawQuery) }).name;
  } catch {
    return 'Unknown'; // the rejection is what counts, and is told
  }
}

async function serve(
  incoming: IncomingMessage,
  facts: RequestFacts,
  progress: Progress,
  deps: S3DoorDeps,
  { signingKeys, addressing }: DoorParts,
): Promise<S3Answer> {
  if (incoming.method === 'OPTIONS') return preflight(incoming, deps.settings, addressing);
  const addressed = addressing(incoming);
  const query = new URLSearchParams(splitTarget(incoming).rawQuery);
  const proof = await proveRequest(incoming, addressed, query, deps, signingKeys, facts.startedAt);
  progress.context = contextFor(incoming, facts, deps, proof);
  const taken = takeApart(incoming, addressed, query, progress.context, deps, proof);
  const request = await throughAlias(taken, deps.accessPoints);
  progress.context = request.context;
  const operation = findOperation(request);
  progress.operation = operation;
  assertServedByPoint(request, operation);
  // A refusal stands in the trail under the operation that was refused.
  progress.context = { ...progress.context, operation: `s3:${operation.name}` };
  return run({ ...request, context: progress.context }, operation, deps.audit);
}

async function run(request: S3Request, operation: FoundOperation, audit: Audit): Promise<S3Answer> {
  let answer: S3Answer;
  try {
    await assertExpectedOwner(request);
    answer = await operation.run(request);
  } catch (error) {
    const failure = toLochError(error);
    // What the policy refused it has recorded, with the action; use-cases record what fails of objects.
    const refused = failure.code === 'access_denied';
    const recorded = refused ? failure.context.action !== undefined : !operation.management;
    if (!recorded) await record(request, operation, audit, failure);
    throw failure;
  }
  if (operation.management) await record(request, operation, audit);
  return answer;
}

async function record(request: S3Request, operation: FoundOperation, audit: Audit, failure?: LochError): Promise<void> {
  const { context } = request;
  const bucket = operation.ofAccount === true ? '' : request.bucket;
  await audit.recordManagement(context, {
    eventSource: 's3.amazonaws.com',
    eventName: operation.name,
    readOnly: /^(Get|List|Head)/.test(operation.name),
    requestParameters: bucket === '' ? {} : { bucketName: bucket },
    ...(bucket === '' ? {} : { resources: [{ type: 'AWS::S3::Bucket', name: bucket }] }),
    ...(failure === undefined ? {} : { errorCode: s3ErrorOf(failure).name, errorMessage: failure.message }),
  });
}

function report(
  deps: S3DoorDeps,
  { context, operation }: Progress,
  response: ServerResponse,
  failure: LochError | undefined,
): void {
  const facts = { door: 's3', operation: operation?.name ?? 'unknown', requestId: context.requestId };
  // A client that left before its answer is no failure of ours.
  const left = context.signal.aborted && failure?.kind === 'internal';
  if (failure !== undefined && !left && failure.code !== 'not_modified') {
    const cause = failure.cause instanceof Error ? (failure.cause.stack ?? failure.cause.message) : failure.message;
    const message = failure.kind === 'internal' ? cause : failure.message;
    deps.events.publish({ name: 'doorRequestFailed', payload: { ...facts, code: failure.code, message } });
  }
  const ms = deps.clock.now() - context.startedAt;
  const payload = { ...facts, status: response.statusCode, ms, principal: context.principal.arn };
  deps.events.publish({ name: 'doorRequestFinished', payload });
}
