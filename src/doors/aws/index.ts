/**
 * The door of the AWS services: authenticates a request, finds its service and operation in the SDK's own schemas,
 * calls the use-case and writes the answer in the service's protocol.
 *
 * Invariants
 * - Nothing is decided here: a handler runs, or an error says why not.
 * - Whatever goes wrong is answered in the form of the protocol the client speaks, with the request's id.
 * - A management operation is in the audit trail before the first byte of its answer. A refusal was recorded by
 *   `policy` when it refused.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestContext } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { type LochError, toLochError } from '../../core/errors.ts';
import type { EventBus } from '../../core/events.ts';
import { newId } from '../../core/ids.ts';
import type { Audit, Identities } from '../../governance/contract.ts';
import { readBody } from '../kit/read-body.ts';
import { anonymousPrincipal, clientGone, requestContext, splitTarget } from '../kit/request-facts.ts';
import { createRejections, type RecordRejection } from '../kit/rejections.ts';
import { createSigningKeys, type SigningKeys } from '../kit/sigv4/index.ts';
import { authenticateFor } from './authenticate-for.ts';
import { findOperation } from './find-operation.ts';
import { protocolOf } from './protocols/index.ts';
import type { ServerProtocol, WireAnswer, WireRequest } from './protocols/protocol.ts';
import { recordedParameters } from './recorded-parameters.ts';
import { createRouter, type Router } from './router.ts';
import type { AwsServiceDoor, OperationSpec } from './service.ts';
import type { OperationModel, ServiceModel } from './service-model.ts';
import { wireError } from './wire-error.ts';

export interface AwsDoorDeps {
  readonly services: readonly AwsServiceDoor[];
  readonly identities: Identities;
  readonly audit: Audit;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly accountId: string;
  readonly region: string;
  /** Largest request body. Default 8 MiB: a Firehose batch of 4 MiB in base64 fits. **Units**: bytes. */
  readonly maxBodyBytes?: number;
}

export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

const DEFAULT_MAX_BODY_BYTES = 8 * 1024 * 1024;

/** What is known of a request so far; grows as it is understood, so that a failure can be told in the best form. */
interface Progress {
  context: RequestContext;
  request: WireRequest;
  service?: AwsServiceDoor;
  model?: ServiceModel;
  operation?: string;
}

/** The handler of requests that were routed to the AWS services. It answers everything itself and never throws. */
export function createAwsDoor(deps: AwsDoorDeps): HttpHandler {
  const router = createRouter(deps.services);
  const signingKeys = createSigningKeys();
  const rejected = createRejections(deps.audit, deps.clock);
  return async (request, response) => {
    const progress = begin(request, response, deps);
    let answer: WireAnswer;
    let failure: LochError | undefined;
    try {
      answer = await serve(request, progress, deps, router, signingKeys);
    } catch (error) {
      failure = await recordRejection(rejected, request, progress, toLochError(error));
      answer = failed(failure, progress);
      if (failure.code === 'entity_too_large') response.setHeader('connection', 'close');
    }
    response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(answer.body) });
    response.end(answer.body);
    report(deps, progress, answer, failure);
  };
}

function begin(request: IncomingMessage, response: ServerResponse, deps: AwsDoorDeps): Progress {
  const { accountId, region } = deps;
  const context = requestContext(request, clientGone(response), {
    door: 'aws',
    requestId: newId(),
    principal: anonymousPrincipal(accountId),
    accountId,
    region,
    startedAt: deps.clock.now(),
  });
  const wire = {
    method: request.method ?? 'GET',
    ...splitTarget(request),
    headers: request.headers,
    body: Buffer.alloc(0),
  };
  return { context, request: wire };
}

async function serve(
  request: IncomingMessage,
  progress: Progress,
  deps: AwsDoorDeps,
  router: Router,
  signingKeys: SigningKeys,
): Promise<WireAnswer> {
  const route = router.route(progress.request);
  progress.service = route.service;
  const model = await router.model(route.service);
  progress.model = model;
  const body = await readBody(request, deps.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES);
  const wire: WireRequest = { ...progress.request, body };
  progress.request = wire;
  const protocol = protocolOf(wire, model);
  const stated = protocol.identify(wire, model);
  if (stated !== undefined) progress.operation = stated;
  const principal = await authenticateFor(route.service, wire, deps, signingKeys);
  progress.context = { ...progress.context, principal, accountId: principal.accountId };
  const found = findOperation(route.service, model, stated, wire);
  progress.context = { ...progress.context, operation: `${route.service.name}:${found.operation.name}` };
  const input = await protocol.read(wire, found.operation);
  return run(progress.context, { ...found, service: route.service, input, protocol, wire, model }, deps.audit);
}

