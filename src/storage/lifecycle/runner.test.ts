import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixedClock } from '../../core/clock.ts';
import { createEventBus } from '../../core/events.ts';
import { type Governance, governanceStoreModules, openGovernance } from '../../governance/index.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { openSqliteStore } from '../../metadata/sqlite/store.ts';
import { createSealer } from '../../platform/sealer.ts';
import { contextOf } from '../../testing/builders/test-lake.ts';
import { faulty } from '../../testing/faults/faulty.ts';
import { seededRandom } from '../../testing/faults/prng.ts';
import type { BucketSettings, LifecycleConfiguration, ObjectStore } from '../contract.ts';
import { bucketSettingModule, openBucketSettings } from '../index.ts';
import { openMemoryStore } from '../stores/memory/index.ts';
import { lifecycleModule, openLifecycleRunner } from './index.ts';
import lifecycleStore from './store.ts';

const DAY = 86_400_000;
const BEGIN = Date.parse('2024-01-01T00:00:00Z');
const REGION = { region: 'us-east-1', ownerAccountId: '123456789012' };

let directory: string;
let store: MetadataStore;
let governance: Governance;
let settings: BucketSettings;
let objects: ObjectStore;
let clock: ReturnType<typeof fixedClock>;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'loch-lifecycle-'));
  clock = fixedClock(BEGIN);
  store = await openSqliteStore({
    file: join(directory, 'loch.db'),
    modules: [...governanceStoreModules, bucketSettingModule, lifecycleModule],
  });
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
  });
  objects = openMemoryStore({ clock, minPartBytes: 1 });
  settings = openBucketSettings({
    store,
    objects,
    defaults: { objectOwnership: 'BucketOwnerEnforced', publicAccessBlock: true },
  });
});

