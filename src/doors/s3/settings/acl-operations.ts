import { LochError } from '../../../core/errors.ts';
import type { AclRequest, VersionName } from '../../../storage/contract.ts';
import { emptyAnswer, xmlAnswer } from '../answer.ts';
import { nameOf, type S3Operation, type S3Request } from '../request.ts';
import { readDocument } from '../request-body.ts';
import { renderXml } from '../xml.ts';
import { aclOfDocument, aclOfHeaders, aclRecord } from './acl-request.ts';

const DOCUMENT_LIMIT = 64 * 1024;

export const getBucketAcl: S3Operation = async ({ settings, context, bucket, accounts }) => {
  const list = await settings.getAcl(context, bucket);
  return xmlAnswer(renderXml('AccessControlPolicy', await aclRecord(list, accounts)));
};

export const putBucketAcl: S3Operation = async (request) => {
  await request.settings.putAcl(request.context, request.bucket, await aclOf(request));
  return emptyAnswer(200);
};

export const getObjectAcl: S3Operation = async (request) => {
  const list = await request.access.getObjectAcl(request.context, versionOf(request));
  return xmlAnswer(renderXml('AccessControlPolicy', await aclRecord(list, request.accounts)));
};

export const putObjectAcl: S3Operation = async (request) => {
  await request.access.putObjectAcl(request.context, versionOf(request), await aclOf(request));
  return emptyAnswer(200);
};

function versionOf(request: S3Request): VersionName {
  const versionId = request.query.get('versionId');
  return { ...nameOf(request), ...(versionId === null ? {} : { versionId }) };
}

/** What is asked for by headers or by the document, by one of them. **Errors**: `malformed_request`, `invalid_argument`. */
async function aclOf(request: S3Request): Promise<AclRequest> {
  const byHeaders = await aclOfHeaders(request);
  const document = await readDocument(request, DOCUMENT_LIMIT);
  if (byHeaders !== undefined && document !== undefined) {
    throw new LochError('malformed_request', 'Give the list by headers or by a document, not by both.');
  }
  if (byHeaders !== undefined) return byHeaders;
  if (document !== undefined) return aclOfDocument(document, request.accounts);
  throw new LochError('malformed_request', 'The request names no list: give x-amz-acl, x-amz-grant-… or a document.');
}
