import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { objectText } from '../../testing/builders/object-text.ts';
import { openTestProcessing } from '../../testing/builders/test-processing.ts';
import type { JobDefinition } from '../contract.ts';

type Lake = Awaited<ReturnType<typeof openTestProcessing>>;
type CleanJob = Extract<JobDefinition, { kind: 'clean' }>;
let lake: Lake;
beforeAll(async () => {
  lake = await openTestProcessing();
  await lake.catalog.createDatabase(lake.root, { name: 'd', locationUri: 's3://lake/d/' });
});
afterAll(() => lake.close());

const job = (
  name: string,
  more: Omit<Partial<CleanJob>, 'source'> & { source?: Partial<CleanJob['source']> },
): CleanJob => ({
  kind: 'clean',
  name,
  target: { database: 'd', table: name },
  columns: [
    { name: 'id', type: 'bigint' },
    { name: 'v', type: 'string' },
    { name: 'at', type: 'timestamp' },
  ],
  key: ['id'],
  eventTime: 'at',
  rules: [],
  quarantine: { bucket: 'lake', prefix: 'q/' },
  ...more,
  source: { bucket: 'raw', prefix: `${name}/`, format: 'csv', ...more.source },
});

async function run(definition: CleanJob, files: Record<string, string | Uint8Array>) {
  await lake.jobs.put(lake.root, definition);
  for (const [key, text] of Object.entries(files)) {
    await lake.land(`${definition.source.prefix}${key}`, text);
  }
  const { id } = await lake.jobs.start(lake.root, definition.name);
  const done = await lake.jobs.wait(id, lake.root.signal);
  expect(done.error).toBeUndefined();
  const { table } = definition.target;
  return { done, rows: await lake.rows(`SELECT * FROM "d"."${table}" ORDER BY id`) };
}
const rejects = async (name: string, runId: string) =>
  (await objectText(lake.objects, 'lake', `q/${name}/run=${runId}/part-0.json`))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('sources', () => {
  it('reads files whose headers differ, by name, in any order and case', async () => {
    const { rows } = await run(job('headers', {}), {
      'a.csv': 'id,v,at\n1,a,2026-01-01\n',
      'b.csv': 'extra,AT,"ID",V\nx,2026-01-02,2,b\n',
      'c.csv': '\ufeffid;at\n',
      'd.csv': 'at,id\n2026-01-03,3\n',
      _SUCCESS: 'id,v,at\n8,hidden,2026-01-01\n',
      'empty.csv': '',
    });
    expect(rows).toEqual([
      ['1', 'a', '2026-01-01 00:00:00'],
      ['2', 'b', '2026-01-02 00:00:00'],
      ['3', null, '2026-01-03 00:00:00'],
    ]);
  });

  it('reads gzip, tabs, and files without a header whose fields the job names', async () => {
    const { rows } = await run(job('packed', {}), {
      'a.csv.gz': gzipSync('id,v,at\n1,a,2026-01-01\n'),
      'b.tsv': 'id\tv\tat\n2\tb,c\t2026-01-01\n',
    });
    expect(rows.map((row) => row[1])).toEqual(['a', 'b,c']);
    const bare = job('bare', { source: { options: { header: 'false', fields: 'at, id, v', delimiter: ';' } } });
    expect((await run(bare, { 'a.txt': '2026-01-01;1;a\n2026-01-01;2;b\n' })).rows.map((row) => row[1])).toEqual([
      'a',
      'b',
    ]);
  });

  it('reads JSON lines, one array, and values without line breaks, and keeps what is no object', async () => {
    const { done, rows } = await run(job('json', { source: { format: 'json' } }), {
      'lines.json':
        '{"id":1,"v":"a","at":"2026-01-01"}\n{"id":2,\n[3]\n{"v":{"x":1},"id":"4","at":"2026-01-01T00:00:00Z"}\n',
      'array.json': '[{"id":5,"v":null,"at":"2026-01-01"},{"id":6.5,"at":"2026-01-01"}]',
      'values.json': '{"id":7,"at":"2026-01-01"}{"id":8,"at":"2026-01-01"}',
    });
    expect(rows.map((row) => row.slice(0, 2))).toEqual([
      ['1', 'a'],
      ['4', '{"x":1}'],
      ['5', null],
      ['7', null],
      ['8', null],
    ]);
    expect(done.counts).toMatchObject({
      rowsIn: 8,
      rowsCommitted: 5,
      rowsRejected: 3,
      rejectedByRule: { not_json: 1, not_an_object: 1, 'type(id)': 1 },
    });
    const lines = await rejects('json', done.id);
    expect(lines.map((line) => [line.object, line.row, line.rest, line.record])).toEqual([
      ['json/array.json', 2, null, { id: 6.5, at: '2026-01-01' }],
      ['json/lines.json', 2, '{"id":2,', null],
      ['json/lines.json', 3, '[3]', null],
    ]);
  });

  it('rejects an object that cannot be read at all, and commits the others', async () => {
    const { done, rows } = await run(job('broken', {}), {
      'good.csv': 'id,v,at\n1,a,2026-01-01\n',
      'latin.csv': Buffer.from('id,v,at\n2,caf\xe9,2026-01-01\n3,ok,2026-01-01\n', 'latin1'),
      'torn.csv.gz': gzipSync(`id,v,at\n${'4,d,2026-01-01\n'.repeat(5000)}`).subarray(0, 60),
    });
    expect(rows.map((row) => row[0])).toEqual(['1']);
    expect(done.counts).toMatchObject({ objectsIn: 3, rowsIn: 3, rowsCommitted: 1, rejectedByRule: { unreadable: 2 } });
    const lines = await rejects('broken', done.id);
    expect(lines.map((line) => [line.object, line.row])).toEqual([
      ['broken/latin.csv', 0],
      ['broken/torn.csv.gz', 0],
    ]);
    const latin = job('latin', { source: { options: { encoding: 'latin-1' } } });
    const bytes = Buffer.from('id,v,at\n2,caf\xe9,2026-01-01\n', 'latin1');
    expect((await run(latin, { 'l.csv': bytes })).rows[0]![1]).toBe('café');
  });

  it('gives rows their place when a column asks for it', async () => {
    const placed = job('placed', {
      columns: [
        { name: 'id', type: 'bigint' },
        { name: 'at', type: 'timestamp' },
        { name: 'source_object', from: '_object', type: 'string' },
        { name: 'source_row', from: '_row', type: 'bigint' },
      ],
    });
    expect((await run(placed, { 'a.csv': 'id,at\n5,2026-01-01\n6,2026-01-01\n' })).rows[1]).toEqual([
      '6',
      '2026-01-01 00:00:00',
      'placed/a.csv',
      '2',
    ]);
  });
});

