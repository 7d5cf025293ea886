import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogStoreModules, openCatalog } from '../../../src/catalog/index.ts';
import type { CrawlerRun } from '../../../src/catalog/contract.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { describeSource } from '../../../src/ingestion/describe-source.ts';
import { probeSource } from '../../../src/ingestion/probe-source.ts';
import { openSqliteStore } from '../../../src/metadata/sqlite/store.ts';
import { createSealer } from '../../../src/platform/sealer.ts';
import { createTableFormat } from '../../../src/storage/tables/index.ts';
import { contextOf, TEST_ACCOUNT } from '../../../src/testing/builders/request-context.ts';
import { statedPolicy } from '../../../src/testing/builders/stated-policy.ts';
import { testObjects } from '../../../src/testing/builders/test-catalog.ts';
import { type PostgresServer, startPostgres } from '../../../src/testing/clients/postgres-server.ts';

const root = contextOf('root');
const folder = mkdtempSync(join(tmpdir(), 'loch-crawl-databases-'));
let lake: Awaited<ReturnType<typeof openLake>>;

async function openLake() {
  const files = await testObjects(['lake']);
  const store = await openSqliteStore({ file: join(folder, 'loch.db'), modules: catalogStoreModules });
  const opened = await openCatalog({
    store,
    objects: files.objects,
    tables: createTableFormat({ objects: files.objects, clock: systemClock }),
    policy: statedPolicy({}),
    identities: { accessKey: async () => undefined, principal: async () => root.principal },
    clock: systemClock,
    accountId: TEST_ACCOUNT,
    region: 'us-east-1',
    sealer: createSealer(Buffer.alloc(32, 7)),
    probe: probeSource,
    sourceTables: describeSource,
  });
  return { ...opened, store, files };
}

beforeAll(async () => {
  lake = await openLake();
});
afterAll(async () => {
  await lake.close();
  await lake.store.close();
  await lake.files.close();
  rmSync(folder, { recursive: true, force: true });
});

const connect = (name: string, url: string, user: string, password: string) =>
  lake.connections!.create(root, {
    name,
    type: 'JDBC',
    properties: { JDBC_CONNECTION_URL: url, USERNAME: user, PASSWORD: password },
  });

async function crawl(name: string, connection: string, path: string, exclusions: string[] = []): Promise<CrawlerRun> {
  const targets = [{ kind: 'jdbc' as const, connection, path, exclusions }];
  const known = (await lake.crawlers.list(root)).some((crawler) => crawler.name === name);
  if (!known) await lake.crawlers.create(root, { name, role: root.principal.arn, database: name, targets });
  const run = await lake.crawlers.start(root, name);
  return lake.crawlers.wait(run.id, AbortSignal.timeout(30_000));
}
const shown = async (database: string, table: string) =>
  (await lake.catalog.getTable(root, { database, table })).columns.map(
    ({ name, type, comment }) => `${name} ${type}${comment === undefined ? '' : ` (${comment})`}`,
  );

const postgres = await startPostgres();
afterAll(async () => {
  if (typeof postgres !== 'string') await postgres.stop();
});

describe.skipIf(typeof postgres === 'string')('PostgreSQL', () => {
  const server = postgres as PostgresServer;
  it('is crawled by its own catalog: tables, views, types, comments; and again when it changed', async () => {
    await server.query(`CREATE SCHEMA shop`);
    await server.query(
      `CREATE TABLE shop."Orders" (id bigint, price numeric(12,2), at timestamptz, doc jsonb, tags text[], "The Day" date)`,
    );
    await server.query(`COMMENT ON TABLE shop."Orders" IS 'What was bought'`);
    await server.query(`COMMENT ON COLUMN shop."Orders".price IS 'in euros'`);
    await server.query(`CREATE VIEW shop.dear AS SELECT id FROM shop."Orders" WHERE price > 100`);
    await server.query(`CREATE TABLE public.other (n int)`);
    const { hostname, port, username, password, pathname } = new URL(server.url);
    const database = pathname.slice(1);
    await connect('pg', `jdbc:postgresql://${hostname}:${port}/${database}`, username, decodeURIComponent(password));
    await lake.connections!.test(root, { name: 'pg' });
    const run = await crawl('pgdb', 'pg', `${database}/shop/%`);
    expect(run).toMatchObject({ state: 'COMPLETED', tablesCreated: 2, objects: 0 });
    expect(await shown('pgdb', `${database}_shop_orders`)).toEqual([
      'id bigint',
      'price decimal(12,2) (in euros)',
      'at timestamptz',
      'doc string',
      'tags string',
      'the day date',
    ]);
    const table = await lake.catalog.getTable(root, { database: 'pgdb', table: `${database}_shop_orders` });
    expect(table).toMatchObject({
      description: 'What was bought',
      parameters: { classification: 'postgresql', connectionName: 'pg', typeOfData: 'table' },
      storage: { location: `${database}.shop.Orders` },
    });
    await server.query(`ALTER TABLE shop."Orders" ADD COLUMN more int, DROP COLUMN tags`);
    await server.query(`DROP VIEW shop.dear`);
    expect(await crawl('pgdb', 'pg', '')).toMatchObject({ tablesUpdated: 1, tablesDeleted: 1 });
    const after = await shown('pgdb', `${database}_shop_orders`);
    expect(after).toContain('more int');
    expect(after).not.toContain('tags string');
    const gone = await lake.catalog.getTable(root, { database: 'pgdb', table: `${database}_shop_dear` });
    expect(gone.parameters.DEPRECATED_BY_CRAWLER).toBeDefined();
  });

  it('leaves out what is excluded, and fails by name where it cannot connect', async () => {
    const { hostname, port, username, pathname } = new URL(server.url);
    const database = pathname.slice(1);
    expect(await crawl('few', 'pg', `${database}/%/%`, ['*/shop/**'])).toMatchObject({ tablesCreated: 1 });
    await connect('wrong', `jdbc:postgresql://${hostname}:${port}/${database}`, username, 'no-such-password');
    const run = await crawl('failing', 'wrong', '%');
    expect(run.state).toBe('FAILED');
    expect(run.error).toContain('wrong:%');
    expect(run.error).not.toContain('no-such-password');
  });
});

