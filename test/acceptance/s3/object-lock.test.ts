/** Object lock as the public conformance cases have it. */
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectLegalHoldCommand,
  GetObjectLockConfigurationCommand,
  GetObjectRetentionCommand,
  HeadObjectCommand,
  type ObjectLockConfiguration,
  type ObjectLockRetention,
  PutObjectLegalHoldCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure, openSuite, raw, type Suite, setVersioning } from './fixture.ts';

let suite: Suite;
beforeAll(async () => {
  suite = await openSuite();
});
afterAll(() => suite.close());

const Key = 'file1';
const DAY = 86_400_000;
const FAR = new Date('2140-01-01T00:00:00Z');
const locked = () => suite.bucket([], { locked: true });

const rule = (DefaultRetention: object): ObjectLockConfiguration => ({
  ObjectLockEnabled: 'Enabled',
  Rule: { DefaultRetention },
});
const configure = (Bucket: string, configuration: ObjectLockConfiguration) =>
  suite.s3.send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration: configuration }));
const configuration = async (Bucket: string) =>
  (await suite.s3.send(new GetObjectLockConfigurationCommand({ Bucket }))).ObjectLockConfiguration;
const retain = (Bucket: string, Retention: ObjectLockRetention, more = {}) =>
  suite.s3.send(new PutObjectRetentionCommand({ Bucket, Key, Retention, ...more }));
const retention = async (Bucket: string, more = {}) =>
  (await suite.s3.send(new GetObjectRetentionCommand({ Bucket, Key, ...more }))).Retention;
const hold = (Bucket: string, Status: 'ON' | 'OFF', more = {}) =>
  suite.s3.send(new PutObjectLegalHoldCommand({ Bucket, Key, LegalHold: { Status }, ...more }));
const held = async (Bucket: string) =>
  (await suite.s3.send(new GetObjectLegalHoldCommand({ Bucket, Key }))).LegalHold?.Status;
const remove = (Bucket: string, more = {}) => suite.s3.send(new DeleteObjectCommand({ Bucket, Key, ...more }));
const BYPASS = { BypassGovernanceRetention: true };

/** A version written in two parts. */
async function multipart(Bucket: string, more = {}): Promise<string> {
  const { UploadId } = await suite.s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...more }));
  const part = { Bucket, Key, UploadId, PartNumber: 1, Body: 'abc' };
  const { ETag } = await suite.s3.send(new UploadPartCommand(part));
  const MultipartUpload = { Parts: [{ ETag, PartNumber: 1 }] };
  const made = await suite.s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload }));
  return made.VersionId!;
}

