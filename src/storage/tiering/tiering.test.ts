import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixedClock } from '../../core/clock.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import type { BucketSettings } from '../contract.ts';
import { bucketSettingModule, openBucketSettings } from '../index.ts';
import { type AccessTimes, lifecycleModule, openAccessTimes } from '../lifecycle/index.ts';
import { type LocalObjectStore, localStoreModule, openLocalStore } from '../stores/local/index.ts';
import { DirectoryPlace } from '../tiers/directory-place.ts';
import { chooseTier, type TieringFacts } from './choose-tier.ts';

const facts = (change: Partial<TieringFacts> = {}): TieringFacts => ({
  key: 'logs/a',
  size: 1_000_000,
  tags: {},
  idleDays: 400,
  ...change,
});
const ALL = new Set(['hot', 'cold', 'archive'] as const);
const archive = (days: number) => ({
  id: 'x',
  enabled: true,
  filter: {},
  tierings: [{ accessTier: 'ARCHIVE_ACCESS' as const, days }],
});

describe('the tier of an object', () => {
  it.each([
    ['of few days without use', facts({ idleDays: 29 }), 'FREQUENT'],
    ['after a month', facts({ idleDays: 30 }), 'INFREQUENT'],
    ['after three months', facts({ idleDays: 90 }), 'ARCHIVE_INSTANT'],
    ['too small to be looked after', facts({ size: 131_071 }), 'FREQUENT'],
    ['that was used in a colder one', facts({ idleDays: 0, accessTier: 'ARCHIVE_INSTANT' }), 'FREQUENT'],
    ['in an archive nobody asks for any more', facts({ idleDays: 0, accessTier: 'ARCHIVE_ACCESS' }), 'ARCHIVE_ACCESS'],
  ])('%s', (_, given, tier) => {
    expect(chooseTier(given, [], ALL)).toBe(tier);
  });

  it('is an archive after the fewest days that a configuration of it says', () => {
    expect(chooseTier(facts({ idleDays: 99 }), [archive(200), archive(100)], ALL)).toBe('ARCHIVE_INSTANT');
    expect(chooseTier(facts({ idleDays: 100 }), [archive(200), archive(100)], ALL)).toBe('ARCHIVE_ACCESS');
  });

  it('is none that has no place', () => {
    expect(chooseTier(facts(), [archive(100)], new Set(['hot', 'cold']))).toBe('ARCHIVE_INSTANT');
    expect(chooseTier(facts(), [archive(100)], new Set(['hot']))).toBe('FREQUENT');
  });
});

describe('the use of objects that are kept by use', () => {
  let directory: string;
  let store: MetadataStore;
  let objects: LocalObjectStore;
  let settings: BucketSettings;
  let accesses: AccessTimes;
  const clock = fixedClock(Date.parse('2024-03-01T12:00:00Z'));
  const failures: unknown[] = [];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'loch-tiering-'));
    store = await openSqliteStore({
      file: join(directory, 'loch.db'),
      modules: [localStoreModule, bucketSettingModule, lifecycleModule],
    });
    objects = await openLocalStore({
      store,
      directory: join(directory, 'objects'),
      clock,
      sweepEveryMs: 0,
      tiers: {
        cold: new DirectoryPlace('cold', join(directory, 'cold')),
        restored: new DirectoryPlace('restored', join(directory, 'restored')),
        moveEveryMs: 0,
      },
    });
    settings = openBucketSettings({
      store,
      objects,
      defaults: { objectOwnership: 'BucketOwnerEnforced', publicAccessBlock: true },
    });
    accesses = openAccessTimes({ store, objects, settings, clock, onFailure: (error) => failures.push(error) });
    await objects.createBucket('lake', { region: 'us-east-1', ownerAccountId: '1' });
    for (const key of ['a', 'b', 'c']) {
      const attributes = { storageClass: 'INTELLIGENT_TIERING', accessTier: 'INFREQUENT' };
      await objects.put('lake', key, Buffer.from('body'), { attributes });
    }
    await objects.put('lake', 'plain', Buffer.from('body'));
  });
  afterEach(async () => {
    await accesses.close();
    await settings.close();
    await objects.close();
    await store.close();
    rmSync(directory, { recursive: true, force: true });
    expect(failures).toEqual([]);
  });

  const all = () => objects.tiers!.versionsByUse(10);

  it('by an engine is noted, brings it up, and is held up by nothing that went meanwhile', async () => {
    const versions = await all();
    expect(versions.map(({ key }) => key)).toEqual(['a', 'b', 'c']);
    expect((await objects.tiers!.versionsByUse(1, versions[0])).map(({ key }) => key)).toEqual(['b']);
    const first = clock.now();
    expect(await accesses.usesOf(versions, first)).toEqual([first, first, first]);
    clock.advance(1000);
    const refs = ['a', 'b', 'plain'].map((key) => ({ bucket: 'lake', key }));
    await accesses.notingFiles(objects).openFiles(refs, join(directory, 'work'));
    await objects.delete('lake', 'b');
    await accesses.flush();
    const tiers = (await all()).map(({ key, attributes }) => [key, attributes.accessTier]);
    expect(tiers).toEqual([
      ['a', undefined],
      ['c', 'INFREQUENT'],
    ]);
    expect(await accesses.usesOf(await all(), clock.now())).toEqual([first + 1000, first]);
  });

  it('is forgotten with its version', async () => {
    const [a, b] = await all();
    const first = clock.now();
    await accesses.usesOf([a!, b!], first);
    clock.advance(1000);
    await accesses.usesOf([a!], clock.now());
    await accesses.forgetUnseen(clock.now());
    expect(await accesses.usesOf([a!, b!], clock.now())).toEqual([first, first + 1000]);
  });
});
