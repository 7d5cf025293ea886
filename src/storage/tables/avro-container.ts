/**
 * Avro object container files, header written and read by us: `avsc` drops `field-id`, `element-id` and `logicalType`
 * when it exports a schema, and Iceberg readers live on them. Records are coded by `avsc`.
 *
 * Layout: magic `Obj\1`, metadata map (bytes), 16-byte sync marker, blocks of (count, byte length, data, sync marker).
 * **Source**: Apache Avro specification 1.11, "Object Container Files".
 */
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRaw, deflateRawSync, inflateRaw, inflateRawSync, zstdDecompressSync } from 'node:zlib';
import avro from 'avsc';
import { snappyUncompress } from 'hyparquet';
import { LochError } from '../../core/errors.ts';

const MAGIC = Buffer.from('Obj\u0001', 'latin1');
const SYNC_BYTES = 16;
const BLOCK_BYTES = 1 << 20;
/** Below this, compressing on the spot is cheaper than a trip to the thread pool. */
const INLINE_BYTES = 256 * 1024;
/** A block unpacks to this at most: a small file must not fill the memory. */
const PLAIN = { maxOutputLength: 256 * 1024 * 1024 };
const HEADER = avro.Type.forSchema({ type: 'map', values: 'bytes' });

export interface AvroContainer {
  readonly metadata: Readonly<Record<string, string>>;
  /** The writer's schema as it stands in the file, all attributes kept. */
  readonly schema: unknown;
  readonly blocks: readonly { readonly count: number; readonly data: Buffer }[];
}

/** A container file of `records`; `schema` goes into the header as given, `type` codes the records. */
export async function writeAvroContainer(
  schema: unknown,
  metadata: Readonly<Record<string, string>>,
  type: avro.Type,
  records: Iterable<unknown>,
): Promise<Buffer> {
  const sync = randomBytes(SYNC_BYTES);
  const header = Object.fromEntries(
    Object.entries({ ...metadata, 'avro.schema': JSON.stringify(schema), 'avro.codec': 'deflate' }).map(
      ([key, value]) => [key, Buffer.from(value, 'utf8')],
    ),
  );
  const parts: Buffer[] = [MAGIC, HEADER.toBuffer(header), sync];
  let block: Buffer[] = [];
  let size = 0;
  const flush = async () => {
    if (block.length === 0) return;
    const plain = Buffer.concat(block);
    const data =
      plain.length <= INLINE_BYTES
        ? deflateRawSync(plain, { level: 5 })
        : await promisify<Buffer, { level: number }, Buffer>(deflateRaw)(plain, { level: 5 });
    parts.push(encodeLong(block.length), encodeLong(data.length), data, sync);
    block = [];
    size = 0;
  };
  for (const record of records) {
    const bytes = type.toBuffer(record);
    block.push(bytes);
    size += bytes.length;
    if (size >= BLOCK_BYTES) await flush();
  }
  await flush();
  return Buffer.concat(parts);
}

/** Header and decompressed blocks of a container file. **Errors**: `data_corrupt`; `unsupported` naming the codec. */
export async function readAvroContainer(file: Buffer, name: string): Promise<AvroContainer> {
  const corrupt = (what: string, cause?: unknown) => corruptAvro(name, what, cause);
  if (!file.subarray(0, 4).equals(MAGIC)) throw corrupt('it does not start with the Avro magic');
  try {
    const header = HEADER.decode(file, 4) as { value: Record<string, Buffer>; offset: number };
    if (header.offset < 0) throw corrupt('its header is cut off');
    const metadata = Object.fromEntries(
      Object.entries(header.value).map(([key, value]) => [key, value.toString('utf8')]),
    );
    const sync = file.subarray(header.offset, header.offset + SYNC_BYTES);
    const blocks: { count: number; data: Buffer }[] = [];
    let position = header.offset + SYNC_BYTES;
    while (position < file.length) {
      const count = decodeLong(file, position);
      const length = decodeLong(file, count.next);
      const end = length.next + length.value;
      if (!file.subarray(end, end + SYNC_BYTES).equals(sync)) throw corrupt(`the block at byte ${position} is damaged`);
      const packed = file.subarray(length.next, end);
      blocks.push({ count: count.value, data: await unpack(packed, metadata['avro.codec'] ?? 'null', name) });
      position = end + SYNC_BYTES;
    }
    return { metadata, schema: JSON.parse(metadata['avro.schema'] ?? 'null'), blocks };
  } catch (error) {
    throw error instanceof LochError ? error : corrupt((error as Error).message, error);
  }
}

/** All records of a small container by its own schema. **Errors**: `data_corrupt`. */
export async function recordsOfContainer(file: Buffer, name: string): Promise<unknown[]> {
  const container = await readAvroContainer(file, name);
  try {
    const type = avro.Type.forSchema(container.schema as avro.Schema);
    return container.blocks.flatMap(({ count, data }) => {
      const records: unknown[] = [];
      for (let n = 0, at = 0; n < count; n++) {
        const { value, offset } = type.decode(data, at);
        if (offset < 0) throw new Error('a record that is cut off');
        records.push(value);
        at = offset;
      }
      return records;
    });
  } catch (error) {
    throw corruptAvro(name, 'records that cannot be read', error);
  }
}

/** The error of an Avro file that cannot be read. */
export function corruptAvro(name: string, what: string, cause?: unknown): LochError {
  return new LochError('data_corrupt', `\`${name}\` is not a readable Avro file: ${what}. Restore it from a backup.`, {
    context: { file: name },
    cause,
  });
}

async function unpack(data: Buffer, codec: string, name: string): Promise<Buffer> {
  switch (codec) {
    case 'null':
      return data;
    case 'deflate':
      return data.length <= INLINE_BYTES / 4
        ? inflateRawSync(data, PLAIN)
        : promisify<Buffer, typeof PLAIN, Buffer>(inflateRaw)(data, PLAIN);
    case 'zstandard':
      return zstdDecompressSync(data, PLAIN);
    case 'snappy': {
      const packed = data.subarray(0, -4); // four bytes of CRC-32 follow the block
      const length = snappyLength(packed);
      if (length > PLAIN.maxOutputLength) throw new RangeError('a block is too large');
      const output = Buffer.alloc(length);
      snappyUncompress(packed, output);
      return output;
    }
    default:
      throw new LochError(
        'unsupported',
        `\`${name}\` uses the Avro codec \`${codec}\`. Supported: null, deflate, snappy, zstandard.`,
        { context: { file: name, codec } },
      );
  }
}

/** Snappy starts with the uncompressed length as a little-endian base-128 number. */
function snappyLength(packed: Uint8Array): number {
  let length = 0;
  for (let i = 0, shift = 1; i < 5; i++, shift *= 128) {
    length += (packed[i]! & 0x7f) * shift;
    if (packed[i]! < 0x80) break;
  }
  return length;
}

function encodeLong(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value * 2; // zigzag of a non-negative number
  while (rest >= 128) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

function decodeLong(buffer: Buffer, at: number): { readonly value: number; readonly next: number } {
  let zigzag = 0;
  let factor = 1;
  let position = at;
  for (;;) {
    const byte = buffer[position++];
    if (byte === undefined) throw new RangeError(`it ends at byte ${position - 1}, inside a number`);
    zigzag += (byte & 0x7f) * factor;
    if (byte < 0x80) break;
    factor *= 128;
  }
  return { value: zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2, next: position };
}
