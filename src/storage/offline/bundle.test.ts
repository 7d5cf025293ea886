/** Bundles between two lakes that know nothing of each other but what is carried. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { copyFile, cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { Secret } from '../../core/secret.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import { bytesOf, codeOf, patterned } from '../../testing/suites/object-store.ts';
import type { BundleExport, BundleImport, ObjectStore } from '../contract.ts';
import { localStoreModule, openLocalStore } from '../stores/local/index.ts';
import { createBundles } from './index.ts';
import { MANIFEST } from './manifest.ts';

const MIB = 1024 * 1024;
const OWNER = { region: 'us-east-1', ownerAccountId: '000000000001' };
const PASSPHRASE = { kind: 'passphrase' as const, secret: new Secret('correct horse battery staple') };

let root: string;
let folders = 0;
const closing: (() => Promise<void>)[] = [];

async function openLake() {
  const directory = join(root, `lake-${folders++}`);
  const metadata = await openSqliteStore({ file: `${directory}.db`, modules: [localStoreModule] });
  const objects = await openLocalStore({
    store: metadata,
    directory,
    clock: systemClock,
    minPartBytes: 16,
    sweepEveryMs: 0,
  });
  closing.push(async () => {
    await objects.close();
    await metadata.close();
  });
  return objects;
}

function bundlesOf(objects: ObjectStore) {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const signer = {
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
    sign: (text: string) => sign(null, Buffer.from(text), privateKey).toString('base64'),
  };
  return createBundles({
    objects,
    signer: () => signer,
    now: () => Date.now(),
    scryptN: 2 ** 12,
    region: OWNER.region,
    accountId: OWNER.ownerAccountId,
    reportsFolder: join(root, `imports-${folders++}`),
  });
}

const never = new AbortController().signal;
const newFolder = () => join(root, `bundle-${folders++}`);
const exporting = (folder: string, more: Partial<BundleExport> = {}): BundleExport => ({
  folder,
  bucket: 'lake',
  prefix: '',
  volumeBytes: MIB,
  reportFolder: `${folder}.report`,
  secret: PASSPHRASE,
  ...more,
});
const importing = (folder: string, more: Partial<BundleImport> = {}): BundleImport => ({
  folder,
  secret: PASSPHRASE.secret,
  overwrite: false,
  ...more,
});

/** What of a bucket another lake must have as well, newest first. */
async function picture(objects: ObjectStore, bucket = 'lake') {
  const { versions } = await objects.listVersions(bucket);
  return Promise.all(
    versions.map(async (version) => ({
      key: version.key,
      latest: version.isLatest,
      marker: version.deleteMarker === true,
      etag: version.etag,
      contentType: version.contentType,
      metadata: version.metadata,
      headers: version.headers,
      tags: version.attributes.tags,
      partSizes: version.partSizes,
      checksums: version.checksums,
      bytes:
        version.deleteMarker === true
          ? ''
          : (await bytesOf(await objects.get(bucket, version.key, { versionId: version.versionId }))).toString(
              'base64',
            ),
    })),
  );
}

let source: ObjectStore;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'loch-bundle-'));
  source = await openLake();
  await source.createBucket('lake', OWNER);
  await source.setVersioning('lake', 'Enabled');
  await source.put('lake', 'plain.txt', Buffer.from('first'), { contentType: 'text/plain' });
  await source.put('lake', 'plain.txt', Buffer.from('second'), { metadata: { by: 'nora' } });
  await source.put('lake', 'plain.txt', Buffer.from('first'), { attributes: { tags: { class: 'secret' } } });
  await source.put('lake', 'gone', Buffer.from('before it was deleted'));
  await source.delete('lake', 'gone');
  await source.put('lake', 'empty', Buffer.alloc(0), { headers: { 'cache-control': 'no-cache' } });
  await source.put('lake', '../ü "quoted",\r\n7,line', Buffer.from('hostile'), {
    checksumAlgorithms: ['sha256'],
  });
  await source.put('lake', 'large.bin', patterned(3 * MIB + 17, 5));
  const upload = await source.createUpload('lake', 'parts.bin', { checksumAlgorithms: ['crc32c'] });
  const parts = [
    await source.putPart(upload, 1, patterned(700_000, 1)),
    await source.putPart(upload, 2, patterned(700_000, 2)),
    await source.putPart(upload, 3, patterned(10, 3)),
  ];
  await source.completeUpload(upload, parts);
});
afterAll(async () => {
  for (const close of closing) await close();
  await rm(root, { recursive: true, force: true });
});

