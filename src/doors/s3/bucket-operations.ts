import { LochError } from '../../core/errors.ts';
import { readBody } from '../kit/read-body.ts';
import { numberParameter, type S3Operation, type S3Request } from './request.ts';
import { childText, parseXml, renderXml, sendXml, type XmlRecord } from './xml.ts';

const BODY_LIMIT = 1024 * 1024;
const MAX_DELETE = 1000;

const ownerOf = (request: S3Request): XmlRecord => ({ ID: request.accountId, DisplayName: request.accountId });

export const listBuckets: S3Operation = async (request) => {
  const buckets = await request.access.listBuckets(request.context);
  const xml = renderXml('ListAllMyBucketsResult', {
    Owner: ownerOf(request),
    Buckets: {
      Bucket: buckets.map((bucket) => ({ Name: bucket.name, CreationDate: new Date(bucket.createdAt).toISOString() })),
    },
  });
  sendXml(request, 200, xml);
};

export const createBucket: S3Operation = async (request) => {
  const body = (await readBody(request.incoming, BODY_LIMIT)).toString('utf8');
  const wanted = body === '' ? undefined : childText(parseXml(body), 'LocationConstraint');
  if (wanted !== undefined && wanted !== '' && wanted !== request.region) {
    throw new LochError(
      'invalid_argument',
      `This lake is in region ${request.region}; a bucket cannot be made in ${wanted}.`,
      {
        context: { s3_code: 'IllegalLocationConstraintException', region: request.region },
      },
    );
  }
  await request.access.createBucket(request.context, request.bucket);
  request.response.writeHead(200, { location: `/${request.bucket}`, 'content-length': 0 }).end();
};

export const headBucket: S3Operation = async (request) => {
  const bucket = await request.access.headBucket(request.context, request.bucket);
  request.response.writeHead(200, { 'x-amz-bucket-region': bucket.region, 'content-length': 0 }).end();
};

export const deleteBucket: S3Operation = async (request) => {
  await request.access.deleteBucket(request.context, request.bucket);
  request.response.writeHead(204).end();
};

export const getBucketLocation: S3Operation = async (request) => {
  const bucket = await request.access.headBucket(request.context, request.bucket);
  const region = bucket.region === 'us-east-1' ? '' : bucket.region;
  sendXml(
    request,
    200,
    `<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${region}</LocationConstraint>`,
  );
};

/** Versioning is not kept yet: a bucket that never had it answers with an empty configuration. */
export const getBucketVersioning: S3Operation = async (request) => {
  await request.access.headBucket(request.context, request.bucket);
  sendXml(request, 200, renderXml('VersioningConfiguration', {}));
};

export const deleteObjects: S3Operation = async (request) => {
  const document = parseXml((await readBody(request.incoming, BODY_LIMIT * 2)).toString('utf8'));
  const objects = document.children.filter((child) => child.name === 'Object');
  if (document.name !== 'Delete' || objects.length === 0 || objects.length > MAX_DELETE) {
    throw new LochError(
      'malformed_request',
      `A batch delete names 1 to ${MAX_DELETE} objects; this one names ${objects.length}.`,
    );
  }
  const keys = objects.map((object) => childText(object, 'Key') ?? '');
  const outcomes = await request.access.deleteObjects(request.context, request.bucket, keys);
  const quiet = childText(document, 'Quiet') === 'true';
  const xml = renderXml('DeleteResult', {
    Deleted: quiet ? [] : outcomes.filter((outcome) => outcome.error === undefined).map(({ key }) => ({ Key: key })),
    Error: outcomes
      .filter((outcome) => outcome.error !== undefined)
      .map(({ key, error }) => ({ Key: key, Code: 'AccessDenied', Message: error!.message })),
  });
  sendXml(request, 200, xml);
};

