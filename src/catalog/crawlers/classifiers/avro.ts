/** Avro containers: the schema of the header; no block is read. **Source**: Avro 1.11, "Object Container Files". */
import { columnsOfAvro } from '../../../storage/contract.ts';
import type { InferredColumn } from '../classified.ts';
import type { ReadRange } from './parquet.ts';

const HEADER_BYTES = 64 * 1024;
const LARGEST_HEADER = 8 * 1024 * 1024;
/** What the header says: its entries by name. `undefined` when it is cut off. */
function headerOf(bytes: Buffer): Map<string, Buffer> | undefined {
  let at = 4;
  const long = (): number | undefined => {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined) return undefined;
      value += (byte & 0x7f) * scale;
      if ((byte & 0x80) === 0) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      scale *= 128;
      if (scale > 2 ** 49) throw new Error('a length that does not end');
    }
  };
  const entry = (): Buffer | undefined => {
    const length = long();
    if (length === undefined || at + length > bytes.length) return undefined;
    if (length < 0) throw new Error('a length below zero');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const entries = new Map<string, Buffer>();
  for (;;) {
    const count = long();
    if (count === undefined) return undefined;
    if (count === 0) return entries;
    if (count < 0 && long() === undefined) return undefined;
    for (let n = 0; n < Math.abs(count); n++) {
      const name = entry();
      const value = entry();
      if (name === undefined || value === undefined) return undefined;
      entries.set(name.toString('utf8'), value);
    }
  }
}

/** Reads the header of a container of `size` bytes. */
export async function classifyAvro(
  size: number,
  read: ReadRange,
): Promise<
  | { readonly columns: readonly InferredColumn[]; readonly schema: string; readonly codec: string }
  | { readonly saw: string }
> {
  try {
    for (let length = HEADER_BYTES; ; length = LARGEST_HEADER) {
      const bytes = Buffer.from(await read(0, Math.min(size, length)));
      const header = headerOf(bytes);
      if (header === undefined) {
        if (length === LARGEST_HEADER || bytes.length === size) return { saw: 'a header that is cut off' };
        continue;
      }
      const schema = header.get('avro.schema')?.toString('utf8');
      if (schema === undefined) return { saw: 'a header without a schema' };
      const columns = columnsOfAvro(schema).map(
        ({ name, type }): InferredColumn => ({ name, type: { kind: 'exact', type } }),
      );
      return { columns, schema, codec: header.get('avro.codec')?.toString('utf8') ?? 'null' };
    }
  } catch (error) {
    return { saw: `a header that cannot be read (${(error as Error).message.slice(0, 100)})` };
  }
}
