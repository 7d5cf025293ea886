/** ORC: types and row count of the file's tail; no stripe is read. **Source**: ORC specification v1, "File Tail". */
import zlib from 'node:zlib';
import type { Classified, InferredColumn } from '../classified.ts';
import { unpackLz4Block } from '../packing/lz4.ts';
import { unpackSnappyBlock } from '../packing/snappy.ts';
import type { ReadRange } from './parquet.ts';

const TAIL_GUESS = 16 * 1024;
const LARGEST_FOOTER = 64 * 1024 * 1024;
const COMPRESSIONS = ['none', 'zlib', 'snappy', 'lzo', 'lz4', 'zstd'] as const;
const KINDS = [
  'boolean',
  'tinyint',
  'smallint',
  'int',
  'bigint',
  'float',
  'double',
  'string',
  'binary',
  'timestamp',
  'list',
  'map',
  'struct',
  'union',
  'decimal',
  'date',
  'varchar',
  'char',
  'timestamp',
] as const;

/** A protobuf message as its fields in order: varints as numbers, the rest as bytes. */
function* fieldsOf(bytes: Buffer): Generator<{ readonly field: number; readonly value: number | Buffer }> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined || scale > 2 ** 63) throw new Error('a number that does not end');
      value += (byte & 0x7f) * scale;
      if ((byte & 0x80) === 0) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const field = Math.floor(key / 8);
    switch (key % 8) {
      case 0:
        yield { field, value: varint() };
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = varint();
        if (at + length > bytes.length) throw new Error('a field that is cut off');
        at += length;
        yield { field, value: bytes.subarray(at - length, at) };
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new Error(`a field of the unknown kind ${key % 8}`);
    }
  }
}

function varintsOf(bytes: Buffer): number[] {
  const values: number[] = [];
  let value = 0;
  let scale = 1;
  for (const byte of bytes) {
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if ((byte & 0x80) === 0) {
      values.push(value);
      value = 0;
      scale = 1;
    }
  }
  return values;
}

/** The parts of a section, unpacked: each begins with its length and whether it was packed at all. */
function unpackSection(bytes: Buffer, compression: (typeof COMPRESSIONS)[number]): Buffer {
  if (compression === 'none') return bytes;
  const parts: Buffer[] = [];
  for (let at = 0; at + 3 <= bytes.length; ) {
    const header = bytes.readUIntLE(at, 3);
    const part = bytes.subarray(at + 3, at + 3 + (header >> 1));
    at += 3 + (header >> 1);
    parts.push((header & 1) === 1 ? part : unpackPart(part, compression));
  }
  return Buffer.concat(parts);
}

function unpackPart(part: Buffer, compression: (typeof COMPRESSIONS)[number]): Buffer {
  switch (compression) {
    case 'zlib':
      return zlib.inflateRawSync(part, { maxOutputLength: LARGEST_FOOTER });
    case 'zstd':
      return zlib.zstdDecompressSync(part, { maxOutputLength: LARGEST_FOOTER });
    case 'snappy':
      return unpackSnappyBlock(part, LARGEST_FOOTER);
    case 'lz4':
      return unpackLz4Block(part, LARGEST_FOOTER);
    default:
      throw new Error(`the compression ${compression}, which is not read`);
  }
}

interface OrcType {
  kind: number;
  children: number[];
  names: string[];
  length: number;
  precision: number;
  scale: number;
}

function typeOf(bytes: Buffer): OrcType {
  const type: OrcType = { kind: 0, children: [], names: [], length: 0, precision: 38, scale: 10 };
  for (const { field, value } of fieldsOf(bytes)) {
    if (field === 1) type.kind = Number(value);
    else if (field === 2) type.children.push(...(typeof value === 'number' ? [value] : varintsOf(value)));
    else if (field === 3) type.names.push(value.toString());
    else if (field === 4) type.length = Number(value);
    else if (field === 5) type.precision = Number(value);
    else if (field === 6) type.scale = Number(value);
  }
  return type;
}

function hiveOf(types: readonly OrcType[], index: number, depth = 0): string {
  const type = types[index];
  if (type === undefined || depth > 32) throw new Error(`a type that does not exist (${index})`);
  const child = (n: number) => hiveOf(types, type.children[n]!, depth + 1);
  const kind = KINDS[type.kind];
  switch (kind) {
    case undefined:
      throw new Error(`the unknown type ${type.kind}`);
    case 'list':
      return `array<${child(0)}>`;
    case 'map':
      return `map<${child(0)},${child(1)}>`;
    case 'struct':
      return `struct<${type.names.map((name, n) => `${name.replace(/[:<>,`\s]/g, '_')}:${child(n)}`).join(',')}>`;
    case 'union':
      return 'string';
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`;
    case 'varchar':
    case 'char':
      return type.length > 0 ? `${kind}(${type.length})` : 'string';
    default:
      return kind;
  }
}

/** Reads the tail of a file of `size` bytes. */
export async function classifyOrc(
  size: number,
  read: ReadRange,
): Promise<Pick<Classified, 'columns' | 'records' | 'recordBytes' | 'compression'> | { readonly saw: string }> {
  try {
    let tail = Buffer.from(await read(Math.max(0, size - TAIL_GUESS), size));
    const scriptLength = tail.at(-1) ?? 0;
    const script = tail.subarray(tail.length - 1 - scriptLength, tail.length - 1);
    const facts = new Map<number, number | Buffer>();
    for (const { field, value } of fieldsOf(script)) facts.set(field, value);
    if (facts.get(8000)?.toString() !== 'ORC') {
      return { saw: 'the magic bytes at the beginning and none at the end: the file is cut off' };
    }
    const footerLength = Number(facts.get(1) ?? 0);
    const compression = COMPRESSIONS[Number(facts.get(2) ?? 0)];
    if (compression === undefined) return { saw: `the unknown compression ${facts.get(2)?.toString()}` };
    const whole = footerLength + scriptLength + 1;
    if (footerLength > LARGEST_FOOTER || whole > size) return { saw: `a footer of ${footerLength} bytes` };
    if (whole > tail.length) tail = Buffer.from(await read(size - whole, size));
    const footer = unpackSection(tail.subarray(tail.length - whole, tail.length - scriptLength - 1), compression);
    const types: OrcType[] = [];
    let records = 0;
    for (const { field, value } of fieldsOf(footer)) {
      if (field === 4) types.push(typeOf(value as Buffer));
      else if (field === 6) records = Number(value);
    }
    const root = types[0];
    if (root === undefined || KINDS[root.kind] !== 'struct') return { saw: 'rows that are no structs' };
    const columns = root.names.map(
      (name, n): InferredColumn => ({ name, type: { kind: 'exact', type: hiveOf(types, root.children[n]!) } }),
    );
    const known = compression === 'lzo' ? 'none' : compression;
    return { columns, records, recordBytes: size, compression: known };
  } catch (error) {
    return { saw: `a tail that cannot be read (${(error as Error).message.slice(0, 100)})` };
  }
}
