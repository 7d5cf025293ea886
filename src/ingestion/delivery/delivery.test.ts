import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fixedClock } from '../../core/clock.ts';
import type { StoredEvent } from '../../core/events.ts';
import type { DataEvent } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import { contextOf, TEST_ACCOUNT } from '../../testing/builders/request-context.ts';
import { statedPolicy } from '../../testing/builders/stated-policy.ts';
import type { DeliveryStreamSettings } from '../contract.ts';
import { openHookedObjects, type HookedObjects } from '../../testing/builders/hooked-objects.ts';
import { openDelivery } from './index.ts';

const settings: DeliveryStreamSettings = {
  name: 'web',
  bucket: 'raw',
  prefix: 'web/',
  errorPrefix: '',
  bufferMiB: 1,
  bufferSeconds: 900,
  compression: 'UNCOMPRESSED',
  roleArn: `arn:aws:iam::${TEST_ACCOUNT}:role/firehose`,
  appendNewline: false,
};
const root = contextOf();
const record = (text: string) => Buffer.from(`${text}\n`);

let database: string;
let folder: string;
let metadata: MetadataStore;
let objects: HookedObjects;
let delivery: Awaited<ReturnType<typeof openDelivery>>;
let audited: DataEvent[];
const events: StoredEvent[] = [];
const clock = fixedClock(Date.UTC(2025, 5, 1, 10, 30));

async function open(changes: Partial<Parameters<typeof openDelivery>[0]> = {}) {
  delivery = await openDelivery({
    store: metadata,
    objects: objects.store,
    policy: statedPolicy({
      producer: { iam: (action) => action.startsWith('firehose:Put') },
      stranger: { iam: (action, resource) => action.startsWith('firehose:') && !resource.endsWith('/web') },
      lander: { iam: (action) => !action.startsWith('s3:') },
    }),
    audit: {
      recordManagement: async () => {},
      recordData: async (_, recorded) => void audited.push(...recorded),
    },
    clock,
    directory: join(folder, 'delivery'),
    ...changes,
  });
}

beforeAll(async () => {
  database = mkdtempSync(join(tmpdir(), 'loch-delivery-store-'));
  metadata = await openSqliteStore({
    file: join(database, 'loch.db'),
    modules: [new URL('./store.ts', import.meta.url)],
  });
  metadata.onCommitted((committed) => events.push(...committed));
});
afterAll(async () => {
  await metadata.close();
  rmSync(database, { recursive: true, force: true });
});
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loch-delivery-'));
  events.length = 0;
  audited = [];
  objects = await openHookedObjects();
  await open();
});
afterEach(async () => {
  for (const name of await delivery.list(root)) await delivery.delete(root, name, { force: true });
  await delivery.close();
  rmSync(folder, { recursive: true, force: true });
});

const delivered = async () =>
  Promise.all((await objects.keys()).map(async (key) => (await objects.bytes(key)).toString()));
const until = async (met: () => boolean | Promise<boolean>) => {
  for (let i = 0; i < 500 && !(await met()); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await met()).toBe(true);
};

