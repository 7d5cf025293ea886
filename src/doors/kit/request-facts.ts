import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { DoorName, Principal, RequestContext } from '../../core/caller.ts';

/** A request line taken apart without decoding anything: signatures cover it as it was sent. */
export function splitTarget(request: Pick<IncomingMessage, 'url'>): {
  readonly rawPath: string;
  readonly rawQuery: string;
} {
  const url = request.url ?? '/';
  const at = url.indexOf('?');
  return at === -1 ? { rawPath: url, rawQuery: '' } : { rawPath: url.slice(0, at), rawQuery: url.slice(at + 1) };
}

/** The address a request came from, without the prefix of IPv4 in IPv6. */
export function sourceIpOf(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}

/** The caller nobody has vouched for. */
export function anonymousPrincipal(accountId: string): Principal {
  return { kind: 'anonymous', arn: 'anonymous', id: 'ANONYMOUS', name: 'anonymous', accountId };
}

/** A signal that aborts when the client goes away before the answer was sent. */
export function clientGone(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}

export interface ContextParts {
  readonly door: DoorName;
  readonly requestId: string;
  readonly principal: Principal;
  readonly accountId: string;
  readonly region: string;
  readonly startedAt: number;
}

/** The context of an HTTP request, as use-cases receive it. */
export function requestContext(request: IncomingMessage, signal: AbortSignal, parts: ContextParts): RequestContext {
  return {
    ...parts,
    sourceIp: sourceIpOf(request),
    userAgent: request.headers['user-agent'] ?? '',
    secure: (request.socket as TLSSocket).encrypted === true,
    signal,
  };
}
