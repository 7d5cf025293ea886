import type { IncomingHttpHeaders } from 'node:http';

/**
 * Which door of the AWS port a request is for. S3 path style owns every path, so a request goes to the AWS services only
 * when it says so: by its credential scope, by `X-Amz-Target`, or by an unsigned query form on `/`.
 */
export function isForS3(request: {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}): boolean {
  const scope = signingServiceOf(request);
  if (scope !== undefined) return scope === 's3' && !isForS3Control(request);
  if (request.headers['x-amz-target'] !== undefined) return false;
  const form = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') ?? false;
  return !(form && request.method === 'POST' && new URL(request.url ?? '/', 'http://localhost').pathname === '/');
}

/** Paths of S3 Control that the S3 door answers itself: settings of buckets and accounts. */
const AT_S3_DOOR = /^\/v20180820\/(configuration\/publicAccessBlock|tags\/)/;

/** Whether a request that is signed for S3 is for S3 Control: by its path, and by the account it names. */
function isForS3Control({
  url = '',
  headers,
}: {
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}) {
  return url.startsWith('/v20180820/') && headers['x-amz-account-id'] !== undefined && !AT_S3_DOOR.test(url);
}

/** The service of the credential scope: `<key>/<date>/<region>/<service>/aws4_request`, in the header or the query. */
export function signingServiceOf(request: {
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}): string | undefined {
  const header = /Credential=([^,\s]+)/.exec(request.headers.authorization ?? '')?.[1];
  const query = /[?&]X-Amz-Credential=([^&]+)/.exec(request.url ?? '')?.[1];
  const credential = header ?? (query === undefined ? undefined : query.replaceAll(/%2[fF]/g, '/'));
  return credential?.split('/').at(-2);
}

/** Whether a request that is not for S3 is for the Iceberg REST catalog: by its path. */
export function isForIceberg(request: { readonly url?: string | undefined }): boolean {
  return request.url?.startsWith('/iceberg/v1/') ?? false;
}
