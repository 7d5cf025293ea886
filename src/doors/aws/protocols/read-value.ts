/**
 * Decoded JSON to an operation's input, by its schema: checked and converted in one pass.
 *
 * Ours instead of the SDK's codec, which validates nothing (a number member takes `"abc"`) and decodes base64 ten times
 * slower, so that handlers may rely on this: required members are there, and every value has its schema's type.
 */
import type { NormalizedSchema } from '@smithy/core/schema';
import { missingMember, wrongType } from '../input-errors.ts';
import { requiredMembers } from '../service-model.ts';

const MAX_DEPTH = 100;

export interface ReadOptions {
  /** Members are spelled by their `jsonName` on the wire. */
  readonly jsonNames: boolean;
  /** Top-level members that do not come from the body. */
  readonly bound?: ReadonlySet<string>;
}

/** **Errors**: `missing_argument`, `malformed_request`, each naming the member. */
export function readValue(schema: NormalizedSchema, value: unknown, options: ReadOptions): unknown {
  return read(schema, value, '', 0, options);
}

function read(schema: NormalizedSchema, value: unknown, path: string, depth: number, options: ReadOptions): unknown {
  if (depth > MAX_DEPTH) throw wrongType(path, `nested at most ${MAX_DEPTH} deep`, 'deeper');
  if (schema.isStructSchema()) return readStruct(schema, value, path, depth, options);
  if (schema.isListSchema()) {
    if (!Array.isArray(value)) throw wrongType(path, 'a list', describe(value));
    const member = schema.getValueSchema();
    return value.map((item, i) => (item === null ? null : read(member, item, `${path}[${i}]`, depth + 1, options)));
  }
  if (schema.isMapSchema()) {
    const member = schema.getValueSchema();
    const entries = Object.entries(asObject(value, path, 'a map'));
    return Object.fromEntries(
      entries.map(([key, entry]) => [
        key,
        entry === null ? null : read(member, entry, `${path}.${key}`, depth + 1, options),
      ]),
    );
  }
  return readSimple(schema, value, path);
}

function readStruct(
  schema: NormalizedSchema,
  value: unknown,
  path: string,
  depth: number,
  options: ReadOptions,
): Record<string, unknown> {
  const record = asObject(value, path, 'a structure');
  const bound = depth === 0 ? options.bound : undefined;
  const output: Record<string, unknown> = {};
  let given = 0;
  for (const [name, member] of schema.structIterator()) {
    if (bound?.has(name)) continue;
    const wireName = options.jsonNames ? ((member.getMergedTraits().jsonName as string | undefined) ?? name) : name;
    const found = Object.hasOwn(record, wireName) ? record[wireName] : undefined;
    if (found === undefined || found === null) continue;
    given++;
    output[name] = read(member, found, path === '' ? name : `${path}.${name}`, depth + 1, options);
  }
  for (const name of requiredMembers(schema)) {
    if (output[name] === undefined && !bound?.has(name)) throw missingMember(path === '' ? name : `${path}.${name}`);
  }
  if (schema.isUnionSchema() && given !== 1) {
    throw wrongType(path, 'a union with exactly one member', `one with ${given}`);
  }
  return output;
}

function readSimple(schema: NormalizedSchema, value: unknown, path: string): unknown {
  const type = typeof value;
  if (schema.isStringSchema()) {
    if (type !== 'string') throw wrongType(path, 'a string', describe(value));
    return value;
  }
  if (schema.isBooleanSchema()) {
    if (type !== 'boolean') throw wrongType(path, 'a boolean', describe(value));
    return value;
  }
  if (schema.isNumericSchema() || schema.isBigIntegerSchema() || schema.isBigDecimalSchema()) {
    if (type === 'number') return value;
    if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value);
    throw wrongType(path, 'a number', describe(value));
  }
  if (schema.isBlobSchema()) {
    const bytes = type === 'string' ? fromBase64(value as string) : undefined;
    if (bytes === undefined) throw wrongType(path, 'base64 text', describe(value));
    return bytes;
  }
  if (schema.isTimestampSchema()) {
    const at =
      type === 'number'
        ? Math.round((value as number) * 1000)
        : type === 'string'
          ? Date.parse(value as string)
          : Number.NaN;
    const date = new Date(at);
    if (Number.isNaN(date.getTime())) throw wrongType(path, 'a timestamp', describe(value));
    return date;
  }
  return value;
}

/**
 * The bytes of base64 text, or undefined when it is none. Node passes over characters that do not belong, which shows
 * in the length: cheaper by far than a look at every character.
 */
function fromBase64(text: string): Buffer | undefined {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  if ((text.length - padding) % 4 === 1) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === Math.floor(((text.length - padding) * 3) / 4) ? bytes : undefined;
}

function asObject(value: unknown, path: string, expected: string): Readonly<Record<string, unknown>> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw wrongType(path, expected, describe(value));
  }
  return value as Readonly<Record<string, unknown>>;
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a structure';
  return `a ${typeof value}`;
}
