import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LochError } from '../../core/errors.ts';
import { createTableFormat } from '../../storage/tables/index.ts';
import { contextOf } from '../../testing/builders/request-context.ts';
import { statedPolicy } from '../../testing/builders/stated-policy.ts';
import type { DataFile, TableChange } from '../../storage/contract.ts';
import { testCatalog } from '../../testing/builders/test-catalog.ts';

const root = contextOf('root');
const writer = contextOf('writer');
const reader = contextOf('reader');
const SALES = { database: 'sales', table: 'orders' };

const policy = statedPolicy({
  writer: { iam: true, tables: { 'sales.orders': { permissions: ['INSERT', 'SELECT'] } } },
  reader: { iam: true, tables: { 'sales.orders': { permissions: ['SELECT'] } } },
});

let lake: Awaited<ReturnType<typeof testCatalog>>;
beforeEach(async () => {
  lake = await testCatalog(policy);
  await lake.catalog.createDatabase(root, { name: 'sales', locationUri: 's3://lake/sales/' });
});
afterEach(() => lake.close());

const create = () =>
  lake.catalog.createIcebergTable(root, {
    database: 'sales',
    name: 'orders',
    columns: [
      { name: 'id', type: 'bigint', comment: 'order number' },
      { name: 'region', type: 'string' },
    ],
    properties: { 'commit.retry.min-wait-ms': '1' },
  });

const file = (name: string, rows = 1): DataFile => ({
  path: `s3://lake/sales/orders/data/${name}.parquet`,
  format: 'PARQUET',
  rows,
  bytes: 100,
  partition: {},
});
const append = (...names: string[]): TableChange => ({ kind: 'append', files: names.map((name) => file(name)) });

async function live(): Promise<string[]> {
  const table = await lake.catalog.resolveTable(root, SALES);
  const scan = await lake.catalog.planTableScan(table, {});
  return scan.files.map((f) => f.key.replace(/^.*\/(.*)\.parquet$/, '$1')).sort();
}
const metadataFiles = async () => (await lake.files.keys('lake')).filter((key) => key.includes('/metadata/'));
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: { code: string }) => error.code,
  );

