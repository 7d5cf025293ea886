/** A tier in a second service, which is a second Loch here, below a lake on a local disk. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fixedClock, systemClock } from '../../../core/clock.ts';
import { Secret } from '../../../core/secret.ts';
import type { MetadataStore } from '../../../metadata/contract.ts';
import { openSqliteStore } from '../../../metadata/sqlite/store.ts';
import { openS3Lake, S3_LAKE, type S3Lake } from '../../../testing/builders/s3-lake.ts';
import { patterned } from '../../../testing/faults/patterned.ts';
import { DirectoryPlace, lakeIdOf } from '../../index.ts';
import { fsckLocalStore, type LocalObjectStore, localStoreModule, openLocalStore } from '../local/index.ts';
import { RemoteTier, type RemoteTierOptions } from './remote-tier.ts';

const DAY = 86_400_000;
const BEGIN = Date.parse('2060-01-01T00:00:00Z');
const GRACE = 1000;
const BUCKET = 'far';
const PROGRAM = fileURLToPath(new URL('../../../testing/faults/move-until-killed.ts', import.meta.url));

let service: S3Lake;
let far: S3Client;
/** Between the lake and the service; can be cut. */
let wire: Server;
let wirePort: number;
const sockets = new Set<Socket>();
let made = 0;

beforeAll(async () => {
  service = await openS3Lake();
  far = service.client();
  await far.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const port = Number(new URL(service.endpoint).port);
  wire = createServer((near) => {
    const other = connect(port, '127.0.0.1');
    for (const socket of [near, other]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    near.pipe(other).pipe(near);
  });
  await new Promise<void>((resolve) => wire.listen(0, '127.0.0.1', resolve));
  wirePort = (wire.address() as AddressInfo).port;
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  wire.close();
  await service.close();
});

async function cutWire(): Promise<() => Promise<void>> {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => wire.close(resolve));
  return () => new Promise<void>((resolve) => wire.listen(wirePort, '127.0.0.1', resolve));
}

let directory: string;
let metadata: MetadataStore;
let objects: LocalObjectStore;
let clock: ReturnType<typeof fixedClock>;
let prefix: string;
const failures: unknown[] = [];
const at = (...path: string[]) => join(directory, ...path);

const where = () => ({
  endpoint: `http://127.0.0.1:${wirePort}`,
  region: S3_LAKE.region,
  bucket: BUCKET,
  pathStyle: true,
  accessKeyId: service.rootKey.accessKeyId,
  secretAccessKey: service.rootKey.secretAccessKey,
});

const place = (name: string, over: Partial<RemoteTierOptions> = {}) =>
  new RemoteTier({
    ...where(),
    secretAccessKey: new Secret(service.rootKey.secretAccessKey),
    prefix: `${prefix}${name}/`,
    name,
    lake: () => lakeIdOf(metadata),
    ...over,
  });

const tiers = () => ({
  cold: place('cold'),
  archive: place('archive'),
  restored: new DirectoryPlace('restored', at('restored')),
  moveEveryMs: 0,
});

async function open(): Promise<void> {
  metadata = await openSqliteStore({ file: at('loch.db'), modules: [localStoreModule] });
  objects = await openLocalStore({
    store: metadata,
    directory: at('objects'),
    clock,
    graceMs: GRACE,
    sweepEveryMs: 0,
    onSweepFailure: (error) => failures.push(error),
    tiers: tiers(),
  });
}

async function close(): Promise<void> {
  await objects.close();
  await metadata.close();
}

const OWNER = { region: 'us-east-1', ownerAccountId: '1' };
const TEXT = Buffer.from('2024-01-01,card,approved,EUR\n'.repeat(8000));
const NOISE = patterned(3_000_000, 5);

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'loch-remote-tier-'));
  prefix = `lake-${made++}/`;
  clock = fixedClock(BEGIN);
  failures.length = 0;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const put = (key: string, body: Buffer, storageClass?: string) =>
  objects.put('lake', key, body, storageClass === undefined ? {} : { attributes: { storageClass } });
const read = async (key: string, options: Parameters<LocalObjectStore['get']>[2] = {}) =>
  buffer((await objects.get('lake', key, options)).body);
