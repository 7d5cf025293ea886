/**
 * What fields a raw object has, from its beginning: the header of a CSV, the layout of a JSON. Objects of one shape are
 * read by one statement.
 */
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { ObjectStore } from '../../storage/contract.ts';
import type { CleanDefinition, CleanPlan } from './clean-plan.ts';
import type { PinnedObject } from './records.ts';

/** Objects that are read alike. */
export interface ObjectGroup {
  readonly fields: readonly string[];
  readonly options: Readonly<Record<string, string>>;
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
  const open = new Map<
    string,
    { fields: readonly string[]; options: Record<string, string>; objects: PinnedObject[] }
  >();
  const groups: ObjectGroup[] = [];
  for (let i = 0; i < pinned.length; i += LOOKS_AT_ONCE) {
    signal.throwIfAborted();
    const some = pinned.slice(i, i + LOOKS_AT_ONCE);
    const shapes = await Promise.all(some.map((object) => shapeOf(objects, definition, plan, object)));
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

interface Shape {
  readonly fields: readonly string[];
  readonly options: Record<string, string>;
}

async function shapeOf(
  objects: ObjectStore,
  definition: CleanDefinition,
  plan: CleanPlan,
  object: PinnedObject,
): Promise<Shape> {
  const { format, options = {} } = definition.source;
  const wanted = [...new Set(plan.columns.map((column) => column.from))].filter((name) => !RESERVED.has(name));
  const { fields: listed, ...rest } = options;
  if (format === 'parquet') return { fields: wanted, options: rest };
  if (format === 'json') {
    const layout = options.layout ?? jsonLayout(await headText(objects, object, 'utf-8'));
    return { fields: wanted, options: { ...rest, layout } };
  }
  const delimiter = options.delimiter ?? (/\.tsv(\.(gz|zst))?$/i.test(object.key) ? '\t' : ',');
  const dialect = { ...rest, delimiter };
  if (options.header === 'false') return { fields: (listed ?? '').split(',').map((f) => f.trim()), options: dialect };
  const head = await headText(objects, object, options.encoding ?? 'utf-8');
  return { fields: headerFields(head, delimiter, options.quote ?? '"'), options: dialect };
}

/** The first 64 KiB of text. What cannot be read gives what there is: the statement that reads it all tells. */
async function headText(objects: ObjectStore, object: PinnedObject, encoding: string): Promise<string> {
  const { body } = await objects.get(object.bucket, object.key);
  const chunks: Buffer[] = [];
  let size = 0;
  const enough = new AbortController();
  const take = new Transform({
    transform(chunk: Buffer, _, done) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= HEAD_BYTES) enough.abort();
      done();
    },
  });
  const unpack = /\.gz$/i.test(object.key)
    ? [createGunzip()]
    : /\.zst$/i.test(object.key)
      ? [createZstdDecompress()]
      : [];
  await pipeline([body, ...unpack, take], { signal: enough.signal }).catch(() => undefined);
  const bytes = Buffer.concat(chunks).subarray(0, HEAD_BYTES);
  return new TextDecoder(encoding === 'latin-1' ? 'latin1' : encoding).decode(bytes).replace(/^\ufeff/, '');
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