describe('Iceberg tables of the catalog', () => {
  it('creates a table under its database and reads it back after a restart', async () => {
    const { record, metadata } = await create();
    expect(record).toMatchObject({
      database: 'sales',
      name: 'orders',
      format: 'iceberg',
      columns: [
        { name: 'id', type: 'bigint', comment: 'order number' },
        { name: 'region', type: 'string' },
      ],
      storage: { location: 's3://lake/sales/orders' },
    });
    expect(record.parameters.table_type).toBe('ICEBERG');
    await lake.reopen();
    const again = await lake.catalog.resolveTable(root, SALES);
    expect(again.metadata).toEqual(metadata);
    expect(await live()).toEqual([]);
  });

  it('puts a new table of a dropped name into a folder of its own', async () => {
    await create();
    await lake.catalog.deleteTable(root, SALES);
    const { record } = await create();
    expect(record.storage.location).toMatch(/^s3:\/\/lake\/sales\/orders-[0-9a-f]{8}$/);
  });

  it('refuses a location inside another table, and one that is nowhere', async () => {
    await create();
    const inside = { database: 'sales', name: 'other', columns: [{ name: 'id', type: 'int' }] };
    expect(
      await codeOf(lake.catalog.createIcebergTable(root, { ...inside, location: 's3://lake/sales/orders/x' })),
    ).toBe('invalid_argument');
    await lake.catalog.createDatabase(root, { name: 'homeless' });
    expect(await codeOf(lake.catalog.createIcebergTable(root, { ...inside, database: 'homeless' }))).toBe(
      'invalid_argument',
    );
  });

  it('leaves no file when the record cannot be made', async () => {
    await create();
    const before = await metadataFiles();
    expect(await codeOf(create())).toBe('already_exists');
    expect(await metadataFiles()).toEqual(before);
  });

  it('makes each commit one snapshot that every later reader sees', async () => {
    await create();
    const first = await lake.catalog.commitTable(writer, SALES, append('a', 'b'));
    const second = await lake.catalog.commitTable(root, SALES, {
      kind: 'replace',
      operation: 'overwrite',
      remove: [file('a').path],
      files: [file('c')],
    });
    expect(await live()).toEqual(['b', 'c']);
    expect(second.version).toBeGreaterThan(first.version);
    expect(await lake.catalog.snapshots(reader, SALES)).toMatchObject([
      { snapshotId: first.snapshotId, operation: 'append', current: false },
      { snapshotId: second.snapshotId, operation: 'overwrite', current: true },
    ]);
    const table = await lake.catalog.resolveTable(root, SALES);
    const past = await lake.catalog.planTableScan(table, { snapshotId: first.snapshotId });
    expect(past.files).toHaveLength(2);
  });

  it('rolls back to an earlier snapshot and forward again', async () => {
    await create();
    const first = await lake.catalog.commitTable(root, SALES, append('a'));
    const second = await lake.catalog.commitTable(root, SALES, append('b'));
    await lake.catalog.rollbackTable(root, SALES, first.snapshotId);
    expect(await live()).toEqual(['a']);
    await lake.catalog.rollbackTable(root, SALES, second.snapshotId);
    expect(await live()).toEqual(['a', 'b']);
    expect(await codeOf(lake.catalog.rollbackTable(root, SALES, '1'))).toBe('not_found');
    expect(await codeOf(lake.catalog.rollbackTable(writer, SALES, first.snapshotId))).toBe('access_denied');
  });

  it('needs INSERT to add and DELETE to take away', async () => {
    await create();
    await lake.catalog.commitTable(writer, SALES, append('a'));
    expect(await codeOf(lake.catalog.commitTable(reader, SALES, append('b')))).toBe('access_denied');
    const overwrite: TableChange = { kind: 'overwrite', files: [] };
    expect(await codeOf(lake.catalog.commitTable(writer, SALES, overwrite))).toBe('access_denied');
    expect(await codeOf(lake.catalog.commitTable(writer, SALES, async () => overwrite))).toBe('access_denied');
    expect(await live()).toEqual(['a']);
  });

  it('recognizes the repeat of a run, even after a restart, and changes nothing', async () => {
    await create();
    const first = await lake.catalog.commitTable(root, SALES, append('a'), { runId: 'run-1' });
    await lake.reopen();
    const before = await metadataFiles();
    const again = await lake.catalog.commitTable(root, SALES, append('a2'), { runId: 'run-1' });
    expect(again).toEqual({ ...first, repeated: true });
    expect(first.repeated).toBe(false);
    expect(await live()).toEqual(['a']);
    expect(await metadataFiles()).toEqual(before);
    const [snapshot] = await lake.catalog.snapshots(root, SALES);
    expect(snapshot?.summary['loch.run-id']).toBe('run-1');
  });

  it('commits one of several simultaneous repeats of a run', async () => {
    await create();
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, () => lake.catalog.commitTable(root, SALES, append('a'), { runId: 'same' })),
    );
    expect(outcomes.filter((outcome) => !outcome.repeated)).toHaveLength(1);
    expect(new Set(outcomes.map((outcome) => outcome.snapshotId)).size).toBe(1);
    expect(await live()).toEqual(['a']);
  });

  it('refuses to replace a file that another commit has taken, and removes what it staged', async () => {
    await create();
    await lake.catalog.commitTable(root, SALES, append('a', 'b'));
    const replace = (by: string): TableChange => ({
      kind: 'replace',
      operation: 'overwrite',
      remove: [file('a').path],
      files: [file(by)],
    });
    const results = await Promise.allSettled([
      lake.catalog.commitTable(root, SALES, replace('x')),
      lake.catalog.commitTable(root, SALES, replace('y')),
    ]);
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []))).toEqual([
      'commit_conflict',
    ]);
    expect(await live()).toHaveLength(2);
    await expectNoOrphans();
  });

  it('loses no append of 16 writers that commit 20 times each, and leaves no orphan', async () => {
    await create();
    const names = Array.from({ length: 16 }, (_, w) => Array.from({ length: 20 }, (__, i) => `w${w}-${i}`));
    await Promise.all(
      names.map(async (own) => {
        for (const name of own) await lake.catalog.commitTable(root, SALES, append(name));
      }),
    );
    expect(await live()).toEqual(names.flat().sort());
    const { metadata } = await lake.catalog.resolveTable(root, SALES);
    expect(metadata?.snapshots).toHaveLength(320);
    // Those that waited for one another share a metadata file.
    expect(metadata?.['metadata-log'].length).toBeLessThan(100);
    expect(metadata?.['last-sequence-number']).toBe(320);
    await expectNoOrphans();
  });

  it('stages again with the same files when another program has moved the pointer', async () => {
    await create();
    await lake.catalog.commitTable(root, SALES, append('a'));
    // A writer outside this process: its own format, its commit published as Iceberg's GlueCatalog does.
    const foreign = createTableFormat({ objects: lake.files.objects, clock: lake.clock });
    let interfere = 3;
    const outcome = await lake.catalog.commitTable(root, SALES, async (current) => {
      if (interfere-- > 0) await foreignAppend(foreign, `foreign-${interfere}`);
      expect(current.snapshots.length).toBeGreaterThan(0);
      return append('mine');
    });
    expect(outcome.repeated).toBe(false);
    expect(await live()).toEqual(['a', 'foreign-0', 'foreign-1', 'foreign-2', 'mine']);
    await expectNoOrphans();
  });

  it('uses the manifests of a lost attempt again', async () => {
    await create();
    const foreign = createTableFormat({ objects: lake.files.objects, clock: lake.clock });
    const { record } = await lake.catalog.resolveTable(root, SALES);
    const before = lake.store.write.bind(lake.store);
    let moved = false;
    // The pointer moves between staging and swap.
    Object.assign(lake.store, {
      write: async (procedure: { name: string }, args: unknown) => {
        if (procedure.name === 'swapMetadataLocation' && !moved) {
          moved = true;
          await foreignAppend(foreign, 'foreign');
        }
        return before(procedure as never, args as never);
      },
    });
    await lake.catalog.commitTable(root, SALES, append('mine'));
    Object.assign(lake.store, { write: before });
    expect(moved).toBe(true);
    expect(await live()).toEqual(['foreign', 'mine']);
    const { metadata } = await lake.catalog.resolveTable(root, SALES);
    expect(metadata?.snapshots.map((s) => s['sequence-number'])).toEqual([1, 2]);
    expect(record.version).toBe(0);
    await expectNoOrphans();
  });

  it('gives up after the last retry with a conflict and nothing left behind', async () => {
    await create();
    const foreign = createTableFormat({ objects: lake.files.objects, clock: lake.clock });
    let round = 0;
    const code = await codeOf(
      lake.catalog.commitTable(root, SALES, async () => {
        await foreignAppend(foreign, `foreign-${round++}`);
        return append('mine');
      }),
    );
    expect(code).toBe('commit_conflict');
    expect(round).toBe(5);
    expect(await live()).not.toContain('mine');
    await expectNoOrphans();
  });

  it('finds out that a commit took effect when only the reply was lost', async () => {
    await create();
    const write = lake.store.write.bind(lake.store);
    Object.assign(lake.store, {
      write: async (procedure: { name: string }, args: unknown) => {
        const result = await write(procedure as never, args as never);
        if (procedure.name === 'swapMetadataLocation') throw new LochError('unavailable', 'The reply was lost.');
        return result;
      },
    });
    const outcome = await lake.catalog.commitTable(root, SALES, append('a'));
    Object.assign(lake.store, { write });
    expect(outcome.repeated).toBe(false);
    expect(await live()).toEqual(['a']);
    await expectNoOrphans();
  });

  it('says that the state is unknown, and removes nothing, when the store is silent afterwards', async () => {
    await create();
    const { write, read } = lake.store;
    const originals = { write, read };
    let silent = false;
    Object.assign(lake.store, {
      write: async (procedure: { name: string }, args: unknown) => {
        const result = await write.call(lake.store, procedure as never, args as never);
        if (procedure.name !== 'swapMetadataLocation') return result;
        silent = true;
        throw new LochError('unavailable', 'The reply was lost.');
      },
      read: async (procedure: never, args: never) => {
        if (silent) throw new LochError('unavailable', 'Silence.');
        return read.call(lake.store, procedure, args);
      },
    });
    expect(await codeOf(lake.catalog.commitTable(root, SALES, append('a')))).toBe('commit_state_unknown');
    Object.assign(lake.store, originals);
    expect(await live()).toEqual(['a']);
    await expectNoOrphans();
  });

  it.each(['before any write', 'after one write', 'after all writes'])(
    'leaves the table as it was when a commit fails %s',
    async (moment) => {
      await create();
      await lake.catalog.commitTable(root, SALES, append('a'));
      const before = await metadataFiles();
      const put = lake.files.objects.put;
      let writes = 0;
      const limit = { 'before any write': 0, 'after one write': 1, 'after all writes': 3 }[moment]!;
      lake.files.objects.put = async (bucket, key, body, options) => {
        if (++writes > limit) throw new LochError('disk_full', 'No room.');
        return put(bucket, key, body, options);
      };
      const write = lake.store.write.bind(lake.store);
      Object.assign(lake.store, {
        write: async () => {
          throw new LochError('disk_full', 'No room.');
        },
      });
      expect(await codeOf(lake.catalog.commitTable(root, SALES, append('b')))).toBe('disk_full');
      lake.files.objects.put = put;
      Object.assign(lake.store, { write });
      expect(await metadataFiles()).toEqual(before);
      expect(await live()).toEqual(['a']);
      await lake.catalog.commitTable(root, SALES, append('b'));
      expect(await live()).toEqual(['a', 'b']);
    },
  );

  it('adds, drops, reorders and widens columns by id, and shows old snapshots under their own schema', async () => {
    await create();
    const first = await lake.catalog.commitTable(root, SALES, append('a'));
    const evolved = await lake.catalog.evolveSchema(root, SALES, [
      { name: 'region', type: 'string', comment: 'where' },
      { name: 'amount', type: 'decimal(12,2)' },
    ]);
    expect(evolved.record.columns).toEqual([
      { name: 'region', type: 'string', comment: 'where' },
      { name: 'amount', type: 'decimal(12,2)' },
    ]);
    const again = await lake.catalog.evolveSchema(root, SALES, [
      { name: 'id', type: 'bigint' },
      { name: 'region', type: 'string' },
      { name: 'amount', type: 'decimal(14,2)' },
    ]);
    const schema = again.metadata!.schemas.at(-1)!;
    expect(schema.fields.map((field) => [field.name, field.id])).toEqual([
      ['id', 4],
      ['region', 2],
      ['amount', 3],
    ]);
    const past = await createTableFormat({ objects: lake.files.objects, clock: lake.clock }).planScan(again.metadata!, {
      snapshotId: first.snapshotId,
    });
    expect(past.schema.fields.map((field) => field.name)).toEqual(['id', 'region']);
    expect(await codeOf(lake.catalog.evolveSchema(root, SALES, [{ name: 'id', type: 'string' }]))).toBe(
      'type_mismatch',
    );
    expect(await codeOf(lake.catalog.evolveSchema(writer, SALES, [{ name: 'id', type: 'bigint' }]))).toBe(
      'access_denied',
    );
    const versions = again.record.version;
    const same = await lake.catalog.evolveSchema(root, SALES, again.record.columns);
    expect(same.record.version).toBe(versions);
  });

  it('refuses to commit to a table that is not Iceberg', async () => {
    await lake.catalog.createTable(root, 'sales', {
      name: 'plain',
      columns: [{ name: 'id', type: 'int' }],
      storage: { location: 's3://lake/plain/', serdeParameters: {} },
    });
    expect(await codeOf(lake.catalog.commitTable(root, { database: 'sales', table: 'plain' }, append('a')))).toBe(
      'unsupported',
    );
    expect(await codeOf(lake.catalog.commitTable(root, { database: 'sales', table: 'ordrs' }, append('a')))).toBe(
      'table_not_found',
    );
  });
});

async function foreignAppend(format: ReturnType<typeof createTableFormat>, name: string): Promise<void> {
  const { record } = await lake.catalog.resolveTable(root, SALES);
  const base = await format.readMetadata(record.metadataLocation!);
  const staged = await format.stage(base, append(name), { version: 1, baseLocation: record.metadataLocation! });
  await lake.catalog.updateTable(root, 'sales', {
    name: 'orders',
    columns: record.columns,
    storage: record.storage,
    parameters: {
      ...record.parameters,
      metadata_location: staged.metadataLocation!,
      previous_metadata_location: record.metadataLocation!,
    },
  });
}

/** Every file under `metadata/` is reachable from the current metadata file. */
async function expectNoOrphans(): Promise<void> {
  const { record, metadata } = await lake.catalog.resolveTable(root, SALES);
  const format = createTableFormat({ objects: lake.files.objects, clock: lake.clock });
  const reachable = await format.reachableFiles(metadata!, record.metadataLocation!);
  const known = new Set(reachable.metadata.map((location) => location.replace('s3://lake/', '')));
  expect((await metadataFiles()).filter((key) => !known.has(key))).toEqual([]);
}
