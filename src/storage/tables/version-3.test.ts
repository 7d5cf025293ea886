/** Iceberg format version 3: deletion vectors, row ids, and what a commit must keep to. */
import { crc32 } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { fixedClock } from '../../core/clock.ts';
import { openMemoryStore } from '../stores/memory/index.ts';
import type { DataFile, Snapshot, TableChange, TableFormat, TableMetadata } from './contract-types.ts';
import { createTableFormat } from './index.ts';
import { encodeManifest, encodeManifestList, type FileRecord, type ManifestFile } from './manifest.ts';

let objects: ReturnType<typeof openMemoryStore>;
let format: TableFormat;
let table: TableMetadata;
beforeEach(async () => {
  const clock = fixedClock(1_000);
  objects = openMemoryStore({ clock });
  await objects.createBucket('lake', { region: 'us-east-1', ownerAccountId: '000000000000' });
  format = createTableFormat({ objects, clock });
  table = newTable('3');
});

const newTable = (version: string) =>
  format.newTable({
    location: 's3://lake/t',
    schema: format.schemaFromColumns([{ name: 'id', type: 'bigint' }]),
    properties: { 'format-version': version },
  });
const dataFile = (name: string, rows = 10): DataFile => ({
  path: `s3://lake/t/data/${name}.parquet`,
  format: 'PARQUET',
  rows,
  bytes: 100,
  partition: {},
});
const commit = async (change: TableChange) => {
  table = (await format.stage(table, change)).metadata;
};
const rowIds = async () =>
  Object.fromEntries(
    (await format.planScan(table, {})).files.map((f) => [
      f.path.slice('s3://lake/t/data/'.length, -'.parquet'.length),
      f.firstRowId,
    ]),
  );
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: { code: string }) => error.code,
  );

/** A vector with these positions below 65,536, as one array container of the portable form. */
function vectorBlob(positions: readonly number[]): Buffer {
  const bitmap = Buffer.alloc(4 + 8 + 4 + 4 + 4 + 4 + 4 + positions.length * 2);
  let at = bitmap.writeUInt32LE(1_681_511_377, 0);
  at = bitmap.writeBigUInt64LE(1n, at);
  for (const value of [0, 12_346, 1]) at = bitmap.writeUInt32LE(value, at);
  at = bitmap.writeUInt16LE(0, at);
  at = bitmap.writeUInt16LE(positions.length - 1, at);
  at = bitmap.writeUInt32LE(16, at);
  for (const position of positions) at = bitmap.writeUInt16LE(position, at);
  const blob = Buffer.alloc(bitmap.length + 8);
  blob.writeUInt32BE(bitmap.length, 0);
  bitmap.copy(blob, 4);
  blob.writeUInt32BE(crc32(bitmap), bitmap.length + 4);
  return blob;
}

function flipped(bytes: Buffer, at: number): Buffer {
  bytes.writeUInt8(bytes[at]! ^ 1, at);
  return bytes;
}

describe('row ids', () => {
  it('go on from snapshot to snapshot, and stay with a file when manifests are joined or written again', async () => {
    await commit({ kind: 'append', files: [dataFile('a'), dataFile('b', 5)] });
    await commit({ kind: 'append', files: [dataFile('c')] });
    expect(await rowIds()).toEqual({ a: 0, b: 10, c: 15 });
    expect(table).toMatchObject({ 'next-row-id': 25, snapshots: [{ 'added-rows': 15 }, { 'first-row-id': 15 }] });
    await commit({ kind: 'replace', operation: 'delete', remove: [dataFile('a').path], files: [] });
    expect(await rowIds()).toEqual({ b: 10, c: 15 });
    await commit({ kind: 'replace', operation: 'replace', remove: [], files: [], mergeManifests: true });
    expect(await rowIds()).toEqual({ b: 10, c: 15 });
    // A manifest written anew takes ids for all its rows, as the specification has it: its files keep theirs.
    expect(table['next-row-id']).toBe(45);
  });

  it('are given to the files of a table that was upgraded, once it is committed to', async () => {
    table = newTable('2');
    await commit({ kind: 'append', files: [dataFile('old')] });
    table = format.applyUpdates(table, [{ action: 'upgrade-format-version', 'format-version': 3 }]);
    expect(await rowIds()).toEqual({ old: undefined });
    await commit({ kind: 'append', files: [dataFile('new')] });
    expect(Object.values(await rowIds()).sort()).toEqual([0, 10]);
    expect(table['next-row-id']).toBe(20);
  });

  it('of a commit from outside must be those the table has to give', async () => {
    await commit({ kind: 'append', files: [dataFile('a')] });
    const snapshot = { ...table.snapshots[0]!, 'snapshot-id': '77', 'sequence-number': 2 };
    const add = (rows: object) => () =>
      format.applyUpdates(table, [{ action: 'add-snapshot', snapshot: { ...snapshot, ...rows } }]);
    expect(add({ 'first-row-id': undefined })).toThrow(/first-row-id/);
    expect(add({ 'first-row-id': 9, 'added-rows': 1 })).toThrow(/row id 9; the table is at 10/);
    expect(add({ 'first-row-id': 10, 'added-rows': 7 })()).toMatchObject({ 'next-row-id': 17 });
  });

  it('are not lost silently: a rewrite and files of deleted positions are refused by name', async () => {
    await commit({ kind: 'append', files: [dataFile('a')] });
    const remove = [dataFile('a').path];
    expect(await codeOf(commit({ kind: 'replace', operation: 'replace', remove, files: [dataFile('b')] }))).toBe(
      'unsupported',
    );
    const positions = {
      path: 's3://lake/t/data/d.parquet',
      kind: 'position',
      rows: 1,
      bytes: 1,
      partition: {},
    } as const;
    expect(await codeOf(commit({ kind: 'delta', files: [], deletes: [positions] }))).toBe('unsupported');
  });
});

