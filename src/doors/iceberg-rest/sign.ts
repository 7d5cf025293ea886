/**
 * Remote signing: an engine sends the S3 request it is about to make, and gets it back signed.
 *
 * Invariants
 * - It is signed by a loan for the table's folder, never by a key of somebody: what slips through here is refused there.
 * - Every place a request speaks of lies in the table's folder: its path, a listing's prefix, a copy's source, and the
 *   keys of a DeleteObjects body, which the signature then covers.
 * - Queries and headers that change what a request means are refused unless they are known.
 */
import type { LentAccess } from '../../catalog/contract.ts';
import type { StorageVerb } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { TableName } from '../../governance/contract.ts';
import { createSigningKeys, parseQuery, sha256Hex, signS3Request, uriDecode } from '../kit/sigv4/index.ts';
import { recordLoan } from './delegation.ts';
import { bodyObject, type IcebergAnswer, type IcebergRequest, tableOf, textMember } from './request.ts';

const LOAN_SECONDS = 900;
const signingKeys = createSigningKeys();

/** Query parameters a signed request may have, by method. `x-id` names the operation and means nothing. */
const QUERIES: Readonly<Record<string, readonly string[]>> = {
  GET: [
    'x-id',
    'list-type',
    'prefix',
    'delimiter',
    'max-keys',
    'continuation-token',
    'start-after',
    'fetch-owner',
    'encoding-type',
    'uploadid',
    'part-number-marker',
    'max-parts',
  ],
  HEAD: ['x-id', 'partnumber'],
  PUT: ['x-id', 'partnumber', 'uploadid'],
  POST: ['x-id', 'uploads', 'uploadid', 'delete'],
  DELETE: ['x-id', 'uploadid'],
};
/** Headers that give rights, keep objects from being deleted, or send readers elsewhere. */
const REFUSED =
  /^x-amz-(acl|grant-.*|object-lock-.*|bypass-governance-retention|website-redirect-location|mfa|copy-source-server-side.*|tagging)$/;

