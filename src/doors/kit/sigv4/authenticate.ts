/**
 * Who signed a request, by AWS Signature Version 4 in the Authorization header or in a presigned query.
 *
 * Invariants
 * - Nothing of the request is believed before its signature compares equal, in constant time.
 * - The payload is covered by its hash: for S3 the stated one (the S3 door checks the body against it while it
 *   streams), for every other service the hash of the body given here.
 * - A failure names what does not fit, never the secret, the expected signature or a session token.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Principal } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { Identities } from '../../../governance/contract.ts';
import {
  canonicalHeaders,
  canonicalQuery,
  canonicalS3Path,
  canonicalServicePath,
  type HeaderValues,
  parseQuery,
} from './canonical.ts';
import { parseAmzDate, readCredential, type StatedSignature } from './credential.ts';
import { type HmacKey, hmacSha256, sha256Hex } from './hmac.ts';
import type { SigningKeys } from './signing-keys.ts';

export interface SignedRequest {
  readonly method: string;
  /** The path as it stands in the request line, still encoded, without the query. */
  readonly rawPath: string;
  /** The query as it stands in the request line, without `?`. */
  readonly rawQuery: string;
  /** Lower-case names, as Node gives them. */
  readonly headers: HeaderValues;
  /** The whole body, for every service but S3; the signature covers it. */
  readonly body?: Uint8Array;
}

export interface AuthenticationDeps {
  readonly identities: Identities;
  /** **Units**: milliseconds since 1970 UTC. */
  readonly now: number;
  readonly signingKeys: SigningKeys;
}

/** A request whose signature is right. `signature`, `signingKey`, `scope` and `amzDate` seed the chunk signatures. */
export interface Authenticated {
  readonly anonymous: false;
  readonly principal: Principal;
  readonly accessKeyId: string;
  readonly service: string;
  readonly region: string;
  readonly signature: string;
  readonly signingKey: HmacKey;
  /** `yyyymmdd/region/service/aws4_request`. */
  readonly scope: string;
  readonly amzDate: string;
  /** Hex SHA-256 of the body, `UNSIGNED-PAYLOAD` or a `STREAMING-…` name, as it was signed. */
  readonly payloadHash: string;
  readonly presigned: boolean;
}

export type Authentication = Authenticated | { readonly anonymous: true };

const MAX_SKEW_MS = 15 * 60_000;
const S3_SERVICES = new Set(['s3', 's3express', 's3-outposts', 's3-object-lambda']);
/** Covered by the canonical request itself, or of no effect. */
const MAY_BE_UNSIGNED = new Set(['x-amz-content-sha256', 'x-amz-user-agent', 'x-amz-date', 'x-amz-security-token']);

/**
 * Verifies the signature of `request`. A request without one is `{ anonymous: true }`; the door decides what that may.
 * **Errors**: `missing_credentials`, `malformed_request`, `unsupported`, `unknown_access_key`, `signature_mismatch`,
 * `request_expired`, `expired_token`, `clock_skew`.
 */
export async function authenticate(request: SignedRequest, deps: AuthenticationDeps): Promise<Authentication> {
  const query = parseQuery(request.rawQuery);
  const stated = readCredential(request.headers, query);
  if (stated === undefined) return { anonymous: true };
  checkTime(stated, deps.now);

  const known = await deps.identities.accessKey(stated.accessKeyId, stated.sessionToken);
  if (known === undefined) {
    throw new LochError(
      'unknown_access_key',
      stated.sessionToken === undefined
        ? `The access key \`${stated.accessKeyId}\` does not exist or is not active. Check the key, or make a new one.`
        : `The security token of the access key \`${stated.accessKeyId}\` is invalid. Take new temporary credentials.`,
      { context: { accessKeyId: stated.accessKeyId } },
    );
  }
  const isS3 = S3_SERVICES.has(stated.service);
  if (isS3) checkUnsignedHeaders(request.headers, stated);
  const payloadHash = isS3 ? statedPayloadHash(request, stated, query) : sha256Hex(request.body ?? '');
  const signingKey = deps.signingKeys.derive(stated, known.secret);
  const scope = `${stated.date}/${stated.region}/${stated.service}/aws4_request`;
  compareSignature(request, stated, { isS3, query, payloadHash, signingKey, scope });
  const { service, region } = stated;
  deps.identities.noteUse?.(stated.accessKeyId, { at: deps.now, service, region });
  return {
    anonymous: false,
    principal: known.principal,
    accessKeyId: stated.accessKeyId,
    service,
    region,
    signature: stated.signature,
    signingKey,
    scope,
    amzDate: stated.amzDate,
    payloadHash,
    presigned: stated.expiresSeconds !== undefined,
  };
}

