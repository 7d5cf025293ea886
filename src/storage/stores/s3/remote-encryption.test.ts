/** Encryption by Loch, and tiers, over a store in a second service: what the service gets are ciphertexts. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { randomBytes } from 'node:crypto';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixedClock } from '../../../core/clock.ts';
import { Secret } from '../../../core/secret.ts';
import type { MetadataStore } from '../../../metadata/contract.ts';
import { openSqliteStore } from '../../../metadata/sqlite/store.ts';
import { contextOf } from '../../../testing/builders/request-context.ts';
import { openS3Lake, S3_LAKE, type S3Lake } from '../../../testing/builders/s3-lake.ts';
import { codeOf } from '../../../testing/suites/object-store.ts';
import type { EncryptionRequest } from '../../encryption/contract.ts';
import { createEnvelopes, encryptingStore, lakeIdOf } from '../../index.ts';
import { localStoreModule } from '../local/index.ts';
import { remoteStoreModule } from './identity.ts';
import { openRemoteStore, type RemoteObjectStore } from './index.ts';
import { RemoteTier } from './remote-tier.ts';

const PART = 64 * 1024;
const GRACE = 1000;
const CANARY = `canary-${randomBytes(12).toString('hex')}`;
const text = (bytes: number) =>
  Buffer.from(`${CANARY}\n`.repeat(Math.ceil(bytes / (CANARY.length + 1)))).subarray(0, bytes);

let service: S3Lake;
let directory: string;
let metadata: MetadataStore;
let remote: RemoteObjectStore;
let store: RemoteObjectStore;
let defaults: EncryptionRequest | undefined;
let keyArn: string;
const clock = fixedClock(Date.now());
const failures: unknown[] = [];

beforeAll(async () => {
  service = await openS3Lake({ store: { minPartBytes: 16 } });
  await service.client().send(new CreateBucketCommand({ Bucket: 'below' }));
  directory = mkdtempSync(join(tmpdir(), 'loch-remote-encryption-'));
  metadata = await openSqliteStore({
    file: join(directory, 'loch.db'),
    modules: [localStoreModule, remoteStoreModule],
  });
  const where = {
    endpoint: service.endpoint,
    region: S3_LAKE.region,
    bucket: 'below',
    pathStyle: true,
    accessKeyId: service.rootKey.accessKeyId,
    secretAccessKey: new Secret(service.rootKey.secretAccessKey),
  };
  const tier = (name: string) =>
    new RemoteTier({ ...where, prefix: `lake/tiers/${name}/`, name, lake: () => lakeIdOf(metadata) });
  remote = await openRemoteStore({
    ...where,
    store: metadata,
    prefix: 'lake/',
    clock,
    workDirectory: join(directory, 'work'),
    minPartBytes: 16,
    partBytes: PART,
    graceMs: GRACE,
    sweepEveryMs: 0,
    onSweepFailure: (error) => failures.push(error),
    tiers: { cold: tier('cold'), archive: tier('archive'), restored: tier('restored'), moveEveryMs: 0 },
  });
  store = encryptingStore(remote, {
    envelopes: createEnvelopes({ dataKeys: service.governance.dataKeys, clock }),
    defaultOf: async () => defaults,
    plaintextFiles: true,
  });
  const arn = `arn:aws:iam::${S3_LAKE.accountId}:root`;
  const context = contextOf('root');
  const principal = { ...context.principal, arn, id: S3_LAKE.accountId, accountId: S3_LAKE.accountId };
  const root = { ...context, principal, accountId: S3_LAKE.accountId };
  keyArn = (await service.governance.keys.createKey(root, {})).arn;
  await store.createBucket('lake', { region: S3_LAKE.region, ownerAccountId: '1' });
});
afterAll(async () => {
  await remote.close();
  await metadata.close();
  await service.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Files that hold the canary, below the service's directory and the lake's own. */
function leaks(): string[] {
  const found: string[] = [];
  for (const root of [service.directory, directory]) {
    for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
      const path = join(root, name);
      if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) continue;
      if (readFileSync(path).includes(CANARY)) found.push(path);
    }
  }
  return found;
}

const customerKey = randomBytes(32);
const WAYS: [string, () => EncryptionRequest, object][] = [
  ['SSE-S3', () => ({ algorithm: 'AES256' }), {}],
  ['SSE-KMS', () => ({ algorithm: 'aws:kms', key: keyArn, bucketKey: true }), {}],
  ['SSE-C', () => ({ algorithm: 'customer', key: customerKey }), { customerKey }],
];
const read = async (key: string, options: object = {}) => buffer((await store.get('lake', key, options)).body);

