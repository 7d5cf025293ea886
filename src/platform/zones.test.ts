import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { fixedClock } from '../core/clock.ts';
import type { LifecycleConfiguration } from '../storage/contract.ts';
import { compose, type Parts } from './compose.ts';
import { loadConfig } from './config.ts';
import { openDataDirectory } from './data-directory.ts';
import { ownerContext } from './owner-context.ts';
import { ensureZones } from './zones.ts';

const DAY = 86_400_000;
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'loch-zones-'));
  folders.push(folder);
  return folder;
};

function configured(zones: string) {
  const file = join(newFolder(), 'loch.yaml');
  writeFileSync(file, `zones:${zones}`);
  return loadConfig({ file });
}

describe('the setting of zones', () => {
  it('takes a preset by any source, and a list from the file', () => {
    const names = (config: ReturnType<typeof loadConfig>) => config.zones.map(({ name }) => name);
    expect(names(loadConfig({}))).toEqual(['raw', 'cleaned', 'curated']);
    expect(names(loadConfig({ env: { LOCH_ZONES: 'medallion' } }))).toEqual(['bronze', 'silver', 'gold']);
    expect(names(configured(' four-layer'))).toEqual(['raw', 'standardized', 'conformed', 'enriched']);
    expect(
      configured(
        '\n  - {name: in, bucket: lake, prefix: in/, retention_days: 30, archive_prefix: old/, quarantine_prefix: bad/}\n  - {name: out}\n',
      ).zones,
    ).toEqual([
      { name: 'in', bucket: 'lake', prefix: 'in/', retentionDays: 30, archivePrefix: 'old/', quarantinePrefix: 'bad/' },
      { name: 'out', bucket: 'out', prefix: '' },
    ]);
  });

  it.each([
    [
      'two zones of which one has a prefix of the other',
      '\n  - {name: aaa, bucket: lake}\n  - {name: bbb, bucket: lake, prefix: b/}',
      /`aaa` \(`lake\/`\) and `bbb` \(`lake\/b\/`\) overlap/,
    ],
    [
      'a zone in the archive of another',
      '\n  - {name: aaa, bucket: lake, prefix: a/, archive_prefix: old/}\n  - {name: bbb, bucket: lake, prefix: old/b/}',
      /`aaa` \(`lake\/old\/`\) and `bbb` \(`lake\/old\/b\/`\) overlap/,
    ],
    ['one name twice', '\n  - {name: aaa}\n  - {name: aaa, bucket: lake}', /two zones have the name `aaa`/],
    [
      'an archive that retention would empty',
      '\n  - {name: aaa, retention_days: 9, archive_prefix: old/}',
      /zone `aaa` keeps `aaa\/` for 9 days, and its archive `old\/` lies in it/,
    ],
    ['a key that is none', '\n  - {name: aaa, retention_day: 9}', /zone `aaa`.*`retention_day`.*`retention_days`/],
    ['a prefix that is no folder', '\n  - {name: aaa, prefix: x}', /zone `aaa`, `prefix`: .*end with `\/`/],
    ['zero days', '\n  - {name: aaa, retention_days: 0}', /zone `aaa`, `retention_days`/],
    ['a zone without a name', '\n  - {bucket: lake}', /zone 1 of the list, `name`/],
    ['a preset that is none', ' gold', /`gold` is none\. Known: default, medallion, four-layer/],
    ['an empty list', ' []', /`\[\]` is none/],
  ])('is refused for %s', (_, zones, message) => {
    expect(() => configured(zones)).toThrow(message);
  });
});

