import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ScanPredicate } from '../../storage/contract.ts';
import { contextOf } from '../../testing/builders/request-context.ts';
import { testCatalog } from '../../testing/builders/test-catalog.ts';
import type { TableRecord } from '../contract.ts';
import { dateFormat } from './date-format.ts';
import { projectPartitions } from './partition-projection.ts';
import { mayMatch } from './plan-table-scan.ts';

const root = contextOf('root');
const NOW = Date.UTC(2026, 0, 31, 10);

const tableOf = (
  keys: Readonly<Record<string, string>>,
  parameters: Readonly<Record<string, string>>,
): TableRecord => ({
  name: 't',
  database: 'd',
  id: 't',
  format: 'csv',
  tableType: 'EXTERNAL_TABLE',
  columns: [{ name: 'x', type: 'int' }],
  partitionKeys: Object.entries(keys).map(([name, type]) => ({ name, type })),
  storage: { location: 's3://lake/t/', serdeParameters: {} },
  parameters: { 'projection.enabled': 'true', ...parameters },
  createdAt: 0,
  updatedAt: 0,
  createdBy: 'root',
  version: 0,
});

function project(table: TableRecord, predicates: readonly ScanPredicate[] = []) {
  const { kept } = projectPartitions(table, predicates, NOW, (position, value) =>
    mayMatch(table, { values: Object.assign([], { [position]: value }) }, predicates),
  );
  return kept;
}
const values = (table: TableRecord, predicates?: readonly ScanPredicate[]) =>
  project(table, predicates).map((partition) => partition.values.join('|'));
const failure = (work: () => unknown) => {
  try {
    work();
    return 'resolved';
  } catch (error) {
    return (error as Error).message;
  }
};

/** A template of locations, with the keys as `<key>`: linters take the braces of the real ones for a mistake. */
const braced = (template: string) => template.replace(/<(\w+)>/g, '\u0024{$1}');

describe('partition projection', () => {
  it('counts integers by interval and digits, and enumerates', () => {
    const table = tableOf(
      { n: 'int', kind: 'string' },
      {
        'projection.n.type': 'integer',
        'projection.n.range': '-1,9',
        'projection.n.interval': '5',
        'projection.n.digits': '2',
        'projection.kind.type': 'enum',
        'projection.kind.values': 'a, b',
      },
    );
    expect(values(table)).toEqual(['-01|a', '-01|b', '04|a', '04|b', '09|a', '09|b']);
    expect(values(table, [{ column: 'n', op: '>', values: ['4'] }])).toEqual(['09|a', '09|b']);
    expect(project(table)[2]!.location).toBe('s3://lake/t/n=04/kind=a/');
  });

  it('steps through dates, also relative to now, and keeps the days that months lack', () => {
    const days = (parameters: Readonly<Record<string, string>>) =>
      values(tableOf({ day: 'string' }, { 'projection.day.type': 'date', ...parameters }));
    expect(days({ 'projection.day.format': 'yyyy/MM/dd', 'projection.day.range': 'NOW-2DAYS,NOW' })).toEqual([
      '2026/01/29',
      '2026/01/30',
      '2026/01/31',
    ]);
    expect(days({ 'projection.day.format': 'yyyy-MM', 'projection.day.range': '2025-11,NOW+1MONTH' })).toEqual([
      '2025-11',
      '2025-12',
      '2026-01',
      '2026-02',
    ]);
    expect(
      days({
        'projection.day.format': "yyyy-MM-dd'T'HH",
        'projection.day.range': '2026-01-31T00,NOW',
        'projection.day.interval': '6',
        'projection.day.interval.unit': 'HOURS',
      }),
    ).toEqual(['2026-01-31T00', '2026-01-31T06']);
    expect(
      days({
        'projection.day.format': 'yyyy-MM-dd',
        'projection.day.range': '2025-01-31,2025-04-01',
        'projection.day.interval.unit': 'MONTHS',
      }),
    ).toEqual(['2025-01-31', '2025-02-28', '2025-03-31']);
  });

  it('equals listing every day between two ends', () => {
    const table = tableOf(
      { day: 'date' },
      {
        'projection.day.type': 'date',
        'projection.day.format': 'yyyy-MM-dd',
        'projection.day.range': '2023-12-30,NOW',
      },
    );
    const listed: string[] = [];
    for (let at = Date.UTC(2023, 11, 30); at <= NOW; at += 86_400_000)
      listed.push(new Date(at).toISOString().slice(0, 10));
    expect(values(table)).toEqual(listed);
  });

  it('takes injected values from the statement, and refuses one that names none', () => {
    const table = tableOf({ id: 'string' }, { 'projection.id.type': 'injected' });
    expect(values(table, [{ column: 'id', op: 'in', values: ['a', 'b', 'a'] }])).toEqual(['a', 'b']);
    expect(failure(() => project(table))).toContain('WHERE id =');
    expect(failure(() => project(table, [{ column: 'id', op: '>', values: ['a'] }]))).toContain('injected');
  });

  it('fills the location template, which must name every key and stay within the table’s location', () => {
    const parameters = {
      'projection.y.type': 'enum',
      'projection.y.values': '2026',
      'projection.r.type': 'enum',
      'projection.r.values': 'eu',
    };
    const keys = { y: 'string', r: 'string' };
    const at = (template: string) =>
      project(tableOf(keys, { ...parameters, 'storage.location.template': braced(template) }));
    expect(at('s3://lake/t/<r>/<y>/part')[0]!.location).toBe('s3://lake/t/eu/2026/part');
    expect(failure(() => at('s3://lake/t/<y>/'))).toContain(braced('<r>'));
    expect(failure(() => at('s3://lake/t/<y>/<r>/<z>'))).toContain('`z`');
    expect(failure(() => at('s3://other/<y>/<r>/'))).toContain('own location');
    expect(failure(() => at('s3://lake/t2/<y>/<r>/'))).toContain('own location');
  });

  it('names the property that is missing or cannot be read', () => {
    const of = (parameters: Readonly<Record<string, string>>) =>
      failure(() => project(tableOf({ k: 'string' }, parameters)));
    expect(of({})).toContain('projection.k.type');
    expect(of({ 'projection.k.type': 'odd' })).toContain('enum, integer, date or injected');
    expect(of({ 'projection.k.type': 'integer', 'projection.k.range': 'a,3' })).toContain('`a`');
    expect(of({ 'projection.k.type': 'date', 'projection.k.format': 'yy', 'projection.k.range': 'NOW,NOW' })).toContain(
      'yy',
    );
    expect(
      of({ 'projection.k.type': 'date', 'projection.k.format': 'yyyy-MM-dd', 'projection.k.range': 'NOW-1EONS,NOW' }),
    ).toContain('EONS');
    expect(of({ 'projection.k.type': 'integer', 'projection.k.range': '1,200000' })).toContain('Filter by');
  });
});

