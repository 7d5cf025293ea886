/** Changes of one table that wait together: one metadata file, a snapshot and an answer for each. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isLochError } from '../../core/errors.ts';
import type { DataFile, TableChange } from '../../storage/contract.ts';
import { contextOf } from '../../testing/builders/request-context.ts';
import { testCatalog } from '../../testing/builders/test-catalog.ts';
import { CommitQueue } from './commit-queue.ts';

const root = contextOf('root');
const NAME = { database: 'sales', table: 'busy' };

let lake: Awaited<ReturnType<typeof testCatalog>>;
beforeEach(async () => {
  lake = await testCatalog();
  await lake.catalog.createDatabase(root, { name: 'sales', locationUri: 's3://lake/sales' });
  const columns = [{ name: 'id', type: 'bigint' }];
  await lake.catalog.createIcebergTable(root, { database: 'sales', name: 'busy', columns });
});
afterEach(() => lake.close());

const fileOf = (name: string): DataFile => ({
  path: `s3://lake/sales/busy/data/${name}.parquet`,
  format: 'PARQUET',
  rows: 1,
  bytes: 100,
  partition: {},
});
const append = (...names: string[]): TableChange => ({ kind: 'append', files: names.map(fileOf) });
const table = () => lake.catalog.resolveTable(root, NAME);
const live = async () =>
  (await lake.catalog.planTableScan(await table(), {})).files
    .map((file) => file.key.replace(/^.*\/(.*)\.parquet$/, '$1'))
    .sort();
const codeOf = (outcome: PromiseSettledResult<unknown>) =>
  outcome.status === 'fulfilled' ? 'done' : isLochError(outcome.reason) ? outcome.reason.code : outcome.reason;
const metadataFiles = async () =>
  (await lake.files.keys('lake')).filter((key) => key.endsWith('.metadata.json')).length;

/** A commit that holds the table until it is let go: whatever comes meanwhile waits and becomes one group. */
async function whileHeld(work: () => readonly Promise<unknown>[]): Promise<readonly string[]> {
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let entered = () => {};
  const inside = new Promise<void>((resolve) => {
    entered = resolve;
  });
  const first = lake.catalog.commitTable(root, NAME, async () => {
    entered();
    await held;
    return append('held');
  });
  await inside;
  const others = Promise.allSettled(work());
  await new Promise((resolve) => setTimeout(resolve, 50)); // they are authorized before they wait
  letGo();
  await first;
  return (await others).map(codeOf);
}

describe('a group of commits', () => {
  it('is one metadata file, in which each change is a snapshot of its own', async () => {
    const before = await metadataFiles();
    const codes = await whileHeld(() =>
      Array.from({ length: 10 }, (_, i) => lake.catalog.commitTable(root, NAME, append(`f${i}`), { runId: `r${i}` })),
    );
    expect(codes).toEqual(Array.from({ length: 10 }, () => 'done'));
    expect((await metadataFiles()) - before).toBe(2); // of the one that held, and of the group
    const { metadata, record } = await table();
    expect(metadata!.snapshots).toHaveLength(11);
    expect(metadata!['last-sequence-number']).toBe(11);
    expect(
      metadata!.snapshots.slice(1).every((s, i) => s['parent-snapshot-id'] === metadata!.snapshots[i]!['snapshot-id']),
    ).toBe(true);
    expect(record.version).toBe(11);
    expect(await live()).toHaveLength(11);
    const again = await lake.catalog.commitTable(root, NAME, append('f3'), { runId: 'r3' });
    expect(again).toMatchObject({ repeated: true, snapshotId: metadata!.snapshots[4]!['snapshot-id'] });
  });

  it('refuses alone what does not hold after those before it', async () => {
    await lake.catalog.commitTable(root, NAME, append('a', 'b'));
    const id = (await table()).metadata!['current-snapshot-id']!;
    const replace = (name: string, by: string): TableChange => ({
      kind: 'replace',
      operation: 'overwrite',
      remove: [fileOf(name).path],
      files: [fileOf(by)],
      basedOn: id,
    });
    const codes = await whileHeld(() => [
      lake.catalog.commitTable(root, NAME, replace('a', 'x')),
      lake.catalog.commitTable(root, NAME, replace('a', 'y')),
      lake.catalog.commitTable(root, NAME, append('c')),
      lake.catalog.commitUpdates(root, NAME, {
        requirements: [{ type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': id }],
        updates: [{ action: 'set-properties', updates: { a: '1' } }],
      }),
      lake.catalog.commitTable(root, NAME, replace('b', 'z')),
    ]);
    expect(codes).toEqual(['done', 'commit_conflict', 'done', 'commit_conflict', 'done']);
    expect(await live()).toEqual(['c', 'held', 'x', 'z']);
  });

  it('is taken apart when one of it was carried out before, and none is done twice', async () => {
    const codes = await whileHeld(() => [
      lake.catalog.commitTable(root, NAME, append('a'), { runId: 'same' }),
      lake.catalog.commitTable(root, NAME, append('a2'), { runId: 'same' }),
      lake.catalog.commitTable(root, NAME, append('b'), { runId: 'other' }),
    ]);
    expect(codes).toEqual(['done', 'done', 'done']);
    expect(await live()).toEqual(['a', 'b', 'held']);
  });

  it('goes on without a change whose caller has left', async () => {
    const leaving = new AbortController();
    const codes = await whileHeld(() => {
      const gone = { ...root, signal: leaving.signal };
      const changes = [
        lake.catalog.commitTable(gone, NAME, append('gone')),
        lake.catalog.commitTable(root, NAME, append('stays')),
      ];
      setTimeout(() => leaving.abort(), 20);
      return changes;
    });
    expect(codes).toEqual(['statement_cancelled', 'done']);
    expect(await live()).toEqual(['held', 'stays']);
  });
});

it('refuses what would wait behind too many, and serves those that wait', async () => {
  const queue = new CommitQueue<number>();
  let letGo = () => {};
  const open = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const held = queue.run('t', () => open);
  const outcome = { snapshotId: '1', metadataLocation: 'm', version: 1, repeated: false };
  const sizes: number[] = [];
  const waiting = Array.from({ length: 513 }, (_, i) =>
    queue.join('t', i, async (members) => {
      sizes.push(members.length);
      for (const member of members) member.resolve(outcome);
    }),
  );
  const settled = Promise.allSettled(waiting);
  letGo();
  await held;
  const codes = (await settled).map(codeOf);
  expect(codes.at(-1)).toBe('throttled');
  expect(codes.filter((code) => code === 'done')).toHaveLength(512);
  expect(sizes).toEqual(Array.from({ length: 8 }, () => 64));
});
