/**
 * Avro schemas.
 * **Source**: Apache Avro 1.12 specification, "Schema Declaration", "Names".
 */
import { LochError } from '../../../core/errors.ts';

export const PRIMITIVES = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const;
export type Primitive = (typeof PRIMITIVES)[number];

export interface AvroField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: AvroType;
  readonly hasDefault: boolean;
  readonly doc?: string;
}

/** Names are full names. Members of records are filled in after the record is known by name: types may be recursive. */
export type AvroType =
  | { readonly kind: Primitive; readonly logical?: AvroLogical }
  | { readonly kind: 'array'; readonly items: AvroType }
  | { readonly kind: 'map'; readonly values: AvroType }
  | { readonly kind: 'union'; readonly branches: readonly AvroType[] }
  | AvroRecord
  | AvroEnum
  | AvroFixed;

interface Named {
  readonly name: string;
  readonly aliases: readonly string[];
}
export interface AvroRecord extends Named {
  readonly kind: 'record';
  fields: readonly AvroField[];
}
export interface AvroEnum extends Named {
  readonly kind: 'enum';
  readonly symbols: readonly string[];
  readonly fallback?: string;
}
export interface AvroFixed extends Named {
  readonly kind: 'fixed';
  readonly size: number;
  readonly logical?: AvroLogical;
}
export interface AvroLogical {
  readonly name: string;
  readonly precision?: number;
  readonly scale?: number;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const DEEPEST = 100;

const wrong = (where: string, problem: string) =>
  new LochError(
    'invalid_argument',
    `The Avro schema cannot be read: ${where === '' ? 'it' : `\`${where}\``} ${problem}.`,
  );

type Json = Readonly<Record<string, unknown>>;

/** **Errors**: `invalid_argument` naming the place. */
export function parseAvro(definition: string): { readonly type: AvroType; readonly json: unknown } {
  let json: unknown;
  try {
    json = JSON.parse(definition);
  } catch (error) {
    throw new LochError('invalid_argument', `The Avro schema is not JSON: ${(error as Error).message}.`);
  }
  return { type: new Reader().read(json, undefined, '', 0), json };
}

class Reader {
  readonly #named = new Map<string, AvroRecord | AvroEnum | AvroFixed>();

  read(json: unknown, space: string | undefined, where: string, depth: number): AvroType {
    if (depth > DEEPEST) throw wrong(where, `is nested deeper than ${DEEPEST} levels`);
    if (typeof json === 'string') return this.#reference(json, space, where);
    if (Array.isArray(json)) return this.#union(json, space, where, depth);
    if (json === null || typeof json !== 'object') throw wrong(where, 'is neither a name, a list nor an object');
    const given = json as Json;
    const { type } = given;
    if (type === undefined) throw wrong(where, 'has no `type`');
    if (typeof type !== 'string') return this.read(type, space, where, depth + 1);
    switch (type) {
      case 'array':
        if (given.items === undefined) throw wrong(where, 'is an array without `items`');
        return { kind: 'array', items: this.read(given.items, space, `${where}[]`, depth + 1) };
      case 'map':
        if (given.values === undefined) throw wrong(where, 'is a map without `values`');
        return { kind: 'map', values: this.read(given.values, space, `${where}{}`, depth + 1) };
      case 'record':
      case 'error':
        return this.#record(given, space, where, depth);
      case 'enum':
        return this.#enum(given, space, where);
      case 'fixed':
        return this.#fixed(given, space, where);
      default: {
        const found = this.#reference(type, space, where);
        const logical = logicalOf(given);
        return logical === undefined || !isPrimitive(found.kind) ? found : { kind: found.kind, logical };
      }
    }
  }

  #reference(name: string, space: string | undefined, where: string): AvroType {
    if (isPrimitive(name)) return { kind: name };
    const found = this.#named.get(fullName(name, space)) ?? this.#named.get(name);
    if (found === undefined) throw wrong(where, `is of the unknown type \`${name}\``);
    return found;
  }

  #union(list: readonly unknown[], space: string | undefined, where: string, depth: number): AvroType {
    const branches = list.map((branch, i) => this.read(branch, space, `${where}|${i}`, depth + 1));
    const seen = new Set<string>();
    for (const branch of branches) {
      if (branch.kind === 'union') throw wrong(where, 'is a union within a union');
      const key = 'name' in branch ? branch.name : branch.kind;
      if (seen.has(key)) throw wrong(where, `is a union with two branches \`${key}\``);
      seen.add(key);
    }
    if (branches.length === 0) throw wrong(where, 'is a union of nothing');
    return { kind: 'union', branches };
  }

  #name(
    given: Json,
    space: string | undefined,
    where: string,
  ): { name: string; space: string | undefined; aliases: string[] } {
    const { name, namespace, aliases = [] } = given;
    if (typeof name !== 'string') throw wrong(where, `is a ${String(given.type)} without a \`name\``);
    const own = typeof namespace === 'string' && namespace !== '' ? namespace : space;
    const full = fullName(name, name.includes('.') ? undefined : own);
    if (!full.split('.').every((part) => NAME.test(part)))
      throw wrong(where, `has the name \`${full}\`, which is none`);
    if (this.#named.has(full) || isPrimitive(full)) throw wrong(where, `defines \`${full}\` a second time`);
    if (!Array.isArray(aliases)) throw wrong(where, 'has `aliases` that are no list');
    const dot = full.lastIndexOf('.');
    const inner = dot === -1 ? undefined : full.slice(0, dot);
    return { name: full, space: inner, aliases: aliases.map((alias) => fullName(String(alias), inner)) };
  }

  #record(given: Json, outer: string | undefined, where: string, depth: number): AvroType {
    const { name, space, aliases } = this.#name(given, outer, where);
    const record: AvroRecord = { kind: 'record', name, aliases, fields: [] };
    this.#named.set(name, record);
    if (!Array.isArray(given.fields)) throw wrong(name, 'has no `fields`');
    const seen = new Set<string>();
    record.fields = given.fields.map((field: unknown) => {
      const { name: fieldName, type, aliases: names = [], doc } = (field ?? {}) as Json;
      if (typeof fieldName !== 'string' || !NAME.test(fieldName)) {
        throw wrong(name, `has a field with the name \`${String(fieldName)}\`, which is none`);
      }
      const place = `${name}.${fieldName}`;
      if (seen.has(fieldName)) throw wrong(name, `has two fields \`${fieldName}\``);
      seen.add(fieldName);
      if (type === undefined) throw wrong(place, 'has no `type`');
      const hasDefault = Object.hasOwn(field as object, 'default');
      const parsed: AvroField = {
        name: fieldName,
        aliases: Array.isArray(names) ? names.map(String) : [],
        type: this.read(type, space, place, depth + 1),
        hasDefault,
        ...(typeof doc === 'string' ? { doc } : {}),
      };
      if (hasDefault && !isDefault(parsed.type, (field as Json).default)) {
        throw wrong(place, `has the default ${JSON.stringify((field as Json).default)}, which is not of its type`);
      }
      return parsed;
    });
    return record;
  }

  #enum(given: Json, outer: string | undefined, where: string): AvroType {
    const { name, aliases } = this.#name(given, outer, where);
    const { symbols, default: fallback } = given;
    if (!Array.isArray(symbols) || symbols.length === 0) throw wrong(name, 'is an enum without `symbols`');
    const odd = symbols.find(
      (symbol, i) => typeof symbol !== 'string' || !NAME.test(symbol) || symbols.indexOf(symbol) !== i,
    );
    if (odd !== undefined) throw wrong(name, `has the symbol \`${String(odd)}\`, which is none or stands twice`);
    if (fallback !== undefined && !symbols.includes(fallback)) {
      throw wrong(name, `has the default \`${String(fallback)}\`, which is none of its symbols`);
    }
    const made: AvroEnum = {
      kind: 'enum',
      name,
      aliases,
      symbols: symbols as string[],
      ...(fallback === undefined ? {} : { fallback: fallback as string }),
    };
    this.#named.set(name, made);
    return made;
  }

  #fixed(given: Json, outer: string | undefined, where: string): AvroType {
    const { name, aliases } = this.#name(given, outer, where);
    const { size } = given;
    if (!Number.isInteger(size) || (size as number) < 0) throw wrong(name, 'is a fixed without a `size`');
    const logical = logicalOf(given);
    const made: AvroFixed = {
      kind: 'fixed',
      name,
      aliases,
      size: size as number,
      ...(logical === undefined ? {} : { logical }),
    };
    this.#named.set(name, made);
    return made;
  }
}

