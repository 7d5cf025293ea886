import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DataFile, TableChange } from '../../storage/contract.ts';
import { contextOf } from '../../testing/builders/request-context.ts';
import { testCatalog } from '../../testing/builders/test-catalog.ts';

const root = contextOf('root');
const TABLE = { database: 'sales', table: 'orders' };
const DAY = 24 * 3_600_000;

let lake: Awaited<ReturnType<typeof testCatalog>>;
beforeEach(async () => {
  lake = await testCatalog();
  await lake.catalog.createDatabase(root, { name: 'sales', locationUri: 's3://lake/sales/' });
  await lake.catalog.createIcebergTable(root, {
    database: 'sales',
    name: 'orders',
    columns: [
      { name: 'id', type: 'bigint' },
      { name: 'region', type: 'string' },
    ],
    partition: [{ column: 'region', transform: 'identity' }],
  });
});
afterEach(() => lake.close());

const path = (name: string) => `s3://lake/sales/orders/data/${name}.parquet`;
/** A data file that lies in the store as well. */
async function put(name: string, region = 'north', bytes = 100): Promise<DataFile> {
  await lake.files.objects.put('lake', path(name).slice('s3://lake/'.length), Buffer.alloc(bytes));
  return { path: path(name), format: 'PARQUET', rows: 10, bytes, partition: { region } };
}
const commit = (change: TableChange) => lake.catalog.commitTable(root, TABLE, change);
const append = async (...names: string[]) =>
  commit({ kind: 'append', files: await Promise.all(names.map((name) => put(name))) });

async function live(snapshotId?: string): Promise<string[]> {
  const table = await lake.catalog.resolveTable(root, TABLE);
  const scan = await lake.catalog.planTableScan(table, snapshotId === undefined ? {} : { snapshotId });
  return scan.files.map((f) => f.key.replace(/^.*\/(.*)\.parquet$/, '$1')).sort();
}
const stored = async (part: 'data' | 'metadata') =>
  (await lake.files.keys('lake'))
    .filter((key) => key.startsWith(`sales/orders/${part}/`))
    .map((key) => key.replace(/^.*\/([^/]*?)(\.parquet)?$/, '$1'))
    .sort();
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: { code: string }) => error.code,
  );

describe('expiry of snapshots', () => {
  it('removes the files that only expired snapshots had, and no other', async () => {
    await append('a', 'b');
    lake.clock.advance(DAY);
    await commit({
      kind: 'replace',
      operation: 'overwrite',
      remove: [path('a')],
      files: [await put('a2')],
    });
    lake.clock.advance(6 * DAY);
    const last = await append('c');
    expect(await lake.catalog.expireSnapshots(root, TABLE)).toMatchObject({ snapshots: 2 });
    expect(await live()).toEqual(['a2', 'b', 'c']);
    expect(await stored('data')).toEqual(['a2', 'b', 'c']);
    expect((await lake.catalog.snapshots(root, TABLE)).map((s) => s.snapshotId)).toEqual([last.snapshotId]);
    // What is left is exactly what the table leads to.
    expect((await lake.catalog.removeOrphanFiles(root, TABLE, { dryRun: true })).files).toEqual([]);
  });

  it('keeps what the age, the number and a branch ask for', async () => {
    const first = await append('a');
    lake.clock.advance(DAY);
    const second = await append('b');
    lake.clock.advance(10 * DAY);
    await append('c');
    await lake.catalog.expireSnapshots(root, TABLE, { minKept: 2 });
    expect(await live(second.snapshotId)).toEqual(['a', 'b']);
    expect(await codeOf(live(first.snapshotId))).toBe('not_found');
    expect(await lake.catalog.expireSnapshots(root, TABLE, { maxAgeMs: 30 * DAY })).toEqual({ snapshots: 0, files: 0 });
  });

  it('changes nothing when there is nothing to expire, and refuses where the table forbids it', async () => {
    await append('a');
    const before = await stored('metadata');
    expect(await lake.catalog.expireSnapshots(root, TABLE)).toEqual({ snapshots: 0, files: 0 });
    expect(await stored('metadata')).toEqual(before);
    await lake.catalog.createIcebergTable(root, {
      database: 'sales',
      name: 'kept',
      columns: [{ name: 'id', type: 'int' }],
      properties: { 'gc.enabled': 'false' },
    });
    expect(await codeOf(lake.catalog.expireSnapshots(root, { database: 'sales', table: 'kept' }))).toBe('unsupported');
  });
});

