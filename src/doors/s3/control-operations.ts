/**
 * What of S3 Control is served: the public-access block of an account, and tags of buckets one by one. Its requests come to the same address, with a path
 * of their own and the account in a header.
 * **Source**: Amazon S3 Control API Reference, 2018-08-20.
 */
import { LochError } from '../../core/errors.ts';
import { emptyAnswer, xmlAnswer } from './answer.ts';
import { s3Failure } from './errors.ts';
import { header, type S3Operation, type S3Request } from './request.ts';
import { publicAccessBlockForm } from './settings/plain-forms.ts';
import { readSettingDocument } from './settings/setting-form.ts';
import { readTagSet } from './settings/tag-set.ts';
import { renderXml } from './xml.ts';

const VERSION = 'v20180820';
const BLOCK = 'configuration/publicAccessBlock';
const TAGS = 'tags/';
const MAX_TAGS = 50;

/** The operation of S3 Control that a request asks for, or why there is none; undefined for requests of S3 itself. */
export function controlOperation({
  bucket,
  key,
  method,
  headers,
}: Pick<S3Request, 'bucket' | 'key' | 'method' | 'headers'>):
  | { readonly name: string; readonly run?: S3Operation }
  | undefined {
  if (bucket !== VERSION || headers['x-amz-account-id'] === undefined) return undefined;
  if (key.startsWith(TAGS)) {
    if (method === 'GET') return { name: 'ListTagsForResource', run: listTags };
    if (method === 'POST') return { name: 'TagResource', run: addTags };
    if (method === 'DELETE') return { name: 'UntagResource', run: removeTags };
  }
  if (key !== BLOCK) return { name: `S3 Control ${method} /${key}` };
  if (method === 'GET') return { name: 'GetAccountPublicAccessBlock', run: getBlock };
  if (method === 'PUT') return { name: 'PutAccountPublicAccessBlock', run: putBlock };
  if (method === 'DELETE') return { name: 'DeleteAccountPublicAccessBlock', run: deleteBlock };
  return { name: `S3 Control ${method} /${key}` };
}

const accountOf = (request: S3Request): string => header(request, 'x-amz-account-id') ?? '';

const getBlock: S3Operation = async (request) => {
  const block = await request.settings.accountBlock.get(request.context, accountOf(request));
  if (block !== undefined) return xmlAnswer(renderXml(publicAccessBlockForm.root, publicAccessBlockForm.write(block)));
  throw s3Failure(
    'NoSuchPublicAccessBlockConfiguration',
    'not_found',
    `The account ${accountOf(request)} has no public access block configuration.`,
  );
};

const putBlock: S3Operation = async (request) => {
  const document = await readSettingDocument(request, publicAccessBlockForm.root);
  const block = publicAccessBlockForm.read(document, request);
  await request.settings.accountBlock.put(request.context, accountOf(request), block);
  return emptyAnswer(200);
};

const deleteBlock: S3Operation = async (request) => {
  await request.settings.accountBlock.remove(request.context, accountOf(request));
  return emptyAnswer(204);
};

/** The bucket whose ARN stands in the path. **Errors**: `unsupported` for other resources. */
function taggedBucket({ key }: S3Request): string {
  const arn = key.slice(TAGS.length);
  const bucket = /^arn:aws:s3:::([^/:]+)$/.exec(arn)?.[1];
  if (bucket !== undefined) return bucket;
  throw new LochError('unsupported', `S3 Control tags buckets here, and no \`${arn}\`.`, {
    context: { resource: arn },
  });
}

const listTags: S3Operation = async (request) => {
  const tags = await request.settings.tags.list(request.context, taggedBucket(request));
  const Tag = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  return xmlAnswer(renderXml('ListTagsForResourceResult', { Tags: { Tag } }));
};

const addTags: S3Operation = async (request) => {
  const document = await readSettingDocument(request, 'TagResourceRequest');
  const set = document.children.find(({ name }) => name === 'Tags') ?? { name: 'TagSet', children: [], text: '' };
  const tags = readTagSet({ name: 'Tagging', children: [{ ...set, name: 'TagSet' }], text: '' }, MAX_TAGS);
  await request.settings.tags.add(request.context, taggedBucket(request), tags);
  return emptyAnswer(204);
};

const removeTags: S3Operation = async (request) => {
  const keys = request.query.getAll('tagKeys');
  await request.settings.tags.remove(request.context, taggedBucket(request), keys);
  return emptyAnswer(204);
};