const isPrimitive = (name: string): name is Primitive => (PRIMITIVES as readonly string[]).includes(name);

const fullName = (name: string, space: string | undefined): string =>
  name.includes('.') || space === undefined ? name.replace(/^\./, '') : `${space}.${name}`;

function logicalOf(given: Json): AvroLogical | undefined {
  const { logicalType, precision, scale } = given;
  if (typeof logicalType !== 'string') return undefined;
  return {
    name: logicalType,
    ...(typeof precision === 'number' ? { precision } : {}),
    ...(typeof scale === 'number' ? { scale } : {}),
  };
}

const INT = 2 ** 31;

/** Whether a JSON value may be a default; of a union it is of the first branch, or of any (as newer libraries allow). */
function isDefault(type: AvroType, value: unknown): boolean {
  switch (type.kind) {
    case 'null':
      return value === null;
    case 'boolean':
      return typeof value === 'boolean';
    case 'int':
      return Number.isInteger(value) && (value as number) >= -INT && (value as number) < INT;
    case 'long':
      return Number.isInteger(value);
    case 'float':
    case 'double':
      return typeof value === 'number' || ['NaN', 'Infinity', '-Infinity'].includes(value as string);
    case 'bytes':
    case 'string':
      return typeof value === 'string';
    case 'fixed':
      return typeof value === 'string' && value.length === type.size;
    case 'enum':
      return type.symbols.includes(value as string);
    case 'array':
      return Array.isArray(value) && value.every((item) => isDefault(type.items, item));
    case 'map':
      return isObject(value) && Object.values(value).every((item) => isDefault(type.values, item));
    case 'union':
      return type.branches.some((branch) => isDefault(branch, value));
    case 'record':
      return (
        isObject(value) &&
        type.fields.every((field) =>
          Object.hasOwn(value, field.name) ? isDefault(field.type, value[field.name]) : field.hasDefault,
        )
      );
  }
}

const isObject = (value: unknown): value is Json =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