/** Debian's MariaDB as a user of its own, or why there is none. */
async function startMariadb() {
  const program = ['/usr/sbin/mariadbd', '/usr/sbin/mysqld'].find((path) => existsSync(path));
  if (program === undefined) return 'MariaDB is not installed (apt-get install mariadb-server)';
  const data = mkdtempSync(join(tmpdir(), 'loch-mariadb-'));
  const user = userInfo().uid === 0 ? ['--user=mysql'] : [];
  if (user.length > 0) chownSync(data, Number(execFileSync('id', ['-u', 'mysql'], { encoding: 'utf8' })), -1);
  execFileSync(
    'mariadb-install-db',
    ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', ...user],
    { stdio: 'ignore' },
  );
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  const server = spawn(
    program,
    [
      '--no-defaults',
      `--datadir=${data}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(data, 's')}`,
      ...user,
    ],
    { stdio: 'ignore' },
  );
  for (let tries = 0; ; tries++) {
    try {
      const client = await mysql.createConnection({ host: '127.0.0.1', port, user: 'root', multipleStatements: true });
      return {
        port,
        client,
        async stop() {
          await client.end();
          server.kill('SIGTERM');
          await new Promise((resolve) => server.once('exit', resolve));
          rmSync(data, { recursive: true, force: true });
        },
      };
    } catch (error) {
      if (tries > 300) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const mariadb = await startMariadb();
afterAll(async () => {
  if (typeof mariadb !== 'string') await mariadb.stop();
});

describe.skipIf(typeof mariadb === 'string')('MariaDB', () => {
  it('is crawled by its information schema, `%` and all', async () => {
    const { client, port } = mariadb as Exclude<typeof mariadb, string>;
    await client.query(`CREATE DATABASE shop_a; CREATE DATABASE other;
      CREATE TABLE shop_a.orders (id BIGINT UNSIGNED, n INT UNSIGNED, ok TINYINT(1), small TINYINT, price DECIMAL(12,2) COMMENT 'in euros',
        at DATETIME(6), seen TIMESTAMP NULL, born YEAR, word VARCHAR(20), state ENUM('a','b'), raw BLOB, doc JSON) COMMENT 'What was bought';
      CREATE VIEW shop_a.dear AS SELECT id FROM shop_a.orders; CREATE TABLE other.t (n INT);
      CREATE USER loch@localhost IDENTIFIED BY 'secret'; GRANT SELECT ON shop_a.* TO loch@localhost;`);
    await connect('maria', `jdbc:mysql://127.0.0.1:${port}/shop_a`, 'loch', 'secret');
    await lake.connections!.test(root, { name: 'maria' });
    expect(await crawl('mysqldb', 'maria', 'shop_a/%')).toMatchObject({ state: 'COMPLETED', tablesCreated: 2 });
    expect(await shown('mysqldb', 'shop_a_orders')).toEqual([
      'id decimal(20,0)',
      'n bigint',
      'ok boolean',
      'small tinyint',
      'price decimal(12,2) (in euros)',
      'at timestamp',
      'seen timestamptz',
      'born int',
      'word string',
      'state string',
      'raw binary',
      'doc string',
    ]);
    expect(await crawl('mysqlor', 'maria', 'shop_a/ord%')).toMatchObject({ tablesCreated: 1 });
  });
});

it('crawls tables of the catalog again where they lie, under their own names', async () => {
  await lake.files.objects.put('lake', 'mine/day=1/a.csv', Buffer.from('id,n\n1,2\n'));
  await lake.catalog.createDatabase(root, { name: 'kept' });
  const crawler = { role: root.principal.arn, database: 'kept' };
  await lake.crawlers.create(root, {
    ...crawler,
    name: 'first',
    targets: [{ path: 's3://lake/mine/', exclusions: [] }],
  });
  await lake.crawlers.wait((await lake.crawlers.start(root, 'first')).id, AbortSignal.timeout(20_000));
  await lake.files.objects.put('lake', 'mine/day=2/a.csv', Buffer.from('id,n,more\n1,2,x\n'));
  await lake.crawlers.create(root, {
    ...crawler,
    name: 'again',
    targets: [{ kind: 'catalog', path: 'kept/mine', exclusions: [] }],
    schemaChange: { update: 'UPDATE_IN_DATABASE', delete: 'LOG' },
  });
  const run = await lake.crawlers.wait((await lake.crawlers.start(root, 'again')).id, AbortSignal.timeout(20_000));
  expect(run).toMatchObject({ state: 'COMPLETED', tablesCreated: 0, tablesUpdated: 1, partitionsAdded: 1 });
  expect(await shown('kept', 'mine')).toEqual(['id bigint', 'n bigint', 'more string']);
});
