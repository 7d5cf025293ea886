/** The upkeep of tables over real files, a real engine and real governance. */
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../../core/ids.ts';
import { parseS3Uri } from '../../storage/contract.ts';
import { openTestProcessing } from '../../testing/builders/test-processing.ts';

let lake: Awaited<ReturnType<typeof openTestProcessing>>;
let table: { database: string; table: string };
let count = 0;
beforeAll(async () => {
  lake = await openTestProcessing();
  await lake.catalog.createDatabase(lake.root, { name: 'd', locationUri: 's3://lake/d/' });
});
afterAll(() => lake.close());
beforeEach(() => {
  table = { database: 'd', table: `t${++count}` };
});

const create = (partition: readonly { column: string; transform: string }[] = [], properties = {}) =>
  lake.catalog.createIcebergTable(lake.root, {
    database: 'd',
    name: table.table,
    columns: [
      { name: 'id', type: 'bigint' },
      { name: 'region', type: 'string' },
      { name: 'moment', type: 'timestamp' },
    ],
    partition,
    properties,
  });

/** Writes rows as one more data file for each partition, and commits them. */
async function append(from: number, rows: number, region = `'r' || (range % 2)`) {
  const { metadata } = await lake.catalog.resolveTable(lake.root, table);
  const layout = lake.tables.writeLayout(metadata!);
  const select = `SELECT range AS id, ${region} AS region, TIMESTAMP '2026-01-01' + INTERVAL (range) HOUR AS moment FROM range(${from}, ${from + rows})`;
  const { files } = await lake.engine.execute(
    {
      sql: layout.select(select),
      preamble: layout.preamble,
      inputs: [],
      result: {
        kind: 'parquet',
        directory: join(lake.folder, 'made', newId()),
        fieldIds: layout.fieldIds,
        ...(layout.partitionBy.length === 0 ? {} : { partitionBy: layout.partitionBy, partitionColumnsInFiles: false }),
      },
    },
    lake.root.signal,
  );
  const { bucket, key } = parseS3Uri(metadata!.location);
  const added = [];
  for (const file of files) {
    const name = `${key}/data/${newId()}.parquet`;
    await lake.objects.put(bucket, name, { adoptFile: file.path });
    added.push(lake.tables.dataFile(metadata!, file, `s3://${bucket}/${name}`));
  }
  await lake.catalog.commitTable(lake.root, table, { kind: 'append', files: added });
  return added;
}

/** Deletes one position of each of some files, by one delete file that speaks of all of them. */
async function deletePositions(files: readonly string[], partition: Readonly<Record<string, string | null>> = {}) {
  const { metadata } = await lake.catalog.resolveTable(lake.root, table);
  const rows = files.map((file) => `('${file}', 0::BIGINT)`).join(', ');
  const { files: made } = await lake.engine.execute(
    {
      sql: `SELECT * FROM (VALUES ${rows}) AS v(file_path, pos) ORDER BY file_path`,
      inputs: [],
      result: {
        kind: 'parquet',
        directory: join(lake.folder, 'made', newId()),
        fieldIds: { file_path: 2147483546, pos: 2147483545 },
      },
    },
    lake.root.signal,
  );
  const { bucket, key } = parseS3Uri(metadata!.location);
  const name = `${key}/data/${newId()}-deletes.parquet`;
  await lake.objects.put(bucket, name, { adoptFile: made[0]!.path });
  const path = `s3://${bucket}/${name}`;
  const deletes = [{ path, kind: 'position' as const, rows: files.length, bytes: made[0]!.bytes, partition }];
  await lake.catalog.commitTable(lake.root, table, { kind: 'delta', files: [], deletes });
  return path;
}

const rows = async () =>
  (await lake.rows(`SELECT count(*), sum(id), sum(hash(id, region, moment)) FROM d.${table.table}`))[0]!;
const scan = async () => {
  const { metadata } = await lake.catalog.resolveTable(lake.root, table);
  return (await lake.tables.planScan(metadata!, {})).files;
};
const now = async (configuration: object = {}) => {
  const run = await lake.maintenance.runNow(lake.root, table, 'compaction', configuration);
  return lake.maintenance.wait(run.id, lake.root.signal);
};
const compaction = { compaction: { minFiles: 2 } };
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: { code: string }) => error.code,
  );

