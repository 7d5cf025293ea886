import { LochError } from '../../core/errors.ts';
import type { DeleteName, DeleteOptions, DeleteOutcome } from '../../storage/contract.ts';
import { emptyAnswer, xmlAnswer } from './answer.ts';
import { asksBypass } from './attribute-operations.ts';
import { s3ErrorOf } from './errors.ts';
import { replicaOf } from './replica-header.ts';
import { header, nameOf, type S3Operation, type S3Request } from './request.ts';
import { readDocument } from './request-body.ts';
import { deleteHeaders, versionIdOf } from './version-headers.ts';
import { childText, renderXml, type XmlElement, type XmlRecord } from './xml.ts';

const DELETE_LIMIT = 2 * 1024 * 1024;
const MAX_DELETE = 1000;

export const deleteObject: S3Operation = async (request) => {
  const versionId = versionIdOf(request);
  const done = await request.access.deleteObject(request.context, nameOf(request), {
    ...deleteConditions(request),
    ...asksBypass(request),
    ...replicaOf(request),
    ...(versionId === undefined ? {} : { versionId }),
  });
  return emptyAnswer(204, deleteHeaders(done));
};

function deleteConditions(request: S3Request): Pick<DeleteOptions, 'ifMatch' | 'ifModifiedAt' | 'ifSize'> {
  return conditionsOf(
    header(request, 'if-match'),
    header(request, 'x-amz-if-match-last-modified-time'),
    header(request, 'x-amz-if-match-size'),
  );
}

function conditionsOf(ifMatch: string | undefined, time: string | undefined, size: string | undefined) {
  const ifModifiedAt = time === undefined ? undefined : Date.parse(time);
  const ifSize = size === undefined ? undefined : Number(size);
  if (Number.isNaN(ifModifiedAt) || (ifSize !== undefined && !Number.isSafeInteger(ifSize))) {
    throw new LochError('invalid_argument', 'The time or size of the condition cannot be read.');
  }
  return {
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifModifiedAt === undefined ? {} : { ifModifiedAt }),
    ...(ifSize === undefined ? {} : { ifSize }),
  };
}

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
  const { access, context, bucket } = request;
  const outcomes = await access.deleteObjects(context, bucket, objects.map(nameToDelete), asksBypass(request));
  const quiet = childText(document, 'Quiet') === 'true';
  return xmlAnswer(
    renderXml('DeleteResult', {
      Deleted: quiet ? [] : outcomes.filter(({ error }) => error === undefined).map(deletedElement),
      Error: outcomes.flatMap(errorElement),
    }),
  );
};

function nameToDelete(object: XmlElement): DeleteName {
  const key = childText(object, 'Key');
  if (key === undefined) throw new LochError('malformed_request', 'An object of the batch delete has no Key.');
  const versionId = childText(object, 'VersionId');
  const text = (name: string) => childText(object, name);
  return {
    key,
    ...(versionId === undefined || versionId === '' ? {} : { versionId }),
    ...conditionsOf(text('ETag'), text('LastModifiedTime'), text('Size')),
  };
}

function deletedElement({ key, requestedVersionId, versionId, isNull, deleteMarker }: DeleteOutcome): XmlRecord {
  const shown = isNull === true ? 'null' : versionId;
  return {
    Key: key,
    VersionId: requestedVersionId,
    ...(deleteMarker === true ? { DeleteMarker: true, DeleteMarkerVersionId: shown } : {}),
  };
}

function errorElement({ key, requestedVersionId, error }: DeleteOutcome): XmlRecord[] {
  if (error === undefined) return [];
  return [{ Key: key, VersionId: requestedVersionId, Code: s3ErrorOf(error).name, Message: error.message }];
}
