import { LochError } from '../../core/errors.ts';
import type { ObjectOwnership } from '../../storage/contract.ts';
import { emptyAnswer, xmlAnswer } from './answer.ts';
import { s3Failure } from './errors.ts';
import { refuseUnsupported } from './headers.ts';
import { ownersFor } from './owners.ts';
import { header, type S3Operation } from './request.ts';
import { readDocument } from './request-body.ts';
import { aclOfHeaders } from './settings/acl-request.ts';
import { OWNERSHIPS } from './settings/plain-forms.ts';
import { childText, renderXml } from './xml.ts';

const DOCUMENT_LIMIT = 64 * 1024;
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
    const objectLock = header(request, 'x-amz-bucket-object-lock-enabled')?.toLowerCase() === 'true';
    await request.access.createBucket(request.context, request.bucket, {
      ...(acl === undefined ? {} : { acl }),
      ...(ownership === undefined ? {} : { objectOwnership: ownershipOfHeader(ownership) }),
      ...(objectLock ? { objectLock } : {}),
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