describe('compaction', () => {
  it('joins the small files of each partition, in every transform, and keeps every row', async () => {
    await create([
      { column: 'region', transform: 'identity' },
      { column: 'moment', transform: 'month' },
      { column: 'id', transform: 'bucket[2]' },
    ]);
    for (let i = 0; i < 4; i++) await append(i * 50, 50);
    const before = await rows();
    const files = await scan();
    const run = await now(compaction);
    expect(run).toMatchObject({ state: 'COMPLETED', strategy: 'binpack', metrics: { filesCompacted: files.length } });
    const after = await scan();
    expect(await rows()).toEqual(before);
    expect(after).toHaveLength(4);
    expect(new Set(after.map((file) => JSON.stringify(file.partition))).size).toBe(4);
    expect(after.reduce((sum, file) => sum + file.rows, 0)).toBe(200);
  });

  it('writes the rows of files of an older partition spec under the current one', async () => {
    await create();
    for (let i = 0; i < 3; i++) await append(i * 10, 10);
    const before = await rows();
    await lake.catalog.commitUpdates(lake.root, table, {
      requirements: [],
      updates: [
        {
          action: 'add-spec',
          spec: { 'spec-id': 1, fields: [{ 'source-id': 2, 'field-id': 1000, name: 'region', transform: 'identity' }] },
        },
        { action: 'set-default-spec', 'spec-id': -1 },
      ],
    });
    await now(compaction);
    expect(await rows()).toEqual(before);
    expect((await scan()).map((file) => file.partition.region).sort()).toEqual(['r0', 'r1']);
    expect(await lake.rows(`SELECT count(*) FROM d.${table.table} WHERE region = 'r1'`)).toEqual([['15']]);
  });

  it('reads each file by the fields it really has, where a nested column has changed meanwhile', async () => {
    await lake.catalog.createIcebergTable(lake.root, {
      database: 'd',
      name: table.table,
      columns: [
        { name: 'id', type: 'bigint' },
        { name: 's', type: 'struct<x:int,y:int>' },
      ],
    });
    const { metadata } = await lake.catalog.resolveTable(lake.root, table);
    const [schema] = metadata!.schemas;
    const write = async (select: string) => {
      const { metadata: now } = await lake.catalog.resolveTable(lake.root, table);
      const layout = lake.tables.writeLayout(now!);
      const { files } = await lake.engine.execute(
        {
          sql: layout.select(select),
          inputs: [],
          result: { kind: 'parquet', directory: join(lake.folder, 'made', newId()), fieldIds: layout.fieldIds },
        },
        lake.root.signal,
      );
      const { bucket, key } = parseS3Uri(now!.location);
      const name = `${key}/data/${newId()}.parquet`;
      await lake.objects.put(bucket, name, { adoptFile: files[0]!.path });
      const file = lake.tables.dataFile(now!, files[0]!, `s3://${bucket}/${name}`);
      await lake.catalog.commitTable(lake.root, table, { kind: 'append', files: [file] });
    };
    await write("SELECT 1::BIGINT AS id, {'x': 1, 'y': 2} AS s");
    // `x` becomes `a` under its id, `y` goes, and another `y` comes.
    const nested = {
      type: 'struct',
      fields: [
        { ...(schema!.fields[1]!.type as unknown as { fields: object[] }).fields[0]!, name: 'a' },
        { id: 9, name: 'y', required: false, type: 'int' },
      ],
    };
    await lake.catalog.commitUpdates(lake.root, table, {
      requirements: [],
      updates: [
        {
          action: 'add-schema',
          schema: { ...schema, fields: [schema!.fields[0], { ...schema!.fields[1], type: nested }] },
        },
        { action: 'set-current-schema', 'schema-id': -1 },
      ],
    });
    await write("SELECT 2::BIGINT AS id, {'a': 5, 'y': 6} AS s");
    const seen = () => lake.rows(`SELECT id, s.a, s.y FROM d.${table.table} ORDER BY id`);
    const before = await seen();
    expect(before).toEqual([
      ['1', '1', null],
      ['2', '5', '6'],
    ]);
    expect(await now(compaction)).toMatchObject({
      state: 'COMPLETED',
      metrics: { filesCompacted: 2, filesWritten: 1 },
    });
    expect(await seen()).toEqual(before);
  });

  it('applies deletes, takes delete files away once nothing needs them, and then has nothing to do', async () => {
    await create([{ column: 'region', transform: 'identity' }]);
    const north = await append(0, 5, `'north'`);
    const more = await append(5, 5, `'north'`);
    await append(10, 5, `'south'`);
    const path = await deletePositions(
      [...north, ...more].map((file) => file.path),
      { region: 'north' },
    );
    const before = await rows();
    expect((await scan()).filter((file) => file.deletes.length > 0)).toHaveLength(2);
    const run = await now(compaction);
    expect(run.metrics).toMatchObject({ filesCompacted: 2, filesWritten: 1, deleteFilesRemoved: 1 });
    expect(await rows()).toEqual(before);
    expect((await scan()).flatMap((file) => file.deletes)).toEqual([]);
    const { metadata } = await lake.catalog.resolveTable(lake.root, table);
    const last = metadata!.snapshots.at(-1)!;
    expect(last.summary).toMatchObject({ operation: 'replace', 'total-delete-files': '0', 'total-records': '13' });
    expect((await lake.tables.reachableFiles({ ...metadata!, snapshots: [last] })).data).not.toContain(path);
    expect((await now(compaction)).metrics).toMatchObject({ filesCompacted: 0 });
  });

  it('keeps a delete file that other files still need', async () => {
    await create();
    const small = await append(0, 5);
    const large = await append(5, 5);
    await deletePositions([...small, ...large].map((file) => file.path));
    const before = await rows();
    // Only the first file is put into a group: the threshold of deletes is above what is there, and its bytes are few.
    const groups = await lake.catalog.compactTable(
      lake.root,
      table,
      async (found, group) => lake.rewriter(lake.root, found, group, { name: newId(), sorted: false }),
      { minFiles: 1, deleteFileThreshold: 5, targetBytes: Math.ceil(small[0]!.bytes / 0.75) + 1, maxBytes: 1 },
    );
    expect(groups).toMatchObject({ groups: 1, deleteFiles: 0 });
    expect(await rows()).toEqual(before);
  });

  it('sorts by the table’s sort order, and refuses to without one', async () => {
    await create();
    for (let i = 0; i < 3; i++) await append(i * 10, 10);
    const failed = await now({ compaction: { minFiles: 2, strategy: 'sort' } });
    expect(failed).toMatchObject({ state: 'FAILED', error: expect.stringContaining('no sort order') });
    await lake.catalog.commitUpdates(lake.root, table, {
      requirements: [],
      updates: [
        {
          action: 'add-sort-order',
          'sort-order': {
            'order-id': 1,
            fields: [{ 'source-id': 1, transform: 'identity', direction: 'desc', 'null-order': 'nulls-last' }],
          },
        },
        { action: 'set-default-sort-order', 'sort-order-id': -1 },
      ],
    });
    expect(await now({ compaction: { minFiles: 2, strategy: 'sort' } })).toMatchObject({
      state: 'COMPLETED',
      strategy: 'sort',
    });
    const [file] = await scan();
    const [path] = await lake.objects.openFiles([parseS3Uri(file!.path)], join(lake.folder, 'made'));
    const { rows: ids } = await lake.engine.execute(
      { sql: `SELECT id FROM read_parquet('${path}')`, inputs: [path!], result: { kind: 'rows', maxRows: 100 } },
      lake.root.signal,
    );
    expect(ids.map(([id]) => Number(id))).toEqual(Array.from({ length: 30 }, (_, i) => 29 - i));
  });

  it('is refused to who sees the table filtered, and loses no row', async () => {
    await create();
    for (let i = 0; i < 3; i++) await append(i * 10, 10);
    const before = await rows();
    const ana = await lake.user('ana', { Effect: 'Allow', Action: '*', Resource: '*' });
    const { grants } = lake.governance;
    await grants.createFilter(lake.root, { ...table, filter: 'some', expression: 'id > 5', exclude: [] });
    const grant = (resource: object, permissions: readonly string[]) =>
      grants.grant(lake.root, { principal: ana.principal.arn, resource, permissions } as Parameters<
        typeof grants.grant
      >[1]);
    await grant({ kind: 'table', ...table }, ['DESCRIBE', 'ALTER', 'INSERT', 'DELETE']);
    await grant({ kind: 'filter', ...table, filter: 'some' }, ['SELECT']);
    const run = await lake.maintenance.runNow(ana, table, 'compaction', compaction);
    expect(await lake.maintenance.wait(run.id, lake.root.signal)).toMatchObject({
      state: 'FAILED',
      error: expect.stringContaining('filtered'),
    });
    expect(await scan()).toHaveLength(3);
    expect(await rows()).toEqual(before);
  });

  it('gives way to a writer, and takes what is left with the next run', async () => {
    await create();
    for (let i = 0; i < 4; i++) await append(i * 10, 10);
    let interfered = false;
    const result = await lake.catalog.compactTable(
      lake.root,
      table,
      async (found, group) => {
        const files = await lake.rewriter(lake.root, found, group, { name: newId(), sorted: false });
        if (!interfered) {
          interfered = true;
          const [first] = group.files;
          await lake.catalog.commitTable(lake.root, table, {
            kind: 'replace',
            operation: 'delete',
            remove: [first!.path],
            files: [],
          });
        }
        return files;
      },
      { minFiles: 2 },
    );
    expect(result.groups).toBe(0);
    expect((await rows())[0]).toBe('30');
    expect(await now(compaction)).toMatchObject({ metrics: { filesCompacted: 3, filesWritten: 1 } });
    expect((await rows())[0]).toBe('30');
  });
});

