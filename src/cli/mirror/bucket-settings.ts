/** Settings of a bucket that are taken along, in the order in which they can be written. */
import {
  CreateBucketCommand,
  GetBucketCorsCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetBucketWebsiteCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  PutBucketCorsCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutBucketWebsiteCommand,
  PutObjectLockConfigurationCommand,
  PutPublicAccessBlockCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { Side } from './listings.ts';

interface Setting {
  readonly name: string;
  /** What is set, without the envelope of the answer; undefined for nothing. */
  get(client: S3Client, Bucket: string): Promise<object | undefined>;
  put(client: S3Client, Bucket: string, value: object): Promise<unknown>;
}

const SETTINGS: readonly Setting[] = [
  {
    name: 'ownership controls',
    get: async (client, Bucket) =>
      (await client.send(new GetBucketOwnershipControlsCommand({ Bucket }))).OwnershipControls,
    put: (client, Bucket, value) =>
      client.send(new PutBucketOwnershipControlsCommand({ Bucket, OwnershipControls: value as never })),
  },
  {
    name: 'public access block',
    get: async (client, Bucket) =>
      (await client.send(new GetPublicAccessBlockCommand({ Bucket }))).PublicAccessBlockConfiguration,
    put: (client, Bucket, value) =>
      client.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: value as never })),
  },
  {
    name: 'object lock',
    get: async (client, Bucket) =>
      (await client.send(new GetObjectLockConfigurationCommand({ Bucket }))).ObjectLockConfiguration,
    put: (client, Bucket, value) =>
      client.send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration: value as never })),
  },
  {
    name: 'encryption',
    get: async (client, Bucket) =>
      (await client.send(new GetBucketEncryptionCommand({ Bucket }))).ServerSideEncryptionConfiguration,
    put: (client, Bucket, value) =>
      client.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: value as never })),
  },
  {
    name: 'tags',
    get: async (client, Bucket) => {
      const { TagSet = [] } = await client.send(new GetBucketTaggingCommand({ Bucket }));
      return { TagSet: TagSet.toSorted((a, b) => (a.Key! < b.Key! ? -1 : 1)) };
    },
    put: (client, Bucket, value) => client.send(new PutBucketTaggingCommand({ Bucket, Tagging: value as never })),
  },
  {
    name: 'CORS rules',
    get: async (client, Bucket) => ({ CORSRules: (await client.send(new GetBucketCorsCommand({ Bucket }))).CORSRules }),
    put: (client, Bucket, value) =>
      client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: value as never })),
  },
  {
    name: 'website',
    get: async (client, Bucket) => {
      const { $metadata: _, ...website } = await client.send(new GetBucketWebsiteCommand({ Bucket }));
      return website;
    },
    put: (client, Bucket, value) =>
      client.send(new PutBucketWebsiteCommand({ Bucket, WebsiteConfiguration: value as never })),
  },
  {
    name: 'lifecycle rules',
    get: async (client, Bucket) => ({
      Rules: (await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))).Rules,
    }),
    put: (client, Bucket, value) =>
      client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: value as never })),
  },
  {
    name: 'policy',
    get: async (client, Bucket) => {
      const { Policy } = await client.send(new GetBucketPolicyCommand({ Bucket }));
      return Policy === undefined ? undefined : (JSON.parse(Policy) as object);
    },
    put: (client, Bucket, value) => client.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(value) })),
  },
];

/** Lifecycle rules come last of all: they must not remove what is still to be copied. */
const AFTER_COPY = new Set(['lifecycle rules']);

async function settingOf(setting: Setting, { client, bucket }: Side): Promise<object | undefined> {
  try {
    return await setting.get(client, bucket);
  } catch (error) {
    const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
    if (status === 404 || status === 501) return undefined; // nothing is set, or the service has no such setting
    throw error;
  }
}

/** Makes the target if it is not there, and has it keep versions if the source ever did. */
export async function prepareTarget(source: Side, target: Side): Promise<void> {
  const locked = (await settingOf(SETTINGS.find(({ name }) => name === 'object lock')!, source)) !== undefined;
  try {
    await target.client.send(new HeadBucketCommand({ Bucket: target.bucket }));
  } catch (error) {
    if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode !== 404) throw error;
    const lock = locked ? { ObjectLockEnabledForBucket: true } : {};
    await target.client.send(new CreateBucketCommand({ Bucket: target.bucket, ...lock }));
  }
  const { Status } = await source.client.send(new GetBucketVersioningCommand({ Bucket: source.bucket }));
  if (Status !== undefined) await setVersioning(target, 'Enabled');
}

const setVersioning = ({ client, bucket }: Side, Status: 'Enabled' | 'Suspended') =>
  client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status } }));

/** Writes what the source has set and the target has not, or else; tells what the target would not take. */
export async function copySettings(source: Side, target: Side, when: 'before' | 'after'): Promise<string[]> {
  const refused: string[] = [];
  for (const setting of SETTINGS) {
    if (AFTER_COPY.has(setting.name) !== (when === 'after')) continue;
    const value = await settingOf(setting, source);
    if (value === undefined || JSON.stringify(value) === JSON.stringify(await settingOf(setting, target))) continue;
    try {
      await setting.put(target.client, target.bucket, value);
    } catch (error) {
      refused.push(`${setting.name}: ${(error as Error).message}`);
    }
  }
  if (when === 'after') {
    const { Status } = await source.client.send(new GetBucketVersioningCommand({ Bucket: source.bucket }));
    if (Status === 'Suspended') await setVersioning(target, 'Suspended');
  }
  return refused;
}

/** Names of settings that differ. */
export async function differentSettings(source: Side, target: Side): Promise<string[]> {
  const names: string[] = [];
  for (const setting of SETTINGS) {
    const value = await settingOf(setting, source);
    if (value !== undefined && JSON.stringify(value) !== JSON.stringify(await settingOf(setting, target)))
      names.push(setting.name);
  }
  return names;
}
