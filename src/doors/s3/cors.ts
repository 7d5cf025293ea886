/**
 * Requests of browsers from other origins: preflights are answered, and other requests get the headers that let a page
 * read their answer, whatever it is.
 * **Source**: S3 User Guide, "Using cross-origin resource sharing (CORS)"; Fetch Standard, "CORS protocol".
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { LochError } from '../../core/errors.ts';
import type { BucketSetting, BucketSettingAccess } from '../../storage/contract.ts';
import { emptyAnswer, type S3Answer } from './answer.ts';
import type { Addressing } from './bucket-host.ts';
import { s3Failure } from './errors.ts';
import { parsePath } from './request.ts';

type CorsRule = BucketSetting<'cors'>['rules'][number];

/** What a page asks: from where, for which method, with which headers. */
interface Asked {
  readonly origin: string;
  readonly method: string;
  readonly headers: readonly string[];
}

const one = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : value?.[0];

function headersAsked(headers: IncomingHttpHeaders): string[] {
  return (one(headers['access-control-request-headers']) ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '');
}

/** The answer to a preflight. **Errors**: `invalid_argument` (BadRequest); `access_denied` (AccessForbidden). */
export async function preflight(
  incoming: IncomingMessage,
  settings: Pick<BucketSettingAccess, 'corsRules'>,
  addressing: Addressing,
): Promise<S3Answer> {
  const { headers } = incoming;
  const origin = one(headers.origin);
  const method = one(headers['access-control-request-method']);
  if (origin === undefined) {
    throw s3Failure('BadRequest', 'invalid_argument', 'Insufficient information. Origin request header needed.');
  }
  if (method === undefined) {
    throw s3Failure('BadRequest', 'invalid_argument', 'Invalid Access-Control-Request-Method: null');
  }
  const { bucket } = parsePath(addressing(incoming).path);
  const rules = await settings.corsRules(bucket);
  const forbidden = (why: string) =>
    s3Failure('AccessForbidden', 'access_denied', `CORSResponse: ${why}`, { method, resourceType: 'OBJECT' });
  if (rules === undefined) throw forbidden('CORS is not enabled for this bucket.');
  const asked: Asked = { origin, method, headers: headersAsked(headers) };
  const rule = rules.find((candidate) => allows(candidate, asked));
  if (rule === undefined) {
    throw forbidden(
      'This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource’s CORS spec.',
    );
  }
  const granted = asked.headers.length === 0 ? {} : { 'access-control-allow-headers': asked.headers.join(', ') };
  return emptyAnswer(200, { ...corsHeaders(rule, origin), ...granted });
}

/** Puts the headers of the rule that covers a request on its answer, if the request came from a page and one does. */
export async function answerOrigin(
  incoming: IncomingMessage,
  response: ServerResponse,
  settings: Pick<BucketSettingAccess, 'corsRules'>,
  addressing: Addressing,
): Promise<void> {
  const origin = one(incoming.headers.origin);
  if (origin === undefined || incoming.method === 'OPTIONS') return;
  const method = one(incoming.headers['access-control-request-method']) ?? incoming.method ?? 'GET';
  const rules = await rulesOf(incoming, settings, addressing);
  const rule = rules?.find((candidate) => allows(candidate, { origin, method, headers: [] }));
  if (rule === undefined) return;
  for (const [name, value] of Object.entries(corsHeaders(rule, origin))) response.setHeader(name, value);
}

async function rulesOf(
  incoming: IncomingMessage,
  settings: Pick<BucketSettingAccess, 'corsRules'>,
  addressing: Addressing,
): Promise<readonly CorsRule[] | undefined> {
  try {
    const { bucket } = parsePath(addressing(incoming).path);
    return bucket === '' ? undefined : await settings.corsRules(bucket);
  } catch (error) {
    if (error instanceof LochError && error.kind === 'user') return undefined; // told by the operation itself
    throw error;
  }
}

function allows(rule: CorsRule, { origin, method, headers }: Asked): boolean {
  return (
    rule.allowedOrigins.some((pattern) => covers(pattern, origin)) &&
    rule.allowedMethods.some((known) => known === method) &&
    headers.every((name) => rule.allowedHeaders.some((pattern) => covers(pattern.toLowerCase(), name)))
  );
}

/** A pattern has one `*` at most. */
function covers(pattern: string, text: string): boolean {
  const star = pattern.indexOf('*');
  if (star === -1) return pattern === text;
  const [before, after] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return text.length >= before.length + after.length && text.startsWith(before) && text.endsWith(after);
}

function corsHeaders(rule: CorsRule, origin: string): Record<string, string> {
  const anyOrigin = rule.allowedOrigins.includes('*');
  return {
    'access-control-allow-origin': anyOrigin ? '*' : origin,
    'access-control-allow-methods': rule.allowedMethods.join(', '),
    ...(anyOrigin ? {} : { 'access-control-allow-credentials': 'true' }),
    ...(rule.exposeHeaders.length === 0 ? {} : { 'access-control-expose-headers': rule.exposeHeaders.join(', ') }),
    ...(rule.maxAgeSeconds === undefined ? {} : { 'access-control-max-age': String(rule.maxAgeSeconds) }),
    vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
  };
}
