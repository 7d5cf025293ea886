/**
 * The own HTTP API under `/api`: what the console and the command line use. A caller is known by the session cookie or by
 * SigV4 (service `loch`). Changes need the header `x-loch-request`, which another site's form cannot send.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { getCookie } from 'hono/cookie';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { z } from 'zod';
import type { RequestContext } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { LochError, toLochError } from '../../core/errors.ts';
import type { EventBus } from '../../core/events.ts';
import { newId } from '../../core/ids.ts';
import type { Audit, Identities } from '../../governance/contract.ts';
import { readBody } from '../kit/read-body.ts';
import { anonymousPrincipal, clientGone, requestContext, splitTarget } from '../kit/request-facts.ts';
import { createRejections } from '../kit/rejections.ts';
import { authenticate, createSigningKeys } from '../kit/sigv4/index.ts';
import { auditedOperation } from './operation-names.ts';
import { SESSION_COOKIE, type Sessions } from './session.ts';

/** What every route has: the caller's context and the parsed body. */
export interface ApiVariables {
  requestId: string;
  context: RequestContext;
  /** The JSON body, or undefined. */
  body: unknown;
  /** ARN of who looks through the eyes of the context's principal, when root does. */
  viewedBy: string | undefined;
  /** What the audit event of this call names as parameters; routes leave secrets out. */
  auditParameters: unknown;
}

/** The environment of all routes of this door. */
export type ApiEnvironment = { Bindings: HttpBindings; Variables: ApiVariables };
export type Routes = Hono<ApiEnvironment>;

export interface ApiDeps {
  readonly identities: Identities;
  readonly audit: Audit;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly accountId: string;
  readonly region: string;
}

const BODY_LIMIT = 1024 * 1024;
const PUBLIC = new Set(['POST /api/session', 'POST /api/session/link']);