describe('a lake in another service', () => {
  it.each(WAYS)(
    'gives it nothing but ciphertext by %s, and reads and ranges its own',
    async (way, how, open) => {
      for (const size of [0, 10, 5000, PART, 3 * PART + 77]) {
        const body = text(size);
        const head = await store.put('lake', `${way}/${size}`, body, { encryption: how() });
        expect(head.size).toBe(size);
        expect((await read(`${way}/${size}`, open)).equals(body), `${size} bytes`).toBe(true);
      }
      const large = text(3 * PART + 77);
      for (const [first, last] of [
        [0, 0],
        [PART - 3, PART + 3],
        [2 * PART, 3 * PART + 76],
      ] as const) {
        const found = await read(`${way}/${3 * PART + 77}`, { ...open, range: { first, last } });
        expect(found.equals(large.subarray(first, last + 1)), `${first}-${last}`).toBe(true);
      }
      const upload = await store.createUpload('lake', `${way}/parts`, { encryption: how() });
      const bodies = [text(2 * PART + 5), text(300), text(17)];
      async function* looked() {
        yield bodies[0]!.subarray(0, PART + 1);
        expect(leaks()).toEqual([]); // while it waits in a file
        yield bodies[0]!.subarray(PART + 1);
      }
      const parts = [
        await store.putPart(upload, 1, looked(), { encryption: how() }),
        await store.putPart(upload, 4, bodies[1]!, { encryption: how() }),
        await store.putPart(upload, 7, bodies[2]!, { encryption: how() }),
      ];
      await store.completeUpload(upload, parts);
      const whole = Buffer.concat(bodies);
      expect((await read(`${way}/parts`, open)).equals(whole)).toBe(true);
      const range = { first: 2 * PART, last: 2 * PART + 310 };
      expect((await read(`${way}/parts`, { ...open, range })).equals(whole.subarray(range.first, range.last + 1))).toBe(
        true,
      );
      await store.copy(
        { bucket: 'lake', key: `${way}/parts` },
        { bucket: 'lake', key: `${way}/copy` },
        { encryption: how(), source: open },
      );
      expect((await read(`${way}/copy`, open)).equals(whole)).toBe(true);
      if (way === 'SSE-C') {
        expect(await codeOf(store.get('lake', `${way}/parts`))).toBe('missing_argument');
        expect(await codeOf(store.get('lake', `${way}/parts`, { customerKey: randomBytes(32) }))).toBe('access_denied');
      }
      expect(leaks()).toEqual([]);
    },
    60_000,
  );

  it('encrypts by the default of a bucket, and gives engines files of their own that the cache does not keep', async () => {
    defaults = { algorithm: 'AES256' };
    const body = text(2 * PART);
    const head = await store.put('lake', 'default.csv', body);
    expect(head.attributes.encryption?.algorithm).toBe('AES256');
    const statement = mkdtempSync(join(tmpdir(), 'loch-statement-'));
    try {
      const refs = [1, 2].map(() => ({ bucket: 'lake', key: 'default.csv' }));
      const files = await store.openFiles(refs, statement);
      expect(new Set(files).size).toBe(2);
      for (const file of files) expect(readFileSync(file).equals(body)).toBe(true);
      mkdirSync(join(directory, 'work', 'ranges'), { recursive: true });
      expect(readdirSync(join(directory, 'work', 'ranges'))).toEqual([]);
      expect(leaks()).toEqual([]);
    } finally {
      rmSync(statement, { recursive: true });
      defaults = undefined;
    }
  });

  it('gives nobody bytes that were changed in the service', async () => {
    const { versionId } = await store.put('lake', 'flipped', text(5000), { encryption: { algorithm: 'AES256' } });
    const client = service.client();
    const { GetObjectCommand, PutObjectCommand } = await import('@aws-sdk/client-s3');
    const Key = `lake/objects/lake/${versionId}`;
    const { Body } = await client.send(new GetObjectCommand({ Bucket: 'below', Key }));
    const bytes = Buffer.from(await Body!.transformToByteArray());
    bytes[100] = bytes[100]! ^ 1;
    await client.send(new PutObjectCommand({ Bucket: 'below', Key, Body: bytes }));
    expect(await codeOf(store.get('lake', 'flipped'))).toBe('data_corrupt');
  });

  it('moves classes between its tiers there, encrypted ones as they are, and sweeps what they leave', async () => {
    const sealed = text(3 * PART);
    const plain = Buffer.from('2024-01-01,card\n'.repeat(20_000));
    await store.put('lake', 'tier/sealed', sealed, {
      encryption: { algorithm: 'AES256' },
      attributes: { storageClass: 'STANDARD_IA' },
    });
    await store.put('lake', 'tier/plain', plain, { attributes: { storageClass: 'STANDARD_IA' } });
    await store.put('lake', 'tier/archived', sealed, {
      encryption: { algorithm: 'AES256' },
      attributes: { storageClass: 'GLACIER' },
    });
    expect(await remote.tiers!.settle()).toMatchObject({ moved: 3, postponed: 0 });
    clock.advance(GRACE + 1);
    expect((await remote.sweep()).versions).toBeGreaterThanOrEqual(3);
    expect((await read('tier/sealed')).equals(sealed)).toBe(true);
    const range = { first: 2 * PART + 5, last: 2 * PART + 9 };
    expect((await read('tier/sealed', { range })).equals(sealed.subarray(range.first, range.last + 1))).toBe(true);
    expect((await read('tier/plain')).equals(plain)).toBe(true);
    expect(await codeOf(store.get('lake', 'tier/archived'))).toBe('invalid_object_state');
    await remote.tiers!.restore({ bucket: 'lake', key: 'tier/archived' }, 1);
    expect(await remote.tiers!.settle()).toMatchObject({ restored: 1 });
    expect((await read('tier/archived')).equals(sealed)).toBe(true);
    for (const key of ['tier/sealed', 'tier/plain']) {
      await store.updateAttributes({ bucket: 'lake', key }, { storageClass: null });
    }
    expect(await remote.tiers!.settle()).toMatchObject({ moved: 2 });
    clock.advance(GRACE + 1);
    await remote.sweep();
    expect((await read('tier/sealed')).equals(sealed)).toBe(true);
    expect((await read('tier/plain')).equals(plain)).toBe(true);
    const { tiers } = await remote.tiers!.status();
    expect(tiers.map(({ name, versions, ok }) => [name, versions, ok])).toEqual([
      ['hot', undefined, true],
      ['cold', 0, true],
      ['archive', 1, true],
    ]);
    expect(failures).toEqual([]);
    expect(leaks()).toEqual([]);
  }, 60_000);
});
