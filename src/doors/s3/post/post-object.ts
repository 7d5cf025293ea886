/** Uploads by forms of browsers. **Source**: S3 API Reference, "POST Object". */
import type { IncomingHttpHeaders } from 'node:http';
import { LochError } from '../../../core/errors.ts';
import type { ObjectHead } from '../../../storage/contract.ts';
import { emptyAnswer, type S3Answer } from '../answer.ts';
import { withDefaultChecksum } from '../checksum-headers.ts';
import { s3Failure } from '../errors.ts';
import { putOptions } from '../headers.ts';
import { locationOf, nameOf, type S3Operation, type S3Request } from '../request.ts';
import { openBody } from '../request-body.ts';
import { headerKeys } from '../request-keys.ts';
import { aclOption } from '../settings/acl-request.ts';
import { readTagSet } from '../settings/tag-set.ts';
import { writtenVersion } from '../version-headers.ts';
import { parseXml, renderPlainXml } from '../xml.ts';
import { formBoundary, readForm, type UploadForm } from './multipart-form.ts';
import { checkPostPolicy, type SizeRange } from './post-policy.ts';
import { proveForm } from './prove-form.ts';

const MAX_KEY_BYTES = 1024;
const MAX_BYTES = 5 * 1024 ** 3;
const MAX_OBJECT_TAGS = 10;
/** Fields that are headers of the object under their own name. */
const HEADER_FIELDS =
  /^(cache-control|content-type|content-disposition|content-encoding|content-language|expires|x-amz-(?!signature|credential|date|algorithm|security-token).*)$/;

export const postObject: S3Operation = async (request) => {
  const boundary = formBoundary(request.headers['content-type']);
  if (boundary === undefined) {
    throw new LochError(
      'precondition_failed',
      'Bucket POST must be of the enclosure-type multipart/form-data, with a boundary.',
    );
  }
  const form = await readForm(openBody({ incoming: request.incoming, signature: undefined }).bytes, boundary);
  const key = keyOf(form);
  const principal = await proveForm(form.fields, request);
  const fields = new Map([...form.fields, ['key', key] as const]);
  const policy = form.fields.get('policy');
  const range =
    policy === undefined
      ? undefined
      : checkPostPolicy(policy, { bucket: request.bucket, fields }, request.context.startedAt);
  const headers = headersOf(form);
  const proven: S3Request = {
    ...request,
    key,
    headers,
    hoisted: undefined,
    context: {
      ...request.context,
      ...(principal === undefined ? {} : { principal }),
      requestKeys: { ...headerKeys({ headers, hoisted: undefined }), 's3:authType': 'POST' },
    },
  };
  const options = { ...withDefaultChecksum(putOptions(proven)), ...(await aclOption(proven)), operation: 'PostObject' };
  const body = withinRange(form.file, range ?? { min: 0, max: MAX_BYTES });
  const head = await request.access.putObject(proven.context, nameOf(proven), body, options);
  return answerTo(form, proven, head);
};

function keyOf({ fields, fileName }: UploadForm): string {
  const given = fields.get('key');
  if (given === undefined || given === '') {
    throw new LochError(
      'invalid_argument',
      "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.",
      { context: { argument_name: 'key', argument_value: '' } },
    );
  }
  const key = given.replace(/\$\{filename\}/g, () => fileName);
  const bytes = Buffer.byteLength(key);
  if (bytes <= MAX_KEY_BYTES) return key;
  throw s3Failure('KeyTooLongError', 'invalid_argument', 'Your key is too long.', {
    size: bytes,
    maxSizeAllowed: MAX_KEY_BYTES,
  });
}

/** The fields that belong to the object, as the headers a PUT of it would have. */
function headersOf({ fields, fileType }: UploadForm): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = fileType === undefined ? {} : { 'content-type': fileType };
  for (const [name, value] of fields) if (HEADER_FIELDS.test(name)) headers[name] = value;
  const acl = fields.get('acl');
  if (acl !== undefined) headers['x-amz-acl'] = acl;
  const tagging = fields.get('tagging');
  if (tagging !== undefined && tagging !== '') {
    headers['x-amz-tagging'] = new URLSearchParams(readTagSet(parseXml(tagging), MAX_OBJECT_TAGS)).toString();
  }
  return headers;
}

/** The bytes, which fail when they leave the range. **Errors**: `entity_too_large`, `part_too_small`. */
async function* withinRange(bytes: AsyncIterable<Uint8Array>, { min, max }: SizeRange): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > max) {
      throw new LochError(
        'entity_too_large',
        `Your proposed upload exceeds the maximum allowed size of ${max} bytes.`,
        {
          context: { proposedSize: size, maxSizeAllowed: max },
        },
      );
    }
    yield chunk;
  }
  if (size >= min) return;
  throw new LochError(
    'part_too_small',
    `Your proposed upload is smaller than the minimum allowed size of ${min} bytes.`,
    {
      context: { proposedSize: size, minSizeAllowed: min },
    },
  );
}

function answerTo({ fields }: UploadForm, request: S3Request, head: ObjectHead): S3Answer {
  const { bucket, key } = request;
  const { etag } = head;
  const headers = { etag, ...writtenVersion(head) };
  const location = locationOf(request);
  const redirect = fields.get('success_action_redirect') ?? fields.get('redirect');
  if (redirect !== undefined && URL.canParse(redirect)) {
    const target = new URL(redirect);
    const query = `bucket=${encodeURIComponent(bucket)}&key=${encodeURIComponent(key)}&etag=${encodeURIComponent(etag)}`;
    target.search = target.search === '' ? query : `${target.search}&${query}`;
    return emptyAnswer(303, { location: target.href, ...headers });
  }
  const status = fields.get('success_action_status');
  if (status === '201') {
    const document = { Location: location, Bucket: bucket, Key: key, ETag: etag };
    return { status: 201, headers: { location, ...headers }, body: renderPlainXml('PostResponse', document) };
  }
  return emptyAnswer(status === '200' ? 200 : 204, { location, ...headers });
}