describe('a bundle', () => {
  let folder: string;
  beforeAll(async () => {
    folder = newFolder();
    const report = await bundlesOf(source).export(exporting(folder), never);
    expect(report).toMatchObject({ entries: 9, failed: 0 });
    expect(report.volumes).toBeGreaterThan(3);
    expect(report.unlockCode).toBeUndefined();
  });

  it('makes the same bucket elsewhere: versions in order, markers, tags, metadata, ETags of parts', async () => {
    const target = await openLake();
    const bundles = bundlesOf(target);
    const report = await bundles.import(importing(folder), never);
    expect(report).toMatchObject({ imported: 9, present: 0, failed: 0 });
    expect(await picture(target)).toEqual(await picture(source));
    const told = await readFile(join(report.reportFolder, 'import-success.csv'), 'utf8');
    expect(told.trimEnd().split('\r\n')).toHaveLength(10);
    expect(told).toContain('"../ü ""quoted"",%0d%0a7,line"');
    // Once more brings nothing, whether it remembers or not.
    expect(await bundles.import(importing(folder), never)).toMatchObject({ imported: 0, present: 9, failed: 0 });
    const anew = importing(folder, { reportFolder: newFolder() });
    expect(await bundles.import(anew, never)).toMatchObject({ imported: 0, present: 9, failed: 0 });
    expect(await picture(target)).toEqual(await picture(source));
  });

  it('tells nothing of names or bytes to who has only its files', async () => {
    for (const name of await readdir(folder)) {
      const bytes = await readFile(join(folder, name));
      for (const planted of [
        'plain.txt',
        'second',
        'nora',
        'large.bin',
        'lake',
        patterned(3 * MIB, 5).subarray(0, 64),
      ]) {
        expect(bytes.includes(planted), `${name} holds ${planted}`).toBe(false);
      }
    }
  });

  const copied = async () => {
    const copy = newFolder();
    await cp(folder, copy, { recursive: true });
    return copy;
  };
  const into = async (copy: string, more: Partial<BundleImport> = {}) => {
    const target = await openLake();
    const failure = await bundlesOf(target)
      .import(importing(copy, more), never)
      .then(
        () => ({ code: 'none', message: '' }),
        (error: Error & { code: string }) => ({ code: error.code, message: error.message }),
      );
    return { ...failure, buckets: (await target.buckets()).length };
  };

  it('is refused whole for a flipped byte, a cut end, or bytes behind it, naming the volume', async () => {
    for (const change of [
      (bytes: Buffer) => bytes.fill(bytes[700_000]! ^ 1, 700_000, 700_001),
      (bytes: Buffer) => bytes.subarray(0, -1),
      (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')]),
      (bytes: Buffer) => bytes.fill(0, 0, 8),
    ]) {
      const copy = await copied();
      const file = join(copy, 'volume-00002.loch');
      await writeFile(file, change(await readFile(file)));
      expect(await into(copy)).toEqual({
        code: 'data_corrupt',
        message: expect.stringContaining('volume-00002.loch'),
        buckets: 0,
      });
    }
  });

  it('is refused for volumes that are missing, of another bundle, of an export before, or exchanged', async () => {
    const missing = await copied();
    await rm(join(missing, 'volume-00001.loch'));
    await rm(join(missing, 'volume-00003.loch'));
    expect(await into(missing)).toMatchObject({
      code: 'data_corrupt',
      message: expect.stringMatching(/lacks volume-00001\.loch, volume-00003\.loch/),
      buckets: 0,
    });

    const before = newFolder();
    await bundlesOf(source).export(exporting(before), never);
    const replayed = await copied();
    await copyFile(join(before, 'volume-00002.loch'), join(replayed, 'volume-00002.loch'));
    expect(await into(replayed)).toMatchObject({
      code: 'data_corrupt',
      message: expect.stringContaining('another bundle'),
    });

    const exchanged = await copied();
    await rename(join(exchanged, 'volume-00001.loch'), join(exchanged, 'volume-x'));
    await rename(join(exchanged, 'volume-00002.loch'), join(exchanged, 'volume-00001.loch'));
    await rename(join(exchanged, 'volume-x'), join(exchanged, 'volume-00002.loch'));
    expect(await into(exchanged)).toMatchObject({ code: 'data_corrupt', message: expect.stringContaining('not 1') });
  });

  it('is refused for another manifest, another signer, or another secret', async () => {
    const changed = await copied();
    const text = await readFile(join(changed, MANIFEST), 'utf8');
    await writeFile(join(changed, MANIFEST), text.replace('"entries": 9', '"entries": 8'));
    expect(await into(changed)).toMatchObject({ code: 'data_corrupt', message: expect.stringContaining('signature') });
    expect(await into(folder, { signer: '00'.repeat(32) })).toMatchObject({ code: 'access_denied', buckets: 0 });
    expect(await into(await copied(), { secret: new Secret('another passphrase') })).toMatchObject({
      code: 'access_denied',
      message: expect.stringContaining('does not open'),
      buckets: 0,
    });
  });

  it('is closed for good after ten wrong secrets, and by none that came before a right one', async () => {
    const guarded = await copied();
    const bundles = bundlesOf(await openLake());
    const wrong = () =>
      bundles.import(importing(guarded, { secret: new Secret('a guess') }), never).then(
        () => ({ code: 'none', message: '' }),
        (error: Error & { code: string }) => ({ code: error.code, message: error.message }),
      );
    for (let left = 9; left > 0; left--) {
      expect(await wrong()).toMatchObject({ code: 'access_denied', message: expect.stringContaining(`${left} more`) });
    }
    expect(await into(guarded)).toMatchObject({ code: 'none' });
    expect(await wrong()).toMatchObject({ message: expect.stringContaining('9 more') });
    const tries = await Promise.all(Array.from({ length: 12 }, wrong));
    // Nine were left; tries at the same moment count before any of them is tried.
    expect(tries.filter(({ message }) => /does not open/.test(message)).length).toBeLessThan(9);
    expect(await readFile(join(guarded, MANIFEST), 'utf8')).not.toContain('wrapped');
    expect(await into(guarded)).toMatchObject({ code: 'access_denied', message: expect.stringContaining('destroyed') });
  });

  it('leaves what is there and differs, and says so, unless it is told to replace', async () => {
    const target = await openLake();
    await target.createBucket('other', OWNER);
    await target.setVersioning('other', 'Enabled');
    await target.put('other', 'plain.txt', Buffer.from('mine'));
    await target.put('other', 'empty', Buffer.alloc(0));
    const bundles = bundlesOf(target);
    const report = await bundles.import(importing(folder, { bucket: 'other' }), never);
    expect(report).toMatchObject({ imported: 5, present: 1, failed: 3 });
    expect((await bytesOf(await target.get('other', 'plain.txt'))).toString()).toBe('mine');
    const failures = await readFile(join(report.reportFolder, 'import-failure.csv'), 'utf8');
    expect(failures.match(/plain\.txt/g)).toHaveLength(6);
    const again = await bundles.import(importing(folder, { bucket: 'other', overwrite: true }), never);
    expect(again).toMatchObject({ imported: 3, present: 6, failed: 0 });
    expect((await bytesOf(await target.get('other', 'plain.txt'))).toString()).toBe('first');
  });

  it('is refused by a bucket that keeps no versions', async () => {
    const target = await openLake();
    await target.createBucket('lake', OWNER);
    expect(await codeOf(bundlesOf(target).import(importing(folder), never))).toBe('conflict');
  });
});

describe('an export', () => {
  it('goes on where it was cut short, at every volume, and makes the bundle that it would have made', async () => {
    const folder = newFolder();
    const bundles = bundlesOf(source);
    let cuts = 0;
    for (;;) {
      // Each try may read so many bytes more than the last one, and then the process is gone.
      const cut = new AbortController();
      const left = { bytes: 400_000 * (cuts + 1) };
      const failing = failingAfter(source, left, () => cut.abort());
      const done = await bundlesOf(failing)
        .export(exporting(folder), cut.signal)
        .then(
          () => true,
          () => false,
        );
      if (done) break;
      cuts++;
      expect(await codeOf(bundles.import(importing(folder), never))).toBe('conflict');
    }
    expect(cuts).toBeGreaterThan(4);
    const target = await openLake();
    expect(await bundlesOf(target).import(importing(folder), never)).toMatchObject({ imported: 9, failed: 0 });
    expect(await picture(target)).toEqual(await picture(source));
    const told = await readFile(join(`${folder}.report`, 'export-success.csv'), 'utf8');
    expect(
      told
        .trimEnd()
        .split('\r\n')
        .map((line) => line.split(',')[0]),
    ).toEqual(['entry', ...Array.from({ length: 9 }, (_, i) => String(i))]);
    expect(await codeOf(bundles.export(exporting(folder), never))).toBe('already_exists');
  });

  /** A store whose bodies call `gone` once so many bytes were read of them. */
  const failingAfter = (store: ObjectStore, left: { bytes: number }, gone: () => void): ObjectStore =>
    new Proxy(store, {
      get(target, member) {
        const value = Reflect.get(target, member);
        if (member !== 'get') return typeof value === 'function' ? value.bind(target) : value;
        return async (...args: Parameters<ObjectStore['get']>) => {
          const read = await target.get(...args);
          const counted = async function* () {
            for await (const chunk of read.body as AsyncIterable<Buffer>) {
              left.bytes -= chunk.length;
              if (left.bytes < 0) gone();
              yield chunk;
            }
          };
          return { ...read, body: Readable.from(counted(), { objectMode: false }) };
        };
      },
    });

  it('makes an unlock code that opens it and stands in none of its files', async () => {
    const folder = newFolder();
    const { secret: _, ...request } = exporting(folder);
    const { unlockCode } = await bundlesOf(source).export(request, never);
    expect(unlockCode).toMatch(/^([A-Z2-9]{5}-){4}[A-Z2-9]{5}$/);
    for (const name of await readdir(folder)) {
      expect((await readFile(join(folder, name))).includes(unlockCode!)).toBe(false);
    }
    const target = await openLake();
    const report = await bundlesOf(target).import(importing(folder, { secret: new Secret(unlockCode!) }), never);
    expect(report).toMatchObject({ imported: 9, failed: 0 });
  });

  it('takes only the keys of its prefix, and reports what it could not read', async () => {
    const lake = await openLake();
    await lake.createBucket('lake', OWNER);
    for (const key of ['a/1', 'a/2', 'b/1']) await lake.put('lake', key, patterned(100_000, key.length));
    const { versionId } = await lake.head('lake', 'a/2');
    for (const name of await readdir(join(root), { recursive: true })) {
      if (name.includes(versionId)) await rm(join(root, name));
    }
    const folder = newFolder();
    expect(await bundlesOf(lake).export(exporting(folder, { prefix: 'a/' }), never)).toMatchObject({
      entries: 2,
      failed: 1,
    });
    expect(await readFile(join(`${folder}.report`, 'export-failure.csv'), 'utf8')).toMatch(/^1,a\/2,/m);
    const target = await openLake();
    expect(await bundlesOf(target).import(importing(folder), never)).toMatchObject({ imported: 1, failed: 1 });
    expect((await target.list('lake')).objects.map(({ key }) => key)).toEqual(['a/1']);
  });
});

describe('an import', () => {
  it('goes on where it was cut short, and stores nothing twice', async () => {
    const folder = newFolder();
    await bundlesOf(source).export(exporting(folder), never);
    const target = await openLake();
    let writes = 0;
    let limit = 2;
    const failing: ObjectStore = new Proxy(target, {
      get(store, member) {
        const value = Reflect.get(store, member);
        if (member !== 'put') return typeof value === 'function' ? value.bind(store) : value;
        return async (...args: Parameters<ObjectStore['put']>) => {
          if (++writes > limit) throw new Error('the process died here');
          return store.put(...args);
        };
      },
    });
    const reportFolder = newFolder();
    for (let tries = 0; tries < 10; tries++) {
      writes = 0;
      limit = 2;
      const done = await bundlesOf(failing)
        .import(importing(folder, { reportFolder }), never)
        .then(
          () => true,
          () => false,
        );
      if (done) break;
      expect(tries).toBeLessThan(9);
    }
    expect(await picture(target)).toEqual(await picture(source));
  });
});
