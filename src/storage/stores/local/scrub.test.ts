import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixedClock } from '../../../core/clock.ts';
import type { LochEvent } from '../../../core/events.ts';
import type { MetadataStore } from '../../../metadata/contract.ts';
import { openSqliteStore } from '../../../metadata/sqlite/store.ts';
import { patterned } from '../../../testing/faults/patterned.ts';
import { DirectoryPlace } from '../../tiers/directory-place.ts';
import { fsckLocalStore, type LocalObjectStore, localStoreModule, openLocalStore } from './index.ts';

let directory: string;
let store: MetadataStore;
let objects: LocalObjectStore;
let events: LochEvent[];
const clock = fixedClock(Date.parse('2060-01-01T00:00:00Z'));
const at = (...path: string[]) => join(directory, ...path);
const tiers = () => ({
  cold: new DirectoryPlace('cold', at('cold')),
  restored: new DirectoryPlace('restored', at('restored')),
  moveEveryMs: 0,
});

async function open(): Promise<void> {
  store = await openSqliteStore({ file: at('loch.db'), modules: [localStoreModule] });
  events = [];
  store.onCommitted((committed) => events.push(...committed));
  objects = await openLocalStore({
    store,
    directory: at('objects'),
    clock,
    segmentLimit: 1000,
    minPartBytes: 1,
    graceMs: 1000,
    sweepEveryMs: 0,
    tiers: tiers(),
  });
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'loch-scrub-'));
  await open();
  await objects.createBucket('lake', { region: 'us-east-1', ownerAccountId: '1' });
});
afterEach(async () => {
  await objects.close();
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const LARGE = patterned(50_000);
const SMALL = patterned(100);
const fileOf = (name: string): string =>
  readdirSync(at('objects', 'lake'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.startsWith(`${name}~`))
    .map((entry) => join(entry.parentPath, entry.name))[0]!;
function flip(path: string, place = 77): void {
  const bytes = readFileSync(path);
  bytes[place] = bytes[place]! ^ 4;
  rmSync(path);
  writeFileSync(path, bytes);
}
const scrub = () => objects.scrubber.run(new AbortController().signal);
const read = async (key: string) => buffer((await objects.get('lake', key)).body);

async function fill(): Promise<void> {
  await objects.put('lake', 'large', LARGE);
  await objects.put('lake', 'small', SMALL);
  await objects.put('lake', 'empty', Buffer.alloc(0));
  await objects.setVersioning('lake', 'Enabled');
  await objects.put('lake', 'large', patterned(3000));
  await objects.delete('lake', 'small');
  const upload = await objects.createUpload('lake', 'parts');
  const sizes = [4000, 4000, 10];
  const parts = [];
  for (const [i, size] of sizes.entries()) parts.push(await objects.putPart(upload, i + 1, patterned(size)));
  await objects.completeUpload(upload, parts);
  await objects.put('lake', 'cold', LARGE, { attributes: { storageClass: 'STANDARD_IA' } });
  await objects.tiers!.settle();
}

describe('the scrub', () => {
  it('finds nothing where all is well: files, records, parts, old versions, tiers', async () => {
    await fill();
    const status = await scrub();
    expect(status).toMatchObject({ state: 'done', versions: 6, sealed: 0, damages: [] });
    expect(status.bytes).toBe(50_000 + 100 + 3000 + 8010 + 50_000);
    expect(await scrub()).toMatchObject({ versions: 6 });
  });

  it('names a flipped bit, a lost end and a lost file, and gives nobody their bytes', async () => {
    for (const key of ['flipped', 'cut', 'gone']) await objects.put('lake', key, LARGE);
    flip(fileOf('flipped'));
    const cut = fileOf('cut');
    writeFileSync(`${cut}.new`, readFileSync(cut).subarray(0, 4096));
    rmSync(cut);
    writeFileSync(cut, readFileSync(`${cut}.new`));
    rmSync(`${cut}.new`);
    rmSync(fileOf('gone'));
    const { damages } = await scrub();
    expect(damages.map(({ key, kind }) => [key, kind]).sort()).toEqual([
      ['cut', 'corrupt'],
      ['flipped', 'corrupt'],
      ['gone', 'missing'],
    ]);
    for (const key of ['flipped', 'cut', 'gone']) {
      await expect(objects.get('lake', key)).rejects.toMatchObject({ code: 'data_corrupt' });
      await expect(objects.openFiles([{ bucket: 'lake', key }], at('work'))).rejects.toMatchObject({
        code: 'data_corrupt',
      });
      await expect(objects.copy({ bucket: 'lake', key }, { bucket: 'lake', key: 'c' })).rejects.toMatchObject({
        code: 'data_corrupt',
      });
    }
    expect(events.filter(({ name }) => name === 'storageVersionDamaged')).toHaveLength(3);
    // Who writes the key again, or deletes it, is rid of the finding.
    await objects.put('lake', 'flipped', LARGE);
    await objects.delete('lake', 'gone');
    expect((await objects.scrubber.status()).damages.map(({ key }) => key)).toEqual(['cut']);
    expect((await read('flipped')).equals(LARGE)).toBe(true);
  });

  it('mends a version from another place that still holds it', async () => {
    const { versionId } = await objects.put('lake', 'k', LARGE, { attributes: { storageClass: 'STANDARD_IA' } });
    await objects.tiers!.settle();
    // The old file waits for the end of its grace.
    flip(at('cold', versionId.slice(-2), versionId));
    expect((await scrub()).damages).toEqual([]);
    expect((await read('k')).equals(LARGE)).toBe(true);
    expect(events.map(({ name }) => name)).toContain('storageVersionRepaired');
  });

  it('goes on after a restart where it was', async () => {
    for (let i = 0; i < 250; i++) await objects.put('lake', `k${i}`, SMALL);
    const stop = new AbortController();
    const running = objects.scrubber.run(stop.signal);
    stop.abort(new Error('stopped'));
    await expect(running).rejects.toThrow('stopped');
    await objects.close();
    await store.close();
    await open();
    expect(await scrub()).toMatchObject({ state: 'done', versions: 250 });
  });
});

describe('loch fsck', () => {
  const check = async (how: { repair?: boolean; quick?: boolean } = {}) => {
    await objects.close();
    const report = await fsckLocalStore(
      { store, directory: at('objects'), clock, tiers: tiers(), lostAndFound: at('lost+found') },
      { repair: false, quick: false, ...how },
    );
    await store.close();
    await open();
    return report;
  };
  const kinds = (report: Awaited<ReturnType<typeof check>>) => report.findings.map(({ kind }) => kind).sort();

  it('finds a sound store sound, in full and quickly', async () => {
    await fill();
    expect(await check()).toMatchObject({ versions: 6, findings: [] });
    expect(await check({ quick: true })).toMatchObject({ versions: 6, findings: [] });
  });

  it('finds what is missing, wrong and left over, and changes nothing unless told to', async () => {
    await fill();
    await objects.put('lake', 'gone', LARGE);
    flip(fileOf('large'));
    rmSync(fileOf('gone'));
    const orphan = fileOf('parts').replace('parts~', 'nobody~');
    writeFileSync(orphan, 'x');
    writeFileSync(at('objects', '.temporary', 'torn'), 'x');
    const found = ['corrupt', 'missing', 'orphan', 'orphan'];
    const first = await check();
    expect(kinds(first), JSON.stringify(first.findings)).toEqual(found);
    expect(kinds(await check())).toEqual(found);
    expect(existsSync(orphan)).toBe(true);

    const report = await check({ repair: true });
    expect(kinds(report)).toEqual(found);
    expect(report.findings.filter(({ repaired }) => repaired).map(({ kind }) => kind)).toEqual(['orphan', 'orphan']);
    expect(readdirSync(at('lost+found')).length).toBe(2);
    expect(kinds(await check())).toEqual(['corrupt', 'missing']);
    await expect(objects.get('lake', 'gone')).rejects.toMatchObject({ code: 'data_corrupt' });
  });

  it('mends what it can, and says which disk is away', async () => {
    const { versionId } = await objects.put('lake', 'k', LARGE, { attributes: { storageClass: 'STANDARD_IA' } });
    await objects.tiers!.settle();
    flip(at('cold', versionId.slice(-2), versionId));
    const report = await check({ repair: true });
    expect(report.findings).toMatchObject([{ kind: 'corrupt', repaired: true }]);
    expect(await check()).toMatchObject({ findings: [] });
    rmSync(at('cold', 'loch-place'));
    expect(kinds(await check())).toContain('unavailable');
  });
});
