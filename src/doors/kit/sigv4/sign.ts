import type { Secret } from '../../../core/secret.ts';
import { canonicalHeaders, canonicalQuery, canonicalS3Path, parseQuery } from './canonical.ts';
import { hmacSha256, sha256Hex } from './hmac.ts';
import type { SigningKeys } from './signing-keys.ts';

/** A request to S3 that is to be signed. */
export interface UnsignedRequest {
  readonly method: string;
  readonly rawPath: string;
  readonly rawQuery: string;
  /** Lower-case names; `host` and `x-amz-content-sha256` among them. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Headers that proxies and clients change on the way, or that differ between requests of one signature. */
const UNSIGNED = /^(range|user-agent|expect|connection|transfer-encoding|amz-sdk-.*|x-amz-date|authorization)$/;

/**
 * The headers of the request with its signature, for S3. `range` stays unsigned: one signature reads all of an object.
 * **Source**: Amazon S3 API Reference, "Authenticating requests: Using the Authorization header".
 */
export function signS3Request(
  request: UnsignedRequest,
  credentials: { readonly accessKeyId: string; readonly secret: Secret; readonly sessionToken: Secret },
  scope: { readonly region: string; readonly now: number; readonly signingKeys: SigningKeys },
): Readonly<Record<string, string>> {
  const amzDate = new Date(scope.now).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const date = amzDate.slice(0, 8);
  const headers: Record<string, string> = {
    ...request.headers,
    'x-amz-date': amzDate,
    'x-amz-security-token': credentials.sessionToken.reveal(),
  };
  delete headers.authorization;
  const signed = Object.keys(headers)
    .filter((name) => !UNSIGNED.test(name) || name === 'x-amz-date')
    .sort();
  const canonical = [
    request.method,
    canonicalS3Path(request.rawPath),
    canonicalQuery(parseQuery(request.rawQuery)),
    canonicalHeaders(headers, signed),
    signed.join(';'),
    headers['x-amz-content-sha256'],
  ].join('\n');
  const { accessKeyId } = credentials;
  const credential = `${date}/${scope.region}/s3/aws4_request`;
  const key = scope.signingKeys.derive({ accessKeyId, date, region: scope.region, service: 's3' }, credentials.secret);
  const signature = hmacSha256(key, `AWS4-HMAC-SHA256\n${amzDate}\n${credential}\n${sha256Hex(canonical)}`);
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${credential}, SignedHeaders=${signed.join(';')}, Signature=${signature.toString('hex')}`;
  return headers;
}
