/** Parquet: schema and row count of the footer; no data page is read. **Source**: Parquet format, logical types. */
import { parquetMetadataAsync, type SchemaElement } from 'hyparquet';
import type { Classified, InferredColumn } from '../classified.ts';

/** Reads bytes `first` to before `end` of the file. */
export type ReadRange = (first: number, end: number) => Promise<Uint8Array>;

const FOOTER_GUESS = 64 * 1024;
const LARGEST_FOOTER = 64 * 1024 * 1024;

interface Node {
  readonly element: SchemaElement;
  readonly children: readonly Node[];
}

function treeOf(elements: readonly SchemaElement[]): Node {
  let at = 0;
  const next = (): Node => {
    const element = elements[at++]!;
    const children = Array.from({ length: element.num_children ?? 0 }, () => next());
    return { element, children };
  };
  return next();
}

const PHYSICAL: Readonly<Record<string, string>> = {
  BOOLEAN: 'boolean',
  INT32: 'int',
  INT64: 'bigint',
  INT96: 'timestamp',
  FLOAT: 'float',
  DOUBLE: 'double',
  BYTE_ARRAY: 'binary',
  FIXED_LEN_BYTE_ARRAY: 'binary',
};

const CONVERTED: Readonly<Record<string, string>> = {
  UTF8: 'string',
  ENUM: 'string',
  JSON: 'string',
  DATE: 'date',
  TIMESTAMP_MILLIS: 'timestamp',
  TIMESTAMP_MICROS: 'timestamp',
  INT_8: 'tinyint',
  INT_16: 'smallint',
  INT_32: 'int',
  INT_64: 'bigint',
  UINT_8: 'smallint',
  UINT_16: 'int',
  UINT_32: 'bigint',
  UINT_64: 'decimal(20,0)',
};

const LOGICAL: Readonly<Record<string, string>> = {
  STRING: 'string',
  ENUM: 'string',
  JSON: 'string',
  UUID: 'string',
  DATE: 'date',
  TIMESTAMP: 'timestamp',
  FLOAT16: 'float',
};

function leafType({ type, converted_type: converted, logical_type: logical, precision, scale }: SchemaElement): string {
  if (logical?.type === 'DECIMAL') return `decimal(${logical.precision},${logical.scale})`;
  if (converted === 'DECIMAL') return `decimal(${precision ?? 10},${scale ?? 0})`;
  if (logical?.type === 'INTEGER') {
    const bits = logical.isSigned ? logical.bitWidth : logical.bitWidth * 2;
    return bits <= 8
      ? 'tinyint'
      : bits <= 16
        ? 'smallint'
        : bits <= 32
          ? 'int'
          : bits <= 64
            ? 'bigint'
            : 'decimal(20,0)';
  }
  const known = logical === undefined ? undefined : LOGICAL[logical.type];
  return known ?? (converted === undefined ? undefined : CONVERTED[converted]) ?? PHYSICAL[type ?? ''] ?? 'binary';
}

/** A repeated group stands for a list of its items; the two- and three-level forms give the same. */
function typeOf(node: Node): string {
  const { element, children } = node;
  const marked = element.logical_type?.type ?? element.converted_type;
  if (children.length === 0) return repeated(node, leafType(element));
  const [only] = children;
  if (marked === 'LIST' && children.length === 1 && only!.element.repetition_type === 'REPEATED') {
    const inner =
      only!.children.length === 1 && only!.element.name !== 'array' ? typeOf(only!.children[0]!) : itemType(only!);
    return `array<${inner}>`;
  }
  if ((marked === 'MAP' || marked === 'MAP_KEY_VALUE') && only?.children.length === 2) {
    return `map<${typeOf(only.children[0]!)},${typeOf(only.children[1]!)}>`;
  }
  return repeated(node, structType(children));
}

const repeated = (node: Node, type: string): string =>
  node.element.repetition_type === 'REPEATED' ? `array<${type}>` : type;
const itemType = (node: Node): string =>
  node.children.length === 0 ? leafType(node.element) : structType(node.children);
const structType = (children: readonly Node[]): string =>
  `struct<${children.map((child) => `${child.element.name.replace(/[:<>,`\s]/g, '_')}:${typeOf(child)}`).join(',')}>`;

/** Reads the footer of a file of `size` bytes. */
export async function classifyParquet(
  size: number,
  read: ReadRange,
): Promise<Pick<Classified, 'columns' | 'records' | 'recordBytes' | 'compression'> | { readonly saw: string }> {
  const tail = await read(Math.max(0, size - 8), size);
  if (Buffer.from(tail.subarray(-4)).toString('latin1') !== 'PAR1') {
    return { saw: 'the magic bytes at the beginning and none at the end: the file is cut off' };
  }
  const footer = Buffer.from(tail).readUInt32LE(0);
  if (footer + 8 > size || footer > LARGEST_FOOTER) {
    return { saw: `a footer of ${footer} bytes in a file of ${size}` };
  }
  try {
    const metadata = await parquetMetadataAsync(
      {
        byteLength: size,
        async slice(first, end = size) {
          const bytes = await read(first, end);
          return Uint8Array.from(bytes).buffer;
        },
      },
      { initialFetchSize: Math.min(size, Math.max(FOOTER_GUESS, footer + 8)) },
    );
    const columns = treeOf(metadata.schema).children.map(
      (node): InferredColumn => ({ name: node.element.name, type: { kind: 'exact', type: typeOf(node) } }),
    );
    const codec = metadata.row_groups[0]?.columns[0]?.meta_data?.codec?.toLowerCase();
    return {
      columns,
      records: Number(metadata.num_rows),
      recordBytes: size,
      compression: codec === 'gzip' || codec === 'zstd' || codec === 'snappy' ? codec : 'none',
    };
  } catch (error) {
    return { saw: `a footer that cannot be read (${(error as Error).message.slice(0, 100)})` };
  }
}