describe('zones of a running lake', () => {
  async function running<T>(
    folder: string,
    zones: string,
    clock: ReturnType<typeof fixedClock>,
    work: (parts: Parts, context: ReturnType<typeof ownerContext>) => Promise<T>,
  ): Promise<T> {
    const config = configured(zones);
    const data = openDataDirectory(folder);
    try {
      const parts = await compose(data, config, { clock });
      try {
        const { signal } = new AbortController();
        await ensureZones(parts, config, signal);
        return await work(parts, ownerContext(parts, config, signal));
      } finally {
        await parts.close();
      }
    } finally {
      data.release();
    }
  }
  const keysOf = async ({ objects }: Parts, bucket: string) =>
    (await objects.list(bucket)).objects.map(({ key }) => key);
  const OWN: LifecycleConfiguration['rules'][number] = {
    id: 'own',
    enabled: true,
    form: 'filter',
    filter: { prefix: 'tmp/' },
    expiration: { days: 1 },
  };
  const IDS = ['loch-zone-inbox-retention', 'loch-zone-inbox-archive'];

  it('keep their files as long as the configuration says, beside the rules of people, and for ever when it says no more', async () => {
    const folder = newFolder();
    const clock = fixedClock(Date.parse('2024-03-01T12:00:00Z'));
    const list = (inbox: string) => `\n  - {name: inbox, bucket: lake, prefix: in/${inbox}}\n  - {name: results}\n`;
    const kept = ', retention_days: 30, archive_prefix: old/, quarantine_prefix: bad/';
    const ids = async (parts: Parts, context: ReturnType<typeof ownerContext>) =>
      ((await parts.storage.settings.get(context, { bucket: 'lake', kind: 'lifecycle' }))?.rules ?? []).map(
        ({ id }) => id,
      );

    await running(folder, list(kept), clock, async (parts, context) => {
      expect(await ids(parts, context)).toEqual(IDS);
      for (const key of ['in/a', 'in/landing/b', 'old/c', 'other/d']) {
        await parts.objects.put('lake', key, Buffer.from('body'));
      }
      const setting = { bucket: 'lake', kind: 'lifecycle' } as const;
      const { rules } = (await parts.storage.settings.get(context, setting))!;
      await parts.storage.settings.put(context, setting, { rules: [...rules, OWN] });
      const { locationUri, parameters } = await parts.catalog.getDatabase(context, 'inbox');
      expect(locationUri).toBe('s3://lake/in/');
      expect(parameters).toEqual({ 'loch.zone.archive': 's3://lake/old/', 'loch.zone.quarantine': 's3://lake/bad/' });
      clock.advance(30 * DAY);
      await parts.upkeep.runDue();
      expect(await keysOf(parts, 'lake')).toEqual(['in/a', 'in/landing/b', 'old/c', 'other/d']);
      const archived = await parts.objects.head('lake', 'old/c');
      expect(archived.attributes.storageClass).toBe('GLACIER_IR');
      clock.advance(DAY);
      await parts.upkeep.runDue();
      expect(await keysOf(parts, 'lake')).toEqual(['old/c', 'other/d']);
    });

    await running(folder, list(', retention_days: 60'), clock, async (parts, context) => {
      const lifecycle = await parts.storage.settings.get(context, { bucket: 'lake', kind: 'lifecycle' });
      expect(lifecycle!.rules).toMatchObject([OWN, { id: IDS[0], expiration: { days: 60 } }]);
      expect((await parts.catalog.getDatabase(context, 'inbox')).parameters).toEqual({});
    });

    await running(folder, '\n  - {name: results}\n', clock, async (parts, context) => {
      expect(await ids(parts, context)).toEqual(['own']);
    });
  });

  it('leave the landing prefix where it is, whatever they are called', async () => {
    const clock = fixedClock(Date.parse('2024-03-01T12:00:00Z'));
    await running(newFolder(), ' medallion', clock, async (parts, context) => {
      const buckets = (await parts.objects.buckets()).map(({ name }) => name);
      expect(buckets).toEqual(expect.arrayContaining(['raw', 'bronze', 'silver', 'gold']));
      expect((await parts.catalog.listDatabases(context)).map(({ name }) => name)).not.toContain('raw');
      const locations = await parts.governance.grants.listLocations(context);
      expect(JSON.stringify(locations)).toContain('arn:aws:s3:::gold"');
    });
  });
});
