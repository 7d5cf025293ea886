/**
 * JSON: one array of objects, objects one a line, or objects one after the other. The text may be cut off anywhere;
 * only complete records are read.
 */
import type { Classified, InferredColumn, TextFinding } from '../classified.ts';
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

/** Where records begin: the text itself, or behind the members that a path names. */
interface Place {
  readonly start: number;
  readonly inArray: boolean;
}

/** A path such as `$.Records[*]` or `$.data.items[*]` as its steps; `*` is every item of an array. */
export function pathSteps(path: string): string[] | undefined {
  const text = path.trim().replace(/^\$/, '');
  const steps: string[] = [];
  const step = /\.([A-Za-z_][\w-]*)|\[\s*\*\s*\]|\[\s*'([^']+)'\s*\]|\[\s*"([^"]+)"\s*\]/y;
  while (step.lastIndex < text.length) {
    const match = step.exec(text);
    if (match === null) return undefined;
    steps.push(match[1] ?? match[2] ?? match[3] ?? '*');
  }
  return steps;
}

/** Follows the steps to where the first record begins. */
function placeAt(text: string, start: number, steps: readonly string[]): Place | { readonly saw: string } {
  let at = start;
  for (const [n, step] of steps.entries()) {
    while (/\s/.test(text[at] ?? '')) at++;
    if (step === '*') {
      if (text[at] !== '[') return { saw: 'no array where the path has `[*]`' };
      if (n === steps.length - 1) return { start: at + 1, inArray: true };
      at++;
      continue;
    }
    if (text[at] !== '{') return { saw: `no object where the path has \`${step}\`` };
    const member = memberOf(text, at, step);
    if (member === undefined) return { saw: `no member \`${step}\`` };
    at = member;
  }
  while (/\s/.test(text[at] ?? '')) at++;
  return text[at] === '[' ? { start: at + 1, inArray: true } : { start: at, inArray: false };
}

/** Where the value of a member of the object at `start` begins. */
function memberOf(text: string, start: number, name: string): number | undefined {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const char = text[at];
    if (char === '"') {
      const end = endOfString(text, at);
      if (end === -1) return undefined;
      const colon = /\s*:\s*/y;
      colon.lastIndex = end + 1;
      if (depth === 1 && text.slice(at + 1, end) === name && colon.test(text)) return colon.lastIndex;
      at = end;
    } else if (char === '{' || char === '[') depth++;
    else if ((char === '}' || char === ']') && --depth === 0) return undefined;
  }
  return undefined;
}

/** What CloudTrail writes: one object whose `Records` are its events. */
const CLOUDTRAIL = /^\s*\{\s*"Records"\s*:\s*\[\s*\{[\s\S]{0,4000}"eventVersion"/;

/** `text` is the beginning of a file, or all of it. `path` is a custom classifier's. */
export function classifyJson(text: string, path?: string): TextFinding {
  const start = text.search(/\S/);
  const first = start === -1 ? '' : text[start]!;
  if (first !== '{' && first !== '[') {
    return { saw: first === '' ? 'nothing but white space' : 'a beginning that is neither `{` nor `[`' };
  }
  if (path === undefined && CLOUDTRAIL.test(text.slice(0, 8000))) {
    const found = classifyJson(text, '$.Records[*]');
    return 'saw' in found ? found : { ...found, classification: 'cloudtrail' };
  }
  const steps = path === undefined ? undefined : pathSteps(path);
  const place =
    steps === undefined || steps.length === 0
      ? { start: first === '[' ? start + 1 : start, inArray: first === '[' }
      : placeAt(text, start, steps);
  if ('saw' in place) return place;
  const isArray = place.inArray;
  const fields = new Map<string, { name: string; type: InferredType }>();
  let records = 0;
  let recordBytes = 0;
  let oneLine = true;
  for (const record of recordsFrom(text, place.start, isArray ? /[\s,]*/y : /\s*/y)) {
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
    if (isArray && /^\s*[^\s{\]]/.test(text.slice(place.start))) return { saw: 'an array whose items are not objects' };
    return { saw: 'no complete object in the sample' };
  }
  const columns: InferredColumn[] = [...fields.values()].map(({ name, type }) => ({ name, type }));
  if (columns.length === 0) return { saw: 'objects without fields' };
  const layout = isArray ? 'array' : oneLine ? 'lines' : 'records';
  const json = steps === undefined || steps.length === 0 ? { layout } : { layout, path: path! };
  return { format: 'json', certainty: 1, columns, json: json as Classified['json'] & object, records, recordBytes };
}
