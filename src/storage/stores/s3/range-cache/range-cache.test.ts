import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import { parquetMetadata, parquetReadObjects, parquetSchema } from 'hyparquet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { patterned } from '../../../../testing/faults/patterned.ts';
import { footerLength, parquetRanges } from './parquet-ranges.ts';
import { type CachedVersion, RangeCache } from './range-cache.ts';

const GOLDEN = fileURLToPath(new URL('../../../../../test/golden/iceberg/golden/', import.meta.url));
const parquetFiles = globSync('**/*.parquet', { cwd: GOLDEN }).map((name) => readFileSync(join(GOLDEN, name)));

const unpacked = (packed: Uint8Array) => zstdDecompressSync(packed);
const bufferOf = (bytes: Buffer) =>
  bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;

describe('the ranges of a Parquet file', () => {
  it('hold every byte that a reader of the wanted columns needs, found by name or by field id', async () => {
    expect(parquetFiles.length).toBeGreaterThan(5);
    for (const bytes of parquetFiles) {
      const length = footerLength(bytes.subarray(-64), bytes.length)!;
      const tops = parquetSchema(parquetMetadata(bufferOf(bytes))).children.map(({ element }) => element);
      for (const { name, field_id } of tops) {
        for (const wanted of [
          { names: [name.toUpperCase()], fieldIds: [] },
          { names: [], fieldIds: [field_id!] },
        ]) {
          const ranges = parquetRanges(bytes.subarray(-length), bytes.length, wanted)!;
          const holes = Buffer.alloc(bytes.length, 0xff);
          for (const { start, end } of ranges) bytes.copy(holes, start, start, end);
          const read = (file: Buffer) =>
            parquetReadObjects({
              file: bufferOf(file),
              columns: [name],
              compressors: { ZSTD: unpacked },
            });
          expect(await read(holes)).toEqual(await read(bytes));
          expect(holes.equals(bytes)).toBe(tops.length === 1);
        }
      }
    }
  });

  it('are not guessed for a file that is no Parquet or whose footer is broken', () => {
    const bytes = Buffer.from(parquetFiles[0]!);
    expect(footerLength(Buffer.from('too few'), 7)).toBeUndefined();
    expect(footerLength(patterned(100), 100)).toBeUndefined();
    const length = footerLength(bytes.subarray(-64), bytes.length)!;
    const broken = Buffer.from(bytes.subarray(-length));
    broken.fill(0xee, 0, length - 8);
    expect(parquetRanges(broken, bytes.length, { names: [], fieldIds: [] })).toBeUndefined();
  });
});

describe('the cache', () => {
  let directory: string;
  let cache: RangeCache;
  let fetched: number;
  let folders = 0;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'loch-ranges-'));
    cache = new RangeCache({ directory: join(directory, 'cache'), limitBytes: 250_000 });
    fetched = 0;
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const version = (versionId: string, bytes: Buffer, extensions = '.csv'): CachedVersion => ({
    versionId,
    size: bytes.length,
    extensions,
    read: async (first, last) => {
      fetched += last - first + 1;
      return Readable.from([bytes.subarray(first, last + 1)]);
    },
  });
  const folder = async () => mkdtemp(join(directory, `statement-${folders++}-`));

  it('fetches a file once for all who ask, at the same time and later', async () => {
    const bytes = patterned(100_000);
    const paths = await Promise.all(
      Array.from({ length: 8 }, async () => cache.open(version('a', bytes), await folder(), undefined)),
    );
    for (const path of paths) expect((await readFile(path)).equals(bytes)).toBe(true);
    expect(fetched).toBe(100_000);
  });

  it('fetches what is lacking and no more when another statement touches other columns', async () => {
    const bytes = parquetFiles.reduce((a, b) => (a.length > b.length ? a : b));
    const names = parquetMetadata(bufferOf(bytes))
      .schema.slice(1)
      .map(({ name }) => name);
    const open = async (columns: readonly string[]) =>
      cache.open(version('p', bytes, '.parquet'), await folder(), { names: columns, fieldIds: [] });
    const path = await open(names.slice(0, 1));
    expect((await stat(path)).size).toBe(bytes.length);
    for (const name of names) await open([name]);
    expect(fetched).toBeLessThanOrEqual(bytes.length);
    expect((await readFile(await open(names))).equals(bytes)).toBe(true);
  });

  it('gives up the longest unused beyond its limit, and statements keep what they hold', async () => {
    const bytes = ['a', 'b', 'c'].map((_, i) => patterned(100_000, i + 1));
    const held = await cache.open(version('a', bytes[0]!), await folder(), undefined);
    await cache.open(version('b', bytes[1]!), await folder(), undefined);
    await cache.open(version('a', bytes[0]!), await folder(), undefined);
    await cache.open(version('c', bytes[2]!), await folder(), undefined);
    expect(await readdir(join(directory, 'cache'))).toEqual(['a', 'c']);
    expect(cache.bytes).toBe(200_000);
    await cache.open(version('b', bytes[1]!), await folder(), undefined);
    await cache.open(version('c', bytes[2]!), await folder(), undefined);
    expect(await readdir(join(directory, 'cache'))).toEqual(['b', 'c']);
    expect((await readFile(held)).equals(bytes[0]!)).toBe(true);
  });

  it('records nothing of a piece that broke off, and fetches it again', async () => {
    const bytes = patterned(50_000);
    const broken: CachedVersion = {
      ...version('a', bytes),
      read: async () => Readable.from(piecesThenFailure(bytes)),
    };
    await expect(cache.open(broken, await folder(), undefined)).rejects.toThrow('broke off');
    const path = await cache.open(version('a', bytes), await folder(), undefined);
    expect((await readFile(path)).equals(bytes)).toBe(true);
    expect(fetched).toBe(50_000);
  });

  it('gives another name to a file that was evicted and fetched again into the folder of one statement', async () => {
    const bytes = patterned(200_000);
    const one = await folder();
    const first = await cache.open(version('a', bytes), one, undefined);
    await cache.open(version('b', patterned(200_000)), await folder(), undefined);
    const second = await cache.open(version('a', bytes), one, undefined);
    expect(second).not.toBe(first);
    for (const path of [first, second]) expect((await readFile(path)).equals(bytes)).toBe(true);
  });
});

async function* piecesThenFailure(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes.subarray(0, 10_000);
  throw new Error('it broke off');
}
