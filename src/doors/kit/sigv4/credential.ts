import { LochError } from '../../../core/errors.ts';
import type { HeaderValues } from './canonical.ts';

/** A signature as the client stated it, in the Authorization header or in the query. */
export interface StatedSignature {
  readonly accessKeyId: string;
  /** `yyyymmdd`. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** `yyyymmddThhmmssZ`. */
  readonly amzDate: string;
  readonly sessionToken: string | undefined;
  /** Seconds of validity of a presigned request; undefined for one signed in its header. */
  readonly expiresSeconds: number | undefined;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const MAX_PRESIGN_SECONDS = 7 * 24 * 3600;

function malformed(message: string): LochError {
  return new LochError('malformed_request', message);
}

function unsupportedAlgorithm(stated: string): LochError {
  return new LochError(
    'unsupported',
    `The signature algorithm \`${stated}\` is not supported. Known: ${ALGORITHM} (Signature Version 4); set the client to it.`,
    { context: { algorithm: stated } },
  );
}

const single = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : value?.[0];

/**
 * What the request states about its signature; undefined when it is anonymous.
 * **Errors**: `malformed_request`, `missing_credentials` for half a signature, `unsupported` for another algorithm.
 */
export function readCredential(
  headers: HeaderValues,
  query: readonly (readonly [string, string])[],
): StatedSignature | undefined {
  const header = single(headers.authorization);
  if (header !== undefined && header !== '') return fromHeader(header, headers);
  const named = new Map(query);
  if (named.has('X-Amz-Algorithm') || named.has('X-Amz-Signature') || named.has('X-Amz-Credential')) {
    return fromQuery(named);
  }
  if (named.has('AWSAccessKeyId') && named.has('Signature')) throw unsupportedAlgorithm('Signature Version 2');
  return undefined;
}

function fromHeader(header: string, headers: HeaderValues): StatedSignature {
  const space = header.indexOf(' ');
  const algorithm = space === -1 ? header : header.slice(0, space);
  if (algorithm !== ALGORITHM) throw unsupportedAlgorithm(algorithm === 'AWS' ? 'Signature Version 2' : algorithm);
  const fields = new Map<string, string>();
  for (const field of header.slice(space + 1).split(',')) {
    const at = field.indexOf('=');
    if (at !== -1) fields.set(field.slice(0, at).trim(), field.slice(at + 1).trim());
  }
  return {
    ...readScope(required(fields, 'Credential', 'Authorization header')),
    signedHeaders: readSignedHeaders(required(fields, 'SignedHeaders', 'Authorization header')),
    signature: required(fields, 'Signature', 'Authorization header'),
    amzDate: headerDate(headers),
    sessionToken: single(headers['x-amz-security-token']),
    expiresSeconds: undefined,
  };
}

function fromQuery(query: ReadonlyMap<string, string>): StatedSignature {
  const algorithm = required(query, 'X-Amz-Algorithm', 'query');
  if (algorithm !== ALGORITHM) throw unsupportedAlgorithm(algorithm);
  const amzDate = required(query, 'X-Amz-Date', 'query');
  const expires = required(query, 'X-Amz-Expires', 'query');
  const expiresSeconds = /^\d{1,7}$/.test(expires) ? Number(expires) : Number.NaN;
  if (!(expiresSeconds <= MAX_PRESIGN_SECONDS)) {
    throw malformed(
      `X-Amz-Expires is \`${expires}\`; give up to ${MAX_PRESIGN_SECONDS} seconds (7 days at most) when you presign.`,
    );
  }
  return {
    ...readScope(required(query, 'X-Amz-Credential', 'query')),
    signedHeaders: readSignedHeaders(required(query, 'X-Amz-SignedHeaders', 'query')),
    signature: required(query, 'X-Amz-Signature', 'query'),
    amzDate,
    sessionToken: query.get('X-Amz-Security-Token'),
    expiresSeconds,
  };
}

function required(fields: ReadonlyMap<string, string>, name: string, where: string): string {
  const value = fields.get(name);
  if (value === undefined || value === '') {
    throw new LochError('missing_credentials', `\`${name}\` is missing in the ${where} of a signed request.`);
  }
  return value;
}

function readScope(credential: string) {
  const parts = credential.split('/');
  // An access key id may itself hold slashes in theory; the scope is always the last four parts.
  const [date, region, service, terminator] = parts.slice(-4);
  const accessKeyId = parts.slice(0, -4).join('/');
  if (accessKeyId === '' || terminator !== 'aws4_request' || !/^\d{8}$/.test(date ?? '') || !region || !service) {
    throw malformed('The credential must be `<access key id>/<yyyymmdd>/<region>/<service>/aws4_request`.');
  }
  return { accessKeyId, date: date!, region, service };
}

function readSignedHeaders(text: string): readonly string[] {
  const names = text.toLowerCase().split(';');
  if (!names.includes('host')) throw malformed('SignedHeaders must name `host`.');
  return names;
}

/** The signing time: `x-amz-date`, or the plain `Date` header. */
function headerDate(headers: HeaderValues): string {
  const amzDate = single(headers['x-amz-date']);
  if (amzDate !== undefined) return amzDate;
  const date = single(headers.date);
  if (date === undefined) {
    throw new LochError('missing_credentials', 'A signed request must carry `x-amz-date` or `Date`.');
  }
  if (/^\d{8}T\d{6}Z$/.test(date)) return date;
  const at = Date.parse(date);
  if (Number.isNaN(at)) throw malformed(`The \`Date\` header \`${date}\` is not a date.`);
  return new Date(at).toISOString().replace(/[-:]|\.\d+/g, '');
}

/** Milliseconds since 1970 of `yyyymmddThhmmssZ`. **Errors**: `malformed_request`. */
export function parseAmzDate(amzDate: string): number {
  const iso = amzDate.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const at = iso === amzDate ? Number.NaN : Date.parse(iso);
  if (Number.isNaN(at)) throw malformed(`The signing time \`${amzDate}\` is not of the form yyyymmddThhmmssZ.`);
  return at;
}
