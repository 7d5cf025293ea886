import { type IncomingMessage, request } from 'node:http';
import { Agent, request as requestByTls } from 'node:https';
import { text } from 'node:stream/consumers';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { LochError } from '../core/errors.ts';
import { type RootKey, rootKeyOf, type ServerFile, trustOf } from './server-file.ts';

/** Clients of a running server in the name of its owner: the own HTTP API and the settings of AWS SDK clients. */
export interface ServerClient {
  /** Calls the own API, signed. **Errors**: what the server answered, with its message. */
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Calls without a signature: what the server tells everybody. */
  look(path: string): Promise<{ readonly status: number; readonly answer: string }>;
  /** Settings for an AWS SDK client. */
  readonly sdk: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: RootKey;
    readonly forcePathStyle: true;
    readonly requestHandler?: { readonly httpsAgent: Agent };
  };
}

/** A client of `server` with the root keys of its data directory. */
export function clientOf(data: string, server: ServerFile): ServerClient {
  const credentials = rootKeyOf(data);
  const signer = new SignatureV4({ service: 'loch', region: server.region, credentials, sha256: Sha256 });
  const trust = trustOf(server);
  // An agent and not its options: with these the SDK makes agents of its own for large bodies, which trust nobody new.
  const agent = server.tls === undefined ? undefined : new Agent({ ...trust, keepAlive: true });
  const requestHandler = agent === undefined ? {} : { requestHandler: { httpsAgent: agent } };
  return {
    sdk: { endpoint: server.awsUrl, region: server.region, credentials, forcePathStyle: true, ...requestHandler },
    look: (path) => send(new URL(path, server.consoleUrl), 'GET', {}, undefined, agent),
    async call<T>(method: string, path: string, body?: unknown): Promise<T> {
      const url = new URL(path, server.consoleUrl);
      const json = body === undefined ? undefined : JSON.stringify(body);
      const signed = await signer.sign({
        method,
        protocol: url.protocol,
        hostname: url.hostname,
        port: Number(url.port),
        path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        headers: { host: url.host, ...(json === undefined ? {} : { 'content-type': 'application/json' }) },
        body: json,
      });
      const { status, answer } = await send(url, method, signed.headers, json, agent);
      if (status < 400) return (answer === '' ? undefined : JSON.parse(answer)) as T;
      throw new LochError('unavailable', failureText(answer, status), { context: { status } });
    },
  };
}

/** Not by `fetch`, which gives up after five minutes: a backup takes as long as it takes. */
function send(
  url: URL,
  method: string,
  headers: Record<string, string>,
  body: string | undefined,
  agent: Agent | undefined,
): Promise<{ readonly status: number; readonly answer: string }> {
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, answer }), reject);
    };
    const outgoing =
      agent === undefined
        ? request(url, { method, headers }, answered)
        : requestByTls(url, { method, headers, agent }, answered);
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

function failureText(answer: string, status: number): string {
  try {
    const parsed = JSON.parse(answer) as { message?: string; requestId?: string };
    return `${parsed.message ?? answer}${parsed.requestId === undefined ? '' : ` (request ${parsed.requestId})`}`;
  } catch {
    return `The server answered ${status}: ${answer.slice(0, 500)}`;
  }
}
