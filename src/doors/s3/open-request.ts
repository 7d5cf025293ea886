import type { IncomingMessage } from 'node:http';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import { anonymousPrincipal, requestContext, splitTarget } from '../kit/request-facts.ts';
import { type Authenticated, type Authentication, authenticate, type SigningKeys } from '../kit/sigv4/index.ts';
import type { Addressed } from './bucket-host.ts';
import { renamed, s3Failure } from './errors.ts';
import type { S3DoorDeps } from './index.ts';
import { authenticateLink, isPresignedV2 } from './presigned-v2.ts';
import { hoistedHeaders, parsePath, type S3Request } from './request.ts';
import type { BodySignature } from './request-body.ts';
import { requestKeys } from './request-keys.ts';

const MAX_KEY_BYTES = 1024;

/** Who a request comes from, and what its signature says about the body; chunks are signed by Version 4 alone. */
export type Proof =
  | { readonly anonymous: true }
  | (Pick<Authenticated, 'principal' | 'payloadHash'> & { readonly anonymous: false } & Partial<BodySignature>);

/** What a request is known by before anybody vouched for it. */
export interface RequestFacts {
  readonly requestId: string;
  readonly startedAt: number;
  readonly signal: AbortSignal;
}

/** The context of a request, for the caller it was proven to come from, or for nobody. */
export function contextFor(
  incoming: IncomingMessage,
  facts: RequestFacts,
  deps: Pick<S3DoorDeps, 'accountId' | 'region'>,
  proof?: Proof,
): RequestContext {
  const proven = proof !== undefined && !proof.anonymous;
  const context = requestContext(incoming, facts.signal, {
    door: 's3',
    requestId: facts.requestId,
    principal: proven ? proof.principal : anonymousPrincipal(deps.accountId),
    accountId: deps.accountId,
    region: deps.region,
    startedAt: facts.startedAt,
  });
  if (proof === undefined) return context; // nobody decides about it yet
  const query = new URLSearchParams(splitTarget(incoming).rawQuery);
  const payer = incoming.headers['x-amz-request-payer'] ?? query.get('x-amz-request-payer');
  const pays = payer === 'requester' ? { payer: 'requester' as const } : {};
  return { ...context, ...pays, requestKeys: requestKeys(incoming, query) };
}

/** **Errors**: `access_denied` when the bucket, or the source of a copy, is not of the account the client thinks. */
export async function assertExpectedOwner(request: S3Request): Promise<void> {
  const { headers, bucket, settings } = request;
  const source = String(headers['x-amz-copy-source'] ?? '').replace(/^(\/|%2F)/i, '');
  const stated = [
    [headers['x-amz-expected-bucket-owner'], bucket],
    [headers['x-amz-source-expected-bucket-owner'], source.split(/\/|%2F/i, 1)[0]!],
  ] as const;
  for (const [expected, name] of stated) {
    if (expected === undefined) continue;
    const owner = await settings.ownerOf(name);
    if (owner === undefined || expected === owner) continue;
    throw new LochError('access_denied', `The bucket does not belong to the account ${expected}.`, {
      context: { expectedOwner: String(expected) },
    });
  }
}

/** Who sent the request. **Errors**: those of `authenticate`, and a scope that is not of this lake's S3. */
export async function proveRequest(
  incoming: IncomingMessage,
  addressed: Addressed,
  query: URLSearchParams,
  deps: S3DoorDeps,
  signingKeys: SigningKeys,
  now: number,
): Promise<Proof> {
  const { rawPath, rawQuery } = splitTarget(incoming);
  if (incoming.headers.authorization === undefined && isPresignedV2(query)) {
    // Version 2 signs the bucket in the path, wherever it stood.
    const link = { method: incoming.method ?? 'GET', rawPath: addressed.path, query, headers: incoming.headers };
    return { ...(await authenticateLink(link, { ...deps, now })), anonymous: false };
  }
  const malformed =
    incoming.headers.authorization === undefined ? 'AuthorizationQueryParametersError' : 'AuthorizationHeaderMalformed';
  let proof: Authentication;
  try {
    proof = await authenticate(
      { method: incoming.method ?? 'GET', rawPath, rawQuery, headers: incoming.headers },
      { identities: deps.identities, now, signingKeys },
    );
  } catch (error) {
    throw isLochError(error, 'malformed_request') ? renamed(error, malformed) : error;
  }
  if (proof.anonymous) return proof;
  if (proof.service !== 's3') {
    throw s3Failure(malformed, 'malformed_request', `The credential is scoped to \`${proof.service}\`, not to \`s3\`.`);
  }
  if (proof.region !== deps.region) {
    throw s3Failure(
      malformed,
      'malformed_request',
      `The authorization is malformed; the region '${proof.region}' is wrong; expecting '${deps.region}'.`,
      { region: deps.region },
    );
  }
  return proof;
}

/** The request taken apart. **Errors**: `invalid_argument` for a bad path. */
export function takeApart(
  incoming: IncomingMessage,
  addressed: Addressed,
  query: URLSearchParams,
  context: RequestContext,
  deps: S3DoorDeps,
  proof: Proof,
): S3Request {
  const name = parsePath(addressed.path);
  const bytes = Buffer.byteLength(name.key);
  if (bytes > MAX_KEY_BYTES) {
    throw s3Failure('KeyTooLongError', 'invalid_argument', 'Your key is too long.', {
      size: bytes,
      maxSizeAllowed: MAX_KEY_BYTES,
    });
  }
  return {
    ...name,
    bucketByHost: addressed.byHost,
    context,
    access: deps.access,
    settings: deps.settings,
    accounts: deps.accounts,
    identities: deps.identities,
    method: incoming.method ?? 'GET',
    query,
    hoisted: hoistedHeaders(query),
    customerKeysOverHttp: deps.customerKeysOverHttp ?? false,
    headers: incoming.headers,
    incoming,
    signature: proof.anonymous ? undefined : proof,
    region: deps.region,
    accountId: deps.accountId,
  };
}