describe('of a bucket', () => {
  it('test_object_lock_put_obj_lock, test_object_lock_get_obj_lock: keeps its default, and versions', async () => {
    const Bucket = await locked();
    expect(await configuration(Bucket)).toEqual({ ObjectLockEnabled: 'Enabled' });
    for (const kept of [rule({ Mode: 'GOVERNANCE', Days: 1 }), rule({ Mode: 'COMPLIANCE', Years: 1 })]) {
      await configure(Bucket, kept);
      expect(await configuration(Bucket)).toEqual(kept);
    }
    expect((await suite.s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBe('Enabled');
  });

  it('test_object_lock_put_obj_lock_invalid_bucket, test_object_lock_get_obj_lock_invalid_bucket: names a bucket without', async () => {
    const Bucket = await suite.bucket();
    expect(await failure(configure(Bucket, rule({ Mode: 'GOVERNANCE', Days: 1 })))).toBe('409 InvalidBucketState');
    expect(await failure(configuration(Bucket))).toBe('404 ObjectLockConfigurationNotFoundError');
  });

  it('test_object_lock_put_obj_lock_enable_after_create: comes once versions are kept', async () => {
    const Bucket = await suite.bucket();
    const kept = rule({ Mode: 'GOVERNANCE', Days: 1 });
    await setVersioning(suite.s3, Bucket, 'Suspended');
    expect(await failure(configure(Bucket, kept))).toBe('409 InvalidBucketState');
    await setVersioning(suite.s3, Bucket, 'Enabled');
    await configure(Bucket, kept);
    expect(await configuration(Bucket)).toEqual(kept);
  });

  it.each([
    [
      'test_object_lock_put_obj_lock_with_days_and_years',
      rule({ Mode: 'GOVERNANCE', Days: 1, Years: 1 }),
      'MalformedXML',
    ],
    ['test_object_lock_put_obj_lock_invalid_days', rule({ Mode: 'GOVERNANCE', Days: 0 }), 'InvalidRetentionPeriod'],
    ['test_object_lock_put_obj_lock_invalid_years', rule({ Mode: 'GOVERNANCE', Years: -1 }), 'InvalidRetentionPeriod'],
    ['test_object_lock_put_obj_lock_invalid_mode', rule({ Mode: 'abc', Years: 1 }), 'MalformedXML'],
    ['test_object_lock_put_obj_lock_invalid_mode', rule({ Mode: 'governance', Years: 1 }), 'MalformedXML'],
    [
      'test_object_lock_put_obj_lock_invalid_status',
      { ...rule({ Mode: 'GOVERNANCE', Years: 1 }), ObjectLockEnabled: 'Disabled' as 'Enabled' },
      'MalformedXML',
    ],
  ])('%s: refuses a configuration that makes no sense', async (_, bad, code) => {
    expect(await failure(configure(await locked(), bad))).toBe(`400 ${code}`);
  });

  it('test_object_lock_suspend_versioning: goes on keeping versions', async () => {
    const Bucket = await locked();
    expect(await failure(setVersioning(suite.s3, Bucket, 'Suspended'))).toBe('409 InvalidBucketState');
    await setVersioning(suite.s3, Bucket, 'Enabled');
  });

  it('gives its default to what comes without a retention of its own', async () => {
    const Bucket = await locked();
    await configure(Bucket, rule({ Mode: 'GOVERNANCE', Days: 2 }));
    const before = Date.now();
    await suite.put(Bucket, Key, 'abc');
    await expectDays(Bucket, before, 2);
    await multipart(Bucket);
    await expectDays(Bucket, before, 2);
    await suite.put(Bucket, Key, 'abc', { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: FAR });
    expect(await retention(Bucket)).toEqual({ Mode: 'COMPLIANCE', RetainUntilDate: FAR });
  });

  async function expectDays(Bucket: string, before: number, days: number): Promise<void> {
    const { Mode, RetainUntilDate } = (await retention(Bucket))!;
    expect(Mode).toBe('GOVERNANCE');
    expect(RetainUntilDate!.getTime()).toBeGreaterThanOrEqual(before + days * DAY);
    expect(RetainUntilDate!.getTime()).toBeLessThanOrEqual(Date.now() + days * DAY);
  }
});

describe('retention', () => {
  const GOVERNANCE = { Mode: 'GOVERNANCE', RetainUntilDate: FAR } as const;
  const COMPLIANCE = { Mode: 'COMPLIANCE', RetainUntilDate: FAR } as const;
  const later = (ms: number) => new Date(FAR.getTime() + ms);

  /** A bucket with an object under this retention. */
  async function kept(first: ObjectLockRetention) {
    const Bucket = await locked();
    const { VersionId } = await suite.put(Bucket, Key, 'abc');
    await retain(Bucket, first);
    return { Bucket, VersionId };
  }

  it('test_object_lock_put_obj_retention, test_object_lock_get_obj_retention: keeps what it is told', async () => {
    const { Bucket, VersionId } = await kept(GOVERNANCE);
    expect(await retention(Bucket)).toEqual(GOVERNANCE);
    await remove(Bucket, { VersionId, ...BYPASS });
  });

  it('test_object_lock_get_obj_retention_iso8601: tells the date by ISO 8601', async () => {
    const { Bucket } = await kept(GOVERNANCE);
    const { text } = await raw(suite, 'GET', `/${Bucket}/${Key}`, { query: { retention: '' } });
    expect(text).toMatch(/<RetainUntilDate>2140-01-01T00:00:00(\.000)?Z<\/RetainUntilDate>/);
  });

  it('test_object_lock_put_obj_retention_invalid_bucket, test_object_lock_get_obj_retention_invalid_bucket: names a bucket without lock', async () => {
    const Bucket = await suite.bucket([Key]);
    expect(await failure(retain(Bucket, GOVERNANCE))).toBe('400 InvalidRequest');
    expect(await failure(retention(Bucket))).toBe('400 InvalidRequest');
  });

  it('test_object_lock_put_obj_retention_invalid_mode: refuses modes that are none, and dates that are past', async () => {
    const Bucket = await locked();
    await suite.put(Bucket, Key, 'abc');
    for (const Mode of ['governance', 'abc']) {
      expect(await failure(retain(Bucket, { ...GOVERNANCE, Mode: Mode as 'GOVERNANCE' }))).toBe('400 MalformedXML');
    }
    const past = { ...GOVERNANCE, RetainUntilDate: new Date('2001-01-01T00:00:00Z') };
    expect(await failure(retain(Bucket, past))).toBe('400 InvalidArgument');
    expect(await failure(retention(Bucket))).toBe('404 NoSuchObjectLockConfiguration');
  });

  it('test_object_lock_put_obj_retention_versionid: is of one version', async () => {
    const Bucket = await locked();
    await suite.put(Bucket, Key, 'abc');
    const { VersionId } = await suite.put(Bucket, Key, 'abc');
    await suite.put(Bucket, Key, 'abc');
    await retain(Bucket, GOVERNANCE, { VersionId });
    expect(await retention(Bucket, { VersionId })).toEqual(GOVERNANCE);
    expect(await failure(retention(Bucket))).toBe('404 NoSuchObjectLockConfiguration');
  });

  it('test_object_lock_put_obj_retention_override_default_retention: goes before the default of the bucket', async () => {
    const Bucket = await locked();
    await configure(Bucket, rule({ Mode: 'GOVERNANCE', Days: 1 }));
    await suite.put(Bucket, Key, 'abc');
    await retain(Bucket, GOVERNANCE);
    expect(await retention(Bucket)).toEqual(GOVERNANCE);
  });

  it('test_object_lock_put_obj_retention_increase_period: is extended by everybody who may set it', async () => {
    for (const first of [GOVERNANCE, COMPLIANCE]) {
      const { Bucket } = await kept(first);
      const longer = { ...first, RetainUntilDate: later(DAY) };
      await retain(Bucket, longer);
      expect(await retention(Bucket)).toEqual(longer);
    }
  });

  it('test_object_lock_put_obj_retention_shorten_period, test_object_lock_put_obj_retention_shorten_period_bypass: is shortened by who may bypass it', async () => {
    const { Bucket } = await kept(GOVERNANCE);
    const shorter = { ...GOVERNANCE, RetainUntilDate: later(-DAY) };
    expect(await failure(retain(Bucket, shorter))).toBe('403 AccessDenied');
    await retain(Bucket, shorter, BYPASS);
    expect(await retention(Bucket)).toEqual(shorter);
  });

  it('test_object_lock_delete_object_with_retention, test_object_lock_delete_multipart_object_with_retention: keeps its version', async () => {
    const Bucket = await locked();
    const { VersionId } = await suite.put(Bucket, Key, 'abc');
    for (const id of [VersionId!, await multipart(Bucket)]) {
      await retain(Bucket, GOVERNANCE, { VersionId: id });
      expect(await failure(remove(Bucket, { VersionId: id }))).toBe('403 AccessDenied');
      await remove(Bucket, { VersionId: id, ...BYPASS });
    }
    expect((await suite.versions(Bucket)).versions).toEqual([]);
  });

  it('test_object_lock_delete_object_with_retention_and_marker: lets a marker hide what it keeps', async () => {
    const { Bucket, VersionId } = await kept(GOVERNANCE);
    const marker = (await remove(Bucket)).VersionId;
    expect(await failure(remove(Bucket, { VersionId }))).toBe('403 AccessDenied');
    await remove(Bucket, { VersionId: marker });
    expect(await failure(remove(Bucket, { VersionId }))).toBe('403 AccessDenied');
    expect(await suite.text(Bucket, Key)).toBe('abc');
    await remove(Bucket, { VersionId, ...BYPASS });
  });

  it('test_object_lock_multi_delete_object_with_retention: keeps its version from a batch as well', async () => {
    const Bucket = await locked();
    const free = (await suite.put(Bucket, 'file2', 'abc')).VersionId!;
    const fixed = (await suite.put(Bucket, Key, 'abc')).VersionId!;
    await retain(Bucket, GOVERNANCE);
    const Objects = [
      { Key, VersionId: fixed },
      { Key: 'file2', VersionId: free },
    ];
    const batch = (more = {}) => suite.s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects }, ...more }));
    const first = await batch();
    expect(first.Deleted).toMatchObject([{ Key: 'file2', VersionId: free }]);
    expect(first.Errors).toMatchObject([{ Key, VersionId: fixed, Code: 'AccessDenied' }]);
    const second = await batch(BYPASS);
    expect(second.Errors).toBeUndefined();
    expect(second.Deleted).toHaveLength(2);
  });

  it('test_object_lock_changing_mode_from_governance_with_bypass, test_object_lock_changing_mode_from_governance_without_bypass: is tightened by who may bypass it', async () => {
    const { Bucket } = await kept(GOVERNANCE);
    expect(await failure(retain(Bucket, COMPLIANCE))).toBe('403 AccessDenied');
    await retain(Bucket, COMPLIANCE, BYPASS);
    expect(await retention(Bucket)).toEqual(COMPLIANCE);
  });

  it('test_object_lock_changing_mode_from_compliance: is loosened by nobody under COMPLIANCE', async () => {
    const { Bucket, VersionId } = await kept(COMPLIANCE);
    for (const more of [{}, BYPASS]) {
      expect(await failure(retain(Bucket, GOVERNANCE, more))).toBe('403 AccessDenied');
      expect(await failure(remove(Bucket, { VersionId, ...more }))).toBe('403 AccessDenied');
    }
  });

  it('lets only holders of s3:BypassGovernanceRetention bypass it', async () => {
    const { Bucket, VersionId } = await kept(GOVERNANCE);
    const Resource = [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`];
    const allow = (...Action: string[]) => ({ Effect: 'Allow', Action, Resource });
    const without = suite.lake.client(await suite.lake.user('clerk', allow('s3:DeleteObject*')));
    const work = new DeleteObjectCommand({ Bucket, Key, VersionId, ...BYPASS });
    expect(await failure(without.send(work))).toBe('403 AccessDenied');
    const may = allow('s3:DeleteObject*', 's3:BypassGovernanceRetention');
    await suite.lake.client(await suite.lake.user('keeper', may)).send(work);
  });
});

describe('legal hold', () => {
  it('test_object_lock_put_legal_hold, test_object_lock_get_legal_hold: is put and released', async () => {
    const Bucket = await locked();
    await suite.put(Bucket, Key, 'abc');
    expect(await failure(held(Bucket))).toBe('404 NoSuchObjectLockConfiguration');
    for (const status of ['ON', 'OFF'] as const) {
      await hold(Bucket, status);
      expect(await held(Bucket)).toBe(status);
    }
  });

  it('test_object_lock_put_legal_hold_invalid_bucket, test_object_lock_get_legal_hold_invalid_bucket: names a bucket without lock', async () => {
    const Bucket = await suite.bucket([Key]);
    expect(await failure(hold(Bucket, 'ON'))).toBe('400 InvalidRequest');
    expect(await failure(held(Bucket))).toBe('400 InvalidRequest');
  });

  it('test_object_lock_put_legal_hold_invalid_status: refuses what is neither ON nor OFF', async () => {
    const Bucket = await locked();
    await suite.put(Bucket, Key, 'abc');
    expect(await failure(hold(Bucket, 'abc' as 'ON'))).toBe('400 MalformedXML');
  });

  it('test_object_lock_delete_object_with_legal_hold_on, test_object_lock_delete_multipart_object_with_legal_hold_on, test_object_lock_delete_object_with_legal_hold_off: keeps a version while it is on', async () => {
    const Bucket = await locked();
    const { VersionId } = await suite.put(Bucket, Key, 'abc');
    for (const id of [VersionId!, await multipart(Bucket)]) {
      await hold(Bucket, 'ON', { VersionId: id });
      expect(await failure(remove(Bucket, { VersionId: id, ...BYPASS }))).toBe('403 AccessDenied');
      await hold(Bucket, 'OFF', { VersionId: id });
      await remove(Bucket, { VersionId: id });
    }
  });
});

describe('with an object', () => {
  const lock = {
    ObjectLockMode: 'GOVERNANCE',
    ObjectLockRetainUntilDate: FAR,
    ObjectLockLegalHoldStatus: 'ON',
  } as const;

  it('test_object_lock_get_obj_metadata, test_object_lock_uploading_obj: comes with its headers, and is told in them', async () => {
    const Bucket = await locked();
    await suite.put(Bucket, Key, 'abc', lock);
    expect(await suite.s3.send(new HeadObjectCommand({ Bucket, Key }))).toMatchObject(lock);
    await multipart(Bucket, lock);
    expect(await suite.s3.send(new HeadObjectCommand({ Bucket, Key }))).toMatchObject(lock);
  });

  it('is refused where it makes no sense', async () => {
    const Bucket = await locked();
    const put = (more: object, to = Bucket) => failure(suite.put(to, Key, 'abc', more));
    expect(await put({ ObjectLockMode: 'GOVERNANCE' })).toBe('400 InvalidArgument');
    expect(await put({ ObjectLockRetainUntilDate: FAR })).toBe('400 InvalidArgument');
    expect(await put({ ...lock, ObjectLockMode: 'abc' })).toBe('400 InvalidArgument');
    expect(await put({ ...lock, ObjectLockRetainUntilDate: new Date(0) })).toBe('400 InvalidArgument');
    expect(await put({ ObjectLockLegalHoldStatus: 'abc' })).toBe('400 InvalidArgument');
    expect(await put(lock, await suite.bucket())).toBe('400 InvalidRequest');
    expect((await suite.versions(Bucket)).versions).toEqual([]);
  });
});
