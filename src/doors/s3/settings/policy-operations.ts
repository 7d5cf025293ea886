import { emptyAnswer, xmlAnswer } from '../answer.ts';
import type { S3Operation } from '../request.ts';
import { readText } from '../request-body.ts';
import { renderXml } from '../xml.ts';
import { notSet } from './setting-form.ts';

/** Above S3's own limit, so that a policy that is too large is refused as such. **Units**: bytes. */
const BODY_LIMIT = 64 * 1024;

export const getBucketPolicy: S3Operation = async ({ settings, context, bucket }) => {
  const policy = await settings.get(context, { bucket, kind: 'policy' });
  if (policy === undefined) throw notSet('NoSuchBucketPolicy', bucket);
  return { status: 200, headers: { 'content-type': 'application/json' }, body: policy.text };
};

export const putBucketPolicy: S3Operation = async (request) => {
  const { settings, context, bucket } = request;
  const text = await readText(request, BODY_LIMIT);
  await settings.put(context, { bucket, kind: 'policy' }, { text });
  return emptyAnswer(204);
};

export const getBucketPolicyStatus: S3Operation = async ({ settings, context, bucket }) => {
  const isPublic = await settings.isPublic(context, bucket);
  return xmlAnswer(renderXml('PolicyStatus', { IsPublic: isPublic }));
};
