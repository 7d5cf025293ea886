import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openQueryLake, type QueryLake } from '../../../src/testing/builders/query-lake.ts';
import { pythonWith, runScript } from '../../../src/testing/clients/python.ts';

const environment = await pythonWith(['deltalake==1.6.6', 'pyarrow==26.0.1']);
const missing = 'missing' in environment ? environment.missing : undefined;

describe.skipIf(missing !== undefined)(
  `delta-rs reads an Iceberg table${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    let lake: QueryLake;
    const folder = mkdtempSync(join(tmpdir(), 'loch-delta-'));
    beforeAll(async () => {
      lake = await openQueryLake();
      await lake.createTable(
        'bank.orders',
        [
          { name: 'id', type: 'bigint' },
          { name: 'name', type: 'string' },
          { name: 'price', type: 'decimal(10,2)' },
          { name: 'day', type: 'date' },
        ],
        "SELECT range::BIGINT AS id, 'n' || range AS name, (range * 1.25)::DECIMAL(10,2) AS price, DATE '2026-01-31' AS day FROM range(50)",
      );
    });
    afterAll(async () => {
      await lake.close();
      rmSync(folder, { recursive: true, force: true });
    });

    /** What lies at the table's location, as a folder. */
    async function download(table: string): Promise<string> {
      const root = join(folder, table);
      rmSync(root, { recursive: true, force: true });
      const prefix = `bank/${table}/`;
      const { objects } = await lake.objects.list('lake', { prefix, maxKeys: 1000 });
      for (const { key } of objects) {
        const path = join(root, key.slice(prefix.length));
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, await buffer((await lake.objects.get('lake', key)).body));
      }
      return root;
    }
    const theirs = async (table: string) => {
      const python = (environment as { python: string }).python;
      const script = join(import.meta.dirname, 'read_tables.py');
      const answer = await runScript<Record<string, { version: number; rows: (string | null)[][] }>>(python, script, {
        [table]: await download(table),
      });
      return answer[table]!;
    };
    const ours = async (table: string) => {
      const rows = await lake.rows(lake.root, `SELECT * FROM ${table}`);
      return rows!.map((row) => JSON.stringify(row)).sort();
    };
    const name = { database: 'bank', table: 'orders' };

    it('by the log beside it, equal at each export, and nothing is written when nothing changed', async () => {
      const { catalog } = lake;
      expect(await catalog.exportDelta!(lake.root, name)).toEqual({ version: 0, added: 1, removed: 0 });
      expect((await theirs('orders')).rows.map((row) => JSON.stringify(row)).sort()).toEqual(await ours('orders'));
      expect(await catalog.exportDelta!(lake.root, name)).toEqual({ version: 0, added: 0, removed: 0 });
      const table = await catalog.resolveTable(lake.root, name);
      const plan = await catalog.planTableScan(table, {});
      const file = plan.files[0]!;
      const copy = 'bank/orders/data/with space & more.parquet';
      const source = await lake.objects.get('lake', file.key);
      await lake.objects.put('lake', copy, await buffer(source.body));
      const known = (await lake.tables.planScan(table.metadata!, {})).files[0]!;
      await catalog.commitTable(lake.root, name, {
        kind: 'append',
        files: [{ path: `s3://lake/${copy}`, format: 'PARQUET', bytes: known.bytes, rows: known.rows, partition: {} }],
      });
      expect(await catalog.exportDelta!(lake.root, name)).toEqual({ version: 1, added: 1, removed: 0 });
      const after = await theirs('orders');
      expect(after.version).toBe(1);
      expect(after.rows).toHaveLength(100);
      expect(after.rows.map((row) => JSON.stringify(row)).sort()).toEqual(await ours('orders'));
      await catalog.commitTable(lake.root, name, { kind: 'overwrite', files: [] });
      expect(await catalog.exportDelta!(lake.root, name)).toEqual({ version: 2, added: 0, removed: 2 });
      expect((await theirs('orders')).rows).toEqual([]);
    });

    it('is refused where Delta cannot say what the files mean, and to who may not', async () => {
      await lake.createTable('bank.odd', [{ name: 'at', type: 'time' }], "SELECT TIME '10:00:00' AS at");
      await expect(lake.catalog.exportDelta!(lake.root, { database: 'bank', table: 'odd' })).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('`at` is of type time'),
      });
      const ana = await lake.user('ana');
      await lake.governance.grants.grant(lake.root, {
        principal: ana.principal.arn,
        resource: { kind: 'table', database: 'bank', table: 'orders' },
        permissions: ['SELECT'],
      });
      await expect(lake.catalog.exportDelta!(ana, name)).rejects.toMatchObject({ code: 'access_denied' });
    });
  },
);
