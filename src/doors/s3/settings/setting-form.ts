/** The three operations of a bucket's setting, made of its XML form. */
import type { BucketSetting, BucketSettingKind } from '../../../storage/contract.ts';
import { LochError } from '../../../core/errors.ts';
import { emptyAnswer, xmlAnswer } from '../answer.ts';
import { type S3FailureName, s3Failure } from '../errors.ts';
import type { S3Operation, S3Request } from '../request.ts';
import { readDocument } from '../request-body.ts';
import { renderXml, type XmlElement, type XmlRecord } from '../xml.ts';

const DOCUMENT_LIMIT = 128 * 1024;

/** The XML of a kind of setting. */
export interface SettingForm<K extends BucketSettingKind> {
  readonly kind: K;
  /** The name of the document's element. */
  readonly root: string;
  /** What is answered while it is not set: S3's code for that, or a document. */
  readonly absent: S3FailureName | XmlRecord;
  write(value: BucketSetting<K>): XmlRecord;
  /** **Errors**: `malformed_request`, `invalid_argument`. */
  read(document: XmlElement, request: S3Request): BucketSetting<K>;
  /** Status of a change; 200 unless S3 has another. */
  readonly putStatus?: number;
}

/** **Errors**: the form's own "not set". */
export function getOperation<K extends BucketSettingKind>(form: Omit<SettingForm<K>, 'read'>): S3Operation {
  return async ({ settings, context, bucket }) => {
    const value = await settings.get(context, { bucket, kind: form.kind });
    if (value !== undefined) return xmlAnswer(renderXml(form.root, form.write(value)));
    if (typeof form.absent !== 'string') return xmlAnswer(renderXml(form.root, form.absent));
    throw notSet(form.absent, bucket);
  };
}

/** Changes the setting to the request's document. */
export function putOperation<K extends BucketSettingKind>(form: SettingForm<K>): S3Operation {
  return async (request) => {
    const { settings, context, bucket } = request;
    const document = await readSettingDocument(request, form.root);
    await settings.put(context, { bucket, kind: form.kind }, form.read(document, request));
    return emptyAnswer(form.putStatus ?? 200);
  };
}

/** Takes the setting away. */
export function deleteOperation(kind: BucketSettingKind): S3Operation {
  return async ({ settings, context, bucket }) => {
    await settings.remove(context, { bucket, kind });
    return emptyAnswer(204);
  };
}

/** The document of a change. **Errors**: `malformed_request` when it is absent or of another name. */
export async function readSettingDocument(
  request: S3Request,
  root: string,
  limit = DOCUMENT_LIMIT,
): Promise<XmlElement> {
  const document = await readDocument(request, limit);
  if (document === undefined) {
    throw s3Failure('MissingRequestBodyError', 'missing_argument', `The request needs a ${root} document as its body.`);
  }
  if (document.name === root) return document;
  throw new LochError('malformed_request', `The document is a \`${document.name}\`, not a \`${root}\`.`);
}

/** The failure of asking for what is not set. */
export function notSet(name: S3FailureName, bucket: string): LochError {
  return s3Failure(name, 'not_found', `The bucket \`${bucket}\` has none. (${name})`, { bucket });
}
