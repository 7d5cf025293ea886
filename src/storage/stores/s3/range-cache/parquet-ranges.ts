/**
 * The bytes of a Parquet file that a reader of some of its columns touches.
 *
 * Invariants
 * - Everything behind the last column chunk is taken: footer, page indexes, and Bloom filters where writers put them there.
 * - A column's Bloom filters are taken wherever they are: without them DuckDB fails on equality conditions.
 * - What is not understood is no reason to guess: then the whole file is wanted.
 *
 * **Source**: Apache Parquet format, "File Format", "BloomFilter.md", "PageIndex.md".
 */
import { type ColumnChunk, parquetMetadata, type SchemaElement } from 'hyparquet';
import type { FileColumns } from '../../../contract.ts';
import type { Interval } from './intervals.ts';

/** Taken at once from the end of a file: most footers are smaller. */
export const FOOTER_GUESS = 256 * 1024;
const TAIL = 8;
const MAGIC = Buffer.from('PAR1');

/** How many bytes the footer takes, with the eight that follow it; undefined when these are no bytes of Parquet's end. */
export function footerLength(tail: Buffer, fileSize: number): number | undefined {
  if (tail.length < TAIL || !tail.subarray(-4).equals(MAGIC)) return undefined;
  const length = tail.readUInt32LE(tail.length - TAIL) + TAIL;
  return length <= fileSize ? length : undefined;
}

/**
 * The intervals that readers of `wanted` touch, from the end of the file `tail` (footer included). Undefined when the
 * whole file is to be fetched.
 */
export function parquetRanges(tail: Buffer, fileSize: number, wanted: FileColumns): Interval[] | undefined {
  let metadata: ReturnType<typeof parquetMetadata>;
  try {
    const bytes = tail.buffer.slice(tail.byteOffset, tail.byteOffset + tail.length) as ArrayBuffer;
    metadata = parquetMetadata(bytes, { geoparquet: false });
  } catch {
    return undefined; // not readable by us; the engine may, and gets every byte
  }
  const paths = wantedPaths(metadata.schema, wanted);
  const intervals: Interval[] = [{ start: 0, end: Math.min(4, fileSize) }];
  let dataEnd = 4;
  for (const group of metadata.row_groups) {
    for (const chunk of group.columns) {
      const extent = extentOf(chunk);
      if (extent === undefined) return undefined;
      dataEnd = Math.max(dataEnd, extent.end);
      if (paths.has(chunk.meta_data!.path_in_schema[0]!)) intervals.push(extent, ...besides(chunk, fileSize));
    }
  }
  intervals.push({ start: Math.min(dataEnd, fileSize - tail.length), end: fileSize });
  const sane = intervals.every(({ start, end }) => start >= 0 && end <= fileSize && start <= end);
  return sane ? intervals : undefined;
}

/** Top-level names in the file of the wanted columns. */
function wantedPaths(schema: readonly SchemaElement[], wanted: FileColumns): ReadonlySet<string> {
  const names = new Set(wanted.names.map((name) => name.toLowerCase()));
  const ids = new Set(wanted.fieldIds);
  const found = new Set<string>();
  let at = 1;
  const skip = () => {
    const children = schema[at++]?.num_children ?? 0;
    for (let i = 0; i < children; i++) skip();
  };
  while (at < schema.length) {
    const element = schema[at]!;
    if (names.has(element.name.toLowerCase()) || (element.field_id !== undefined && ids.has(element.field_id))) {
      found.add(element.name);
    }
    skip();
  }
  return found;
}

function extentOf(chunk: ColumnChunk): Interval | undefined {
  const data = chunk.meta_data;
  if (data === undefined || chunk.file_path !== undefined) return undefined;
  const offsets = [data.data_page_offset, data.dictionary_page_offset, data.index_page_offset]
    .filter((offset) => offset !== undefined && offset > 0n)
    .map(Number);
  const start = Math.min(...offsets);
  return { start, end: start + Number(data.total_compressed_size) };
}

/** Bloom filter and page indexes of a chunk; a filter whose length older writers did not tell reaches to `fileSize`. */
function besides(chunk: ColumnChunk, fileSize: number): Interval[] {
  const data = chunk.meta_data!;
  const places: [bigint | undefined, number | undefined][] = [
    [chunk.column_index_offset, chunk.column_index_length],
    [chunk.offset_index_offset, chunk.offset_index_length],
    [data.bloom_filter_offset, data.bloom_filter_length],
  ];
  return places.flatMap(([offset, length]) => {
    if (offset === undefined || offset === 0n) return [];
    const start = Number(offset);
    return [{ start, end: length === undefined ? fileSize : start + length }];
  });
}