describe('rules over more than one row', () => {
  it('references: a value must be a key of the other table', async () => {
    const owners = job('owners', {});
    await run(owners, { 'a.csv': 'id,v,at\n1,a,2026-01-01\n2,b,2026-01-01\n' });
    const things = job('things', {
      columns: [...owners.columns, { name: 'owner', type: 'string' }],
      rules: [{ rule: 'references', column: 'owner', table: { database: 'd', table: 'owners' }, key: 'id' }],
    });
    const { done, rows } = await run(things, {
      'a.csv': 'id,v,at,owner\n10,x,2026-01-01,1\n11,y,2026-01-01,3\n12,z,2026-01-01,\n13,w,2026-01-01,zwei\n',
    });
    expect(rows.map((row) => row[0])).toEqual(['10']);
    expect(done.counts!.rejectedByRule).toEqual({ 'references(owner)': 3 });
  });

  it('unique: the key that has the values keeps them, whichever file comes first', async () => {
    const users = job('users', {
      columns: [
        { name: 'id', type: 'bigint' },
        { name: 'email', type: 'string', normalize: ['lower', 'empty_to_null'] },
        { name: 'at', type: 'timestamp' },
      ],
      rules: [{ rule: 'unique', columns: ['email'] }],
    });
    const first = await run(users, {
      'b.csv': 'id,email,at\n1,a@x,2026-01-01\n2,A@X,2026-01-02\n',
      'a.csv': 'id,email,at\n3,,2026-01-01\n4,,2026-01-01\n2,a@x,2026-01-03\n',
    });
    expect(first.rows.map((row) => row.slice(0, 2))).toEqual([
      ['2', 'a@x'],
      ['3', null],
      ['4', null],
    ]);
    expect(first.done.counts).toMatchObject({ rowsIn: 5, rowsCommitted: 3, rowsRejected: 1, rowsDuplicate: 1 });
    expect(await rejects('users', first.done.id)).toMatchObject([
      { object: 'users/b.csv', row: 1, rules: ['unique(email)'], record: { id: '1', email: 'a@x', at: '2026-01-01' } },
    ]);
    const second = await run(users, { 'c.csv': 'id,email,at\n5,a@x,2027-01-01\n2,b@x,2027-01-01\n,e@x,2027-01-01\n' });
    expect(second.rows.map((row) => row.slice(0, 2))).toEqual([
      ['2', 'b@x'],
      ['3', null],
      ['4', null],
    ]);
    expect(second.done.counts!.rejectedByRule).toEqual({ 'unique(email)': 1, 'complete(id)': 1 });
    const third = await run(users, { 'd.csv': 'id,email,at\n6,q@x,2027-01-01\n' });
    expect(third.done.counts).toMatchObject({ rowsIn: 1, rowsCommitted: 1, rowsRejected: 0 });
  });
});

describe('definitions', () => {
  it.each([
    [{ key: ['idd'] }, /`key` names `idd`.*Did you mean id\?/],
    [{ eventTime: 'when' }, /`eventTime` names `when`/],
    [{ columns: [{ name: 'Id', type: 'bigint' }] }, /Column `Id`/],
    [{ columns: [{ name: 'id', type: 'money' }] }, /unknown type `money`/],
    [{ rules: [{ rule: 'range', column: 'vv', min: '1' }] }, /Rule range names `vv`/],
    [{ quarantine: { bucket: 'lake', prefix: 'q' } }, /must end with `\/`/],
    [{ maxRetries: 11 }, /`maxRetries` is 11/],
    [{ source: { options: { header: 'false' } } }, /source\.options\.fields/],
  ] as const)('refuses %j', async (change, message) => {
    await expect(lake.jobs.put(lake.root, job('refused', change as never))).rejects.toThrow(message);
  });
});
