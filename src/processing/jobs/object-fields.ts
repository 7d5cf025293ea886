/**
 * What fields a raw object has, from its beginning: the header of a CSV, the layout of a JSON. Objects of one shape are
 * read by one statement.
 */
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { ObjectStore } from '../../storage/contract.ts';
import type { CleanDefinition, CleanPlan } from './clean-plan.ts';
import type { PinnedObject } from './records.ts';

/** Objects that are read alike. */
export interface ObjectGroup {
  readonly fields: readonly string[];
  readonly options: Readonly<Record<string, string>>;
  /** Why none of these objects can be read. */
  readonly damage?: string;
  readonly objects: readonly PinnedObject[];
}

const HEAD_BYTES = 64 * 1024;
const OBJECTS_PER_GROUP = 100;
const LOOKS_AT_ONCE = 8;
const RESERVED = new Set(['_object', '_row', '_fault', '_rest', '_record']);

/** Groups of at most 100 objects with the same fields, in the order of the objects. */
export async function groupByFields(
  objects: ObjectStore,
  definition: CleanDefinition,
  plan: CleanPlan,
  pinned: readonly PinnedObject[],
  signal: AbortSignal,
): Promise<ObjectGroup[]> {
  const open = new Map<string, Shape & { objects: PinnedObject[] }>();
  const groups: ObjectGroup[] = [];
  for (let i = 0; i < pinned.length; i += LOOKS_AT_ONCE) {
    signal.throwIfAborted();
    const some = pinned.slice(i, i + LOOKS_AT_ONCE);
    const shapes = await Promise.all(some.map((object) => shapeOf(objects, definition, plan, object, signal)));
    for (const [j, shape] of shapes.entries()) {
      const key = JSON.stringify(shape);
      let group = open.get(key);
      if (group === undefined || group.objects.length >= OBJECTS_PER_GROUP) {
        group = { ...shape, objects: [] };
        open.set(key, group);
        groups.push(group);
      }
      group.objects.push(some[j]!);
    }
  }
  return groups;
}

type Shape = Omit<ObjectGroup, 'objects'>;

async function shapeOf(
  objects: ObjectStore,
  definition: CleanDefinition,
  plan: CleanPlan,
  object: PinnedObject,
  signal: AbortSignal,
): Promise<Shape> {
  const { format, options = {} } = definition.source;
  const wanted = [...new Set(plan.columns.map((column) => column.from))].filter((name) => !RESERVED.has(name));
  const { fields: listed, ...rest } = options;
  if (format === 'parquet') return { fields: wanted, options: rest };
  const { text, ...damaged } = await headOf(objects, object, options.encoding ?? 'utf-8', signal);
  if (format === 'json')
    return { fields: wanted, options: { ...rest, layout: options.layout ?? jsonLayout(text) }, ...damaged };
  const delimiter = options.delimiter ?? (/\.tsv(\.(gz|zst))?$/i.test(object.key) ? '\t' : ',');
  const fields =
    options.header === 'false'
      ? (listed ?? '').split(',').map((field) => field.trim())
      : headerFields(text, delimiter, options.quote ?? '"');
  return { fields, options: { ...rest, delimiter }, ...damaged };
}

interface Head {
  readonly text: string;
  readonly damage?: string;
}

/**
 * The first 64 KiB of text. Packed objects are read to their end: the engine takes a torn gzip for a short file, and the
 * missing rows would be lost without a word.
 */
async function headOf(
  objects: ObjectStore,
  object: PinnedObject,
  encoding: string,
  signal: AbortSignal,
): Promise<Head> {
  const { body } = await objects.get(object.bucket, object.key);
  const unpack = /\.gz$/i.test(object.key)
    ? createGunzip()
    : /\.zst$/i.test(object.key)
      ? createZstdDecompress()
      : undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  const enough = new AbortController();
  const take = new Writable({
    write(chunk: Buffer, _, done) {
      if (size < HEAD_BYTES) chunks.push(chunk);
      size += chunk.length;
      if (size >= HEAD_BYTES && unpack === undefined) enough.abort();
      done();
    },
  });
  const stages = unpack === undefined ? [body, take] : [body, unpack, take];
  const failure = await pipeline(stages, { signal: AbortSignal.any([signal, enough.signal]) }).then(
    () => undefined,
    (error: Error) => error,
  );
  signal.throwIfAborted();
  if (failure !== undefined && !enough.signal.aborted && unpack === undefined) throw failure;
  const bytes = Buffer.concat(chunks).subarray(0, HEAD_BYTES);
  const text = new TextDecoder(encoding === 'latin-1' ? 'latin1' : encoding).decode(bytes).replace(/^\ufeff/, '');
  return failure === undefined || enough.signal.aborted
    ? { text }
    : { text, damage: `damaged file: ${failure.message}` };
}

/** The fields of the first record, with distinct names; a header without a name gives `column1` and so on. */
export function headerFields(head: string, delimiter: string, quote: string): string[] {
  const fields: string[] = [];
  let field = '';
  let quoted = false;
  for (let i = 0; i < head.length; i++) {
    const c = head[i]!;
    if (quoted) {
      if (c !== quote) field += c;
      else if (head[i + 1] === quote) field += head[i++];
      else quoted = false;
    } else if (quote !== '' && c === quote && field === '') quoted = true;
    else if (head.startsWith(delimiter, i)) {
      fields.push(field);
      field = '';
      i += delimiter.length - 1;
    } else if (c === '\n' || c === '\r') {
      if (fields.length > 0 || field !== '') break;
    } else field += c;
  }
  fields.push(field);
  return distinct(fields.map((name, i) => name.trim() || `column${i + 1}`));
}

function distinct(names: readonly string[]): string[] {
  const taken = new Set<string>(RESERVED);
  return names.map((name) => {
    let free = name;
    for (let n = 1; taken.has(free.toLowerCase()); n++) free = `${name}_${n}`;
    taken.add(free.toLowerCase());
    return free;
  });
}

/** One array, one value a line, or values of any spacing. A broken line among whole ones leaves it `lines`. */
export function jsonLayout(head: string): 'array' | 'lines' | 'values' {
  const start = head.trimStart();
  if (start.startsWith('[')) return 'array';
  const lines = start.split('\n').slice(0, 20);
  return lines.some((line) => isObject(line)) || lines.every((line) => line.trim() === '') ? 'lines' : 'values';
}

function isObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