interface Call {
  readonly service: AwsServiceDoor;
  readonly model: ServiceModel;
  readonly operation: OperationModel;
  readonly spec: OperationSpec;
  readonly input: object;
  readonly protocol: ServerProtocol;
  readonly wire: WireRequest;
}

async function run(context: RequestContext, call: Call, audit: Audit): Promise<WireAnswer> {
  try {
    const output = await call.spec.run(context, call.input);
    const facts = { requestId: context.requestId, xmlNamespace: call.model.xmlNamespace };
    const answer = call.protocol.write(call.operation, output, call.wire, facts);
    await recordCall(context, call, audit, { output });
    return answer;
  } catch (error) {
    const failure = toLochError(error);
    if (!recordedByPolicy(failure)) await recordCall(context, call, audit, { failure });
    throw failure;
  }
}

/** The policy records what it refuses, and says of which action; other refusals are the handler's own. */
const recordedByPolicy = (failure: LochError) =>
  failure.code === 'access_denied' && failure.context.action !== undefined;

async function recordCall(
  context: RequestContext,
  call: Call,
  audit: Audit,
  outcome: { readonly output?: object; readonly failure?: LochError },
): Promise<void> {
  const { spec, operation, service } = call;
  if (spec.management === false) return;
  const { failure, output } = outcome;
  const wire = failure && wireError(failure, context.requestId, service, call.model);
  await audit.recordManagement(context, {
    eventSource: `${service.name}.amazonaws.com`,
    eventName: operation.name,
    readOnly: spec.readOnly ?? false,
    requestParameters: recordedParameters(operation.input, call.input, spec.redact),
    ...(spec.resources === undefined ? {} : { resources: spec.resources(call.input, output) }),
    ...(output === undefined || spec.readOnly
      ? {}
      : { responseElements: recordedParameters(operation.output, output, spec.redact) }),
    ...(wire === undefined
      ? {}
      : { errorCode: call.model.protocol === 'query' ? wire.queryCode : wire.name, errorMessage: wire.message }),
  });
}

/** A request that nobody vouches for is in the trail as well, under the operation it asked for. */
function recordRejection(
  rejected: RecordRejection,
  request: IncomingMessage,
  progress: Progress,
  failure: LochError,
): Promise<LochError> {
  const { context, service, model, operation } = progress;
  const wire = wireError(failure, context.requestId, service, model);
  return rejected({
    request,
    context,
    failure,
    eventSource: `${service?.name ?? 'unknown'}.amazonaws.com`,
    eventName: operation ?? 'Unknown',
    errorCode: model?.protocol === 'query' ? wire.queryCode : wire.name,
  });
}

function failed(failure: LochError, progress: Progress): WireAnswer {
  const { requestId } = progress.context;
  const protocol = protocolOf(progress.request, progress.model);
  const facts = { requestId, xmlNamespace: progress.model?.xmlNamespace ?? '' };
  return protocol.fail(wireError(failure, requestId, progress.service, progress.model), progress.request, facts);
}

function report(deps: AwsDoorDeps, progress: Progress, answer: WireAnswer, failure: LochError | undefined): void {
  const { context, service, operation } = progress;
  const facts = {
    door: 'aws',
    operation: `${service?.name ?? 'unknown'}:${operation ?? 'unknown'}`,
    requestId: context.requestId,
  };
  if (failure !== undefined) {
    const cause = failure.cause instanceof Error ? (failure.cause.stack ?? failure.cause.message) : failure.message;
    const message = failure.kind === 'internal' ? cause : failure.message;
    deps.events.publish({ name: 'doorRequestFailed', payload: { ...facts, code: failure.code, message } });
  }
  deps.events.publish({
    name: 'doorRequestFinished',
    payload: {
      ...facts,
      status: answer.status,
      ms: deps.clock.now() - context.startedAt,
      principal: context.principal.arn,
    },
  });
}
