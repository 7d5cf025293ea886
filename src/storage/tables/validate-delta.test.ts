import { beforeEach, describe, expect, it } from 'vitest';
import { fixedClock } from '../../core/clock.ts';
import { openMemoryStore } from '../stores/memory/index.ts';
import type {
  DataFile,
  DeleteFile,
  DeltaValidation,
  TableChange,
  TableFormat,
  TableMetadata,
} from './contract-types.ts';
import { createTableFormat } from './index.ts';

const clock = fixedClock(Date.UTC(2026, 0, 31));
let format: TableFormat;
let table: TableMetadata;
beforeEach(async () => {
  const objects = openMemoryStore({ clock });
  await objects.createBucket('lake', { region: 'us-east-1', ownerAccountId: '000000000000' });
  format = createTableFormat({ objects, clock });
  const columns = [
    { name: 'id', type: 'bigint' },
    { name: 'region', type: 'string' },
  ];
  table = format.newTable({
    location: 's3://lake/t',
    schema: format.schemaFromColumns(columns),
    partition: [{ column: 'region', transform: 'identity' }],
  });
  await commit({ kind: 'append', files: [data('a', 1), data('b', 50)] });
});

const path = (name: string) => `s3://lake/t/data/${name}.parquet`;
const data = (name: string, from: number, region = 'north'): DataFile => ({
  path: path(name),
  format: 'PARQUET',
  rows: 10,
  bytes: 100,
  partition: { region },
  valueCounts: { 1: 10 },
  nullCounts: { 1: 0 },
  lower: { 1: String(from) },
  upper: { 1: String(from + 9) },
});
const positions = (name: string, dataFile: string): DeleteFile => ({
  path: path(name),
  kind: 'position',
  rows: 1,
  bytes: 10,
  partition: { region: 'north' },
  dataFile: path(dataFile),
});
async function commit(change: TableChange): Promise<void> {
  table = (await format.stage(table, change)).metadata;
}
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error: { code: string }) => error.code,
  );

describe('a row-level change', () => {
  const based = (): string => table['current-snapshot-id']!;
  const change = (
    validate: DeltaValidation,
    more: Partial<Extract<TableChange, { kind: 'delta' }>> = {},
  ): TableChange => ({
    kind: 'delta',
    files: [data('new', 5)],
    deletes: [positions('p', 'a')],
    validate,
    ...more,
  });

  it('under serializable isolation loses against rows it would have read, and only those', async () => {
    const basedOn = based();
    const predicates = [{ column: 'id', op: '<' as const, values: ['20'] }];
    const validate = { basedOn, isolation: 'serializable', operation: 'update', predicates } as const;
    await commit({ kind: 'append', files: [data('far', 900)] });
    expect(await codeOf(format.stage(table, change(validate)))).toBe('done');
    await commit({ kind: 'append', files: [data('near', 10)] });
    expect(await codeOf(format.stage(table, change(validate)))).toBe('commit_conflict');
    expect(await codeOf(format.stage(table, change({ ...validate, isolation: 'snapshot' })))).toBe('done');
  });

  it('is not disturbed by a rewrite of the same rows, unless it took the file it speaks of', async () => {
    const basedOn = based();
    const validate = { basedOn, isolation: 'serializable', operation: 'merge' } as const;
    const rewrite = { kind: 'replace', operation: 'replace', basedOn, sequenceNumber: 1 } as const;
    await commit({ ...rewrite, remove: [path('b')], files: [data('b2', 50)] });
    expect(await codeOf(format.stage(table, change(validate)))).toBe('done');
    await commit({ ...rewrite, remove: [path('a')], files: [data('a2', 1)] });
    expect(await codeOf(format.stage(table, change(validate)))).toBe('commit_conflict');
  });

  it('that deletes does not mind rivals who delete the same rows; one that updates does', async () => {
    const basedOn = based();
    await commit({ kind: 'delta', files: [], deletes: [positions('rival', 'a')] });
    const validate = { basedOn, isolation: 'snapshot', operation: 'delete' } as const;
    expect(await codeOf(format.stage(table, change(validate, { files: [] })))).toBe('done');
    expect(await codeOf(format.stage(table, change({ ...validate, operation: 'update' })))).toBe('commit_conflict');
    const other = { deletes: [positions('p', 'b')] };
    expect(await codeOf(format.stage(table, change({ ...validate, operation: 'update' }, other)))).toBe('done');
  });

  it('that copies files loses when rows of them were deleted since', async () => {
    const basedOn = based();
    const validate = { basedOn, isolation: 'snapshot', operation: 'delete' } as const;
    const copy = { files: [data('a2', 1)], deletes: [], remove: [path('a')] };
    expect(await codeOf(format.stage(table, change(validate, copy)))).toBe('done');
    await commit({ kind: 'delta', files: [], deletes: [positions('rival', 'a')] });
    expect(await codeOf(format.stage(table, change(validate, copy)))).toBe('commit_conflict');
  });

  it('loses when the table was rolled back behind what it read', async () => {
    const first = based();
    await commit({ kind: 'append', files: [data('c', 70)] });
    const basedOn = based();
    const back = { action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': first };
    table = format.applyUpdates(table, [back]);
    const validate = { basedOn, isolation: 'snapshot', operation: 'delete' } as const;
    expect(await codeOf(format.stage(table, change(validate)))).toBe('commit_conflict');
  });

  it('says in its snapshot what it was', async () => {
    const operations = async (files: DataFile[], deletes: DeleteFile[], remove: string[] = []) => {
      const staged = await format.stage(table, { kind: 'delta', files, deletes, remove });
      return staged.metadata.snapshots.at(-1)!.summary.operation;
    };
    expect(await operations([data('n', 1)], [])).toBe('append');
    expect(await operations([], [positions('p', 'a')])).toBe('delete');
    expect(await operations([data('n', 1)], [positions('p', 'a')])).toBe('overwrite');
    expect(await operations([data('n', 1)], [], [path('a')])).toBe('overwrite');
  });
});
