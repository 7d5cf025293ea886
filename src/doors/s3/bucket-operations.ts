import { LochError } from '../../core/errors.ts';
import type { ObjectOwnership } from '../../storage/contract.ts';
import { emptyAnswer, xmlAnswer } from './answer.ts';
import { s3ErrorOf, s3Failure } from './errors.ts';
import { refuseUnsupported } from './headers.ts';
import { ownersFor } from './owners.ts';
import { header, type S3Operation } from './request.ts';
import { readDocument } from './request-body.ts';
import { aclOfHeaders } from './settings/acl-request.ts';
import { OWNERSHIPS } from './settings/plain-forms.ts';
import { childText, renderXml, type XmlRecord } from './xml.ts';

const DOCUMENT_LIMIT = 64 * 1024;
const DELETE_LIMIT = 2 * 1024 * 1024;
const MAX_DELETE = 1000;
const NO_LOCATION = '<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>';

export const listBuckets: S3Operation = async (request) => {
  const { query } = request;
  const prefix = query.get('prefix') ?? '';
  const after = query.get('continuation-token') ?? '';
  const text = query.get('max-buckets');
  const max = text === null ? 10_000 : Number(text);
  if (!Number.isInteger(max) || max < 1 || max > 10_000) {
    throw new LochError(
      'invalid_argument',
      `\`max-buckets\` must be a whole number from 1 to 10000, not \`${text}\`.`,
      {
        context: { argument_name: 'max-buckets', argument_value: text },
      },
    );
  }
  const found = (await request.access.listBuckets(request.context)).filter(
    ({ name }) => name.startsWith(prefix) && name > after,
  );
  const shown = found.slice(0, max);
  return xmlAnswer(
    renderXml('ListAllMyBucketsResult', {
      Owner: (await ownersFor(request)).account(request.context.principal.accountId),
      Buckets: {
        Bucket: shown.map(({ name, createdAt, region }) => ({
          Name: name,
          CreationDate: new Date(createdAt).toISOString(),
          BucketRegion: region,
        })),
      },
      ContinuationToken: found.length > max ? shown.at(-1)!.name : undefined,
      Prefix: prefix === '' ? undefined : prefix,
    }),
  );
};

export const createBucket: S3Operation = async (request) => {
  refuseUnsupported(request);
  const acl = await aclOfHeaders(request);
  const ownership = header(request, 'x-amz-object-ownership');
  const document = await readDocument(request, DOCUMENT_LIMIT);
  const wanted = document === undefined ? undefined : childText(document, 'LocationConstraint');
  if (wanted !== undefined && wanted !== '' && wanted !== request.region) {
    throw s3Failure(
      'IllegalLocationConstraintException',
      'invalid_argument',
      `This lake is in region ${request.region}; a bucket cannot be made in ${wanted}.`,
      { region: request.region },
    );
  }
  try {
    await request.access.createBucket(request.context, request.bucket, {
      ...(acl === undefined ? {} : { acl }),
      ...(ownership === undefined ? {} : { objectOwnership: ownershipOfHeader(ownership) }),
    });
  } catch (error) {
    if (!(error instanceof LochError) || error.code !== 'bucket_exists') throw error;
    if (error.context.ownerAccountId === request.context.principal.accountId) throw error;
    throw s3Failure('BucketAlreadyExists', 'bucket_exists', error.message, { bucket: request.bucket });
  }
  return emptyAnswer(200, { location: `/${request.bucket}` });
};

function ownershipOfHeader(text: string): ObjectOwnership {
  const found = OWNERSHIPS.find((known) => known === text);
  if (found !== undefined) return found;
  throw new LochError('invalid_argument', `Unknown object ownership \`${text}\`. Known: ${OWNERSHIPS.join(', ')}.`, {
    context: { argument_name: 'x-amz-object-ownership', argument_value: text },
  });
}

export const headBucket: S3Operation = async (request) => {
  const bucket = await request.access.headBucket(request.context, request.bucket);
  return emptyAnswer(200, { 'x-amz-bucket-region': bucket.region, 'content-type': 'application/xml' });
};

export const deleteBucket: S3Operation = async (request) => {
  await request.access.deleteBucket(request.context, request.bucket);
  return emptyAnswer(204);
};

/** **Source**: `us-east-1` is told as an empty element. */
export const getBucketLocation: S3Operation = async (request) => {
  const { region } = await request.access.headBucket(request.context, request.bucket, 's3:GetBucketLocation');
  const told = region === 'us-east-1' ? NO_LOCATION : NO_LOCATION.replace('/>', `>${region}</LocationConstraint>`);
  return xmlAnswer(`<?xml version="1.0" encoding="UTF-8"?>\n${told}`);
};

/** Versions are not kept: a bucket that never had them answers with an empty configuration. */
export const getBucketVersioning: S3Operation = async (request) => {
  await request.access.headBucket(request.context, request.bucket, 's3:GetBucketVersioning');
  return xmlAnswer(renderXml('VersioningConfiguration', {}));
};

export const deleteObjects: S3Operation = async (request) => {
  const document = await readDocument(request, DELETE_LIMIT, 'required');
  const objects = document?.children.filter((child) => child.name === 'Object') ?? [];
  if (document?.name !== 'Delete' || objects.length === 0 || objects.length > MAX_DELETE) {
    throw new LochError(
      'malformed_request',
      `A batch delete names 1 to ${MAX_DELETE} objects; this one names ${objects.length}.`,
      { context: { limit: MAX_DELETE, found: objects.length } },
    );
  }
  const refused: XmlRecord[] = [];
  const keys: string[] = [];
  for (const object of objects) {
    const key = childText(object, 'Key');
    if (key === undefined) throw new LochError('malformed_request', 'An object of the batch delete has no Key.');
    const extra = object.children.find(
      ({ name, text }) => name !== 'Key' && !(name === 'VersionId' && text === 'null'),
    );
    if (extra === undefined) keys.push(key);
    else
      refused.push({ Key: key, Code: 'NotImplemented', Message: `${extra.name} is not supported in a batch delete.` });
  }
  const outcomes = await request.access.deleteObjects(request.context, request.bucket, keys);
  const deleted = outcomes.filter((outcome) => outcome.error === undefined).map(({ key }) => ({ Key: key }));
  const failed = outcomes.flatMap(({ key, error }) =>
    error === undefined ? [] : [{ Key: key, Code: s3ErrorOf(error).name, Message: error.message }],
  );
  return xmlAnswer(
    renderXml('DeleteResult', {
      Deleted: childText(document, 'Quiet') === 'true' ? [] : deleted,
      Error: [...failed, ...refused],
    }),
  );
};
