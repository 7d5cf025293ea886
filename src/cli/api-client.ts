import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { LochError } from '../core/errors.ts';
import { type RootKey, rootKeyOf, type ServerFile } from './server-file.ts';

/** Clients of a running server in the name of its owner: the own HTTP API and the settings of AWS SDK clients. */
export interface ServerClient {
  /** Calls the own API, signed. **Errors**: what the server answered, with its message. */
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Settings for an AWS SDK client. */
  readonly sdk: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: RootKey;
    readonly forcePathStyle: true;
  };
}

/** A client of `server` with the root keys of its data directory. */
export function clientOf(data: string, server: ServerFile): ServerClient {
  const credentials = rootKeyOf(data);
  const signer = new SignatureV4({ service: 'loch', region: server.region, credentials, sha256: Sha256 });
  return {
    sdk: { endpoint: server.awsUrl, region: server.region, credentials, forcePathStyle: true },
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
      const { status, answer } = await send(url, method, signed.headers, json);
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
): Promise<{ readonly status: number; readonly answer: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers }, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, answer }), reject);
    });
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