/** Keys in listings are percent-encoded when the client asks so, because XML cannot hold every character of a key. */
function encoder(request: S3Request): (text: string) => string {
  const encoding = request.query.get('encoding-type');
  if (encoding === null) return (text) => text;
  if (encoding !== 'url')
    throw new LochError('invalid_argument', `\`encoding-type\` must be \`url\`, not \`${encoding}\`.`);
  return (text) =>
    encodeURIComponent(text)
      .replace(/[!'()]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll('%2F', '/')
      .replaceAll('%2A', '*');
}

const token = {
  encode: (key: string) => Buffer.from(key).toString('base64url'),
  decode: (text: string) => Buffer.from(text, 'base64url').toString('utf8'),
};

export const listObjectsV2: S3Operation = async (request) => {
  const { query } = request;
  const encode = encoder(request);
  const continuation = query.get('continuation-token');
  const startAfter = continuation === null ? (query.get('start-after') ?? undefined) : token.decode(continuation);
  const { page, maxKeys } = await listPage(request, startAfter);
  const owner = query.get('fetch-owner') === 'true' ? { Owner: ownerOf(request) } : {};
  const xml = renderXml('ListBucketResult', {
    Name: request.bucket,
    Prefix: encode(query.get('prefix') ?? ''),
    Delimiter: query.get('delimiter') ? encode(query.get('delimiter')!) : undefined,
    MaxKeys: maxKeys,
    EncodingType: query.get('encoding-type') ?? undefined,
    KeyCount: page.objects.length + page.commonPrefixes.length,
    IsTruncated: page.next !== undefined,
    ContinuationToken: continuation ?? undefined,
    NextContinuationToken: page.next === undefined ? undefined : token.encode(page.next),
    StartAfter: query.get('start-after') ? encode(query.get('start-after')!) : undefined,
    Contents: page.objects.map((object) => ({ ...entryOf(object, encode), ...owner })),
    CommonPrefixes: page.commonPrefixes.map((prefix) => ({ Prefix: encode(prefix) })),
  });
  sendXml(request, 200, xml);
};

export const listObjectsV1: S3Operation = async (request) => {
  const { query } = request;
  const encode = encoder(request);
  const { page, maxKeys } = await listPage(request, query.get('marker') ?? undefined);
  const xml = renderXml('ListBucketResult', {
    Name: request.bucket,
    Prefix: encode(query.get('prefix') ?? ''),
    Marker: encode(query.get('marker') ?? ''),
    Delimiter: query.get('delimiter') ? encode(query.get('delimiter')!) : undefined,
    MaxKeys: maxKeys,
    EncodingType: query.get('encoding-type') ?? undefined,
    IsTruncated: page.next !== undefined,
    NextMarker: page.next !== undefined && query.get('delimiter') ? encode(page.next) : undefined,
    Contents: page.objects.map((object) => ({ ...entryOf(object, encode), Owner: ownerOf(request) })),
    CommonPrefixes: page.commonPrefixes.map((prefix) => ({ Prefix: encode(prefix) })),
  });
  sendXml(request, 200, xml);
};

async function listPage(request: S3Request, startAfter: string | undefined) {
  const maxKeys = numberParameter(request, 'max-keys', { min: 0, max: 1000 }, 1000);
  const prefix = request.query.get('prefix') ?? '';
  const delimiter = request.query.get('delimiter') ?? '';
  const page = await request.access.listObjects(request.context, request.bucket, {
    maxKeys,
    ...(prefix === '' ? {} : { prefix }),
    ...(delimiter === '' ? {} : { delimiter }),
    ...(startAfter === undefined || startAfter === '' ? {} : { startAfter }),
  });
  return { page, maxKeys };
}

function entryOf(
  object: { readonly key: string; readonly lastModified: number; readonly etag: string; readonly size: number },
  encode: (text: string) => string,
): XmlRecord {
  return {
    Key: encode(object.key),
    LastModified: new Date(object.lastModified).toISOString(),
    ETag: object.etag,
    Size: object.size,
    StorageClass: 'STANDARD',
  };
}
