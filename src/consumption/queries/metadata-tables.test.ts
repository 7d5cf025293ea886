import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RequestContext } from '../../core/caller.ts';
import { openQueryLake, type QueryLake } from '../../testing/builders/query-lake.ts';

let lake: QueryLake;
let narrow: RequestContext;
let ids: string[];
beforeAll(async () => {
  lake = await openQueryLake();
  const columns = [
    { name: 'id', type: 'bigint' },
    { name: 'region', type: 'string' },
  ];
  await lake.createTable('bank.t', columns, "SELECT i AS id, 'n' AS region FROM range(5) t(i)");
  const name = { database: 'bank', table: 't' };
  await lake.catalog.commitTable(lake.root, name, { kind: 'append', files: [] });
  ids = (await lake.catalog.snapshots(lake.root, name)).map((snapshot) => snapshot.snapshotId);
  await lake.catalog.changeReferences(lake.root, name, { kind: 'tag', name: 'first', snapshotId: ids[0]! });
  narrow = await lake.user('narrow');
  await lake.governance.grants.grant(lake.root, {
    principal: narrow.principal.arn,
    resource: { kind: 'columns', ...name, include: ['id'] },
    permissions: ['SELECT'],
  });
});
afterAll(() => lake.close());

const rows = (sql: string, context = lake.root) => lake.rows(context, sql);
const athena = async (sql: string, context = lake.root) => {
  const request = { sql, dialect: 'athena', database: 'bank', result: { kind: 'rows', maxRows: 100 } } as const;
  return (await lake.consumption.runner.run(context, request, context.signal)).rows;
};

it('tells the snapshots, the history and the references of a table, with every digit of their ids', async () => {
  expect(await athena('SELECT snapshot_id, operation FROM "t$snapshots" ORDER BY committed_at')).toEqual([
    [ids[0], 'append'],
    [ids[1], 'append'],
  ]);
  expect(await athena('SELECT snapshot_id, is_current_ancestor FROM bank."t$history"')).toEqual(
    ids.map((id) => [id, 'true']),
  );
  expect(await athena('SELECT name, type, snapshot_id FROM "t$refs" ORDER BY name')).toEqual([
    ['first', 'TAG', ids[0]],
    ['main', 'BRANCH', ids[1]],
  ]);
  const [[at]] = (await athena('SELECT max(committed_at) < now() FROM "t$snapshots"')) as [[string]];
  expect(at).toBe('true');
});

it('tells files, manifests, partitions and entries as they are', async () => {
  expect(await rows('SELECT record_count, file_format FROM "t$files"')).toEqual([['5', 'PARQUET']]);
  expect(await rows(`SELECT lower_bounds->>'1', upper_bounds->>'1' FROM "t$files"`)).toEqual([['0', '4']]);
  expect(await rows('SELECT record_count, file_count FROM "t$partitions"')).toEqual([['5', '1']]);
  expect(await rows('SELECT added_data_files_count, added_rows_count FROM "t$manifests"')).toEqual([['1', '5']]);
  expect(await rows('SELECT status, snapshot_id FROM "t$entries"')).toEqual([['1', ids[0]]]);
  expect(await rows('SELECT count(*) FROM "t$properties" p, "t$metadata_log_entries" m')).toEqual([['3']]);
});

it('tells who sees only some columns the history, and refuses him what would tell values', async () => {
  expect(await rows('SELECT count(*) FROM "t$snapshots"', narrow)).toEqual([['2']]);
  for (const kind of ['files', 'manifests', 'partitions', 'entries']) {
    await expect(rows(`SELECT * FROM "t$${kind}"`, narrow)).rejects.toMatchObject({
      code: 'access_denied',
      message: expect.stringContaining(`t$${kind}`),
    });
  }
  const stranger = await lake.user('stranger');
  await expect(rows('SELECT * FROM "t$snapshots"', stranger)).rejects.toMatchObject({
    code: expect.stringContaining('not_found'),
  });
});

it('takes no other suffix, and no time travel', async () => {
  await expect(rows('SELECT * FROM "t$secrets"')).rejects.toMatchObject({ code: 'table_not_found' });
  await expect(athena(`SELECT * FROM "t$files" FOR VERSION AS OF ${ids[0]}`)).rejects.toMatchObject({
    code: 'unsupported',
  });
});