interface Wanted {
  readonly method: string;
  /** As it was sent. */
  readonly uri: string;
  readonly host: string;
  readonly rawPath: string;
  readonly rawQuery: string;
  readonly query: ReadonlyMap<string, string>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** `POST …/tables/{table}/sign`. **Errors**: `access_denied` naming what lies outside. */
export async function signTableRequest(request: IcebergRequest): Promise<IcebergAnswer> {
  return sign(request, tableOf(request));
}

/** `POST /v1/aws/s3/sign`, the older route: the table is the one whose folder the request speaks of. */
export async function signS3Uri(request: IcebergRequest): Promise<IcebergAnswer> {
  const { rawPath, query, body } = wantedOf(request);
  const { bucket, key } = placeOf(rawPath);
  const named =
    key !== '' ? key : (query.get('prefix') ?? unescapeXml(/<Key>([^<]*)<\/Key>/.exec(body ?? '')?.[1] ?? ''));
  const table = await request.tableAt(bucket, named);
  if (table === undefined) throw refused(`no table lies at \`s3://${bucket}/${named}\``);
  return sign(request, table);
}

async function sign(request: IcebergRequest, name: TableName): Promise<IcebergAnswer> {
  const wanted = wantedOf(request);
  const lent = await request.catalog.lendAccess(request.context, name, { seconds: LOAN_SECONDS });
  const verb = verbOf(wanted, lent);
  if (!lent.verbs.includes(verb)) {
    throw refused(`your grants on \`${name.database}.${name.table}\` do not allow to ${verb} its files`);
  }
  const payload = payloadOf(wanted);
  await recordLoan(request, name, lent, 'SignRequest', {
    method: wanted.method,
    uri: wanted.uri.replace(/\?.*$/, ''),
    verb,
  });
  const { rawPath, rawQuery, method } = wanted;
  const headers = signS3Request(
    { method, rawPath, rawQuery, headers: { ...wanted.headers, host: wanted.host, 'x-amz-content-sha256': payload } },
    lent,
    { region: request.settings.region, now: request.now, signingKeys },
  );
  const cached = method === 'GET' || method === 'HEAD';
  return {
    status: 200,
    body: {
      uri: wanted.uri,
      headers: Object.fromEntries(Object.entries(headers).map(([header, value]) => [header, [value]])),
    },
    headers: { 'cache-control': cached ? 'private' : 'no-store' },
  };
}

function wantedOf(request: IcebergRequest): Wanted {
  const body = bodyObject(request);
  const uri = textMember(body, 'uri');
  const method = textMember(body, 'method').toUpperCase();
  const region = textMember(body, 'region');
  if (region !== request.settings.region)
    throw refused(`the region is \`${request.settings.region}\`, not \`${region}\``);
  // Taken apart as text: a URL parser would resolve dot segments that the signature must see.
  const match = /^(https?:\/\/[^/?#]+)(\/[^?#]*)(?:\?([^#]*))?$/.exec(uri);
  if (match === null)
    throw new LochError('invalid_argument', 'The member `uri` must be an absolute URL of S3 without a fragment.');
  const { host } = new URL(match[1]!);
  const endpoint = new URL(request.settings.s3Endpoint());
  if (host !== endpoint.host) throw refused(`files are read at \`${endpoint.host}\`, not at \`${host}\``);
  if (!Object.hasOwn(QUERIES, method)) throw refused(`the method ${method} is not signed`);
  const rawQuery = match[3] ?? '';
  const query = new Map(parseQuery(rawQuery).map(([key, value]) => [key.toLowerCase(), value]));
  for (const key of query.keys()) {
    if (!QUERIES[method]!.includes(key)) throw refused(`the query parameter \`${key}\` is not signed for ${method}`);
  }
  return {
    method,
    uri,
    host,
    rawPath: match[2]!,
    rawQuery,
    query,
    headers: headersOf(body.headers),
    body: typeof body.body === 'string' ? body.body : undefined,
  };
}

function headersOf(value: unknown): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [key, entry] of Object.entries((value ?? {}) as Record<string, unknown>)) {
    const name = key.toLowerCase();
    if (REFUSED.test(name)) throw refused(`the header \`${name}\` is not signed`);
    const text = Array.isArray(entry) ? entry.join(',') : String(entry);
    if (/[\r\n]/.test(text)) throw new LochError('invalid_argument', `The header \`${name}\` holds a line break.`);
    if (name !== 'authorization' && name !== 'x-amz-security-token') headers[name] = text;
  }
  return headers;
}

/** What the request does, once every place it speaks of lies in the table's folder. */
function verbOf(wanted: Wanted, lent: LentAccess): StorageVerb {
  const { method, query } = wanted;
  const { bucket, key } = placeOf(wanted.rawPath);
  if (bucket !== lent.bucket) throw refused(`bucket \`${bucket}\` is not the table's`);
  if (key === '') return bucketVerb(wanted, lent);
  assertInside(key, lent);
  const source = wanted.headers['x-amz-copy-source'];
  if (source !== undefined) {
    const copied = placeOf(`/${source.replace(/^\//, '').replace(/\?.*$/, '')}`);
    if (copied.bucket !== lent.bucket || !lent.verbs.includes('read'))
      throw refused('the source of the copy is not the table');
    assertInside(copied.key, lent);
  }
  if (method === 'GET' || method === 'HEAD') return query.has('uploadid') ? 'write' : 'read';
  return method === 'DELETE' && !query.has('uploadid') ? 'delete' : 'write';
}

function bucketVerb({ method, query, body }: Wanted, lent: LentAccess): StorageVerb {
  if (method === 'GET' && query.get('list-type') === '2') {
    assertInside(query.get('prefix') ?? '', lent);
    return 'list';
  }
  if (method === 'POST' && query.has('delete') && body !== undefined) {
    const keys = [...body.matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => unescapeXml(match[1]!));
    const stated = body.match(/<Key\b/g)?.length ?? 0;
    if (keys.length === 0 || keys.length !== stated || /<!|<VersionId/i.test(body)) {
      throw refused('the body is not a plain list of keys to delete');
    }
    for (const key of keys) assertInside(key, lent);
    return 'delete';
  }
  throw refused('requests to the bucket itself are not signed, but listing below the table and deleting its files');
}

function unescapeXml(text: string): string {
  const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex?: string, decimal?: string, name?: string) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return named[name!] ?? whole;
  });
}

function placeOf(rawPath: string): { readonly bucket: string; readonly key: string } {
  const path = uriDecode(rawPath);
  if (path === undefined) throw refused('its path is not valid percent-encoding');
  // A proxy or client might resolve them after the signature was made.
  if (path.split('/').some((segment) => segment === '.' || segment === '..'))
    throw refused('its path has dot segments');
  const [, bucket = '', key = ''] = /^\/([^/]*)(?:\/(.*))?$/s.exec(path) ?? [];
  return { bucket, key };
}

function assertInside(key: string, lent: LentAccess): void {
  if (key.startsWith(lent.prefix)) return;
  throw refused(`\`${key}\` lies outside the table's folder \`s3://${lent.bucket}/${lent.prefix}\``);
}

/** The hash the signature covers: of the body that was looked at, or what the client says it will send. */
function payloadOf({ body, headers }: Wanted): string {
  const stated = headers['x-amz-content-sha256'];
  if (body === undefined) return stated ?? 'UNSIGNED-PAYLOAD';
  const hash = sha256Hex(Buffer.from(body, 'utf8'));
  if (stated !== undefined && /^[0-9a-f]{64}$/.test(stated) && stated !== hash) {
    throw refused('its `x-amz-content-sha256` is not of the body given');
  }
  return hash;
}

const refused = (why: string): LochError =>
  new LochError('access_denied', `The request is not signed: ${why}.`, { context: { reason: why } });
