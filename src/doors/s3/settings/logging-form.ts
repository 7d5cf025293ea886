import { LochError } from '../../../core/errors.ts';
import type { BucketSetting } from '../../../storage/contract.ts';
import { emptyAnswer } from '../answer.ts';
import type { S3Operation } from '../request.ts';
import { childText, type XmlElement, type XmlRecord } from '../xml.ts';
import { oneOf } from './plain-forms.ts';
import { getOperation, readSettingDocument } from './setting-form.ts';

const ROOT = 'BucketLoggingStatus';

function write({ targetBucket, targetPrefix, partitionedBy }: BucketSetting<'logging'>): XmlRecord {
  return {
    LoggingEnabled: {
      TargetBucket: targetBucket,
      TargetPrefix: targetPrefix,
      TargetObjectKeyFormat:
        partitionedBy === undefined ? undefined : { PartitionedPrefix: { PartitionDateSource: partitionedBy } },
    },
  };
}

function read(enabled: XmlElement): BucketSetting<'logging'> {
  const targetBucket = childText(enabled, 'TargetBucket');
  const targetPrefix = childText(enabled, 'TargetPrefix');
  if (targetBucket === undefined || targetBucket === '' || targetPrefix === undefined) {
    throw new LochError('malformed_request', 'LoggingEnabled needs TargetBucket and TargetPrefix.');
  }
  if (enabled.children.some(({ name }) => name === 'TargetGrants')) {
    throw new LochError(
      'unsupported',
      'TargetGrants are not supported: give access to the log by the policy of its bucket.',
    );
  }
  const format = enabled.children.find(({ name }) => name === 'TargetObjectKeyFormat');
  const partitioned = format?.children.find(({ name }) => name === 'PartitionedPrefix');
  if (partitioned === undefined) return { targetBucket, targetPrefix };
  const source = childText(partitioned, 'PartitionDateSource') ?? 'DeliveryTime';
  return {
    targetBucket,
    targetPrefix,
    partitionedBy: oneOf('PartitionDateSource', ['EventTime', 'DeliveryTime'] as const, source),
  };
}

export const getLogging: S3Operation = getOperation({ kind: 'logging', root: ROOT, absent: {}, write });

/** A document without LoggingEnabled ends the log. */
export const putLogging: S3Operation = async (request) => {
  const { settings, context, bucket } = request;
  const document = await readSettingDocument(request, ROOT);
  const enabled = document.children.find(({ name }) => name === 'LoggingEnabled');
  if (enabled === undefined) await settings.remove(context, { bucket, kind: 'logging' });
  else await settings.put(context, { bucket, kind: 'logging' }, read(enabled));
  return emptyAnswer(200);
};