describe('optimizers', () => {
  it('run by themselves when a table has changed, one run at a time, and keep a record of each', async () => {
    await create();
    for (let i = 0; i < 3; i++) await append(i * 10, 10);
    await lake.maintenance.create(lake.root, table, 'compaction', { enabled: true, ...compaction });
    expect(await codeOf(lake.maintenance.create(lake.root, table, 'compaction', { enabled: true }))).toBe(
      'already_exists',
    );
    await lake.runDueMaintenance();
    const found = await lake.maintenance.get(lake.root, table, 'compaction');
    expect(found).toMatchObject({
      configuration: compaction,
      lastRun: { state: 'COMPLETED', metrics: { filesCompacted: 3 } },
    });
    expect(await scan()).toHaveLength(1);
    await lake.runDueMaintenance(); // nothing has changed: no further run
    expect(await lake.maintenance.runs(lake.root, table, 'compaction', { limit: 10 })).toHaveLength(1);
    await lake.maintenance.update(lake.root, table, 'compaction', { enabled: false });
    await append(30, 10);
    await lake.runDueMaintenance();
    expect(await scan()).toHaveLength(2);
    await lake.maintenance.delete(lake.root, table, 'compaction');
    expect(await codeOf(lake.maintenance.get(lake.root, table, 'compaction'))).toBe('not_found');
  });

  it('expire snapshots and remove orphans, and say what they took', async () => {
    await create();
    await append(0, 10);
    await append(10, 10);
    await lake.catalog.commitTable(lake.root, table, { kind: 'overwrite', files: [] });
    await append(20, 10);
    await lake.maintenance.create(lake.root, table, 'retention', { enabled: true, retention: { snapshotsKept: 1 } });
    await lake.runDueMaintenance();
    const { lastRun } = await lake.maintenance.get(lake.root, table, 'retention');
    // Snapshots of the last five days stay, whatever their number.
    expect(lastRun).toMatchObject({ state: 'COMPLETED', metrics: { snapshotsExpired: 0 } });
    const { metadata } = await lake.catalog.resolveTable(lake.root, table);
    const { bucket, key } = parseS3Uri(metadata!.location);
    await lake.objects.put(bucket, `${key}/data/planted.parquet`, Buffer.alloc(7));
    expect(await lake.maintenance.orphans(lake.root, table)).toEqual({ files: [], bytes: 0 }); // too young
    const run = await lake.maintenance.runNow(lake.root, table, 'orphan_file_deletion', {
      orphans: { olderThanDays: 1 },
    });
    expect(await lake.maintenance.wait(run.id, lake.root.signal)).toMatchObject({
      state: 'COMPLETED',
      metrics: { orphansDeleted: 0 },
    });
    const elsewhere = await lake.maintenance.runNow(lake.root, table, 'orphan_file_deletion', {
      orphans: { location: 's3://lake/other' },
    });
    expect(await lake.maintenance.wait(elsewhere.id, lake.root.signal)).toMatchObject({
      state: 'FAILED',
      error: expect.stringContaining('does not lie under'),
    });
  });

  it('are refused for what they cannot do', async () => {
    await lake.catalog.createTable(lake.root, 'd', { name: table.table, columns: [{ name: 'a', type: 'int' }] });
    const make = (type: 'compaction' | 'retention', configuration: object) =>
      codeOf(lake.maintenance.create(lake.root, table, type, { enabled: true, ...configuration }));
    expect(await make('compaction', {})).toBe('unsupported');
    expect(await make('compaction', { compaction: { minFiles: 1 } })).toBe('invalid_argument');
    expect(await make('compaction', { retention: {} })).toBe('invalid_argument');
    expect(await make('compaction', { compaction: { strategy: 'z-order' } })).toBe('unsupported');
    expect(await make('retention', { everyHours: 1 })).toBe('invalid_argument');
  });

  it('joins manifests on demand and keeps every row', async () => {
    await create();
    for (let i = 0; i < 5; i++) await append(i * 10, 10);
    const before = await rows();
    expect(await lake.catalog.rewriteManifests(lake.root, table)).toEqual({ before: 5, after: 1 });
    expect(await rows()).toEqual(before);
    expect(await lake.catalog.rewriteManifests(lake.root, table)).toEqual({ before: 1, after: 1 });
  });
});
