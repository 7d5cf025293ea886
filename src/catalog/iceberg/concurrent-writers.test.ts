/** Many writers of one table, each with what it read when it began: what was acknowledged happened, in one order. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isLochError } from '../../core/errors.ts';
import type { DataFile, TableChange, TableMetadata } from '../../storage/contract.ts';
import { contextOf } from '../../testing/builders/request-context.ts';
import { testCatalog } from '../../testing/builders/test-catalog.ts';
import { seededRandom } from '../../testing/faults/prng.ts';

const root = contextOf('root');
const NAME = { database: 'sales', table: 'busy' };
const WRITERS = 16;
/** The whole of it is 200 commits a writer (`LOCH_WRITER_COMMITS=200`, which prints figures); a run of all tests takes fewer. */
const COMMITS = Number(process.env.LOCH_WRITER_COMMITS ?? 12);

let lake: Awaited<ReturnType<typeof testCatalog>>;
beforeEach(async () => {
  lake = await testCatalog();
  await lake.catalog.createDatabase(root, { name: 'sales', locationUri: 's3://lake/sales' });
  await lake.catalog.createIcebergTable(root, {
    database: 'sales',
    name: 'busy',
    columns: [{ name: 'id', type: 'bigint' }],
    properties: {
      'commit.manifest.min-count-to-merge': '10',
      'write.metadata.previous-versions-max': '20',
      'commit.retry.min-wait-ms': '1',
    },
  });
});
afterEach(() => lake.close());

/** What a commit takes from the table and gives to it, and what it had read. */
interface Effect {
  readonly kind: 'append' | 'overwrite' | 'compaction' | 'delete' | 'update';
  readonly removes: readonly string[];
  readonly adds: readonly string[];
  readonly touches?: string;
  readonly basedOn: string | undefined;
  readonly serializable: boolean;
}

const pathOf = (name: string) => `s3://lake/sales/busy/data/${name}.parquet`;
const fileOf = (name: string): DataFile => ({
  path: pathOf(name),
  format: 'PARQUET',
  rows: 10,
  bytes: 100,
  partition: {},
});

async function readTable(): Promise<{ readonly metadata: TableMetadata; readonly live: readonly string[] }> {
  const table = await lake.catalog.resolveTable(root, NAME);
  const scan = await lake.catalog.planTableScan(table, {});
  return { metadata: table.metadata!, live: scan.files.map((file) => `s3://${file.bucket}/${file.key}`) };
}

/** A change of a random kind, made of what the writer sees now. */
async function nextChange(name: string, random: () => number): Promise<{ effect: Effect; change: TableChange }> {
  const { metadata, live } = await readTable();
  const basedOn = metadata['current-snapshot-id'];
  const pick = () => live[Math.floor(random() * live.length)]!;
  const base = { basedOn, serializable: false };
  const adds = [pathOf(name)];
  const dice = random();
  if (live.length < 4 || dice < 0.55) {
    return {
      effect: { ...base, kind: 'append', removes: [], adds },
      change: { kind: 'append', files: [fileOf(name)] },
    };
  }
  if (dice < 0.7) {
    const remove = [pick()];
    const change = {
      kind: 'replace',
      operation: 'overwrite',
      remove,
      files: [fileOf(name)],
      basedOn: basedOn!,
    } as const;
    return { effect: { ...base, kind: 'overwrite', removes: remove, adds }, change };
  }
  if (dice < 0.8) {
    const remove = [...new Set([pick(), pick(), pick()])];
    const sequenceNumber = metadata['last-sequence-number'];
    const change = {
      kind: 'replace',
      operation: 'replace',
      remove,
      files: [fileOf(name)],
      basedOn: basedOn!,
      sequenceNumber,
    } as const;
    return { effect: { ...base, kind: 'compaction', removes: remove, adds }, change };
  }
  const touches = pick();
  const deletes = [
    { path: pathOf(`${name}-deletes`), kind: 'position' as const, rows: 1, bytes: 9, partition: {}, dataFile: touches },
  ];
  const update = dice < 0.9;
  const isolation = random() < 0.3 ? ('serializable' as const) : ('snapshot' as const);
  return {
    effect: {
      ...base,
      kind: update ? 'update' : 'delete',
      removes: [],
      adds: update ? adds : [],
      touches,
      serializable: isolation === 'serializable',
    },
    change: {
      kind: 'delta',
      files: update ? [fileOf(name)] : [],
      deletes,
      validate: { basedOn, isolation, operation: update ? 'update' : 'delete' },
    },
  };
}

