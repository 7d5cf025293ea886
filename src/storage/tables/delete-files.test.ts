import { beforeEach, describe, expect, it } from 'vitest';
import { fixedClock } from '../../core/clock.ts';
import { openMemoryStore } from '../stores/memory/index.ts';
import type { DataFile, DeleteFile, TableFormat, TableMetadata } from './contract-types.ts';
import { createTableFormat } from './index.ts';

let format: TableFormat;
let table: TableMetadata;
beforeEach(async () => {
  const clock = fixedClock(1_000);
  const objects = openMemoryStore({ clock });
  await objects.createBucket('lake', { region: 'us-east-1', ownerAccountId: '000000000000' });
  format = createTableFormat({ objects, clock });
  table = format.newTable({
    location: 's3://lake/t',
    schema: format.schemaFromColumns([
      { name: 'id', type: 'bigint' },
      { name: 'region', type: 'string' },
    ]),
    partition: [{ column: 'region', transform: 'identity' }],
  });
});

const path = (name: string) => `s3://lake/t/data/${name}.parquet`;
const data = (name: string, region = 'north'): DataFile => ({
  path: path(name),
  format: 'PARQUET',
  rows: 10,
  bytes: 100,
  partition: { region },
});
const positions = (name: string, dataFile?: string, region = 'north'): DeleteFile => ({
  path: path(name),
  kind: 'position',
  rows: 1,
  bytes: 10,
  partition: { region },
  ...(dataFile === undefined ? {} : { dataFile: path(dataFile) }),
});
const equality = (name: string, region = 'north'): DeleteFile => ({
  path: path(name),
  kind: 'equality',
  rows: 2,
  bytes: 10,
  partition: { region },
  fieldIds: [1],
});

async function commit(change: Parameters<TableFormat['stage']>[1]): Promise<void> {
  table = (await format.stage(table, change)).metadata;
}

/** Short names of the delete files of each live data file. */
async function deletesByFile(): Promise<Record<string, string[]>> {
  const short = (location: string) => location.slice(path('').indexOf('.parquet')).replace('.parquet', '');
  const { files } = await format.planScan(table, {});
  return Object.fromEntries(files.map((file) => [short(file.path), file.deletes.map((d) => short(d.path)).sort()]));
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: { code: string }) => error.code,
  );

describe('delete files', () => {
  it('apply to the data of their partition that was there before: positions of the same commit too, values not', async () => {
    await commit({ kind: 'append', files: [data('old'), data('south', 'south')] });
    await commit({ kind: 'delta', files: [data('same')], deletes: [positions('p'), equality('e')] });
    await commit({ kind: 'append', files: [data('new')] });
    expect(await deletesByFile()).toEqual({ old: ['e', 'p'], same: ['p'], new: [], south: [] });
    expect(table.snapshots[1]?.summary).toMatchObject({
      operation: 'overwrite',
      'added-delete-files': '2',
      'added-position-deletes': '1',
      'added-equality-deletes': '2',
      'total-delete-files': '2',
    });
    const plan = await format.planScan(table, {});
    expect(plan.files.flatMap((file) => file.deletes).find((d) => d.kind === 'equality')?.fieldIds).toEqual([1]);
    expect(plan.totalFiles).toBe(4);
  });

  it('apply to one data file alone when they name it', async () => {
    await commit({ kind: 'append', files: [data('a'), data('b')] });
    await commit({ kind: 'delta', files: [], deletes: [positions('p', 'a')] });
    expect(await deletesByFile()).toEqual({ a: ['p'], b: [] });
  });

  it('conflict when the data file they name is gone', async () => {
    await commit({ kind: 'append', files: [data('a')] });
    await commit({ kind: 'overwrite', files: [data('b')] });
    expect(await codeOf(commit({ kind: 'delta', files: [], deletes: [positions('p', 'a')] }))).toBe('commit_conflict');
  });

  it('go with everything else in an overwrite', async () => {
    await commit({ kind: 'append', files: [data('a')] });
    await commit({ kind: 'delta', files: [], deletes: [positions('p')] });
    await commit({ kind: 'overwrite', files: [data('b')] });
    expect(await deletesByFile()).toEqual({ b: [] });
    expect(table.snapshots.at(-1)?.summary).toMatchObject({ 'removed-delete-files': '1', 'total-delete-files': '0' });
  });

  it('refuse a replacement that was read before them, but not a rewrite that keeps its number for values', async () => {
    await commit({ kind: 'append', files: [data('a'), data('b')] });
    const basedOn = table['current-snapshot-id']!;
    await commit({ kind: 'delta', files: [], deletes: [equality('e')] });
    const rewrite = {
      kind: 'replace',
      operation: 'replace',
      basedOn,
      remove: [path('a')],
      files: [data('a2')],
    } as const;
    expect(await codeOf(format.stage(table, rewrite))).toBe('commit_conflict');
    await commit({ ...rewrite, sequenceNumber: 1 });
    expect(await deletesByFile()).toEqual({ a2: ['e'], b: ['e'] });
    await commit({ kind: 'delta', files: [], deletes: [positions('p', 'b')] });
    const again = { ...rewrite, remove: [path('b')], files: [data('b2')], sequenceNumber: 1 };
    expect(await codeOf(format.stage(table, again))).toBe('commit_conflict');
  });

  it('keep their numbers when a commit is staged again', async () => {
    await commit({ kind: 'append', files: [data('a')] });
    const change = { kind: 'delta', files: [data('b')], deletes: [positions('p')] } as const;
    const lost = await format.stage(table, change);
    await commit({ kind: 'append', files: [data('between')] });
    table = (await format.stage(table, change, { reuse: lost })).metadata;
    expect(await deletesByFile()).toEqual({ a: ['p'], between: ['p'], b: ['p'] });
  });

  it('must say what they delete', async () => {
    expect(await codeOf(commit({ kind: 'delta', files: [], deletes: [{ ...equality('e'), fieldIds: [99] }] }))).toBe(
      'invalid_argument',
    );
  });
});