const settle = () => objects.tiers!.settle();
const sweepAll = async () => {
  clock.advance(GRACE + 100);
  await objects.sweep();
  await objects.sweepUnreferenced();
};
const toClass = (key: string, storageClass: string | null) =>
  objects.updateAttributes({ bucket: 'lake', key }, { storageClass });
const idsIn = async (tier: RemoteTier) => {
  const ids: string[] = [];
  for await (const { id } of tier.entries()) ids.push(id);
  return ids.sort();
};
const hotFiles = (versionId: string) =>
  existsSync(at('objects'))
    ? readdirSync(at('objects'), { recursive: true, encoding: 'utf8' }).filter((name) => name.includes(versionId))
    : [];

describe('a tier in another service', () => {
  beforeEach(async () => {
    await open();
    await objects.createBucket('lake', OWNER);
  });
  afterEach(close);

  it('takes cold objects compressed, gives them and ranges of them, and gives them back', async () => {
    const bodies = { text: TEXT, noise: NOISE, small: Buffer.from('small'), empty: Buffer.alloc(0) };
    const heads = new Map<string, Awaited<ReturnType<typeof put>>>();
    for (const [key, body] of Object.entries(bodies)) heads.set(key, await put(key, body, 'STANDARD_IA'));
    expect(await settle()).toMatchObject({ moved: 4, postponed: 0 });
    await sweepAll();
    const { versionId } = heads.get('text')!;
    expect(hotFiles(versionId)).toEqual([]);
    const stored = await far.send(
      new GetObjectCommand({ Bucket: BUCKET, Key: `${prefix}cold/versions/${versionId.slice(-2)}/${versionId}` }),
    );
    expect(stored.ContentLength).toBeLessThan(TEXT.length / 10);
    for (const [key, body] of Object.entries(bodies)) {
      expect(await objects.head('lake', key)).toEqual(heads.get(key));
      expect((await read(key)).equals(body), key).toBe(true);
    }
    expect(
      (await read('noise', { range: { first: 1_048_570, last: 1_048_590 } })).equals(
        NOISE.subarray(1_048_570, 1_048_591),
      ),
    ).toBe(true);
    expect((await read('noise', { range: { suffix: 3 } })).equals(NOISE.subarray(-3))).toBe(true);
    const [opened] = await objects.openFiles([{ bucket: 'lake', key: 'text' }], at('work'));
    expect(readFileSync(opened!).equals(TEXT)).toBe(true);
    for (const key of Object.keys(bodies)) await toClass(key, null);
    expect(await settle()).toMatchObject({ moved: 4 });
    await sweepAll();
    expect(await idsIn(place('cold'))).toEqual([]);
    for (const [key, body] of Object.entries(bodies)) expect((await read(key)).equals(body), key).toBe(true);
    expect(failures).toEqual([]);
  }, 60_000);

  it('sends large objects in parts whose checksums the service confirms', async () => {
    const tier = place('cold', { partBytes: 5 * 1024 * 1024 });
    await tier.begin();
    const id = '0192ab34cd56ef780192ab34cd56ef78';
    const large = patterned(11_000_000, 3);
    async function* halves() {
      yield large.subarray(0, 6_000_000);
      yield large.subarray(6_000_000);
    }
    const written = await tier.write(id, halves(), { size: large.length });
    expect(written.plainBytes).toBe(large.length);
    const found: Buffer[] = [];
    for await (const chunk of tier.read(id)) found.push(chunk);
    expect(Buffer.concat(found).equals(large)).toBe(true);
    async function* broken() {
      yield large.subarray(0, 6_000_000);
      throw new Error('the disk went away');
    }
    await expect(tier.write(id.replace('78', '79'), broken(), {})).rejects.toThrow('went away');
    expect(await idsIn(tier)).toEqual([id]);
    expect(await tier.removeParts()).toBe(0);
    await tier.close();
  }, 60_000);

  it('brings archived objects back by RestoreObject for so many days', async () => {
    const { versionId } = await put('k', TEXT, 'DEEP_ARCHIVE');
    await settle();
    await sweepAll();
    expect(hotFiles(versionId)).toEqual([]);
    await expect(objects.get('lake', 'k')).rejects.toMatchObject({ code: 'invalid_object_state' });
    expect(await objects.tiers!.restore({ bucket: 'lake', key: 'k' }, 2)).toBe('started');
    expect(await settle()).toMatchObject({ restored: 1 });
    expect((await read('k')).equals(TEXT)).toBe(true);
    clock.advance(4 * DAY);
    expect(await settle()).toMatchObject({ expired: 1 });
    await expect(objects.get('lake', 'k')).rejects.toMatchObject({ code: 'invalid_object_state' });
    expect(await idsIn(place('archive'))).toEqual([versionId]);
  });

  it('refuses only its own objects while it is away, and goes on when it is back', async () => {
    await put('cold', TEXT, 'STANDARD_IA');
    const gone = await put('gone', TEXT, 'STANDARD_IA');
    await settle();
    await objects.delete('lake', 'gone');
    await put('waits', NOISE, 'GLACIER');
    const hot = await put('hot', TEXT);
    await put('replaced', NOISE);
    const replaced = await put('replaced', TEXT);
    const mend = await cutWire();
    await expect(read('cold')).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    expect((await read('hot')).equals(TEXT)).toBe(true);
    expect(await settle()).toMatchObject({ moved: 0, postponed: 1 });
    expect((await objects.tiers!.status()).failure).toContain('failed at');
    clock.advance(GRACE + 100);
    await expect(objects.sweep()).rejects.toMatchObject({ code: 'unavailable' });
    expect(hotFiles(hot.versionId)).toHaveLength(1);
    expect(hotFiles(replaced.versionId)).toHaveLength(1);
    expect(readdirSync(at('objects', 'lake')).filter((name) => name.startsWith('replaced'))).toHaveLength(1);
    // It also starts without it.
    await close();
    await open();
    expect((await read('hot')).equals(TEXT)).toBe(true);
    expect((await objects.tiers!.status()).tiers[1]).toMatchObject({ name: 'cold', ok: false, versions: 1 });
    await mend();
    clock.advance(60_000);
    expect(await settle()).toMatchObject({ moved: 1, postponed: 0 });
    expect((await read('cold')).equals(TEXT)).toBe(true);
    await sweepAll();
    expect(await idsIn(place('cold'))).not.toContain(gone.versionId);
  }, 120_000);

  it('mends a file of the lake from what it still holds', async () => {
    await put('k', NOISE, 'STANDARD_IA');
    await settle();
    await sweepAll();
    await toClass('k', null);
    await settle();
    const [file] = readdirSync(at('objects', 'lake')).map((name) => at('objects', 'lake', name));
    const bytes = readFileSync(file!);
    bytes[2_999_999] = bytes[2_999_999]! ^ 1;
    writeFileSync(file!, bytes);
    await expect(read('k')).rejects.toMatchObject({ code: 'data_corrupt' });
    await objects.scrubber.run(new AbortController().signal);
    expect((await read('k')).equals(NOISE)).toBe(true);
    expect(readFileSync(file!).equals(NOISE)).toBe(true);
  });

  it('gives nobody bytes that were changed there', async () => {
    const { versionId } = await put('k', NOISE, 'STANDARD_IA');
    await settle();
    const below = join(service.directory, 'objects');
    const file = readdirSync(below, { recursive: true, encoding: 'utf8' }).find((name) => {
      return name.includes(versionId) && statSync(join(below, name)).isFile();
    })!;
    const bytes = readFileSync(join(below, file));
    bytes[40] = bytes[40]! ^ 1;
    writeFileSync(join(below, file), bytes);
    await expect(objects.get('lake', 'k')).rejects.toMatchObject({ code: 'data_corrupt' });
  });

  it('is one lake’s alone: another one, and a copy of this one, change nothing there', async () => {
    await put('k', TEXT, 'STANDARD_IA');
    await settle();
    const stranger = place('cold', { lake: async () => 'another lake' });
    await stranger.begin();
    const write = (tier: RemoteTier) => tier.write('0192ab34cd56ef78', (async function* () {})(), {});
    await expect(write(stranger)).rejects.toThrow(/belongs to another lake/);
    const elsewhere = place('nowhere');
    await expect(write(elsewhere)).rejects.toMatchObject({ code: 'configuration' });
    await expect(elsewhere.read('0192ab34cd56ef78').next()).rejects.toMatchObject({ code: 'unavailable' });
    const copy = place('cold');
    await write(copy);
    const late = place('cold');
    await late.begin();
    await expect(late.check()).resolves.toMatchObject({ ok: true });
  });

  it('is known to fsck: what lies there and nothing names, and what is gone from there', async () => {
    const kept = await put('kept', TEXT, 'STANDARD_IA');
    const lost = await put('lost', TEXT, 'STANDARD_IA');
    await settle();
    const orphan = kept.versionId.replace(/^.{4}/, 'ffff');
    const tier = place('cold');
    await tier.write(
      orphan,
      (async function* () {
        yield TEXT;
      })(),
      {},
    );
    await tier.remove(lost.versionId);
    await objects.close();
    const check = (repair: boolean) =>
      fsckLocalStore(
        { store: metadata, directory: at('objects'), clock, tiers: tiers(), lostAndFound: at('lost+found') },
        { repair, quick: false },
      );
    const kinds = (report: Awaited<ReturnType<typeof check>>) =>
      report.findings.map(({ kind, what, repaired }) => [kind, what.includes(orphan), repaired]);
    // The old bytes wait in the hot place, so what is lost there can be had again.
    expect(kinds(await check(true))).toEqual([
      ['corrupt', false, true],
      ['orphan', true, true],
    ]);
    expect(kinds(await check(false))).toEqual([]);
  });
});