it('keeps mixed commits of sixteen writers in one order: none lost, none done that was reported failed', {
  timeout: 3_600_000,
}, async () => {
  const effects = new Map<string, Effect>();
  const startedAt = performance.now();
  const waits: number[] = [];
  const done = new Set<string>();
  const refused = new Set<string>();
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      const random = seededRandom(writer + 1);
      for (let i = 0; i < COMMITS; i++) {
        const run = `w${writer}-${i}`;
        const { effect, change } = await nextChange(run, random);
        effects.set(run, effect);
        const began = performance.now();
        try {
          await lake.catalog.commitTable(root, NAME, change, { runId: run });
          done.add(run);
        } catch (error) {
          if (!isLochError(error, 'commit_conflict')) throw error;
          refused.add(run);
        }
        waits.push(performance.now() - began);
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  expect(done.size + refused.size).toBe(WRITERS * COMMITS);
  expect(done.size).toBeGreaterThan((WRITERS * COMMITS) / 2);

  const { metadata, live } = await readTable();
  const order = metadata.snapshots.map((snapshot) => snapshot.summary['loch.run-id']!);
  expect(new Set(order)).toEqual(done);
  expect(order).toHaveLength(done.size);

  // The same commits one after the other on a model: each finds what it speaks of, as it had read it.
  const model = new Set<string>();
  const position = new Map(metadata.snapshots.map((snapshot, i) => [snapshot['snapshot-id'], i]));
  for (const [i, run] of order.entries()) {
    const effect = effects.get(run)!;
    const since = order
      .slice(effect.basedOn === undefined ? 0 : position.get(effect.basedOn)! + 1, i)
      .map((r) => effects.get(r)!);
    for (const path of effect.removes) expect(model.delete(path)).toBe(true);
    if (effect.touches !== undefined) {
      expect(model.has(effect.touches)).toBe(true);
      if (effect.kind === 'update') expect(since.filter((rival) => rival.touches === effect.touches)).toEqual([]);
    }
    if (effect.kind === 'overwrite' || effect.kind === 'compaction') {
      const removed = new Set(effect.removes);
      expect(since.filter((rival) => rival.touches !== undefined && removed.has(rival.touches))).toEqual([]);
    }
    if (effect.serializable)
      expect(since.filter((rival) => rival.kind !== 'compaction' && rival.adds.length > 0)).toEqual([]);
    for (const path of effect.adds) model.add(path);
  }
  expect([...live].sort()).toEqual([...model].sort());

  // Nothing the metadata names is missing, of this version and of those the log keeps.
  const table = await lake.catalog.resolveTable(root, NAME);
  const format = (await import('../../storage/tables/index.ts')).createTableFormat({
    objects: lake.files.objects,
    clock: lake.clock,
  });
  const { metadata: named } = await format.reachableFiles(metadata, table.record.metadataLocation);
  const there = new Set((await lake.files.keys('lake')).map((key) => `s3://lake/${key}`));
  expect(named.filter((file) => !there.has(file))).toEqual([]);
  expect(metadata['metadata-log'].length).toBeLessThanOrEqual(20);
  if (process.env.LOCH_WRITER_COMMITS !== undefined) {
    waits.sort((a, b) => a - b);
    const wait = (share: number) => `${waits[Math.floor((waits.length - 1) * share)]!.toFixed(0)} ms`;
    console.info(
      `${WRITERS} writers x ${COMMITS}: ${(done.size / seconds).toFixed(1)} commits/s, p50 ${wait(0.5)}, p99 ${wait(0.99)}, metadata files ${table.record.metadataLocation!.match(/\/(\d+)-/)?.[1]}`,
    );
    const kinds = Object.groupBy(done, (run) => effects.get(run)!.kind);
    console.info(
      `${done.size} committed, ${refused.size} refused`,
      Object.fromEntries(Object.entries(kinds).map(([k, v]) => [k, v?.length])),
    );
  }
});
