/** Tags and locks of objects, and what a bucket says of locks. */
import { LochError } from '../../core/errors.ts';
import type { AttributeOptions, BucketSetting, ObjectRetention, VersionName } from '../../storage/contract.ts';
import { emptyAnswer, xmlAnswer } from './answer.ts';
import { futureTime, MAX_OBJECT_TAGS } from './attribute-headers.ts';
import { s3Failure } from './errors.ts';
import { header, nameOf, type S3Operation, type S3Request } from './request.ts';
import { readSettingDocument } from './settings/setting-form.ts';
import { readTagSet, tagSetRecord } from './settings/tag-set.ts';
import { versionHeaders, versionIdOf } from './version-headers.ts';
import { childText, renderXml, type XmlElement } from './xml.ts';

/** The version a request is about. */
export function versionNameOf(request: S3Request): VersionName {
  const versionId = versionIdOf(request);
  return { ...nameOf(request), ...(versionId === undefined ? {} : { versionId }) };
}

/** Whether the caller asks to lift GOVERNANCE; whether he may is asked elsewhere. */
export const asksBypass = (request: S3Request): Pick<AttributeOptions, 'bypassGovernance'> => ({
  bypassGovernance: header(request, 'x-amz-bypass-governance-retention')?.toLowerCase() === 'true',
});

export const getObjectTagging: S3Operation = async (request) => {
  const { access, context } = request;
  const head = await access.readAttributes(context, 'GetObjectTagging', versionNameOf(request));
  return xmlAnswer(renderXml('Tagging', tagSetRecord(head.attributes.tags ?? {})), versionHeaders(head));
};

export const putObjectTagging: S3Operation = async (request) => {
  const tags = readTagSet(await readSettingDocument(request, 'Tagging'), MAX_OBJECT_TAGS);
  const { access, context } = request;
  const head = await access.changeAttributes(context, 'PutObjectTagging', versionNameOf(request), { tags });
  return emptyAnswer(200, versionHeaders(head));
};

export const deleteObjectTagging: S3Operation = async (request) => {
  const { access, context } = request;
  const change = { tags: null };
  const head = await access.changeAttributes(context, 'DeleteObjectTagging', versionNameOf(request), change);
  return emptyAnswer(204, versionHeaders(head));
};

/** The objects of a bucket without lock have no lock to be told. **Errors**: `object_lock_missing`. */
async function requireLock(request: S3Request): Promise<void> {
  const { objectLock } = await request.access.headBucket(request.context, request.bucket);
  if (objectLock === true) return;
  throw new LochError('object_lock_missing', 'Bucket is missing Object Lock Configuration.', {
    context: { bucket: request.bucket },
  });
}

function noLock(request: S3Request): LochError {
  return s3Failure(
    'NoSuchObjectLockConfiguration',
    'not_found',
    'The specified object does not have an Object Lock configuration.',
    { key: request.key },
  );
}

export const getObjectRetention: S3Operation = async (request) => {
  await requireLock(request);
  const { access, context } = request;
  const { attributes } = await access.readAttributes(context, 'GetObjectRetention', versionNameOf(request));
  if (attributes.retention === undefined) throw noLock(request);
  const { mode, until } = attributes.retention;
  return xmlAnswer(renderXml('Retention', { Mode: mode, RetainUntilDate: new Date(until).toISOString() }));
};

export const putObjectRetention: S3Operation = async (request) => {
  const document = await readSettingDocument(request, 'Retention');
  const retention = readRetention(request, document);
  const { access, context } = request;
  const name = versionNameOf(request);
  await access.changeAttributes(context, 'PutObjectRetention', name, { retention }, asksBypass(request));
  return emptyAnswer(200);
};

/** An empty document takes the retention away. */
function readRetention(request: S3Request, document: XmlElement): ObjectRetention | null {
  const mode = childText(document, 'Mode');
  const until = childText(document, 'RetainUntilDate');
  if (mode === undefined && until === undefined) return null;
  if ((mode !== 'GOVERNANCE' && mode !== 'COMPLIANCE') || until === undefined || Number.isNaN(Date.parse(until))) {
    throw new LochError('malformed_request', 'A Retention has a Mode (GOVERNANCE or COMPLIANCE) and RetainUntilDate.');
  }
  return { mode, until: futureTime(request, 'RetainUntilDate', until) };
}

