/** Writes a file of an inventory list: gzip CSV as it comes, or Parquet that the engine makes of lines. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { sqlString } from '../../core/sql-text.ts';
import type { Engine } from '../../engines/contract.ts';
import { csvRow, type InventoryColumn, jsonRow, type ListedVersion, parquetQuery } from './columns.ts';

/** A finished file, to be taken over or removed. */
export interface WrittenPart {
  readonly path: string;
  readonly size: number;
  /** In hex. */
  readonly md5: string;
}

/** **Units**: characters that are handed on at once. */
const BATCH = 64 * 1024;
const FAIRNESS_KEY = 'loch-inventory';

async function* batched(rows: AsyncIterable<string>): AsyncGenerator<string> {
  let batch = '';
  for await (const row of rows) {
    batch += row;
    if (batch.length < BATCH) continue;
    yield batch;
    batch = '';
  }
  if (batch !== '') yield batch;
}

async function* mapped<T>(from: AsyncIterable<T>, to: (item: T) => string): AsyncGenerator<string> {
  for await (const item of from) yield to(item);
}

/** Writes `versions` into a file below the new folder `directory`. **Cost**: memory of a batch; disk of the part. */
export async function writePart(
  deps: { readonly engine: Engine; readonly signal: AbortSignal },
  format: 'CSV' | 'Parquet',
  columns: readonly InventoryColumn[],
  versions: AsyncIterable<ListedVersion>,
  directory: string,
): Promise<WrittenPart> {
  const { signal } = deps;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const meter = createHash('md5');
  let size = 0;
  const metered = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      meter.update(chunk);
      done(null, chunk);
    },
  });
  if (format === 'CSV') {
    const path = join(directory, 'part.csv.gz');
    const rows = Readable.from(batched(mapped(versions, (version) => csvRow(columns, version))), { objectMode: false });
    await pipeline(rows, createGzip(), metered, createWriteStream(path, { mode: 0o600 }), { signal });
    return { path, size, md5: meter.digest('hex') };
  }
  const lines = join(directory, 'part.json');
  const rows = Readable.from(batched(mapped(versions, (version) => jsonRow(columns, version))), { objectMode: false });
  await pipeline(rows, createWriteStream(lines, { mode: 0o600 }), { signal });
  const made = join(directory, 'parquet');
  await mkdir(made, { mode: 0o700 });
  const result = await deps.engine.execute(
    {
      sql: parquetQuery(columns, sqlString(lines)),
      inputs: [lines],
      result: { kind: 'parquet', directory: made },
      settings: { TimeZone: 'UTC' },
      fairnessKey: FAIRNESS_KEY,
    },
    signal,
  );
  await rm(lines);
  const { path } = result.files[0]!;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    size += chunk.length;
    meter.update(chunk);
  }
  return { path, size, md5: meter.digest('hex') };
}
