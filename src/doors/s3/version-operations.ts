/** Versions of a bucket: whether they are kept, and which there are. */
import { LochError } from '../../core/errors.ts';
import type { ObjectVersion } from '../../storage/contract.ts';
import { emptyAnswer, xmlAnswer } from './answer.ts';
import { checksumFacts, keyEncoder } from './list-operations.ts';
import { type Owners, ownersFor } from './owners.ts';
import { numberParameter, type S3Operation } from './request.ts';
import { readSettingDocument } from './settings/setting-form.ts';
import { shownVersion } from './version-headers.ts';
import { childText, renderXml, type XmlRecord } from './xml.ts';

/** A bucket that never kept versions answers with an empty configuration. */
export const getBucketVersioning: S3Operation = async (request) => {
  const { access, context, bucket } = request;
  const { versioning } = await access.headBucket(context, bucket, 's3:GetBucketVersioning');
  return xmlAnswer(renderXml('VersioningConfiguration', { Status: versioning }));
};

export const putBucketVersioning: S3Operation = async (request) => {
  const document = await readSettingDocument(request, 'VersioningConfiguration');
  if (childText(document, 'MfaDelete') === 'Enabled') {
    throw new LochError('access_denied', 'MFA delete needs a device to confirm with, and Loch knows none.');
  }
  const status = childText(document, 'Status');
  if (status !== 'Enabled' && status !== 'Suspended') {
    throw new LochError(
      'malformed_request',
      `The Status of versioning is Enabled or Suspended, not \`${status ?? ''}\`.`,
    );
  }
  await request.access.setVersioning(request.context, request.bucket, status);
  return emptyAnswer(200);
};

export const listObjectVersions: S3Operation = async (request) => {
  const { query } = request;
  const encode = keyEncoder(request);
  const max = numberParameter(request, 'max-keys', { min: 0, max: 1000 }, 1000);
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const key = query.get('key-marker') ?? '';
  const versionId = query.get('version-id-marker') ?? undefined;
  if (versionId !== undefined && (key === '' || versionId === '')) {
    const wrong = versionId === '' ? 'empty' : 'specified without a key marker';
    throw new LochError('invalid_argument', `A version-id marker cannot be ${wrong}.`, {
      context: { argument_name: 'version-id-marker', argument_value: versionId },
    });
  }
  const page = await request.access.listVersions(request.context, request.bucket, {
    max,
    ...(prefix === '' ? {} : { prefix }),
    ...(delimiter === '' ? {} : { delimiter }),
    ...(key === '' ? {} : { after: { key, ...(versionId === undefined ? {} : { versionId }) } }),
  });
  // Versions and markers stand mixed, in the order of the listing, as S3 has it.
  const owners = await ownersFor(request);
  const entries = page.versions.map((version) => entryOf(owners, version, encode));
  return xmlAnswer(
    renderXml('ListVersionsResult', {
      Name: request.bucket,
      Prefix: encode(prefix),
      KeyMarker: encode(key),
      VersionIdMarker: versionId ?? '',
      NextKeyMarker: page.next === undefined ? undefined : encode(page.next.key),
      NextVersionIdMarker: page.next?.versionId,
      MaxKeys: max,
      Delimiter: delimiter === '' ? undefined : encode(delimiter),
      EncodingType: query.get('encoding-type') || undefined,
      IsTruncated: page.next !== undefined,
      '*': entries,
      CommonPrefixes: page.commonPrefixes.map((one) => ({ Prefix: encode(one) })),
    }),
  );
};

function entryOf(owners: Owners, version: ObjectVersion, encode: (text: string) => string): XmlRecord {
  const common = {
    Key: encode(version.key),
    VersionId: shownVersion(version),
    IsLatest: version.isLatest,
    LastModified: new Date(version.lastModified).toISOString(),
    Owner: owners.object(version),
  };
  if (version.deleteMarker === true) return { DeleteMarker: common };
  return {
    Version: {
      ...common,
      ETag: version.etag,
      ...checksumFacts(version),
      Size: version.size,
      StorageClass: version.attributes.storageClass ?? 'STANDARD',
    },
  };
}