describe('the date pattern', () => {
  it('reads what it writes and nothing else', () => {
    const format = dateFormat("yyyy'y'MM-dd HH:mm:ss.SSS")!;
    const text = format.text(NOW + 5);
    expect(text).toBe('2026y01-31 10:00:00.005');
    expect(format.parse(text)).toBe(NOW + 5);
    expect(format.parse('2026y02-30 10:00:00.005')).toBeUndefined();
    expect(dateFormat('dd/MM')).toBeUndefined();
    expect(dateFormat('yyyy EEE')).toBeUndefined();
  });
});

describe('a projected table in the catalog', () => {
  let lake: Awaited<ReturnType<typeof testCatalog>>;
  beforeAll(async () => {
    lake = await testCatalog();
    await lake.catalog.createDatabase(root, { name: 'd' });
    for (const day of ['2026-01-01', '2026-01-02', '2026-01-03']) {
      await lake.files.objects.put('lake', `t/day=${day}/f.csv`, Buffer.from('1\n'));
    }
    await lake.catalog.createTable(root, 'd', {
      name: 't',
      columns: [{ name: 'x', type: 'int' }],
      partitionKeys: [{ name: 'day', type: 'date' }],
      storage: { location: 's3://lake/t/', serdeParameters: {} },
      parameters: {
        classification: 'csv',
        'projection.enabled': 'true',
        'projection.day.type': 'date',
        'projection.day.format': 'yyyy-MM-dd',
        'projection.day.range': '2026-01-02,NOW',
      },
    });
  });
  afterAll(() => lake.close());

  it('is planned without any partition being listed in the catalog', async () => {
    const table = await lake.catalog.resolveTable(root, { database: 'd', table: 't' });
    const scan = await lake.catalog.planTableScan(table, {});
    expect(scan.files.map((file) => file.partition.day)).toEqual(['2026-01-02', '2026-01-03']);
    const one = await lake.catalog.planTableScan(table, {
      predicates: [{ column: 'day', op: '<', values: ['2026-01-03'] }],
    });
    expect(one.files.map((file) => file.key)).toEqual(['t/day=2026-01-02/f.csv']);
    expect(await lake.catalog.listPartitions(root, { database: 'd', table: 't' })).toEqual([]);
  });
});
