import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { LochError } from '../core/errors.ts';
import type { ServerIdentity, Tls } from './tls/index.ts';

/** A listening HTTP server. */
export interface Listener {
  /** For clients on this machine. */
  readonly url: string;
  /** For clients elsewhere: by the first host name that was configured; `url` when none was. */
  readonly publicUrl: string;
  /** Stops accepting, lets running requests end for `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

export interface ListenOptions {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly setting: string;
  /** Names that clients elsewhere use. */
  readonly hostNames: readonly string[];
  readonly tls: Tls | undefined;
  readonly handler: RequestListener;
}

/** Whether `host` means every address of the machine. */
export const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::' || host === '';
const TIMEOUTS = { keepAliveTimeout: 65_000, requestTimeout: 0, headersTimeout: 30_000 };

/** Whether only this machine reaches what listens on `host`. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host);

const inUrl = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/**
 * Listens on `host:port`, by TLS when there is an identity. **Errors**: `configuration` for an address beyond loopback
 * without TLS, or for a busy port, naming the setting to change.
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { host, port, setting, tls } = options;
  if (!isLoopback(host) && tls === undefined) {
    throw new LochError(
      'configuration',
      `\`listen.host\` is ${host === '' ? 'every address' : host}: beyond loopback Loch listens by TLS alone. Set \`listen.tls\` to true (\`loch up --tls\`), or \`listen.host\` to 127.0.0.1.`,
      { context: { setting: 'listen.tls', host } },
    );
  }
  const server = tls === undefined ? createServer(TIMEOUTS, options.handler) : tlsServer(tls, options.handler);
  server.on('checkContinue', inviteBodies(options.handler));
  // Expectations that HTTP does not know are nobody's to refuse.
  server.on('checkExpectation', options.handler);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
        return reject(
          new LochError('configuration', `\`listen.host\` is ${host}, which is no address of this machine.`, {
            context: { setting: 'listen.host', host },
            cause: error,
          }),
        );
      }
      if (error.code !== 'EADDRINUSE') return reject(error);
      reject(
        new LochError(
          'configuration',
          `Port ${port} (${options.name}) is taken by another process. Choose another with \`--set ${setting}=PORT\` (0: any free one), or stop its owner.`,
          { context: { setting, port } },
        ),
      );
    });
    server.listen(port, host === '' ? undefined : host, resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  const scheme = tls === undefined ? 'http' : 'https';
  const near = isWildcard(host) ? '127.0.0.1' : host;
  const far = options.hostNames.find((name) => !name.startsWith('*')) ?? near;
  return {
    url: `${scheme}://${inUrl(near)}:${bound}`,
    publicUrl: `${scheme}://${inUrl(far)}:${bound}`,
    close: (graceMs) => closeServer(server, graceMs),
  };
}

/**
 * A client that expects `100 Continue` is told so when somebody begins to read its body, and not before: what is refused
 * by its headers alone is never sent.
 */
export function inviteBodies(handler: RequestListener): RequestListener {
  return (request, response) => {
    const invite = (event: string | symbol) => {
      if (event !== 'data' && event !== 'readable') return;
      request.off('newListener', invite);
      if (!response.headersSent) response.writeContinue();
    };
    request.on('newListener', invite);
    handler(request, response);
  };
}

const contextOf = ({ pair }: ServerIdentity) => ({
  cert: pair.certificate,
  key: pair.privateKey,
  minVersion: 'TLSv1.2' as const,
});

/** HTTP/1.1 over TLS. A renewed identity is for connections that begin afterwards. */
function tlsServer(tls: Tls, handler: RequestListener): Server {
  const server = createTlsServer({ ...TIMEOUTS, ...contextOf(tls.identity) }, handler);
  tls.onRenewed((identity) => server.setSecureContext(contextOf(identity)));
  return server as unknown as Server;
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(cut);
}