describe('removal of orphans', () => {
  it('removes planted files and leaves those of any snapshot and of another table', async () => {
    await append('a');
    await commit({ kind: 'overwrite', files: [await put('b')] });
    await put('orphan');
    await lake.files.objects.put('lake', 'sales/orders/metadata/lost-m0.avro', Buffer.alloc(5));
    await lake.catalog.createIcebergTable(root, {
      database: 'sales',
      name: 'inner',
      location: 's3://lake/sales/orders-inner',
      columns: [{ name: 'id', type: 'int' }],
    });
    lake.clock.advance(4 * DAY);
    const removed = await lake.catalog.removeOrphanFiles(root, TABLE);
    expect([...removed.files].sort()).toEqual([path('orphan'), 's3://lake/sales/orders/metadata/lost-m0.avro']);
    expect(removed.bytes).toBe(105);
    expect(await stored('data')).toEqual(['a', 'b']);
    expect(await live()).toEqual(['b']);
  });
});

describe('compaction', () => {
  const rewrite = async (
    _: unknown,
    group: { readonly partition: DataFile['partition']; readonly files: readonly { readonly rows: number }[] },
  ) => {
    const region = group.partition.region!;
    const rows = group.files.reduce((sum, file) => sum + file.rows, 0);
    return [{ ...(await put(`compact-${region}`, region)), rows }];
  };

  it('joins the small files of each partition and keeps the others', async () => {
    for (const region of ['north', 'south']) {
      const files = await Promise.all(Array.from({ length: 6 }, (_, i) => put(`${region}-${i}`, region)));
      await commit({ kind: 'append', files });
    }
    await commit({ kind: 'append', files: [await put('few', 'east'), await put('large', 'north', 1_000)] });
    const result = await lake.catalog.compactTable(root, TABLE, rewrite, { targetBytes: 1_000 });
    expect(result).toEqual({ groups: 2, filesBefore: 12, filesAfter: 2, bytes: 1200, deleteFiles: 0 });
    expect(await live()).toEqual(['compact-north', 'compact-south', 'few', 'large']);
    const [last] = (await lake.catalog.snapshots(root, TABLE)).slice(-1);
    expect(last).toMatchObject({ operation: 'replace', summary: { 'total-records': '140' } });
  });

  it('gives way to a writer that took one of its files, and leaves nothing behind', async () => {
    const files = await Promise.all(Array.from({ length: 6 }, (_, i) => put(`n${i}`)));
    await commit({ kind: 'append', files });
    const result = await lake.catalog.compactTable(root, TABLE, async (table, group) => {
      await commit({ kind: 'replace', operation: 'delete', remove: [path('n3')], files: [] });
      return rewrite(table, group);
    });
    expect(result.groups).toBe(0);
    expect(await live()).toEqual(['n0', 'n1', 'n2', 'n4', 'n5']);
    expect(await stored('data')).not.toContain('compact-north');
  });

  it('does not bring back rows that were deleted while it wrote', async () => {
    const files = await Promise.all(Array.from({ length: 6 }, (_, i) => put(`n${i}`)));
    await commit({ kind: 'append', files });
    const deletes = { path: path('p'), kind: 'position', rows: 1, bytes: 1, partition: { region: 'north' } } as const;
    const result = await lake.catalog.compactTable(root, TABLE, async (table, group) => {
      await commit({ kind: 'delta', files: [], deletes: [{ ...deletes, dataFile: path('n3') }] });
      return rewrite(table, group);
    });
    expect(result.groups).toBe(0);
    expect(await live()).toContain('n3');
  });

  it('rewrites a single file once rows of it are deleted', async () => {
    await append('a');
    const deletes = { path: path('p'), kind: 'position', rows: 1, bytes: 1, partition: { region: 'north' } } as const;
    await commit({ kind: 'delta', files: [], deletes: [{ ...deletes, dataFile: path('a') }] });
    expect(await lake.catalog.compactTable(root, TABLE, rewrite)).toMatchObject({ filesBefore: 1, filesAfter: 1 });
    const table = await lake.catalog.resolveTable(root, TABLE);
    const scan = await lake.catalog.planTableScan(table, {});
    expect(scan.files.flatMap((file) => file.deletes ?? [])).toEqual([]);
  });
});
