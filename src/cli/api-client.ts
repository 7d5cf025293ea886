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
      const text = body === undefined ? undefined : JSON.stringify(body);
      const signed = await signer.sign({
        method,
        protocol: url.protocol,
        hostname: url.hostname,
        port: Number(url.port),
        path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        headers: { host: url.host, ...(text === undefined ? {} : { 'content-type': 'application/json' }) },
        body: text,
      });
      const response = await fetch(url, {
        method,
        headers: signed.headers,
        ...(text === undefined ? {} : { body: text }),
      });
      const answer = await response.text();
      if (response.ok) return (answer === '' ? undefined : JSON.parse(answer)) as T;
      throw new LochError('unavailable', failureText(answer, response.status), {
        context: { status: response.status },
      });
    },
  };
}

function failureText(answer: string, status: number): string {
  try {
    const parsed = JSON.parse(answer) as { message?: string; requestId?: string };
    return `${parsed.message ?? answer}${parsed.requestId === undefined ? '' : ` (request ${parsed.requestId})`}`;
  } catch {
    return `The server answered ${status}: ${answer.slice(0, 500)}`;
  }
}
