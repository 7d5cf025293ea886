/**
 * Types as a crawler infers them from values, and how two of them become one.
 * **Source**: AWS Glue, "Built-in classifiers": integers are bigint, decimals double, dates stay string.
 */

/** `nothing` is a column of which no value was seen; `exact` is a type that the file itself states. */
export type InferredType =
  | { readonly kind: 'nothing' | 'boolean' | 'integer' | 'double' | 'string' }
  | { readonly kind: 'exact'; readonly type: string }
  | { readonly kind: 'array'; readonly element: InferredType }
  | { readonly kind: 'struct'; readonly fields: Readonly<Record<string, InferredType>> };

export const NOTHING: InferredType = { kind: 'nothing' };
export const STRING: InferredType = { kind: 'string' };

/** How many fields a struct may have before it is kept as text: keys that are data would grow without end. */
const MOST_FIELDS = 500;

const NUMERIC_ORDER = ['tinyint', 'smallint', 'int', 'bigint', 'float', 'double'];

/** The Hive type text. */
export function hiveType(type: InferredType): string {
  switch (type.kind) {
    case 'nothing':
    case 'string':
      return 'string';
    case 'boolean':
    case 'double':
      return type.kind;
    case 'integer':
      return 'bigint';
    case 'exact':
      return type.type;
    case 'array':
      return `array<${hiveType(type.element)}>`;
    case 'struct': {
      const fields = Object.entries(type.fields);
      if (fields.length === 0) return 'string';
      return `struct<${fields.map(([name, field]) => `${fieldName(name)}:${hiveType(field)}`).join(',')}>`;
    }
  }
}

/** Characters that end a field name in a type text are replaced. */
const fieldName = (name: string): string => name.replace(/[:<>,`\s]/g, '_') || '_';

/** A type that holds the values of both. */
export function mergeTypes(a: InferredType, b: InferredType): InferredType {
  if (a.kind === 'nothing') return b;
  if (b.kind === 'nothing') return a;
  if (a.kind === 'array' && b.kind === 'array') return { kind: 'array', element: mergeTypes(a.element, b.element) };
  if (a.kind === 'struct' && b.kind === 'struct') return mergeStructs(a.fields, b.fields);
  const left = hiveType(a);
  const right = hiveType(b);
  if (left === right) return a;
  return widened(left, right) ?? STRING;
}

function mergeStructs(
  a: Readonly<Record<string, InferredType>>,
  b: Readonly<Record<string, InferredType>>,
): InferredType {
  const fields: Record<string, InferredType> = { ...a };
  for (const [name, type] of Object.entries(b)) {
    fields[name] = Object.hasOwn(fields, name) ? mergeTypes(fields[name]!, type) : type;
  }
  return Object.keys(fields).length > MOST_FIELDS ? STRING : { kind: 'struct', fields };
}

const DECIMAL = /^decimal\((\d+),(\d+)\)$/;

function widened(a: string, b: string): InferredType | undefined {
  const left = NUMERIC_ORDER.indexOf(a);
  const right = NUMERIC_ORDER.indexOf(b);
  if (left >= 0 && right >= 0) {
    const wider = NUMERIC_ORDER[Math.max(left, right)]!;
    // A float does not hold every int or bigint.
    const type = wider === 'float' && Math.min(left, right) >= 2 ? 'double' : wider;
    return type === 'bigint' ? { kind: 'integer' } : type === 'double' ? { kind: 'double' } : { kind: 'exact', type };
  }
  const [decimal, other] = [DECIMAL.exec(a), DECIMAL.exec(b)];
  if (decimal !== null && other !== null) {
    const scale = Math.max(Number(decimal[2]), Number(other[2]));
    const whole = Math.max(Number(decimal[1]) - Number(decimal[2]), Number(other[1]) - Number(other[2]));
    return whole + scale <= 38 ? { kind: 'exact', type: `decimal(${whole + scale},${scale})` } : { kind: 'double' };
  }
  if ((decimal !== null && right >= 0) || (other !== null && left >= 0)) return { kind: 'double' };
  return undefined;
}

const INTEGER = /^-?(?:0|[1-9]\d{0,18})$/;
const DECIMAL_NUMBER =
  /^-?(?:0|[1-9]\d*)?\.\d+(?:[eE][+-]?\d+)?$|^-?(?:0|[1-9]\d*)(?:\.\d*)?[eE][+-]?\d+$|^-?[1-9]\d*\.$/;
const BIGGEST = 9_223_372_036_854_775_807n;

/**
 * The type of one value of a text file. Leading zeros, a plus sign, and integers that do not fit 64 bits make it a
 * string: they are identifiers whose digits must stay.
 */
export function typeOfText(text: string): InferredType {
  const value = text.trim();
  if (value === '') return NOTHING;
  if (INTEGER.test(value)) {
    return value.length < 19 || fits(value) ? { kind: 'integer' } : STRING;
  }
  if (DECIMAL_NUMBER.test(value)) return { kind: 'double' };
  return /^(?:true|false)$/i.test(value) ? { kind: 'boolean' } : STRING;
}

function fits(value: string): boolean {
  const number = BigInt(value);
  return number <= BIGGEST && number >= -BIGGEST - 1n;
}

/** Whether two types are of one family, so that they may be the same column. */
export function isAlike(a: InferredType, b: InferredType): boolean {
  if (a.kind === 'nothing' || b.kind === 'nothing') return true;
  const numeric = (type: InferredType) =>
    type.kind === 'integer' ||
    type.kind === 'double' ||
    NUMERIC_ORDER.includes(hiveType(type)) ||
    DECIMAL.test(hiveType(type));
  if (numeric(a) && numeric(b)) return true;
  if (a.kind === 'struct' && b.kind === 'struct') return true;
  return a.kind === 'array' && b.kind === 'array' ? true : hiveType(a) === hiveType(b);
}
