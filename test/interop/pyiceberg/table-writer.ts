/** Tables written by Loch's table core and engine into a plain folder, where another reader can find them. */
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { systemClock } from '../../../src/core/clock.ts';
import { LochError } from '../../../src/core/errors.ts';
import type { Engine } from '../../../src/engines/contract.ts';
import { openDuckdbEngine } from '../../../src/engines/duckdb/index.ts';
import type { DataFile, DeleteFile, ObjectHead, TableFormat, TableMetadata } from '../../../src/storage/contract.ts';
import { createTableFormat } from '../../../src/storage/tables/index.ts';

/** Objects as files `<root>/<bucket>/<key>`: the shape in which a foreign reader gets them. */
export function folderObjects(root: string): Parameters<typeof createTableFormat>[0]['objects'] {
  const head = (bucket: string, key: string, size: number): ObjectHead => ({
    bucket,
    key,
    size,
    versionId: '1',
    attributes: {},
    etag: '""',
    lastModified: 0,
    contentType: '',
    metadata: {},
    headers: {},
    checksums: {},
  });
  return {
    async put(bucket, key, body) {
      const path = join(root, bucket, key);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, body as Uint8Array);
      return head(bucket, key, (body as Uint8Array).length);
    },
    async get(bucket, key) {
      const bytes = await readFile(join(root, bucket, key)).catch((cause) => {
        throw new LochError('object_not_found', `No object \`${key}\`.`, { cause });
      });
      return { head: head(bucket, key, bytes.length), body: Readable.from([bytes]) };
    },
    async delete(bucket, key) {
      await rm(join(root, bucket, key), { force: true });
      return {};
    },
  };
}

export interface Workshop {
  readonly root: string;
  readonly engine: Engine;
  readonly format: TableFormat;
  /** Writes the rows of `sql` as data files of a table. */
  write(metadata: TableMetadata, sql: string): Promise<DataFile[]>;
  /** Writes a position-delete file for rows of a data file. */
  writePositions(metadata: TableMetadata, file: DataFile, positions: readonly number[]): Promise<DeleteFile>;
  /** Copies data files to the places of others, in order. */
  copy(from: readonly DataFile[], to: readonly DataFile[]): Promise<void>;
  /** One row of texts. */
  query(sql: string): Promise<readonly (string | null)[]>;
  close(): Promise<void>;
}

/** A folder, an engine and a table format. */
export async function openWorkshop(): Promise<Workshop> {
  const root = await mkdtemp(join(tmpdir(), 'loch-interop-'));
  const engine = await openDuckdbEngine({ workDirectory: join(root, 'work'), workers: 1 });
  const format = createTableFormat({ objects: folderObjects(root), clock: systemClock });
  const signal = new AbortController().signal;
  return {
    root,
    engine,
    format,
    async write(metadata, sql) {
      const layout = format.writeLayout(metadata);
      const directory = join(root, 'written', randomUUID());
      const result = await engine.execute(
        {
          sql: layout.select(sql),
          inputs: [],
          preamble: layout.preamble,
          result: {
            kind: 'parquet',
            directory,
            fieldIds: layout.fieldIds,
            partitionBy: layout.partitionBy,
            partitionColumnsInFiles: false,
          },
        },
        signal,
      );
      const files: DataFile[] = [];
      for (const file of result.files) {
        const location = `${metadata.location}/data/${randomUUID()}.parquet`;
        const path = join(root, location.slice('s3://'.length));
        await mkdir(dirname(path), { recursive: true });
        await rename(file.path, path);
        files.push(format.dataFile(metadata, file, location));
      }
      return files;
    },
    async writePositions(metadata, file, positions) {
      const values = positions.map((position) => `('${file.path}', ${position}::BIGINT)`).join(', ');
      const result = await engine.execute(
        {
          sql: `SELECT * FROM (VALUES ${values}) AS v(file_path, pos)`,
          inputs: [],
          result: {
            kind: 'parquet',
            directory: join(root, 'written', randomUUID()),
            fieldIds: { file_path: 2_147_483_546, pos: 2_147_483_545 },
          },
        },
        signal,
      );
      const [written] = result.files;
      const path = `${metadata.location}/data/${randomUUID()}-deletes.parquet`;
      await rename(written!.path, join(root, path.slice('s3://'.length)));
      return {
        path,
        kind: 'position',
        rows: positions.length,
        bytes: written!.bytes,
        partition: file.partition,
        dataFile: file.path,
      };
    },
    async copy(from, to) {
      const place = (file: DataFile) => join(root, file.path.slice('s3://'.length));
      await Promise.all(from.map((file, i) => copyFile(place(file), place(to[i]!))));
    },
    async query(sql) {
      const result = await engine.execute(
        { sql, inputs: [], result: { kind: 'rows', maxRows: 1 }, settings: { TimeZone: 'UTC' } },
        signal,
      );
      return result.rows[0]!;
    },
    async close() {
      await engine.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Every file below `folder`, by path from it. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
