import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Principal, RequestContext } from '../../core/caller.ts';
import { fixedClock } from '../../core/clock.ts';
import { createEventBus } from '../../core/events.ts';
import { type Governance, governanceStoreModules, openGovernance } from '../../governance/index.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import { createSealer } from '../../platform/sealer.ts';
import { contextOf } from '../../testing/builders/test-lake.ts';
import type { BucketSettings, ObjectStore } from '../contract.ts';
import { bucketSettingModule, createKeyImpact, createSideFinder, openBucketSettings } from '../index.ts';
import { openMemoryStore } from '../stores/memory/index.ts';

const REGION = { region: 'us-east-1', ownerAccountId: '123456789012' };

describe('the impact of a key', () => {
  let directory: string;
  let store: MetadataStore;
  let governance: Governance;
  let settings: BucketSettings;
  let objects: ObjectStore;
  let root: RequestContext;
  let key: { readonly keyId: string; readonly arn: string };

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'loch-key-impact-'));
    const clock = fixedClock(Date.parse('2024-01-01T00:00:00Z'));
    store = await openSqliteStore({
      file: join(directory, 'loch.db'),
      modules: [...governanceStoreModules, bucketSettingModule],
    });
    let findSide: ReturnType<typeof createSideFinder> | undefined;
    governance = await openGovernance({
      store,
      clock,
      sealer: createSealer(Buffer.alloc(32, 5)),
      events: createEventBus((error) => {
        throw error;
      }),
      accountId: REGION.ownerAccountId,
      region: REGION.region,
      directory: () => {
        throw new Error('No table is asked about here.');
      },
      findSide: () => findSide,
    });
    objects = openMemoryStore({ clock, minPartBytes: 1 });
    settings = openBucketSettings({
      store,
      objects,
      defaults: { objectOwnership: 'BucketOwnerEnforced', publicAccessBlock: true },
    });
    findSide = createSideFinder({ settings, resourcePolicies: governance.resourcePolicies });
    root = contextOf((await governance.identities.principal(`arn:aws:iam::${REGION.ownerAccountId}:root`))!);
    key = await governance.keys.createKey(root, {});
  });

  afterEach(async () => {
    await settings.close();
    await objects.close();
    await governance.close();
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const impact = (context: RequestContext, maxVersions?: number) =>
    createKeyImpact({
      keys: governance.keys,
      policy: governance.policy,
      audit: governance.audit,
      resourcePolicies: governance.resourcePolicies,
      objects,
      settings,
      ...(maxVersions === undefined ? {} : { maxVersions }),
    })(context, key.keyId);
  const put = (bucket: string, name: string, keyId = key.arn) =>
    objects.put(bucket, name, Buffer.from('1234'), { attributes: { encryption: { algorithm: 'aws:kms', keyId } } });
  const user = async (name: string, ...statements: object[]): Promise<RequestContext> => {
    const { arn } = await governance.identity.createEntity(root, 'user', { name });
    const policy = JSON.stringify({ Version: '2012-10-17', Statement: statements });
    await governance.identity.putInlinePolicy(root, { kind: 'user', name }, 'own', policy);
    return contextOf((await governance.identities.principal(arn)) as Principal);
  };

  it('counts versions and bytes by bucket, older versions too, and what is under other keys not', async () => {
    for (const bucket of ['first', 'second', 'third']) await objects.createBucket(bucket, REGION);
    await objects.setVersioning('first', 'Enabled');
    await put('first', 'a');
    await put('first', 'a');
    await put('first', 'b', `${key.arn.slice(0, -1)}x`);
    await objects.put('second', 'plain', Buffer.from('1234'));
    await governance.keys.createAlias(root, 'alias/mine', key.keyId);
    await settings.put('third', 'encryption', { algorithm: 'aws:kms', keyId: 'alias/mine' });
    expect(await impact(root)).toEqual({
      keyArn: key.arn,
      hidden: 0,
      buckets: [
        { bucket: 'first', versions: 2, bytes: 8, cut: false, isDefault: false },
        { bucket: 'third', versions: 0, bytes: 0, cut: false, isDefault: true },
      ],
    });
  });

  it('says that it was cut where it did not read every version, and where not', async () => {
    await objects.createBucket('big', REGION);
    await objects.createBucket('exact', REGION);
    for (let i = 0; i < 1001; i++) await put('big', `k${i}`);
    for (let i = 0; i < 1000; i++) await put('exact', `k${i}`);
    expect((await impact(root, 1)).buckets).toMatchObject([
      { bucket: 'big', versions: 1000, cut: true },
      { bucket: 'exact', versions: 1000, cut: false },
    ]);
    expect((await impact(root)).buckets).toMatchObject([
      { bucket: 'big', versions: 1001, cut: false },
      { bucket: 'exact', versions: 1000, cut: false },
    ]);
  });

  it('needs the right to describe the key, and leaves out, by number, buckets one may not look into', async () => {
    await objects.createBucket('open', REGION);
    await objects.createBucket('shut', REGION);
    await put('open', 'a');
    await put('shut', 'a');
    const list = { Effect: 'Allow', Action: 's3:ListBucketVersions', Resource: 'arn:aws:s3:::open' };
    const nobody = await user('nobody', list);
    await expect(impact(nobody)).rejects.toThrow(/not authorized to perform kms:DescribeKey/);
    const clerk = await user('clerk', list, { Effect: 'Allow', Action: 'kms:DescribeKey', Resource: key.arn });
    expect(await impact(clerk)).toMatchObject({ hidden: 1, buckets: [{ bucket: 'open', versions: 1 }] });
  });
});