it('loses and mixes up nothing when the lake is killed in the middle of moves, and leaves nothing behind', async () => {
  const state = new Map<string, { bytes: Buffer; open: boolean }>();
  mkdirSync(at('lake'));
  const asked = JSON.stringify({ ...where(), prefix: `${prefix}cold/` });
  clock = systemClock as typeof clock;
  for (let round = 0; round < 4; round++) {
    const child = spawn(process.execPath, [PROGRAM, at('lake'), String(round), asked], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'close');
    for await (const line of createInterface({ input: child.stdout })) {
      const [first, size, seed] = line.split(' ');
      if (line === 'ready') setTimeout(() => child.kill('SIGKILL'), 300 + round * 170);
      else if (first === '?') {
        const before = state.get(size!);
        state.set(size!, { bytes: before?.bytes ?? Buffer.alloc(0), open: true });
      } else state.set(first!, { bytes: patterned(Number(size), Number(seed)), open: false });
    }
    expect(await ended).toEqual([null, 'SIGKILL']);
  }
  metadata = await openSqliteStore({ file: at('lake', 'metadata.db'), modules: [localStoreModule] });
  const tier = place('cold');
  objects = await openLocalStore({
    store: metadata,
    directory: at('lake', 'objects'),
    clock,
    graceMs: -5000,
    sweepEveryMs: 0,
    tiers: { cold: tier, restored: new DirectoryPlace('restored', at('lake', 'restored')), moveEveryMs: 0 },
  });
  const check = async () => {
    for (const [key, { bytes, open }] of state) {
      if (open) continue;
      expect((await read(key)).equals(bytes), key).toBe(true);
    }
  };
  await check();
  clock = fixedClock(BEGIN); // postponed moves are due
  const later = await openLater();
  await later.tiers!.settle();
  await later.sweepUnreferenced();
  for (let i = 0; i < 3; i++) await later.sweep();
  await check();
  const { objects: listed } = await later.list('lake');
  const cold = listed.filter(({ attributes }) => attributes.storageClass === 'STANDARD_IA');
  expect(cold.length).toBeGreaterThan(0);
  expect(await idsIn(tier)).toEqual(cold.map(({ versionId }) => versionId).sort());
  expect(await tier.removeParts()).toBe(0);
  await later.close();
  await metadata.close();

  async function openLater(): Promise<LocalObjectStore> {
    await objects.close();
    objects = await openLocalStore({
      store: metadata,
      directory: at('lake', 'objects'),
      clock,
      graceMs: -5000,
      sweepEveryMs: 0,
      tiers: { cold: place('cold'), restored: new DirectoryPlace('restored', at('lake', 'restored')), moveEveryMs: 0 },
    });
    return objects;
  }
}, 120_000);