export const getObjectLegalHold: S3Operation = async (request) => {
  await requireLock(request);
  const { access, context } = request;
  const { attributes } = await access.readAttributes(context, 'GetObjectLegalHold', versionNameOf(request));
  if (attributes.legalHold === undefined) throw noLock(request);
  return xmlAnswer(renderXml('LegalHold', { Status: attributes.legalHold ? 'ON' : 'OFF' }));
};

export const putObjectLegalHold: S3Operation = async (request) => {
  const document = await readSettingDocument(request, 'LegalHold');
  const status = childText(document, 'Status');
  if (status !== 'ON' && status !== 'OFF') {
    throw new LochError('malformed_request', `The Status of a LegalHold is ON or OFF, not \`${status ?? ''}\`.`);
  }
  const { access, context } = request;
  const change = { legalHold: status === 'ON' };
  await access.changeAttributes(context, 'PutObjectLegalHold', versionNameOf(request), change);
  return emptyAnswer(200);
};

export const getObjectLockConfiguration: S3Operation = async ({ access, context, bucket }) => {
  const configuration = await access.lockConfiguration(context, bucket);
  if (configuration === undefined) {
    throw s3Failure(
      'ObjectLockConfigurationNotFoundError',
      'not_found',
      'Object Lock configuration does not exist for this bucket.',
      { bucket },
    );
  }
  const kept = configuration.defaultRetention;
  return xmlAnswer(
    renderXml('ObjectLockConfiguration', {
      ObjectLockEnabled: 'Enabled',
      Rule:
        kept === undefined
          ? undefined
          : { DefaultRetention: { Mode: kept.mode, [kept.unit === 'days' ? 'Days' : 'Years']: kept.count } },
    }),
  );
};

export const putObjectLockConfiguration: S3Operation = async (request) => {
  const document = await readSettingDocument(request, 'ObjectLockConfiguration');
  await request.access.putLockConfiguration(request.context, request.bucket, readConfiguration(document));
  return emptyAnswer(200);
};

function readConfiguration(document: XmlElement): BucketSetting<'objectLock'> {
  if (childText(document, 'ObjectLockEnabled') !== 'Enabled') {
    throw new LochError('malformed_request', 'ObjectLockEnabled must be `Enabled`.');
  }
  const rule = document.children.find(({ name }) => name === 'Rule');
  if (rule === undefined) return {};
  const kept = rule.children.find(({ name }) => name === 'DefaultRetention');
  const mode = kept === undefined ? undefined : childText(kept, 'Mode');
  const periods = kept?.children.filter(({ name }) => name === 'Days' || name === 'Years') ?? [];
  const [period] = periods;
  if ((mode !== 'GOVERNANCE' && mode !== 'COMPLIANCE') || periods.length !== 1) {
    throw new LochError(
      'malformed_request',
      'A DefaultRetention has a Mode (GOVERNANCE or COMPLIANCE) and either Days or Years.',
    );
  }
  const unit = period!.name === 'Days' ? 'days' : 'years';
  return { defaultRetention: { mode, unit, count: readPeriod(unit, period!.text) } };
}

const MAX_PERIOD = { days: 36_500, years: 100 } as const;

function readPeriod(unit: 'days' | 'years', text: string): number {
  const count = Number(text);
  if (!/^-?\d+$/.test(text.trim())) throw new LochError('malformed_request', `\`${text}\` is no number of ${unit}.`);
  if (count >= 1 && count <= MAX_PERIOD[unit]) return count;
  throw s3Failure(
    'InvalidRetentionPeriod',
    'invalid_argument',
    `Default retention period must be from 1 to ${MAX_PERIOD[unit]} ${unit}; it is ${count}.`,
  );
}