it('has types and defaults that version 2 refuses by column', () => {
  const field = (more: object) => ({ id: 2, name: 'v', required: false, type: 'variant', ...more });
  const add =
    (base: TableMetadata, more = {}) =>
    () =>
      format.applyUpdates(base, [
        {
          action: 'add-schema',
          schema: { type: 'struct', 'schema-id': 1, fields: [...table.schemas[0]!.fields, field(more)] },
        },
      ]);
  expect(add(table)().schemas).toHaveLength(2);
  expect(add(newTable('2'))).toThrow(/`v` has the type `variant`, which needs Iceberg format version 3/);
  expect(add(newTable('2'), { type: 'int', 'initial-default': 4 })).toThrow(/initial default/);
});

describe('deletion vectors', () => {
  const PUFFIN = 's3://lake/t/data/v.puffin';
  const put = (bytes: Buffer) => objects.put('lake', 't/data/v.puffin', bytes);
  const at = (offset: number, bytes: number, rows: number) => ({ path: PUFFIN, offset, bytes, rows });

  it('tell the positions that are deleted', async () => {
    const blob = vectorBlob([0, 7, 65_535]);
    await put(Buffer.concat([Buffer.from('PFA1'), blob, Buffer.from('the rest')]));
    expect(await format.deletedRows(at(4, blob.length, 3))).toEqual([0, 7, 65_535]);
  });

  it.each([
    ['another checksum', (b: Buffer) => flipped(b, b.length - 1), /checksum/],
    ['a bit of its bitmap turned', (b: Buffer) => flipped(b, 30), /checksum/],
    ['another length', (b: Buffer) => flipped(b, 3), /length/],
    ['its end cut off', (b: Buffer) => b.subarray(0, b.length - 5), /bytes/],
    ['nothing of it', () => Buffer.alloc(2), /./],
  ])('are refused with file and offset when the file has %s', async (_, damage, why) => {
    const blob = vectorBlob([1, 2]);
    await put(Buffer.concat([Buffer.from('PFA1'), damage(Buffer.from(blob))]));
    const failure = await format.deletedRows(at(4, blob.length, 2)).catch((error: Error) => error);
    expect(failure).toMatchObject({ code: 'data_corrupt', message: expect.stringMatching(why) });
    expect((failure as Error).message).toContain(`\`${PUFFIN}\` at offset 4`);
  });

  it('are refused when the manifest counts other rows, or the file is gone', async () => {
    const blob = vectorBlob([1, 2]);
    await put(blob);
    expect(await codeOf(format.deletedRows(at(0, blob.length, 3)) as Promise<unknown>)).toBe('data_corrupt');
    await objects.delete('lake', 't/data/v.puffin');
    expect(await codeOf(format.deletedRows(at(0, blob.length, 2)) as Promise<unknown>)).toBe('data_corrupt');
  });

  /** A snapshot from outside with delete records of its own, upon the table's current one. */
  async function outside(records: readonly Partial<FileRecord>[]): Promise<Snapshot> {
    const spec = table['partition-specs'][0]!;
    const tuple = { specId: 0, fields: [] };
    const entries = records.map((record) => ({
      status: 1,
      snapshot_id: 9n,
      sequence_number: null,
      file_sequence_number: null,
      data_file: {
        content: 1,
        file_path: PUFFIN,
        file_format: 'PUFFIN',
        partition: {},
        record_count: 2,
        file_size_in_bytes: 9,
        ...record,
      } as FileRecord,
    }));
    const bytes = await encodeManifest({
      schema: table.schemas[0]!,
      spec,
      tuple,
      content: 'deletes',
      entries,
      version: 3,
    });
    await objects.put('lake', 't/metadata/m9.avro', bytes);
    const before = table.snapshots.at(-1)!;
    const list = { id: '9', parentId: before['snapshot-id'], sequenceNumber: 2, version: 3, firstRowId: 10 };
    const none = {
      added_rows_count: 0,
      existing_rows_count: 0,
      deleted_rows_count: 0,
      existing_files_count: 0,
      deleted_files_count: 0,
    };
    const manifest: ManifestFile = {
      manifest_path: 's3://lake/t/metadata/m9.avro',
      manifest_length: bytes.length,
      partition_spec_id: 0,
      content: 1,
      sequence_number: 2,
      min_sequence_number: 2,
      added_snapshot_id: 9n,
      added_files_count: entries.length,
      ...none,
    };
    await objects.put('lake', 't/metadata/l9.avro', await encodeManifestList([manifest], list));
    return {
      ...before,
      'snapshot-id': '9',
      'sequence-number': 2,
      'manifest-list': 's3://lake/t/metadata/l9.avro',
      'first-row-id': 10,
      'added-rows': 0,
    };
  }

  it('of a commit from outside are one for a data file, each with its place; files of positions are no more taken', async () => {
    await commit({ kind: 'append', files: [dataFile('a')] });
    const vector = { referenced_data_file: dataFile('a').path, content_offset: 4, content_size_in_bytes: 40 };
    expect(await format.snapshotFiles(table, await outside([vector]))).toContain(PUFFIN);
    const taken = async (records: readonly Partial<FileRecord>[]) =>
      format.snapshotFiles(table, await outside(records));
    for (const records of [
      [vector, { ...vector, content_offset: 80 }],
      [{ ...vector, content_offset: null }],
      [{ file_format: 'PARQUET' }],
    ]) {
      // Each in a file system of its own: what was read once is remembered.
      format = createTableFormat({ objects, clock: fixedClock(1_000) });
      await expect(taken(records)).rejects.toThrow(/two deletion vectors|does not say where|deleted positions/);
    }
  });
});
