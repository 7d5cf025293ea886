import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Catalog } from '../contract.ts';
import { contextOf } from '../../testing/builders/request-context.ts';
import { statedPolicy } from '../../testing/builders/stated-policy.ts';
import { testCatalog } from '../../testing/builders/test-catalog.ts';

const root = contextOf('root');
const NAME = { database: 'sales', table: 'orders' };
let lake: Awaited<ReturnType<typeof testCatalog>>;
let catalog: Catalog;
beforeAll(async () => {
  const tables = { 'sales.orders': { permissions: ['SELECT' as const, 'INSERT' as const] } };
  lake = await testCatalog(statedPolicy({ writer: { iam: true, tables }, reader: { iam: true, tables: {} } }));
  catalog = lake.catalog;
  await catalog.createDatabase(root, { name: 'sales', locationUri: 's3://lake/sales' });
  await catalog.createIcebergTable(root, { ...NAME, name: 'orders', columns: [{ name: 'id', type: 'bigint' }] });
});
afterAll(() => lake.close());

const append = (name: string, branch?: string) => {
  const path = `s3://lake/sales/orders/data/${name}.parquet`;
  const files = [{ path, format: 'PARQUET' as const, rows: 1, bytes: 1, partition: {} }];
  return catalog.commitTable(root, NAME, { kind: 'append', files }, branch === undefined ? {} : { branch });
};
const live = async (ref?: string) => {
  const { metadata } = await catalog.resolveTable(root, NAME);
  const { tasks } = await catalog.scanTasks(root, NAME, ref === undefined ? {} : { ref });
  expect(metadata).toBeDefined();
  return tasks.map(({ file }) => /(\w+)\.parquet$/.exec(file.path)![1]).sort();
};
const codeOf = (done: Promise<unknown>) =>
  done.then(
    () => 'done',
    (error: { code: string }) => error.code,
  );

it('writes to a branch, audits it, and publishes it by a fast-forward', async () => {
  await append('a');
  await catalog.changeReferences(root, NAME, { kind: 'branch', name: 'audit', minSnapshotsToKeep: 2 });
  await append('b', 'audit');
  expect([await live(), await live('audit')]).toEqual([['a'], ['a', 'b']]);
  await catalog.changeReferences(root, NAME, { kind: 'fast_forward', to: 'audit' });
  expect(await live()).toEqual(['a', 'b']);
  const { metadata } = await catalog.resolveTable(root, NAME);
  expect(metadata!.refs.audit).toMatchObject({ type: 'branch', 'min-snapshots-to-keep': 2 });
});

it('does not fast-forward to what does not descend from it, and publishes nothing of a failed audit', async () => {
  await append('bad', 'audit');
  await append('c');
  expect(await codeOf(catalog.changeReferences(root, NAME, { kind: 'fast_forward', to: 'audit' }))).toBe(
    'invalid_argument',
  );
  await catalog.changeReferences(root, NAME, { kind: 'drop', name: 'audit' });
  expect(await live()).toEqual(['a', 'b', 'c']);
  expect(await codeOf(append('d', 'audit'))).toBe('not_found');
});

it('publishes what was staged, by its own snapshot where it follows and by a new one where others came first, once', async () => {
  /** A snapshot that no reference leads to, as `write.wap.enabled` makes one. */
  const stage = async (name: string) => {
    await catalog.changeReferences(root, NAME, { kind: 'branch', name: 'wap' });
    const { snapshotId } = await catalog.commitTable(
      root,
      NAME,
      {
        kind: 'append',
        files: [
          { path: `s3://lake/sales/orders/data/${name}.parquet`, format: 'PARQUET', rows: 1, bytes: 1, partition: {} },
        ],
        summary: { 'wap.id': name },
      },
      { branch: 'wap' },
    );
    await catalog.changeReferences(root, NAME, { kind: 'drop', name: 'wap' });
    return snapshotId;
  };
  const before = await live();
  const first = await stage('w1');
  const second = await stage('w2');
  expect(await live()).toEqual(before);
  expect(await catalog.cherryPick(root, NAME, first)).toMatchObject({ snapshotId: first });
  const { snapshotId } = await catalog.cherryPick(root, NAME, second);
  expect(await live()).toEqual([...before, 'w1', 'w2'].sort());
  const { metadata } = await catalog.resolveTable(root, NAME);
  expect(metadata!.snapshots.find((snapshot) => snapshot['snapshot-id'] === snapshotId)).toMatchObject({
    'parent-snapshot-id': first,
    summary: { operation: 'append', 'source-snapshot-id': second, 'published-wap-id': 'w2', 'added-records': '1' },
  });
  for (const id of [first, second]) expect(await codeOf(catalog.cherryPick(root, NAME, id))).toBe('conflict');
  expect(await codeOf(catalog.cherryPick(root, NAME, '7'))).toBe('not_found');
  await catalog.rollbackTable(
    root,
    NAME,
    metadata!.snapshots.find((s) => s['snapshot-id'] === first)!['parent-snapshot-id']!,
  );
});

it('keeps a tag where it was made, and takes no commit to it', async () => {
  await catalog.changeReferences(root, NAME, { kind: 'tag', name: 'v1' });
  await append('e');
  expect(await live('v1')).toEqual(['a', 'b', 'c']);
  expect(await codeOf(append('f', 'v1'))).toBe('invalid_argument');
  expect(await codeOf(catalog.changeReferences(root, NAME, { kind: 'tag', name: 'v1' }))).toBe('already_exists');
  await catalog.changeReferences(root, NAME, { kind: 'tag', name: 'v1', replace: true });
  expect(await live('v1')).toEqual(['a', 'b', 'c', 'e']);
  expect(await codeOf(catalog.changeReferences(root, NAME, { kind: 'drop', name: 'main' }))).toBe('invalid_argument');
  expect(await codeOf(catalog.changeReferences(root, NAME, { kind: 'tag', name: 'v2', snapshotId: '1' }))).toBe(
    'not_found',
  );
});

it('needs INSERT to name what is there, and DELETE to take a name away', async () => {
  const writer = contextOf('writer');
  await catalog.changeReferences(writer, NAME, { kind: 'branch', name: 'mine' });
  expect(await codeOf(catalog.changeReferences(writer, NAME, { kind: 'drop', name: 'mine' }))).toBe('access_denied');
  expect(await codeOf(catalog.changeReferences(contextOf('reader'), NAME, { kind: 'tag', name: 'x' }))).not.toBe(
    'done',
  );
});
