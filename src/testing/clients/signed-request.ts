import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import type { S3Key } from '../builders/s3-lake.ts';

/** A request as it goes over the wire, signed for S3 but not sent: a test may then break it. */
export interface SignedHttp {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  /** The signature, which seeds those of chunks. */
  readonly signature: string;
}

/** Signs a request by Signature Version 4 in its headers. `payloadHash` is what `x-amz-content-sha256` says. */
export async function signHttp(
  key: S3Key,
  request: {
    readonly method: string;
    /** Already percent-encoded. */
    readonly path: string;
    readonly query?: Readonly<Record<string, string>>;
    readonly headers?: Readonly<Record<string, string>>;
    readonly endpoint: string;
    readonly payloadHash: string;
    readonly region?: string;
    readonly service?: string;
    readonly at?: Date;
  },
): Promise<SignedHttp> {
  const { host } = new URL(request.endpoint);
  const signer = new SignatureV4({
    credentials: key,
    region: request.region ?? 'us-east-1',
    service: request.service ?? 's3',
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
  const query = { ...request.query };
  const signed = await signer.sign(
    {
      method: request.method,
      protocol: 'http:',
      hostname: host,
      path: request.path,
      query,
      headers: { host, 'x-amz-content-sha256': request.payloadHash, ...request.headers },
    },
    request.at === undefined ? {} : { signingDate: request.at },
  );
  const text = Object.entries(query)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
  return {
    method: request.method,
    path: text === '' ? request.path : `${request.path}?${text}`,
    headers: signed.headers,
    signature: /Signature=([0-9a-f]{64})/.exec(signed.headers.authorization!)![1]!,
  };
}
