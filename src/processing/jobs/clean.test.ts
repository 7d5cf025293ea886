import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestProcessing } from '../../testing/builders/test-processing.ts';
import type { JobDefinition } from '../contract.ts';
import { objectText } from '../../testing/builders/object-text.ts';

type Lake = Awaited<ReturnType<typeof openTestProcessing>>;
let lake: Lake;
beforeAll(async () => {
  lake = await openTestProcessing();
  await lake.catalog.createDatabase(lake.root, { name: 'cleaned', locationUri: 's3://lake/cleaned/' });
});
afterAll(() => lake.close());

const customers: Extract<JobDefinition, { kind: 'clean' }> = {
  kind: 'clean',
  name: 'clean-customers',
  source: { bucket: 'raw', prefix: 'customers/', format: 'csv' },
  target: { database: 'cleaned', table: 'customers' },
  columns: [
    { name: 'id', type: 'bigint' },
    { name: 'email', type: 'string', normalize: ['trim', 'lower'] },
    { name: 'balance', type: 'decimal(12,2)' },
    { name: 'born', type: 'date', formats: ['%Y-%m-%d', '%d.%m.%Y'] },
    { name: 'iban', type: 'string', normalize: ['empty_to_null'] },
    { name: 'updated', from: 'updated_at', type: 'timestamp' },
  ],
  key: ['id'],
  eventTime: 'updated',
  rules: [
    { rule: 'complete', column: 'email' },
    { rule: 'pattern', column: 'email', pattern: '[^@]+@[^@]+' },
    { rule: 'range', column: 'balance', min: '-1000', max: '1000000' },
    { rule: 'iban', column: 'iban' },
  ],
  quarantine: { bucket: 'lake', prefix: 'quarantine/' },
};

const put = (key: string, text: string) => lake.land(key, text);
async function run(name: string) {
  const { id } = await lake.jobs.start(lake.root, name);
  return lake.jobs.wait(id, lake.root.signal);
}

describe('a cleaning job', () => {
  it('casts, rejects with the rule that failed, and keeps the greatest version of each key', async () => {
    await lake.jobs.put(lake.root, customers);
    await put(
      'customers/a.csv',
      [
        'id,email,balance,born,iban,updated_at',
        '1, Ann@X.org ,10.50,2001-02-03,DE89 3704 0044 0532 0130 00,2026-01-01T10:00:00Z',
        '2,bob@x.org,5,03.02.2001,,2026-01-01T10:00:00Z',
        '2,bob2@x.org,6,03.02.2001,,2026-01-02T10:00:00Z',
        ',nokey@x.org,1,2001-01-01,,2026-01-01T10:00:00Z',
        '4,d@x.org,1,2001-02-30,,2026-01-01T10:00:00Z',
        '5,e@x.org,1,2001-02-03,DE89370400440532013001,2026-01-01T10:00:00Z',
        '6,nomail,9999999,2001-02-03,,2026-01-01T10:00:00Z',
        '7,short@x.org',
        '8,long@x.org,1,2001-02-03,,2026-01-01T10:00:00Z,surplus',
        '9,i@x.org,1.555,2001-02-03,,2026-01-01T10:00:00Z',
      ].join('\n'),
    );
    const done = await run('clean-customers');
    expect(done.error).toBeUndefined();
    expect(done).toMatchObject({ state: 'SUCCEEDED', attempt: 1 });
    const graph = await lake.lineage.graph(lake.root, customers.target, { direction: 'upstream' });
    expect(graph.nodes.map(({ name }) => name)).toEqual(['cleaned.customers', 's3://raw/customers']);
    expect(graph.edges[0]?.columns).toContainEqual({ from: 'updated_at', to: 'updated' });
    expect(done.counts).toEqual({
      objectsIn: 1,
      rowsIn: 10,
      rowsCommitted: 2,
      rowsRejected: 7,
      rowsDuplicate: 1,
      rejectedByRule: {
        'complete(id)': 1,
        'iban(iban)': 1,
        'pattern(email)': 1,
        'range(balance)': 1,
        too_few_fields: 1,
        too_many_fields: 1,
        'type(balance)': 1,
        'type(born)': 1,
      },
    });
    expect(await lake.rows('SELECT * FROM "cleaned"."customers" ORDER BY id')).toEqual([
      ['1', 'ann@x.org', '10.50', '2001-02-03', 'DE89 3704 0044 0532 0130 00', '2026-01-01 10:00:00'],
      ['2', 'bob2@x.org', '6.00', '2001-02-03', null, '2026-01-02 10:00:00'],
    ]);
    const rejected = await objectText(lake.objects, 'lake', `quarantine/clean-customers/run=${done.id}/part-0.json`);
    const lines = rejected
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map((line) => [line.row, line.rules])).toEqual([
      [4, ['complete(id)']],
      [5, ['type(born)']],
      [6, ['iban(iban)']],
      [7, ['pattern(email)', 'range(balance)']],
      [8, ['too_few_fields']],
      [9, ['too_many_fields']],
      [10, ['type(balance)']],
    ]);
    expect(lines[5]).toMatchObject({
      job: 'clean-customers',
      run: done.id,
      object: 'customers/a.csv',
      rest: 'surplus',
    });
    expect(lines[1].record).toEqual({
      id: '4',
      email: 'd@x.org',
      balance: '1',
      born: '2001-02-30',
      iban: '',
      updated_at: '2026-01-01T10:00:00Z',
    });
  });

  it('reads only what is new, and makes no commit when nothing changes', async () => {
    const before = await lake.catalog.snapshots(lake.root, customers.target);
    expect((await run('clean-customers')).counts).toMatchObject({ objectsIn: 0, rowsIn: 0 });
    await put(
      'customers/again.csv',
      'id,email,balance,born,iban,updated_at\n2,bob2@x.org,6,2001-02-03,,2026-01-02T10:00:00Z\n1,old@x.org,1,2001-02-03,,2025-01-02T10:00:00Z\n',
    );
    const again = await run('clean-customers');
    expect(again.counts).toMatchObject({ objectsIn: 1, rowsIn: 2, rowsCommitted: 0, rowsDuplicate: 2 });
    expect(again.snapshotId).toBeUndefined();
    expect(await lake.catalog.snapshots(lake.root, customers.target)).toEqual(before);
  });

  it('appends new keys and replaces corrected ones', async () => {
    await put('customers/b.csv', 'updated_at,id,email,balance,born\n2026-03-01T00:00:00Z,11,k@x.org,1,2001-02-03\n');
    expect((await run('clean-customers')).counts).toMatchObject({ rowsIn: 1, rowsCommitted: 1 });
    await put(
      'customers/c.csv',
      'updated_at,id,email,balance,born\n2026-03-02T00:00:00Z,11,K2@x.org,2,2001-02-03\n2026-03-02T00:00:00Z,12,l@x.org,2,2001-02-03\n',
    );
    expect((await run('clean-customers')).counts).toMatchObject({ rowsIn: 2, rowsCommitted: 1, rowsDuplicate: 1 });
    expect(await lake.rows('SELECT id, email FROM "cleaned"."customers" ORDER BY id')).toEqual([
      ['1', 'ann@x.org'],
      ['2', 'bob2@x.org'],
      ['11', 'k2@x.org'],
      ['12', 'l@x.org'],
    ]);
    const operations = (await lake.catalog.snapshots(lake.root, customers.target)).map((s) => s.operation);
    expect(operations.toSorted()).toEqual(['append', 'append', 'overwrite']);
  });
});
