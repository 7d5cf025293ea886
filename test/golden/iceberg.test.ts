/** Tables that pyiceberg wrote (test/interop/pyiceberg/write_golden.py), read by the table core. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { Engine } from '../../src/engines/contract.ts';
import { openDuckdbEngine } from '../../src/engines/duckdb/index.ts';
import type { ScanPlan, ScanPredicate, TableFormat, TableMetadata } from '../../src/storage/contract.ts';
import { createTableFormat } from '../../src/storage/tables/index.ts';
import { parseLosslessJson, stringifyLosslessJson } from '../../src/storage/tables/lossless-json.ts';
import { folderObjects } from '../interop/pyiceberg/table-writer.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';

const ROOT = join(import.meta.dirname, 'iceberg');
const place = (location: string) => join(ROOT, location.slice('s3://'.length));

let tables: Record<string, { readonly metadata: string; readonly first_snapshot: string }>;
let format: TableFormat;
let engine: Engine;
let work: string;
beforeAll(async () => {
  tables = JSON.parse(await readFile(join(ROOT, 'tables.json'), 'utf8'));
  format = createTableFormat({ objects: folderObjects(ROOT), clock: systemClock });
  work = await mkdtemp(join(tmpdir(), 'loch-golden-'));
  engine = await openDuckdbEngine({ workDirectory: work, workers: 1 });
});
afterAll(async () => {
  await engine.close();
  await rm(work, { recursive: true, force: true });
});

/** Ids of the rows in the files of a plan. Files of one table differ in schema, so only `id` is read. */
async function idsOf(plan: ScanPlan): Promise<number[]> {
  expect(plan.files.flatMap((file) => file.deletes)).toEqual([]);
  if (plan.files.length === 0) return [];
  const inputs = plan.files.map((file) => place(file.path));
  const { rows } = await engine.execute(
    {
      sql: `SELECT id FROM read_parquet([${inputs.map((path) => `'${path}'`).join(', ')}], hive_partitioning = false) ORDER BY 1`,
      inputs,
      result: { kind: 'rows', maxRows: 100 },
    },
    new AbortController().signal,
  );
  return rows.map((row) => Number(row[0]));
}

/** Predicates and the ids that satisfy them, by what write_golden.py puts into each row. */
const PREDICATES: readonly (readonly [string, ScanPredicate, (id: number) => boolean])[] = [
  ['a bucketed number', { column: 'id', op: '=', values: ['8'] }, (id) => id === 8],
  ['a range of it', { column: 'id', op: '<', values: ['3'] }, (id) => id < 3],
  ['text', { column: 'region', op: '=', values: ['süd'] }, (id) => id % 5 !== 0 && id % 2 === 1],
  ['several texts', { column: 'region', op: 'in', values: ['north', 'west'] }, (id) => id % 5 !== 0 && id % 2 === 0],
  ['null', { column: 'region', op: 'is_null', values: [] }, (id) => id % 5 === 0],
  ['not null', { column: 'region', op: 'not_null', values: [] }, (id) => id % 5 !== 0],
  ['a decimal', { column: 'amount', op: '>', values: ['9.5'] }, (id) => id % 7 !== 0 && id * 3.25 - 10 > 9.5],
  ['a date', { column: 'day', op: '<=', values: ['1969-12-31'] }, (id) => id % 3 !== 0 && id - 5 <= -1],
  ['a time before 1970', { column: 'at', op: '<', values: ['1970-01-01 00:00:00'] }, (id) => id * 5 < 24],
  ['a zoned time', { column: 'at_zone', op: '>=', values: ['2026-01-31 02:08:00+02'] }, (id) => id >= 8],
  ['a renamed double', { column: 'share', op: '<', values: ['-0.5'] }, (id) => id !== 3 && id / 4 - 1 < -0.5],
  ['a double where NaN is', { column: 'share', op: '>', values: ['100'] }, (id) => id === 3],
  ['a field of a struct', { column: 'pair.x', op: '=', values: ['5'] }, (id) => id === 5],
];

describe.each(['plain', 'partitioned'])('the %s table that pyiceberg wrote', (name) => {
  let metadata: TableMetadata;
  beforeAll(async () => {
    metadata = await format.readMetadata(tables[name]!.metadata);
  });

  it('has the rows that were written and not those that were deleted', async () => {
    expect(await idsOf(await format.planScan(metadata, {}))).toEqual([0, 1, 2, 3, 4, 5, 6, 8, 9]);
    const then = await format.planScan(metadata, { snapshotId: tables[name]!.first_snapshot });
    expect(await idsOf(then)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(then.schema.fields.map((field) => field.name)).toContain('ratio');
    expect(then.schema.fields.map((field) => field.name)).not.toContain('note');
  });

  it.each(PREDICATES)('loses no row when pruned by %s', async (_, predicate, matches) => {
    const all = [0, 1, 2, 3, 4, 5, 6, 8, 9];
    const ids = await idsOf(await format.planScan(metadata, { predicates: [predicate] }));
    expect(all.filter(matches)).not.toEqual([]);
    expect(ids.filter(matches)).toEqual(all.filter(matches));
    if (name === 'partitioned' && ['id', 'region', 'at', 'amount'].includes(predicate.column)) {
      expect(ids.length, 'something is pruned').toBeLessThan(all.length);
    }
  });

  it('keeps its metadata letter for letter through a rewrite', async () => {
    const text = await readFile(place(tables[name]!.metadata), 'utf8');
    expect(stringifyLosslessJson(parseLosslessJson(text))).toBe(text);
  });

  it('takes a commit of ours on top', async () => {
    const before = await format.planScan(metadata, {});
    const staged = await createTableFormat({ objects: scratchOver(), clock: systemClock }).stage(metadata, {
      kind: 'replace',
      operation: 'delete',
      remove: [before.files[0]!.path],
      files: [],
    });
    expect(staged.metadata.snapshots.at(-1)?.summary).toMatchObject({
      operation: 'delete',
      'deleted-data-files': '1',
      'total-data-files': String(before.totalFiles - 1),
      'total-records': String(9 - before.files[0]!.rows),
    });
  });
});

/** The golden folder, with writes kept in memory only. */
function scratchOver(): ReturnType<typeof folderObjects> {
  const below = folderObjects(ROOT);
  return {
    ...below,
    put: async (bucket, key) => ({ ...(await below.get('golden', '../tables.json')).head, bucket, key }),
  };
}