afterEach(async () => {
  await settings.close();
  await governance.close();
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const failures: unknown[] = [];

async function runner(over: ObjectStore = objects) {
  const root = (await governance.identities.principal(`arn:aws:iam::${REGION.ownerAccountId}:root`))!;
  return openLifecycleRunner({
    store,
    objects: over,
    settings,
    audit: governance.audit,
    clock,
    dayMs: DAY,
    context: (signal) => ({ ...contextOf(root), signal, startedAt: clock.now() }),
    lookEveryMs: 0,
    onFailure: (error) => failures.push(error),
  });
}

type Rule = LifecycleConfiguration['rules'][number];
const rule = (id: string, content: Partial<Rule>): Rule => ({
  id,
  enabled: true,
  form: 'filter',
  filter: {},
  ...content,
});
const bytes = (text: string) => Buffer.from(text);
const due = (at: number, days: number) => Math.ceil((at + days * DAY) / DAY) * DAY;

describe('lifecycle over 400 simulated days', () => {
  it('removes, moves and keeps exactly what the rules say, each day', async () => {
    await objects.createBucket('plain', REGION);
    await objects.createBucket('kept', REGION);
    await objects.setVersioning('kept', 'Enabled');
    await settings.put('plain', 'lifecycle', {
      rules: [
        rule('logs', { filter: { prefix: 'logs/' }, expiration: { days: 30 } }),
        rule('tagged', {
          filter: { prefix: 'data/', tags: [{ key: 'keep', value: 'short' }] },
          expiration: { days: 5 },
        }),
        rule('cold', {
          filter: { prefix: 'data/', sizeGreaterThan: 3 },
          transitions: [
            { days: 40, storageClass: 'STANDARD_IA' },
            { days: 100, storageClass: 'GLACIER' },
          ],
        }),
      ],
    });
    await settings.put('kept', 'lifecycle', {
      rules: [
        rule('old', {
          noncurrentExpiration: { days: 20, newerVersions: 2 },
          expiration: { expiredDeleteMarker: true },
        }),
      ],
    });
    const random = seededRandom(11);
    const plain = new Map<string, { at: number; tagged: boolean; size: number }>();
    /** Newest first. */
    const kept = new Map<string, { id: string; marker: boolean; since?: number }[]>();
    const lifecycle = await runner();

    for (let day = 0; day < 400; day++) {
      // Some hours of the day are busy, then midnight comes.
      clock.advance(Math.floor(random() * DAY));
      if (day < 250) {
        const key = `${random() < 0.5 ? 'logs' : 'data'}/${Math.floor(random() * 60)}`;
        const tagged = random() < 0.3;
        const size = 1 + Math.floor(random() * 6);
        const attributes = tagged ? { tags: { keep: 'short' } } : {};
        await objects.put('plain', key, bytes('x'.repeat(size)), { attributes });
        plain.set(key, { at: clock.now(), tagged, size });
        const name = `k${Math.floor(random() * 5)}`;
        const versions = kept.get(name) ?? [];
        const gone = random() < 0.3;
        const made = gone ? await objects.delete('kept', name) : await objects.put('kept', name, bytes('v'));
        if (versions[0] !== undefined) versions[0].since = clock.now();
        kept.set(name, [{ id: made.versionId!, marker: gone }, ...versions]);
      }
      const midnight = Math.ceil((clock.now() + 1) / DAY) * DAY;
      clock.advance(midnight - clock.now());
      await lifecycle.runDue();

      for (const [key, { at, tagged }] of plain) {
        const expires = key.startsWith('logs/') ? due(at, 30) : tagged ? due(at, 5) : Number.POSITIVE_INFINITY;
        if (expires <= clock.now()) plain.delete(key);
      }
      for (const [name, versions] of kept) {
        let newer = 0;
        const left = versions.filter((version) => {
          if (version.since === undefined) return true;
          const over = newer >= 2 && due(version.since, 20) <= clock.now();
          if (!version.marker) newer++;
          return !over;
        });
        // A marker counts as alone from the pass on that finds it alone.
        kept.set(name, versions.length === 1 && versions[0]!.marker ? [] : left);
      }
      const page = await objects.list('plain');
      expect(page.objects.map(({ key, attributes }) => [key, attributes.storageClass ?? 'STANDARD'])).toEqual(
        [...plain]
          .map(([key, { at, size }]) => {
            const moves = key.startsWith('data/') && size > 3;
            if (moves && due(at, 100) <= clock.now()) return [key, 'GLACIER'];
            return [key, moves && due(at, 40) <= clock.now() ? 'STANDARD_IA' : 'STANDARD'];
          })
          .sort(([a], [b]) => Buffer.compare(bytes(a!), bytes(b!))),
      );
      const { versions } = await objects.listVersions('kept');
      expect(versions.map(({ versionId }) => versionId)).toEqual(
        [...kept].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, left]) => left.map(({ id }) => id)),
      );
    }
    expect(failures).toEqual([]);
    expect(plain.size).toBeGreaterThan(0);
    expect([...kept.values()].flat().length).toBeGreaterThan(0);
    await lifecycle.close();
  });
});

