/**
 * Inventory configurations in S3's XML and back, and their operations: a bucket has many, each under an id.
 * **Source**: Amazon S3 API Reference, "PutBucketInventoryConfiguration", "ListBucketInventoryConfigurations".
 */
import { s3Arn } from '../../../core/arn.ts';
import { LochError } from '../../../core/errors.ts';
import { type InventoryConfiguration, parseInventory } from '../../../storage/contract.ts';
import { emptyAnswer, xmlAnswer } from '../answer.ts';
import { s3Failure } from '../errors.ts';
import type { S3Operation, S3Request } from '../request.ts';
import { childText, childTexts, renderXml, type XmlElement, type XmlRecord } from '../xml.ts';
import { notSet, readSettingDocument } from './setting-form.ts';

const ROOT = 'InventoryConfiguration';
const PAGE = 100;
const kind = 'inventory';

const malformed = (message: string): LochError => new LochError('malformed_request', message);

function child(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((one) => one.name === name);
}

function bucketOf(arn: string): string {
  const bucket = /^arn:aws:s3:::([^/:]+)$/.exec(arn)?.[1];
  if (bucket !== undefined) return bucket;
  throw new LochError('invalid_argument', `The destination of an inventory is the ARN of a bucket, not \`${arn}\`.`, {
    context: { s3_code: 'InvalidS3DestinationBucket' },
  });
}

function encryptionOf(element: XmlElement | undefined) {
  if (element === undefined) return {};
  if (child(element, 'SSE-S3') !== undefined) return { encryption: { algorithm: 'AES256' } };
  const kms = child(element, 'SSE-KMS');
  if (kms === undefined) throw malformed('Encryption of an inventory holds SSE-S3 or SSE-KMS.');
  return { encryption: { algorithm: 'aws:kms', keyId: childText(kms, 'KeyId') ?? '' } };
}

/** The configuration a document holds. **Errors**: `malformed_request`, `invalid_argument`, `unsupported`. */
export function readInventory(document: XmlElement): InventoryConfiguration {
  const target = child(child(document, 'Destination'), 'S3BucketDestination');
  if (target === undefined) throw malformed('An inventory needs a Destination with an S3BucketDestination.');
  const enabled = childText(document, 'IsEnabled');
  if (enabled !== 'true' && enabled !== 'false')
    throw malformed(`IsEnabled is true or false, not \`${enabled ?? ''}\`.`);
  const filter = child(document, 'Filter');
  const prefix = filter === undefined ? undefined : childText(filter, 'Prefix');
  const targetPrefix = childText(target, 'Prefix');
  const accountId = childText(target, 'AccountId');
  const fields = childTexts(child(document, 'OptionalFields') ?? document, 'Field');
  return parseInventory({
    ...{ id: childText(document, 'Id'), enabled: enabled === 'true' },
    versions: childText(document, 'IncludedObjectVersions'),
    ...(prefix === undefined ? {} : { prefix }),
    fields: [...new Set(fields)],
    frequency: childText(child(document, 'Schedule') ?? document, 'Frequency'),
    destination: {
      bucket: bucketOf(childText(target, 'Bucket') ?? ''),
      ...(targetPrefix === undefined ? {} : { prefix: targetPrefix }),
      ...(accountId === undefined ? {} : { accountId }),
      format: childText(target, 'Format'),
      ...encryptionOf(child(target, 'Encryption')),
    },
  });
}

function renderEncryption({ encryption }: InventoryConfiguration['destination']): XmlRecord | undefined {
  if (encryption === undefined) return undefined;
  return encryption.algorithm === 'AES256' ? { 'SSE-S3': {} } : { 'SSE-KMS': { KeyId: encryption.keyId } };
}

/** The content of a configuration's element. */
export function renderInventory(configuration: InventoryConfiguration): XmlRecord {
  const { destination, prefix, fields } = configuration;
  return {
    Destination: {
      S3BucketDestination: {
        AccountId: destination.accountId,
        Bucket: s3Arn(destination.bucket),
        Encryption: renderEncryption(destination),
        Format: destination.format,
        Prefix: destination.prefix,
      },
    },
    IsEnabled: configuration.enabled,
    Filter: prefix === undefined ? undefined : { Prefix: prefix },
    Id: configuration.id,
    IncludedObjectVersions: configuration.versions,
    OptionalFields: fields.length === 0 ? undefined : { Field: fields },
    Schedule: { Frequency: configuration.frequency },
  };
}

function idOf({ query }: S3Request): string {
  const id = query.get('id') ?? '';
  if (id !== '') return id;
  throw new LochError('invalid_argument', 'The request needs the `id` of an inventory configuration.', {
    context: { argument_name: 'id', argument_value: '' },
  });
}

export const getInventory: S3Operation = async (request) => {
  const { settings, context, bucket } = request;
  const value = await settings.get(context, { bucket, kind, id: idOf(request) });
  if (value === undefined) throw notSet('NoSuchConfiguration', bucket);
  return xmlAnswer(renderXml(ROOT, renderInventory(value)));
};

export const putInventory: S3Operation = async (request) => {
  const { settings, context, bucket } = request;
  const id = idOf(request);
  const value = readInventory(await readSettingDocument(request, ROOT));
  if (value.id !== id) {
    throw s3Failure('IdMismatch', 'invalid_argument', `The document is of \`${value.id}\`, the request of \`${id}\`.`);
  }
  await settings.put(context, { bucket, kind, id }, value);
  return emptyAnswer(204);
};

export const deleteInventory: S3Operation = async (request) => {
  const { settings, context, bucket } = request;
  await settings.remove(context, { bucket, kind, id: idOf(request) });
  return emptyAnswer(204);
};

/** Pages of a hundred by id; the token is the last id of the page before. */
export const listInventories: S3Operation = async ({ settings, context, bucket, query }) => {
  const token = query.get('continuation-token');
  const all = await settings.list(context, { bucket, kind });
  const rest = token === null ? all : all.filter(({ id }) => id > token);
  const page = rest.slice(0, PAGE);
  const truncated = page.length < rest.length;
  return xmlAnswer(
    renderXml('ListInventoryConfigurationsResult', {
      ContinuationToken: token ?? undefined,
      InventoryConfiguration: page.map(({ value }) => renderInventory(value)),
      IsTruncated: truncated,
      NextContinuationToken: truncated ? page.at(-1)!.id : undefined,
    }),
  );
};