function checkTime(stated: StatedSignature, now: number): void {
  const at = parseAmzDate(stated.amzDate);
  if (!stated.amzDate.startsWith(stated.date)) {
    throw new LochError(
      'malformed_request',
      `The credential's date ${stated.date} is not the date of the signing time ${stated.amzDate}.`,
    );
  }
  const context = { signedAt: stated.amzDate, serverTime: new Date(now).toISOString() };
  if (stated.expiresSeconds !== undefined && now > at + stated.expiresSeconds * 1000) {
    throw new LochError(
      'request_expired',
      `The presigned request of ${stated.amzDate} was valid for ${stated.expiresSeconds} s and has expired. Presign it anew.`,
      { context },
    );
  }
  const late = stated.expiresSeconds === undefined && now - at > MAX_SKEW_MS;
  if (late || at - now > MAX_SKEW_MS) {
    throw new LochError(
      'clock_skew',
      `The request was signed at ${stated.amzDate}, more than 15 minutes from the server's time ${context.serverTime}. Set the client's clock.`,
      { context },
    );
  }
}

/** S3 takes orders from `x-amz-*` headers, so one that is not signed could have been added on the way. */
function checkUnsignedHeaders(headers: HeaderValues, stated: StatedSignature): void {
  for (const name of Object.keys(headers)) {
    if (name.startsWith('x-amz-') && !MAY_BE_UNSIGNED.has(name) && !stated.signedHeaders.includes(name)) {
      throw new LochError('access_denied', `The header \`${name}\` is present but not signed. Sign it.`, {
        context: { header: name },
      });
    }
  }
}

function statedPayloadHash(
  request: SignedRequest,
  stated: StatedSignature,
  query: readonly (readonly [string, string])[],
): string {
  const header = request.headers['x-amz-content-sha256'];
  if (stated.expiresSeconds === undefined) {
    if (typeof header === 'string') return header;
    throw new LochError('missing_argument', 'A signed S3 request must carry `x-amz-content-sha256`.');
  }
  const inQuery = query.find(([name]) => name.toLowerCase() === 'x-amz-content-sha256')?.[1];
  if (inQuery !== undefined) return inQuery;
  return typeof header === 'string' && stated.signedHeaders.includes('x-amz-content-sha256')
    ? header
    : 'UNSIGNED-PAYLOAD';
}

interface SigningParts {
  readonly isS3: boolean;
  readonly query: readonly (readonly [string, string])[];
  readonly payloadHash: string;
  readonly signingKey: HmacKey;
  readonly scope: string;
}

function compareSignature(request: SignedRequest, stated: StatedSignature, parts: SigningParts): void {
  const { isS3 } = parts;
  const path = isS3 ? canonicalS3Path(request.rawPath) : canonicalServicePath(request.rawPath);
  // Some clients sign the path exactly as they send it. It is the same path, so either reading of it may match.
  const paths = path === request.rawPath ? [path] : [path, request.rawPath];
  let told: { canonicalRequest: string; stringToSign: string } | undefined;
  for (const candidate of paths) {
    const canonicalRequest = [
      request.method,
      candidate,
      canonicalQuery(parts.query, stated.expiresSeconds === undefined ? undefined : 'X-Amz-Signature'),
      canonicalHeaders(request.headers, stated.signedHeaders),
      stated.signedHeaders.join(';'),
      parts.payloadHash,
    ].join('\n');
    const stringToSign = `AWS4-HMAC-SHA256\n${stated.amzDate}\n${parts.scope}\n${sha256Hex(canonicalRequest)}`;
    if (signatureEquals(hmacSha256(parts.signingKey, stringToSign), stated.signature)) return;
    told ??= { canonicalRequest: withoutToken(canonicalRequest, stated), stringToSign };
  }
  throw new LochError(
    'signature_mismatch',
    'The signature does not match the request. Check the secret access key, the region and the endpoint, and that no proxy changes the request.',
    { context: { accessKeyId: stated.accessKeyId, ...told } },
  );
}

function withoutToken(text: string, stated: StatedSignature): string {
  if (!stated.sessionToken) return text;
  return text.replaceAll(stated.sessionToken, '***').replaceAll(encodeURIComponent(stated.sessionToken), '***');
}

/** Whether `stated` (hex) is `expected`, in time that does not depend on where they differ. */
export function signatureEquals(expected: Uint8Array, stated: string): boolean {
  if (!/^[0-9a-f]{64}$/.test(stated)) return false;
  return timingSafeEqual(expected, Buffer.from(stated, 'hex'));
}
