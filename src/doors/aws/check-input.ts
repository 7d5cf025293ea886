/**
 * Type sanity of decoded JSON against an operation's input schema. The SDK's codecs validate nothing (a number member
 * takes `"abc"`), so handlers may rely on this: required members are there, and every value has its schema's type.
 */
import type { NormalizedSchema } from '@smithy/core/schema';
import { LochError } from '../../core/errors.ts';
import { requiredMembers } from './service-model.ts';

const MAX_DEPTH = 100;

/**
 * Checks `value` against `schema`; `bound` names top-level members that do not come from the body.
 * **Errors**: `missing_argument`, `malformed_request`, each naming the member.
 */
export function checkInput(schema: NormalizedSchema, value: unknown, bound?: ReadonlySet<string>): void {
  check(schema, value, '', 0, bound);
}

/** The error of a value with the wrong type. */
export function wrongType(path: string, expected: string, found: string): LochError {
  const name = path === '' ? 'The request body' : `\`${path}\``;
  return new LochError('malformed_request', `${name} must be ${expected}, not ${found}.`, {
    context: { member: path, expected },
  });
}

/** The error of a required member that is not there. */
export function missingMember(path: string): LochError {
  return new LochError('missing_argument', `\`${path}\` is required and missing.`, { context: { member: path } });
}

function check(
  schema: NormalizedSchema,
  value: unknown,
  path: string,
  depth: number,
  bound?: ReadonlySet<string>,
): void {
  if (depth > MAX_DEPTH) throw wrongType(path, `nested at most ${MAX_DEPTH} deep`, 'deeper');
  if (schema.isStructSchema()) checkStruct(schema, value, path, depth, bound);
  else if (schema.isListSchema()) {
    if (!Array.isArray(value)) throw wrongType(path, 'a list', describe(value));
    const member = schema.getValueSchema();
    for (let i = 0; i < value.length; i++) {
      if (value[i] !== null) check(member, value[i], `${path}[${i}]`, depth + 1);
    }
  } else if (schema.isMapSchema()) {
    const member = schema.getValueSchema();
    for (const [key, entry] of Object.entries(asObject(value, path, 'a map'))) {
      if (entry !== null) check(member, entry, `${path}.${key}`, depth + 1);
    }
  } else checkSimple(schema, value, path);
}

function checkStruct(
  schema: NormalizedSchema,
  value: unknown,
  path: string,
  depth: number,
  bound?: ReadonlySet<string>,
): void {
  const record = asObject(value, path, 'a structure');
  for (const name of requiredMembers(schema)) {
    if (!bound?.has(name) && (record[name] ?? null) === null) throw missingMember(join(path, name));
  }
  let given = 0;
  for (const [name, member] of schema.structIterator()) {
    const found = record[name] ?? null;
    if (found === null || bound?.has(name)) continue;
    given++;
    check(member, found, join(path, name), depth + 1);
  }
  if (schema.isUnionSchema() && given !== 1)
    throw wrongType(path, 'a union with exactly one member', `${given} members`);
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

function checkSimple(schema: NormalizedSchema, value: unknown, path: string): void {
  const type = typeof value;
  if (schema.isStringSchema()) {
    if (type !== 'string') throw wrongType(path, 'a string', describe(value));
  } else if (schema.isBooleanSchema()) {
    if (type !== 'boolean') throw wrongType(path, 'a boolean', describe(value));
  } else if (schema.isNumericSchema() || schema.isBigIntegerSchema() || schema.isBigDecimalSchema()) {
    const special = value === 'NaN' || value === 'Infinity' || value === '-Infinity';
    if (type !== 'number' && !special) throw wrongType(path, 'a number', describe(value));
  } else if (schema.isBlobSchema()) {
    if (type !== 'string' || !BASE64.test(value as string)) throw wrongType(path, 'base64 text', describe(value));
  } else if (schema.isTimestampSchema()) {
    const valid =
      type === 'number' ? Number.isFinite(value) : type === 'string' && !Number.isNaN(Date.parse(value as string));
    if (!valid) throw wrongType(path, 'a timestamp', describe(value));
  }
}

function asObject(value: unknown, path: string, expected: string): Readonly<Record<string, unknown>> {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw wrongType(path, expected, describe(value));
  return value as Readonly<Record<string, unknown>>;
}

const join = (path: string, name: string) => (path === '' ? name : `${path}.${name}`);

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a structure' : `a ${typeof value}`;
}
