import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LochError } from '../core/errors.ts';

/** A listening HTTP server. */
export interface Listener {
  readonly url: string;
  /** Stops accepting, lets running requests end for `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

/**
 * Listens on `host:port`. **Errors**: `configuration` for an address that is not loopback (there is no TLS yet), or for a
 * busy port, naming the setting to change.
 */
export async function listen(options: {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly setting: string;
  readonly handler: RequestListener;
}): Promise<Listener> {
  const { host, port, setting } = options;
  if (!LOOPBACK.has(host)) {
    throw new LochError(
      'configuration',
      `\`listen.host\` is ${host}: Loch binds to other addresses than loopback only with TLS, which this version does not have. Use 127.0.0.1 and put a TLS proxy before it.`,
      { context: { setting: 'listen.host', host } },
    );
  }
  const server = createServer({ keepAliveTimeout: 65_000, requestTimeout: 0, headersTimeout: 30_000 }, options.handler);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') return reject(error);
      reject(
        new LochError(
          'configuration',
          `Port ${port} (${options.name}) is taken by another process. Choose another with \`--set ${setting}=PORT\` (0: any free one), or stop its owner.`,
          { context: { setting, port } },
        ),
      );
    });
    server.listen(port, host, resolve);
  });
  const bound = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound.port}`,
    close: (graceMs) => closeServer(server, graceMs),
  };
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(cut);
}
