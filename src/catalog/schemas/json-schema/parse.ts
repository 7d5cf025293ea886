/**
 * JSON Schema, drafts 4 to 2020-12, as far as schemas can be told apart by it.
 * References lead within the document; others are refused by name.
 * **Source**: JSON Schema 2020-12, "Core" and "Validation"; drafts 4, 6 and 7.
 */
import { LochError } from '../../../core/errors.ts';

export type JsonType = 'null' | 'boolean' | 'object' | 'array' | 'number' | 'integer' | 'string';
const TYPES: readonly string[] = ['null', 'boolean', 'object', 'array', 'number', 'integer', 'string'];

/** A schema object or a boolean, as it stands in the document. */
export type JsonNode = boolean | Readonly<Record<string, unknown>>;

const DEEPEST = 100;
/** Keywords whose value is a schema, a list of them, or an object of them. */
const ONE = [
  'additionalProperties',
  'additionalItems',
  'unevaluatedProperties',
  'unevaluatedItems',
  'contains',
  'propertyNames',
  'not',
  'if',
  'then',
  'else',
];
const LIST = ['allOf', 'anyOf', 'oneOf', 'prefixItems'];
const MAP = ['properties', 'patternProperties', 'definitions', '$defs', 'dependentSchemas'];
const COUNTS = ['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties'];

const wrong = (at: string, problem: string) =>
  new LochError('invalid_argument', `The JSON Schema cannot be read: \`${at || '#'}\` ${problem}.`);

/** A document with its references. */
export class JsonDocument {
  readonly root: JsonNode;

  constructor(definition: string) {
    let json: unknown;
    try {
      json = JSON.parse(definition);
    } catch (error) {
      throw new LochError('invalid_argument', `The JSON Schema is not JSON: ${(error as Error).message}.`);
    }
    this.root = json as JsonNode;
    this.#check(json, '#', 0);
  }

  /** The schema that a node stands for: itself, or what its references lead to. */
  resolve(node: JsonNode): JsonNode {
    let at = node;
    for (let i = 0; typeof at !== 'boolean' && typeof at.$ref === 'string'; i++) {
      if (i > DEEPEST) throw wrong(String(at.$ref), 'leads to itself');
      at = this.#lookUp(at.$ref as string);
    }
    return at;
  }

  #lookUp(reference: string): JsonNode {
    const { $id, id } = this.root as Readonly<Record<string, unknown>>;
    const own = [$id, id].find((one) => typeof one === 'string' && one !== '' && reference.startsWith(`${one}#`));
    const local = own === undefined ? reference : reference.slice(String(own).length);
    if (!local.startsWith('#')) {
      throw new LochError(
        'unsupported',
        `The JSON Schema refers to \`${reference}\`, outside of itself. Put it under $defs and refer to \`#/$defs/…\`.`,
      );
    }
    if (local === '#') return this.root;
    if (!local.startsWith('#/')) return this.#anchor(local.slice(1));
    let at: unknown = this.root;
    for (const part of local.slice(2).split('/')) {
      const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
      const inside = at !== null && typeof at === 'object' && Object.hasOwn(at, key);
      if (!inside) throw wrong(reference, 'leads nowhere');
      at = (at as Readonly<Record<string, unknown>>)[key];
    }
    if (typeof at !== 'boolean' && (at === null || typeof at !== 'object' || Array.isArray(at))) {
      throw wrong(reference, 'leads to what is no schema');
    }
    return at as JsonNode;
  }

  #anchor(name: string): JsonNode {
    const find = (value: unknown): JsonNode | undefined => {
      if (value === null || typeof value !== 'object') return undefined;
      if ((value as Readonly<Record<string, unknown>>).$anchor === name) return value as JsonNode;
      for (const inner of Object.values(value)) {
        const found = find(inner);
        if (found !== undefined) return found;
      }
      return undefined;
    };
    const found = find(this.root);
    if (found === undefined) throw wrong(`#${name}`, 'leads nowhere');
    return found;
  }

  #check(node: unknown, at: string, depth: number): void {
    if (depth > DEEPEST) throw wrong(at, `is nested deeper than ${DEEPEST} levels`);
    if (typeof node === 'boolean') return;
    if (node === null || typeof node !== 'object' || Array.isArray(node))
      throw wrong(at, 'is neither an object nor a boolean');
    const schema = node as Readonly<Record<string, unknown>>;
    if (typeof schema.$ref === 'string') this.resolve(schema);
    this.#checkValues(schema, at);
    for (const key of ONE) {
      if (schema[key] !== undefined) this.#check(schema[key], `${at}/${key}`, depth + 1);
    }
    for (const key of LIST) {
      const list = schema[key];
      if (list === undefined) continue;
      if (!Array.isArray(list) || list.length === 0) throw wrong(`${at}/${key}`, 'must be a list of schemas');
      list.forEach((inner, i) => {
        this.#check(inner, `${at}/${key}/${i}`, depth + 1);
      });
    }
    for (const key of MAP) {
      const map = schema[key];
      if (map === undefined) continue;
      if (map === null || typeof map !== 'object' || Array.isArray(map))
        throw wrong(`${at}/${key}`, 'must be an object of schemas');
      for (const [name, inner] of Object.entries(map)) this.#check(inner, `${at}/${key}/${name}`, depth + 1);
    }
    const { items } = schema;
    if (Array.isArray(items)) {
      items.forEach((inner, i) => {
        this.#check(inner, `${at}/items/${i}`, depth + 1);
      });
    } else if (items !== undefined) this.#check(items, `${at}/items`, depth + 1);
  }

  #checkValues(schema: Readonly<Record<string, unknown>>, at: string): void {
    const types = schema.type === undefined ? [] : [schema.type].flat();
    const odd = types.find((type) => !TYPES.includes(type as string));
    if (odd !== undefined) throw wrong(`${at}/type`, `is \`${String(odd)}\`; known: ${TYPES.join(', ')}`);
    if (schema.enum !== undefined && (!Array.isArray(schema.enum) || schema.enum.length === 0)) {
      throw wrong(`${at}/enum`, 'must be a list of values');
    }
    const { required } = schema;
    const isNames = Array.isArray(required) && required.every((name) => typeof name === 'string');
    if (required !== undefined && !isNames) throw wrong(`${at}/required`, 'must be a list of names');
    for (const key of COUNTS) {
      const count = schema[key];
      if (count !== undefined && !(Number.isInteger(count) && (count as number) >= 0)) {
        throw wrong(`${at}/${key}`, 'must be a whole number from 0');
      }
    }
    if (schema.multipleOf !== undefined && !(typeof schema.multipleOf === 'number' && schema.multipleOf > 0)) {
      throw wrong(`${at}/multipleOf`, 'must be a number above 0');
    }
    for (const pattern of [schema.pattern, ...Object.keys((schema.patternProperties as object | undefined) ?? {})]) {
      if (pattern === undefined) continue;
      try {
        new RegExp(String(pattern), 'u');
      } catch {
        throw wrong(`${at}/pattern`, `is \`${String(pattern)}\`, which is no regular expression`);
      }
    }
  }
}