describe('a lifecycle pass', () => {
  it('never removes a locked version, whatever the rules say', async () => {
    await objects.createBucket('locked', { ...REGION, objectLock: true });
    await settings.put('locked', 'lifecycle', {
      rules: [rule('all', { noncurrentExpiration: { days: 1 }, expiration: { days: 1 } })],
    });
    const until = BEGIN + 100 * DAY;
    await objects.put('locked', 'a', bytes('1'), { attributes: { retention: { mode: 'COMPLIANCE', until } } });
    await objects.put('locked', 'a', bytes('2'), { attributes: { legalHold: true } });
    await objects.put('locked', 'a', bytes('3'));
    clock.advance(20 * DAY);
    const lifecycle = await runner();
    // The first pass marks the current version, the second finds it noncurrent for more than a day.
    await lifecycle.runDue();
    clock.advance(3 * DAY);
    const counts = (await lifecycle.runBucket('locked')).counts;
    expect(counts.kept).toBeGreaterThanOrEqual(2);
    const left = async () =>
      (await objects.listVersions('locked')).versions.map(({ deleteMarker, size }) => deleteMarker ?? size);
    expect(await left()).toEqual([true, 1, 1]);
    clock.advance(100 * DAY);
    await lifecycle.runDue();
    expect((await objects.listVersions('locked')).versions.map(({ attributes }) => attributes.legalHold)).toContain(
      true,
    );
    expect((await left()).length).toBe(2);
    await lifecycle.close();
  });

  it('goes on after failures until every day is done, and does nothing twice', async () => {
    await objects.createBucket('shaky', REGION);
    await settings.put('shaky', 'lifecycle', { rules: [rule('all', { expiration: { days: 1 } })] });
    for (let i = 0; i < 2500; i++) await objects.put('shaky', `k${String(i).padStart(5, '0')}`, bytes('x'));
    await objects.createUpload('shaky', 'half');
    clock.advance(5 * DAY);
    const shaky = faulty(objects, { seed: 3, readFails: 0.2, putFails: 0.2, replyLost: 0.2 });
    for (let tries = 0; tries < 60; tries++) {
      const lifecycle = await runner(shaky);
      await lifecycle.runDue().catch((error: unknown) => failures.push(error));
      await lifecycle.close();
      if ((await store.read(lifecycleStore.procedures.run, { bucket: 'shaky' }))?.state === 'done') break;
    }
    const run = (await store.read(lifecycleStore.procedures.run, { bucket: 'shaky' }))!;
    expect(run.state).toBe('done');
    expect((await objects.list('shaky')).objects).toEqual([]);
    expect(shaky.injected.replyLost).toBeGreaterThan(0);
    // Without an abort rule the upload stays.
    expect(await objects.uploads('shaky')).toHaveLength(1);
    failures.length = 0;
  });

  it('aborts unfinished uploads by age, and runs a bucket again only when asked or on the next day', async () => {
    await objects.createBucket('uploads', REGION);
    await settings.put('uploads', 'lifecycle', {
      rules: [rule('abort', { form: 'prefix', filter: { prefix: 'a/' }, abortUploadsAfterDays: 3 })],
    });
    await objects.createUpload('uploads', 'a/1');
    await objects.createUpload('uploads', 'b/1');
    const lifecycle = await runner();
    await lifecycle.runDue();
    clock.advance(4 * DAY);
    await lifecycle.runDue();
    expect((await objects.uploads('uploads')).map(({ key }) => key)).toEqual(['b/1']);
    await objects.createUpload('uploads', 'a/2');
    await lifecycle.runDue();
    const before = (await store.read(lifecycleStore.procedures.run, { bucket: 'uploads' }))!;
    expect(before.counts).toMatchObject({ aborted: 1, seen: 2 });
    clock.advance(1);
    expect((await lifecycle.runBucket('uploads')).startedAt).toBe(before.startedAt + 1);
    await expect(lifecycle.runBucket('absent')).rejects.toMatchObject({ code: 'bucket_not_found' });
    await lifecycle.close();
  });

  it('leaves an object alone that was written again after it was looked at', async () => {
    await objects.createBucket('race', REGION);
    await settings.put('race', 'lifecycle', { rules: [rule('all', { expiration: { days: 1 } })] });
    await objects.put('race', 'k', bytes('old'));
    clock.advance(3 * DAY);
    const deleteMany: ObjectStore['deleteMany'] = async (...args) => {
      await objects.put('race', 'k', bytes('new'));
      return objects.deleteMany(...args);
    };
    const rewritten: ObjectStore = new Proxy(objects, {
      get(target, name) {
        if (name === 'deleteMany') return deleteMany;
        const member = target[name as keyof ObjectStore];
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const lifecycle = await runner(rewritten);
    expect((await lifecycle.runBucket('race')).counts).toMatchObject({ expired: 0, kept: 1 });
    expect((await objects.head('race', 'k')).size).toBe(3);
    await lifecycle.close();
  });

  it('records what it did in the name of lifecycle', async () => {
    await objects.createBucket('told', REGION);
    await settings.put('told', 'lifecycle', { rules: [rule('all', { expiration: { days: 1 } })] });
    await objects.put('told', 'k', bytes('x'));
    clock.advance(3 * DAY);
    const lifecycle = await runner();
    await lifecycle.runDue();
    await lifecycle.close();
    const root = (await governance.identities.principal(`arn:aws:iam::${REGION.ownerAccountId}:root`))!;
    const { events } = await governance.trail.listDataEvents(contextOf(root), { max: 10 });
    expect(events).toMatchObject([
      { eventName: 'LifecycleExpiration', resource: 'arn:aws:s3:::told/k', appliedGrants: ['lifecycle-rule/all'] },
    ]);
  });
});