/** The app of `/api` with the given route groups. */
export function createApiApp(deps: ApiDeps, groups: readonly Routes[]): Routes {
  const app = new Hono<ApiEnvironment>();
  const signingKeys = createSigningKeys();
  const rejected = createRejections(deps.audit, deps.clock);

  app.use('*', async (c, next) => {
    const started = deps.clock.now();
    const requestId = newId();
    const { incoming, outgoing } = c.env;
    // Uploads are streamed by their route.
    const streamed = c.req.method === 'GET' || c.req.path.startsWith('/api/uploads/');
    const body = streamed ? Buffer.alloc(0) : await readBody(incoming, BODY_LIMIT);
    const isPublic = PUBLIC.has(`${c.req.method} ${c.req.path}`);
    const anonymous = anonymousPrincipal(deps.accountId);
    const facts = {
      door: 'console',
      requestId,
      accountId: deps.accountId,
      region: deps.region,
      startedAt: started,
    } as const;
    const gone = clientGone(outgoing as ServerResponse);
    c.set('requestId', requestId);
    c.header('x-loch-request-id', requestId);
    const operation = routeName(c.req.method, c.req.path);
    const reject = (failure: LochError) =>
      rejected({
        request: incoming,
        context: requestContext(incoming, gone, { ...facts, principal: anonymous }),
        failure,
        eventSource: 'console.loch',
        eventName: operation,
        errorCode: failure.code,
      });
    const caller = await callerOf(incoming, body, getCookie(c, SESSION_COOKIE)).catch(async (error: unknown) => {
      throw await reject(toLochError(error));
    });
    const principal = caller ?? (isPublic ? anonymous : undefined);
    if (principal === undefined) {
      const failure = new LochError(
        'missing_credentials',
        'Sign in first: POST /api/session with an access key, or sign the request (SigV4, service `loch`).',
      );
      // The console asks so whether somebody is signed in: a question, not an attempt.
      throw operation === 'GET session' ? failure : await reject(failure);
    }
    const own = requestContext(incoming, gone, { ...facts, principal });
    const viewed = await viewedPrincipal(own, c.req.header('x-loch-view-as'), c.req.method, c.req.path);
    const context = viewed === undefined ? own : { ...own, principal: viewed };
    c.set('context', context);
    c.set('viewedBy', viewed === undefined ? undefined : principal.arn);
    c.set('body', parseBody(body));
    await next();
    await recordCall(c.req.method, operation, context, c.res.status, c.get('auditParameters'), c.error);
    return undefined;
  });

  /** "See as this user": root only, for reading and asking only; each such request is in the audit under root's name. */
  async function viewedPrincipal(own: RequestContext, arn: string | undefined, method: string, path: string) {
    if (arn === undefined) return undefined;
    if (own.principal.kind !== 'root') throw new LochError('access_denied', 'Only root sees Loch as another user.');
    if (method !== 'GET' && !/^\/api\/queries(\/[^/]+\/stop)?$/.test(path)) {
      throw new LochError(
        'access_denied',
        'Nothing is changed while you see Loch as another user. Go back to yourself first.',
      );
    }
    const viewed = await deps.identities.principal(arn);
    if (viewed === undefined) throw new LochError('not_found', `There is no principal ${arn}.`, { context: { arn } });
    await deps.audit.recordManagement(own, {
      eventSource: 'console.loch',
      eventName: 'ViewAs',
      readOnly: true,
      requestParameters: { principal: arn, method, path },
    });
    return viewed;
  }

  async function callerOf(incoming: IncomingMessage, body: Buffer, cookie: string | undefined) {
    if (incoming.headers.authorization !== undefined) {
      const { rawPath, rawQuery } = splitTarget(incoming);
      const proof = await authenticate(
        { method: incoming.method ?? 'GET', rawPath, rawQuery, headers: incoming.headers, body },
        { identities: deps.identities, now: deps.clock.now(), signingKeys },
      );
      return proof.anonymous ? undefined : proof.principal;
    }
    if (incoming.method !== 'GET' && incoming.headers['x-loch-request'] === undefined && cookie !== undefined) {
      throw new LochError(
        'access_denied',
        'Send the header `x-loch-request: 1` with every change made by a session cookie.',
      );
    }
    return deps.sessions.principalOf(cookie);
  }

  async function recordCall(
    method: string,
    name: string,
    context: RequestContext,
    status: number,
    parameters: unknown,
    error: unknown,
  ) {
    const known = error === undefined ? undefined : toLochError(error);
    const ms = deps.clock.now() - context.startedAt;
    deps.events.publish({
      name: 'doorRequestFinished',
      payload: {
        door: 'console',
        operation: name,
        status,
        ms,
        requestId: context.requestId,
        principal: context.principal.arn,
      },
    });
    if (known !== undefined) {
      deps.events.publish({
        name: 'doorRequestFailed',
        payload: {
          door: 'console',
          operation: name,
          code: known.code,
          requestId: context.requestId,
          message: known.message,
        },
      });
    }
    if (method === 'GET') return;
    await deps.audit.recordManagement(context, {
      ...auditedOperation(name),
      readOnly: false,
      ...(parameters === undefined ? {} : { requestParameters: parameters }),
      ...(known === undefined ? {} : { errorCode: known.code, errorMessage: known.message }),
    });
  }

  app.onError((error, c) => {
    const known = error instanceof z.ZodError ? fromZod(error) : toLochError(error);
    const requestId = c.get('requestId') ?? newId();
    const message =
      known.code === 'internal' ? `Loch failed inside. \`loch logs ${requestId}\` tells more.` : known.message;
    if (c.get('context') === undefined) {
      deps.events.publish({
        name: 'doorRequestFailed',
        payload: { door: 'console', operation: c.req.path, code: known.code, requestId, message: known.message },
      });
    }
    return c.json(
      { code: known.code, message, requestId, context: known.context },
      (known.code === 'missing_credentials' ? 401 : known.status) as ContentfulStatusCode,
    );
  });
  app.notFound((c) =>
    c.json(
      {
        code: 'not_found',
        message: `There is no ${c.req.method} ${c.req.path}.`,
        requestId: c.get('requestId'),
      },
      404,
    ),
  );
  for (const group of groups) app.route('/api', group);
  return app;
}

function parseBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new LochError('malformed_request', `The body is not JSON: ${(error as Error).message}.`, { cause: error });
  }
}

function fromZod(error: z.ZodError): LochError {
  const issue = error.issues[0]!;
  const field = issue.path.join('.') || 'body';
  return new LochError('invalid_argument', `\`${field}\`: ${issue.message}.`, { context: { field } });
}

/** The path with its ids left out, as the name of the operation. */
function routeName(method: string, path: string): string {
  const [noun = '', ...parts] = path.replace(/^\/api\//, '').split('/');
  // What follows these nouns is always a name, whatever it looks like.
  const rest = NAMED.has(noun) ? parts.slice(1) : parts;
  const verb = rest.find((part) => VERBS.has(part));
  return `${method} ${verb === undefined ? noun : `${noun}/${verb}`}`;
}

const NAMED: ReadonlySet<string> = new Set(['buckets', 'keys', 'users']);

/** Fixed parts of paths after the noun; everything else there is a name or an id. */
const VERBS = new Set([
  'delta',
  'lineage',
  'profile',
  'words',
  'start',
  'stop',
  'keys',
  'revoke',
  'restore',
  'link',
  'links',
  'results',
  'preview',
  'runs',
  'versioning',
  'policy',
  'publicAccessBlock',
  'ownership',
  'lifecycle',
  'encryption',
  'tagging',
  'tags',
  'alias',
  'enable',
  'disable',
  'rotate',
  'rotation',
  'deletion',
]);

/** A fresh group of routes. */
export function routes(): Routes {
  return new Hono<ApiEnvironment>();
}
