import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LochError } from '../../../src/core/errors.ts';
import { Secret } from '../../../src/core/secret.ts';
import type { MetadataStore } from '../../../src/metadata/contract.ts';
import { openSqliteStore } from '../../../src/metadata/sqlite/store.ts';
import { createSealer } from '../../../src/platform/sealer.ts';
import { contextOf } from '../../../src/testing/builders/request-context.ts';
import { statedPolicy } from '../../../src/testing/builders/stated-policy.ts';
import { type PostgresServer, startPostgres } from '../../../src/testing/clients/postgres-server.ts';
import { postgresConnector } from '../../../src/ingestion/connectors/postgres/connector.ts';
import type { FullLoadRun, FullLoadTask } from '../../../src/ingestion/contract.ts';
import { openHookedObjects, type HookedObjects } from '../../../src/testing/builders/hooked-objects.ts';
import { openReplication } from '../../../src/ingestion/replication/index.ts';

const started = await startPostgres();
const root = contextOf();
let postgres: PostgresServer;
let folder: string;
let metadata: MetadataStore;
let objects: HookedObjects;
let replication: Awaited<ReturnType<typeof openReplication>>;

const open = async () => {
  replication = await openReplication({
    store: metadata,
    objects: objects.store,
    policy: statedPolicy({ reader: { iam: (action) => action === 'dms:DescribeReplicationTasks' } }),
    audit: { recordManagement: async () => {}, recordData: async () => {} },
    sealer: createSealer(Buffer.alloc(32, 7)),
    connector: postgresConnector,
  });
};
const task = (changes: Partial<FullLoadTask> = {}): FullLoadTask => ({
  name: 'bank',
  source: { engine: 'postgres', url: new Secret(postgres.url) },
  tables: ['bank.%'],
  target: { bucket: 'raw', prefix: 'bank/' },
  ...changes,
});
const finished = async (id: string): Promise<FullLoadRun> => {
  for (let i = 0; i < 1000; i++) {
    const run = await replication.run(root, id);
    if (['COMPLETED', 'FAILED', 'STOPPED'].includes(run.state)) return run;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('The run does not end.');
};
const textOf = async (key: string) => gunzipSync(await objects.bytes(key)).toString();
const linesOf = async (keys: readonly string[]) =>
  (await Promise.all(keys.map(textOf))).flatMap((text) => text.trimEnd().split('\n').slice(1));

describe.skipIf(typeof started === 'string')(`full load${typeof started === 'string' ? ` (${started})` : ''}`, () => {
  beforeAll(async () => {
    postgres = started as PostgresServer;
    await postgres.query('CREATE SCHEMA bank');
    await postgres.query(`CREATE TABLE bank.customers AS SELECT i AS id, 'name ' || i AS name, NULL::text AS none,
      '' AS empty, (i * 1.25)::numeric(12,2) AS income, timestamp '2025-01-01' + i * interval '1 second' AS at
      FROM generate_series(1, 20000) i`);
    await postgres.query('CREATE TABLE bank.nothing (id int, "Odd ""Name" text)');
    await postgres.query('CREATE VIEW bank.rich AS SELECT id FROM bank.customers WHERE income > 24000');
    await postgres.query('ANALYZE');
  });
  afterAll(async () => {
    await postgres.stop();
  });
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'loch-replication-'));
    metadata = await openSqliteStore({
      file: join(folder, 'loch.db'),
      modules: [new URL('../../../src/ingestion/replication/store.ts', import.meta.url)],
    });
    objects = await openHookedObjects();
    await open();
  });
  afterEach(async () => {
    await replication.close();
    await metadata.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('lands every row of every matching table once, in ranges, as gzipped CSV with header', async () => {
    await replication.put(root, task({ rowsPerFile: 3000, parallel: 3 }));
    const run = await finished((await replication.start(root, 'bank')).id);
    expect(run).toMatchObject({ state: 'COMPLETED', task: 'bank' });
    expect(run.tables.map(({ table, rows, state }) => [table, rows, state])).toEqual([
      ['bank.customers', 20000, 'COMPLETED'],
      ['bank.nothing', 0, 'COMPLETED'],
      ['bank.rich', 800, 'COMPLETED'],
    ]);
    const [customers, nothing] = run.tables;
    expect(customers!.objects.length).toBeGreaterThan(4);
    expect(customers!.objects[1]).toBe(`bank/bank/customers/load=${run.id}/part-00001.csv.gz`);
    expect(customers!.lsn).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
    const ids = (await linesOf(customers!.objects)).map((line) => Number(line.split(',')[0]));
    expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: 20000 }, (_, i) => i + 1));
    expect(await linesOf(customers!.objects)).toContain('7,name 7,,"",8.75,2025-01-01 00:00:07');
    expect(await textOf(nothing!.objects[0]!)).toBe('id,"Odd ""Name"\n');
    expect(run.notices).toEqual(['bank.rich is a view: it is read in one piece.']);
  });

  it('reads all ranges under one snapshot while the source is written to', async () => {
    await replication.put(root, task({ tables: ['bank.customers'], rowsPerFile: 2000, parallel: 1 }));
    objects.afterPut = async () => {
      objects.afterPut = () => {};
      await postgres.query('UPDATE bank.customers SET income = income + 1');
      await postgres.query("INSERT INTO bank.customers SELECT 20001, 'late', NULL, '', 0, now()");
    };
    const run = await finished((await replication.start(root, 'bank')).id);
    expect(run.state).toBe('COMPLETED');
    expect(run.tables[0]!.rows).toBe(20000);
    expect(await linesOf(run.tables[0]!.objects)).toContain('20000,name 20000,,"",25000.00,2025-01-01 05:33:20');
    await postgres.query('DELETE FROM bank.customers WHERE id = 20001');
    await postgres.query('UPDATE bank.customers SET income = income - 1');
  });

  it('goes on after a restart: finished tables stay, unfinished ones start anew and the run says so', async () => {
    await replication.put(root, task({ tables: ['bank.nothing', 'bank.customers'], rowsPerFile: 4000, parallel: 1 }));
    let landed = 0;
    let stopped: Promise<void> | undefined;
    objects.beforePut = () => {
      if (++landed === 4) stopped = replication.close();
    };
    const { id } = await replication.start(root, 'bank');
    for (let i = 0; stopped === undefined && i < 500; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    await stopped;
    objects.beforePut = () => void landed++;
    landed = 0;
    await open();
    const run = await finished(id);
    expect(run.state).toBe('COMPLETED');
    expect(run.tables.map(({ rows, state }) => [rows, state])).toEqual([
      [0, 'COMPLETED'],
      [20000, 'COMPLETED'],
    ]);
    expect(run.notices!.join()).toMatch(
      /The snapshot at \S+ was lost\. bank\.customers: read anew under the snapshot at /,
    );
    expect(landed).toBe(run.tables[1]!.objects.length);
    expect(new Set(await linesOf(run.tables[1]!.objects)).size).toBe(20000);
  });

  it('takes a fresh snapshot when the source breaks all connections', async () => {
    await replication.put(root, task({ tables: ['bank.customers'], rowsPerFile: 4000 }));
    objects.beforePut = async () => {
      objects.beforePut = () => {};
      await postgres.breakConnections();
    };
    const run = await finished((await replication.start(root, 'bank')).id);
    expect(run.state).toBe('COMPLETED');
    expect(run.tables[0]!.rows).toBe(20000);
    expect(run.notices!.join()).toContain('Attempt 1 broke off');
  });

  it('keeps finished ranges when one range fails and its snapshot lives', async () => {
    await replication.put(root, task({ tables: ['bank.customers'], rowsPerFile: 4000, parallel: 1 }));
    const keys: string[] = [];
    objects.beforePut = (key) => {
      keys.push(key);
      if (keys.length === 3) throw new LochError('source_failed', 'The copy broke off.');
    };
    const run = await finished((await replication.start(root, 'bank')).id);
    expect(run.state).toBe('COMPLETED');
    expect(keys.length).toBe(run.tables[0]!.objects.length + 1);
    expect(run.notices).toEqual([]);
  });

  it('fails with the cause, and never shows the password', async () => {
    await replication.put(root, task({ tables: ['bank.custumers'] }));
    const run = await finished((await replication.start(root, 'bank')).id);
    expect(run.state).toBe('FAILED');
    expect(run.error).toContain('No table of the source matches `bank.custumers`. It has: bank.customers');

    const wrong = postgres.url.replace('planted-secret', 'planted-wrong');
    await replication.put(root, { ...task(), source: { engine: 'postgres', url: new Secret(wrong) } });
    const [shown] = await replication.list(root);
    expect(shown!.source).toMatch(/^postgres:\/\/bank:\*\*\*@127\.0\.0\.1:\d+\/postgres$/);
    await metadata.backup(join(folder, 'copy.db'));
    const { readFileSync } = await import('node:fs');
    for (const file of ['loch.db', 'loch.db-wal', 'copy.db']) {
      expect(readFileSync(join(folder, file)).includes('planted-')).toBe(false);
    }
  });

  it('stops on demand and refuses two runs of a task at once', async () => {
    await replication.put(root, task());
    const releases: (() => void)[] = [];
    objects.beforePut = () => new Promise<void>((resolve) => releases.push(resolve));
    const { id } = await replication.start(root, 'bank');
    await expect(replication.start(root, 'bank')).rejects.toMatchObject({ code: 'concurrent_run' });
    await expect(replication.put(root, task())).rejects.toMatchObject({ code: 'concurrent_run' });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const stopping = replication.stop(root, id);
    objects.beforePut = () => {};
    for (const release of releases) release();
    await stopping;
    expect((await replication.run(root, id)).state).toBe('STOPPED');
    const again = await finished((await replication.start(root, 'bank')).id);
    expect(again.state).toBe('COMPLETED');
  });

  it('asks for rights and refuses a task that cannot be', async () => {
    const reader = contextOf('reader');
    await expect(replication.put(reader, task())).rejects.toMatchObject({ code: 'access_denied' });
    await replication.put(root, task());
    await expect(replication.start(reader, 'bank')).rejects.toMatchObject({ code: 'access_denied' });
    expect(await replication.list(reader)).toHaveLength(1);
    const bad = (changes: Partial<FullLoadTask>) =>
      expect(replication.put(root, task(changes))).rejects.toMatchObject({ code: 'invalid_argument' });
    await bad({ name: '1' });
    await bad({ tables: [] });
    await bad({ tables: ['customers'] });
    await bad({ parallel: 0 });
    await bad({ source: { engine: 'postgres', url: new Secret('mysql://root@host/db') } });
    await expect(replication.start(root, 'bnk')).rejects.toThrow('Near: bank');
  });
});
