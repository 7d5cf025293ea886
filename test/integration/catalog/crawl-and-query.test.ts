/** What a crawler writes is what SQL reads: the same rows, in the right columns, whatever the files look like. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openQueryLake, type QueryLake } from '../../../src/testing/builders/query-lake.ts';

let lake: QueryLake;
beforeAll(async () => {
  lake = await openQueryLake();
});
afterAll(() => lake.close());

const put = (key: string, body: string | Uint8Array) => lake.objects.put('lake', key, Buffer.from(body as string));

async function crawl(path: string) {
  const name = path.replaceAll('/', '-');
  const targets = [{ path: `s3://lake/${path}/`, exclusions: [] }];
  const known = await lake.crawlers.list(lake.root);
  if (!known.some((crawler) => crawler.name === name)) {
    await lake.crawlers.create(lake.root, { name, role: lake.root.principal.arn, database: 'bank', targets });
  }
  const run = await lake.crawlers.start(lake.root, name);
  const ended = await lake.crawlers.wait(run.id, AbortSignal.timeout(30_000));
  expect(ended.error).toBeUndefined();
  return ended;
}

const rows = (sql: string) => lake.rows(lake.root, sql);

describe('crawled tables are read as they are', () => {
  it('quoted CSV with a header, delimiters and newlines inside', async () => {
    await put('quoted/a.csv', 'id,note,zip\n1,"x, ""y""\nz",01234\n2,plain,00042\n');
    await crawl('quoted');
    expect(await rows('SELECT id + 1, note, zip FROM quoted ORDER BY id')).toEqual([
      ['2', 'x, "y"\nz', '01234'],
      ['3', 'plain', '00042'],
    ]);
    const { nodes, edges } = await lake.lineage.graph(lake.root, { database: 'bank', table: 'quoted' });
    expect(nodes.map(({ name }) => name)).toEqual(['bank.quoted', 's3://lake/quoted']);
    expect(edges).toMatchObject([{ job: 'crawler/quoted', columnLevel: false }]);
  });

  it.each([
    ['pipe', '|'],
    ['tab', '\t'],
    ['ctrla', '\u0001'],
  ])('plain text between %s', async (name, delimiter) => {
    const text = [
      ['id', 'city'],
      ['1', 'Bern'],
      ['2', 'Ulm'],
    ]
      .map((row) => row.join(delimiter))
      .join('\n');
    await put(`${name}/a.txt`, text);
    await crawl(name);
    expect(await rows(`SELECT id, city FROM ${name} ORDER BY id`)).toEqual([
      ['1', 'Bern'],
      ['2', 'Ulm'],
    ]);
  });

  it('text without a header', async () => {
    await put('bare/a.csv', '1,Bern\n2,Ulm\n');
    await crawl('bare');
    expect(await rows('SELECT col1 FROM bare WHERE col0 = 2')).toEqual([['Ulm']]);
  });

  it('UTF-16 text', async () => {
    await put('wide/a.csv', Buffer.from('\ufeffid,city\n1,Zürich\n', 'utf16le'));
    await crawl('wide');
    expect(await rows('SELECT id, city FROM wide')).toEqual([['1', 'Zürich']]);
  });

  it('JSON with names of mixed case, nested values and an array around it', async () => {
    await put('lines/a.json', '{"customerId":1,"address":{"City":"Bern"},"tags":["a","b"]}\n{"customerId":2}\n');
    await put('inarray/a.json', '[{"n":1,"ok":true},\n{"n":2.5,"ok":false}]');
    await crawl('lines');
    await crawl('inarray');
    expect(await rows('SELECT customerid, address.City, tags[2] FROM lines ORDER BY 1')).toEqual([
      ['1', 'Bern', 'b'],
      ['2', null, null],
    ]);
    expect(await rows('SELECT sum(n), bool_and(ok) FROM inarray')).toEqual([['3.5', 'false']]);
  });

  it('packed files beside plain ones', async () => {
    await put('packed/a.csv', 'id,n\n1,1\n');
    await put('packed/b.csv.gz', gzipSync('id,n\n2,2\n'));
    await put('packed/c.csv.zst', zstdCompressSync('id,n\n3,3\n'));
    await crawl('packed');
    expect(await rows('SELECT id FROM packed ORDER BY id')).toEqual([['1'], ['2'], ['3']]);
  });

  it('Parquet with names of mixed case', async () => {
    const { files } = await lake.engine.execute(
      {
        sql: `SELECT i AS "orderId", 'x' || i AS "Name", DATE '2026-01-31' AS born FROM range(3) t(i)`,
        inputs: [],
        result: { kind: 'parquet', directory: join(lake.folder, 'made') },
      },
      new AbortController().signal,
    );
    await put('pq/a.parquet', await readFile(files[0]!.path));
    await crawl('pq');
    expect(await rows('SELECT orderid, name, born FROM pq ORDER BY 1 LIMIT 1')).toEqual([['0', 'x0', '2026-01-31']]);
  });

  it('dated folders whose columns moved, grew and widened', async () => {
    await put('feed/2026/01/a.csv', 'id,amount\n1,10\n2,20\n');
    await put('feed/2026/02/a.csv', 'amount,id,note\n30.5,3,hi\n');
    expect((await crawl('feed')).partitionsAdded).toBe(2);
    await put('feed/2026/03/a.csv', 'id,amount,note,flag\n4,40,yo,true\n');
    expect(await crawl('feed')).toMatchObject({ tablesUpdated: 1, partitionsAdded: 1 });
    expect(await rows('SELECT id, amount, note, flag, partition_1 FROM feed ORDER BY id')).toEqual([
      ['1', '10.0', null, null, '01'],
      ['2', '20.0', null, null, '01'],
      ['3', '30.5', 'hi', null, '02'],
      ['4', '40.0', 'yo', 'true', '03'],
    ]);
    expect(await rows(`SELECT count(*) FROM feed WHERE partition_1 >= '02'`)).toEqual([['2']]);
  });

  it('keys of `key=value` folders as columns', async () => {
    await put('hive/region=north%20sea/a.csv', 'id,n\n1,1\n');
    await put('hive/region=south/a.csv', 'id,n\n2,2\n');
    await crawl('hive');
    expect(await rows('SELECT region, id FROM hive ORDER BY id')).toEqual([
      ['north sea', '1'],
      ['south', '2'],
    ]);
  });

  it('a folder with what no classifier takes in it', async () => {
    await put('mixed/a.csv', 'id,n\n1,1\n');
    await put('mixed/README.md', '# not data\n');
    await crawl('mixed');
    expect(await rows('SELECT * FROM mixed')).toEqual([['1', '1']]);
  });
});

it('shows a crawled table to nobody but its maker until it is granted', async () => {
  await put('private/a.csv', 'id,n\n1,1\n');
  await crawl('private');
  const ana = await lake.user('ana');
  await expect(lake.rows(ana, 'SELECT * FROM private')).rejects.toMatchObject({ code: 'database_not_found' });
  expect(await lake.catalog.search(ana, { text: 'private' })).toEqual([]);
});
