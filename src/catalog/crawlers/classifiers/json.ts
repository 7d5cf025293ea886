/**
 * JSON: one array of objects, objects one a line, or objects one after the other. The text may be cut off anywhere;
 * only complete records are read.
 */
import type { Classified, InferredColumn } from '../classified.ts';
import { type InferredType, mergeTypes, NOTHING, STRING } from '../inferred-type.ts';

const MOST_RECORDS = 1_000;
const DEEPEST = 20;

/** A reviver that keeps integers apart from decimals: `1` is an integer and `1.0` is not. */
function exactNumber(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value;
  return /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
}
const parseExact = (text: string): unknown =>
  JSON.parse(text, exactNumber as (this: unknown, key: string, value: unknown) => unknown);

const BIGGEST = 9_223_372_036_854_775_807n;

function typeOf(value: unknown, depth: number): InferredType {
  if (value === null || value === undefined) return NOTHING;
  if (typeof value === 'string') return STRING;
  if (typeof value === 'boolean') return { kind: 'boolean' };
  if (typeof value === 'bigint') return { kind: value <= BIGGEST && value >= -BIGGEST - 1n ? 'integer' : 'double' };
  if (typeof value === 'number') return { kind: 'double' };
  if (depth >= DEEPEST) return STRING;
  if (Array.isArray(value)) {
    return { kind: 'array', element: value.map((item) => typeOf(item, depth + 1)).reduce(mergeTypes, NOTHING) };
  }
  return {
    kind: 'struct',
    fields: Object.fromEntries(Object.entries(value as object).map(([name, item]) => [name, typeOf(item, depth + 1)])),
  };
}

/** The ends of the complete values of `text` from `start`: an object or array that closes. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const char = text[at];
    if (char === '"') {
      at = endOfString(text, at);
      if (at === -1) return -1;
    } else if (char === '{' || char === '[') {
      depth++;
    } else if ((char === '}' || char === ']') && --depth === 0) {
      return at + 1;
    }
  }
  return -1;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at;
  }
  return -1;
}

/** The objects from `start` on, separated by white space and, in an array, commas. */
function* recordsFrom(text: string, start: number, separators: RegExp): Generator<{ text: string; start: number }> {
  let at = start;
  for (;;) {
    separators.lastIndex = at;
    at += separators.exec(text)?.[0].length ?? 0;
    if (text[at] !== '{') return;
    const end = endOfValue(text, at);
    if (end === -1) return;
    yield { text: text.slice(at, end), start: at };
    at = end;
  }
}

/** `text` is the beginning of a file, or all of it. */
export function classifyJson(
  text: string,
): Pick<Classified, 'columns' | 'json' | 'records' | 'recordBytes'> | { readonly saw: string } {
  const start = text.search(/\S/);
  const first = start === -1 ? '' : text[start]!;
  if (first !== '{' && first !== '[') {
    return { saw: first === '' ? 'nothing but white space' : 'a beginning that is neither `{` nor `[`' };
  }
  const isArray = first === '[';
  const fields = new Map<string, { name: string; type: InferredType }>();
  let records = 0;
  let recordBytes = 0;
  let oneLine = true;
  for (const record of recordsFrom(text, isArray ? start + 1 : start, isArray ? /[\s,]*/y : /\s*/y)) {
    let value: unknown;
    try {
      value = parseExact(record.text);
    } catch (error) {
      if (records === 0) return { saw: `a record that does not parse (${(error as Error).message.slice(0, 80)})` };
      break;
    }
    for (const [name, item] of Object.entries(value as object)) {
      const key = name.toLowerCase();
      const known = fields.get(key);
      fields.set(key, { name: known?.name ?? name, type: mergeTypes(known?.type ?? NOTHING, typeOf(item, 1)) });
    }
    records++;
    recordBytes += Buffer.byteLength(record.text) + 1;
    if (record.text.includes('\n')) oneLine = false;
    if (records >= MOST_RECORDS) break;
  }
  if (records === 0) {
    if (isArray && /^\[\s*[^\s{]/.test(text.slice(start))) return { saw: 'an array whose items are not objects' };
    return { saw: 'no complete object in the sample' };
  }
  const columns: InferredColumn[] = [...fields.values()].map(({ name, type }) => ({ name, type }));
  if (columns.length === 0) return { saw: 'objects without fields' };
  return { columns, json: { layout: isArray ? 'array' : oneLine ? 'lines' : 'records' }, records, recordBytes };
}
