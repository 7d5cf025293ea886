import { createHash } from 'node:crypto';
import { LochError } from '../../core/errors.ts';
import type { ObjectHead } from '../../storage/contract.ts';
import { xmlAnswer } from './answer.ts';
import { checksumElements } from './checksum-headers.ts';
import { ownersFor } from './owners.ts';
import { numberParameter, type S3Operation, type S3Request } from './request.ts';
import { renderXml, type XmlRecord } from './xml.ts';

/** Keys in listings are percent-encoded when the client asks so, because XML cannot hold every character of a key. */
export function keyEncoder(request: S3Request): (text: string) => string {
  const encoding = request.query.get('encoding-type');
  if (encoding === null || encoding === '') return (text) => text;
  if (encoding !== 'url') {
    throw new LochError('invalid_argument', `\`encoding-type\` must be \`url\`, not \`${encoding}\`.`, {
      context: { argument_name: 'encoding-type', argument_value: encoding },
    });
  }
  return (text) =>
    encodeURIComponent(text)
      .replace(/[!'()]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll('%2F', '/');
}

const TOKEN_CHECK = 4;
const checkOf = (key: string): Buffer => createHash('sha256').update(`list ${key}`).digest().subarray(0, TOKEN_CHECK);

/** A continuation token: the last key told, with a check so that a mangled one is refused and not taken for a key. */
const token = {
  encode: (key: string): string => Buffer.concat([checkOf(key), Buffer.from(key)]).toString('base64url'),
  decode(text: string): string {
    const bytes = Buffer.from(text, 'base64url');
    const key = bytes.toString('utf8', TOKEN_CHECK);
    if (bytes.length > TOKEN_CHECK && checkOf(key).equals(bytes.subarray(0, TOKEN_CHECK))) return key;
    throw new LochError('invalid_argument', 'The continuation token provided is incorrect.', {
      context: { argument_name: 'continuation-token' },
    });
  },
};

export const listObjectsV2: S3Operation = async (request) => {
  const { query } = request;
  const encode = keyEncoder(request);
  const continuation = query.get('continuation-token');
  // An empty token is none, as the public conformance suite has it; one that is mangled is refused.
  const startAfter = continuation ? token.decode(continuation) : query.get('start-after');
  const { page, maxKeys, common } = await listPage(request, startAfter, encode);
  const owners = query.get('fetch-owner') === 'true' ? await ownersFor(request) : undefined;
  return xmlAnswer(
    renderXml('ListBucketResult', {
      ...common,
      MaxKeys: maxKeys,
      KeyCount: page.objects.length + page.commonPrefixes.length,
      IsTruncated: page.next !== undefined,
      ContinuationToken: continuation ?? undefined,
      NextContinuationToken: page.next === undefined ? undefined : token.encode(page.next),
      StartAfter: query.get('start-after') ? encode(query.get('start-after')!) : undefined,
      Contents: page.objects.map((object) => ({
        ...entryOf(object, encode),
        ...(owners === undefined ? {} : { Owner: owners.object(object) }),
      })),
      CommonPrefixes: page.commonPrefixes.map((prefix) => ({ Prefix: encode(prefix) })),
    }),
  );
};

export const listObjectsV1: S3Operation = async (request) => {
  const { query } = request;
  const encode = keyEncoder(request);
  const { page, maxKeys, common } = await listPage(request, query.get('marker'), encode);
  const owners = await ownersFor(request);
  return xmlAnswer(
    renderXml('ListBucketResult', {
      ...common,
      Marker: encode(query.get('marker') ?? ''),
      MaxKeys: maxKeys,
      IsTruncated: page.next !== undefined,
      NextMarker: page.next !== undefined && query.get('delimiter') ? encode(page.next) : undefined,
      Contents: page.objects.map((object) => ({ ...entryOf(object, encode), Owner: owners.object(object) })),
      CommonPrefixes: page.commonPrefixes.map((prefix) => ({ Prefix: encode(prefix) })),
    }),
  );
};

async function listPage(request: S3Request, startAfter: string | null, encode: (text: string) => string) {
  const { query } = request;
  const maxKeys = numberParameter(request, 'max-keys', { min: 0, max: 1000 }, 1000);
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const page = await request.access.listObjects(request.context, request.bucket, {
    maxKeys,
    ...(prefix === '' ? {} : { prefix }),
    ...(delimiter === '' ? {} : { delimiter }),
    ...(startAfter === null || startAfter === '' ? {} : { startAfter }),
  });
  const common: XmlRecord = {
    Name: request.bucket,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    EncodingType: query.get('encoding-type') || undefined,
  };
  return { page, maxKeys, common };
}

function entryOf(object: ObjectHead, encode: (text: string) => string): XmlRecord {
  return {
    Key: encode(object.key),
    LastModified: new Date(object.lastModified).toISOString(),
    ETag: object.etag,
    ...checksumFacts(object),
    Size: object.size,
    StorageClass: object.attributes.storageClass ?? 'STANDARD',
  };
}

/** Which checksums an object has, for entries of listings. */
export function checksumFacts({ checksums }: ObjectHead): XmlRecord {
  const [first, ...more] = Object.keys(checksums);
  if (first === undefined) return {};
  return {
    ChecksumAlgorithm: more.length === 0 ? first.toUpperCase() : [first, ...more].map((name) => name.toUpperCase()),
    ChecksumType: checksumElements(checksums).ChecksumType,
  };
}