describe('delivery', () => {
  it('writes what waits into one object with the bytes unchanged, and tells event and audit trail', async () => {
    const stream = await delivery.create(root, settings);
    expect(stream.arn).toBe(`arn:aws:firehose:us-east-1:${TEST_ACCOUNT}:deliverystream/web`);
    const ids = await delivery.put(root, 'web', [record('a'), Buffer.from('b'), record('')]);
    expect(new Set(ids).size).toBe(3);
    expect(delivery.backlog('web')).toEqual({ records: 3, bytes: 4 });
    expect(await objects.keys()).toEqual([]);
    await delivery.flush('web');
    expect(await delivered()).toEqual(['a\nb\n']);
    expect(delivery.backlog('web')).toEqual({ records: 0, bytes: 0 });
    const [key] = await objects.keys();
    expect(key).toMatch(/^web\/2025\/06\/01\/10\/web-1-2025-06-01-10-30-00-[0-9a-f-]{36}$/);
    expect(events.at(-1)).toMatchObject({
      name: 'ingestionDeliveryFlushed',
      payload: { stream: 'web', bucket: 'raw', key, records: 3, bytes: 4, folder: 'web/' },
    });
    expect(audited).toEqual([
      expect.objectContaining({ eventName: 'PutObject', resource: `arn:aws:s3:::raw/${key}`, rows: 3, bytes: 4 }),
    ]);
  });

  it('delivers at the size of the buffer, each record in one object and in order', async () => {
    await delivery.create(root, settings);
    const line = 'x'.repeat(999);
    for (let batch = 0; batch < 8; batch++) {
      await delivery.put(
        root,
        'web',
        Array.from({ length: 400 }, (_, i) => record(`${batch * 400 + i} ${line}`)),
      );
    }
    await until(async () => (await objects.keys()).length === 2);
    await delivery.flush('web');
    const all = (await delivered()).join('').trimEnd().split('\n');
    expect(all.map((each) => Number(each.split(' ')[0]))).toEqual(Array.from({ length: 3200 }, (_, i) => i));
    expect(await objects.keys()).toHaveLength(3);
  });

  it('delivers at the end of the interval, and at once when that is 0 seconds', async () => {
    await delivery.create(root, { ...settings, name: 'soon', bufferSeconds: 1 });
    await delivery.create(root, { ...settings, name: 'now', bufferSeconds: 0 });
    await delivery.put(root, 'soon', [record('soon')]);
    await delivery.put(root, 'now', [record('now')]);
    await until(async () => (await delivered()).includes('now\n'));
    expect(await delivered()).not.toContain('soon\n');
    await until(async () => (await delivered()).includes('soon\n'));
    for (let i = 0; i < 20; i++) await delivery.put(root, 'now', [record(`n${i}`)]);
    await until(() => delivery.backlog('now').records === 0);
    expect((await delivered()).join('').match(/n\d+/g)).toHaveLength(20);
  });

  it('compresses, and appends newlines where they are asked for', async () => {
    await delivery.create(root, { ...settings, name: 'gz', compression: 'GZIP', appendNewline: true });
    await delivery.create(root, { ...settings, name: 'zst', compression: 'ZSTD' });
    await delivery.put(root, 'gz', [Buffer.from('a'), Buffer.from('b\n')]);
    await delivery.put(root, 'zst', [record('c')]);
    await delivery.flush('gz');
    await delivery.flush('zst');
    const [gz, zst] = await objects.keys();
    expect(gz).toMatch(/\.gz$/);
    expect(gunzipSync(await objects.bytes(gz!)).toString()).toBe('a\nb\n');
    expect(zstdDecompressSync(await objects.bytes(zst!)).toString()).toBe('c\n');
  });

  it('tries a failing delivery again, shows why, and loses and doubles nothing', async () => {
    await delivery.create(root, settings);
    await delivery.put(root, 'web', [record('kept')]);
    let failures = 0;
    objects.beforePut = () => {
      if (failures++ < 2) throw new Error('the volume is gone');
    };
    await expect(delivery.flush('web')).rejects.toThrow('the volume is gone');
    expect((await delivery.describe(root, 'web')).failure).toContain('the volume is gone');
    await until(() => delivery.backlog('web').records === 0);
    expect(await delivered()).toEqual(['kept\n']);
    expect((await delivery.describe(root, 'web')).failure).toBeUndefined();
  });

  it('recognizes an object whose answer was lost', async () => {
    await delivery.create(root, settings);
    await delivery.put(root, 'web', [record('once')]);
    let lost = 0;
    objects.afterPut = () => {
      if (lost++ === 0) throw new Error('the answer was lost');
    };
    await expect(delivery.flush('web')).rejects.toThrow('the answer was lost');
    await until(() => delivery.backlog('web').records === 0);
    expect(await delivered()).toEqual(['once\n']);
    expect(lost).toBe(1);
  });

  it('repeats a planned object with the same records after a restart, though more came', async () => {
    await delivery.create(root, settings);
    await delivery.put(root, 'web', [record('one')]);
    objects.beforePut = () => {
      throw new Error('stopped in between');
    };
    await expect(delivery.flush('web')).rejects.toThrow();
    await delivery.put(root, 'web', [record('two')]);
    await delivery.close();
    const keys: string[] = [];
    objects.beforePut = (key) => void keys.push(key);
    clock.advance(3_600_000);
    await open();
    await until(async () => (await delivered()).includes('one\n'));
    await delivery.flush('web');
    expect(await delivered()).toEqual(['one\n', 'two\n']);
    expect(keys[0]).toContain('/10/web-1-2025-06-01-10-30-00-');
  });

  it('takes a log that came back without its end: nothing is delivered twice and new records follow', async () => {
    await delivery.create(root, settings);
    await delivery.put(root, 'web', [record('one')]);
    await delivery.put(root, 'web', [record('two')]);
    objects.afterPut = () => {
      objects.afterPut = () => {};
      throw new Error('the answer was lost');
    };
    await expect(delivery.flush('web')).rejects.toThrow('the answer was lost');
    await delivery.close();
    const [id] = readdirSync(join(folder, 'delivery'));
    const [segment] = readdirSync(join(folder, 'delivery', id!));
    truncateSync(join(folder, 'delivery', id!, segment!), 32 + 4 + 4);
    await open();
    await until(() => delivery.backlog('web').records === 0);
    await delivery.put(root, 'web', [record('three')]);
    await delivery.flush('web');
    expect(await delivered()).toEqual(['one\ntwo\n', 'three\n']);
  });

  it('keeps what waits over a restart and goes on with its sequence', async () => {
    await delivery.create(root, settings);
    const [first] = await delivery.put(root, 'web', [record('a')]);
    await delivery.close();
    await open();
    expect(delivery.backlog('web')).toEqual({ records: 1, bytes: 2 });
    const [second] = await delivery.put(root, 'web', [record('b')]);
    expect(Number(second)).toBe(Number(first) + 1);
    await delivery.flush('web');
    await delivery.close();
    await open();
    await delivery.flush('web');
    expect(await delivered()).toEqual(['a\nb\n']);
  });

  it('refuses records while too much waits for delivery, and takes them again afterwards', async () => {
    await delivery.close();
    await open({ maxBacklogBytes: 1000 });
    await delivery.create(root, settings);
    await delivery.put(root, 'web', [Buffer.alloc(1001)]);
    await expect(delivery.put(root, 'web', [record('x')])).rejects.toMatchObject({
      code: 'resource_exhausted',
      retryable: true,
    });
    await delivery.flush('web');
    await delivery.put(root, 'web', [record('x')]);
  });

  it('refuses batches over the limits of Firehose', async () => {
    await delivery.create(root, settings);
    const refused = async (records: Uint8Array[]) =>
      expect(delivery.put(root, 'web', records)).rejects.toMatchObject({ code: 'invalid_argument' });
    await refused([]);
    await refused(Array.from({ length: 501 }, () => record('x')));
    await refused([Buffer.alloc(1000 * 1024 + 1)]);
    await refused(Array.from({ length: 5 }, () => Buffer.alloc(900 * 1024)));
    expect(delivery.backlog('web').records).toBe(0);
  });

  it('asks for the right of each operation, and for the right to land where a stream delivers', async () => {
    await delivery.create(root, settings);
    const denied = expect.objectContaining({ code: 'access_denied' });
    await delivery.put(contextOf('producer'), 'web', [record('x')], 'PutRecord');
    await expect(delivery.put(contextOf('stranger'), 'web', [record('x')])).rejects.toEqual(denied);
    await expect(delivery.describe(contextOf('producer'), 'web')).rejects.toEqual(denied);
    await expect(delivery.delete(contextOf('producer'), 'web')).rejects.toEqual(denied);
    await expect(delivery.create(contextOf('lander'), { ...settings, name: 'other' })).rejects.toEqual(denied);
  });

  it('names near streams for one that is missing, and refuses a name twice and a bucket that is not there', async () => {
    await delivery.create(root, settings);
    await expect(delivery.put(root, 'wep', [record('x')])).rejects.toThrow('Near: `web`');
    await expect(delivery.create(root, settings)).rejects.toMatchObject({ code: 'already_exists' });
    await expect(delivery.create(root, { ...settings, name: 'b', bucket: 'none' })).rejects.toMatchObject({
      code: 'bucket_not_found',
    });
  });

  it('lists streams by name in pages', async () => {
    for (const name of ['b', 'c', 'a']) await delivery.create(root, { ...settings, name });
    expect(await delivery.list(root, { limit: 2 })).toEqual(['a', 'b']);
    expect(await delivery.list(root, { after: 'b' })).toEqual(['c']);
  });

  it('delivers what waits before it deletes a stream; refuses when it cannot, unless told to', async () => {
    await delivery.create(root, settings);
    await delivery.put(root, 'web', [record('last')]);
    await delivery.delete(root, 'web');
    expect(await delivered()).toEqual(['last\n']);
    expect(readdirSync(join(folder, 'delivery'))).toEqual([]);

    await delivery.create(root, settings);
    await delivery.put(root, 'web', [record('stuck')]);
    objects.beforePut = () => {
      throw new Error('no room');
    };
    await expect(delivery.delete(root, 'web')).rejects.toMatchObject({ code: 'conflict' });
    expect((await delivery.describe(root, 'web')).name).toBe('web');
    await delivery.delete(root, 'web', { force: true });
    await expect(delivery.describe(root, 'web')).rejects.toMatchObject({ code: 'not_found' });
  });
});
