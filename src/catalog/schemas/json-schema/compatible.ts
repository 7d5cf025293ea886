/**
 * Whether every document that a writer's JSON Schema allows is one that a reader's allows.
 *
 * Invariants
 * - On doubt it is not: what cannot be decided (patterns, `not`, conditions) must be equal on both sides.
 * - An open object (no `additionalProperties: false`) may hold any value under a name it does not speak of; adding a
 *   property to it is a narrowing, because old documents may hold that name with anything.
 * - `oneOf` is taken for `anyOf`, as the checkers of other registries take it.
 */
import { stableJson } from '../parsed-schema.ts';
import type { JsonDocument, JsonNode, JsonType } from './parse.ts';

type Schema = Readonly<Record<string, unknown>>;

const ALL_TYPES: readonly JsonType[] = ['null', 'boolean', 'object', 'array', 'number', 'string'];
const DEEPEST = 60;

/** Reasons why `reader` refuses documents of `writer`; empty when it takes them all. */
export function jsonProblems(reader: JsonDocument, writer: JsonDocument): readonly string[] {
  return new Inclusion(reader, writer).within(writer.root, reader.root, '');
}

class Inclusion {
  readonly #reader: JsonDocument;
  readonly #writer: JsonDocument;
  /** Pairs under way: a recursive schema is within another if nothing else of it is not. */
  readonly #open = new Map<JsonNode, Set<JsonNode>>();
  #depth = 0;

  constructor(reader: JsonDocument, writer: JsonDocument) {
    this.#reader = reader;
    this.#writer = writer;
  }

  /** Whether all that `wrote` allows is allowed by `reads`. */
  within(wroteNode: JsonNode, readsNode: JsonNode, at: string): string[] {
    const wrote = this.#writer.resolve(wroteNode);
    const reads = this.#reader.resolve(readsNode);
    if (reads === true || wrote === false || isEmpty(reads)) return [];
    const place = at === '' ? 'the schema' : `\`${at}\``;
    if (reads === false) return [`${place} may hold a value, and none is allowed any more`];
    const pairs = this.#open.get(wrote) ?? new Set();
    if (pairs.has(reads)) return [];
    if (++this.#depth > DEEPEST) return [`${place} is nested too deeply to compare`];
    if (typeof wrote !== 'boolean') {
      pairs.add(reads);
      this.#open.set(wrote, pairs);
    }
    try {
      return this.#compare(wrote === true ? {} : wrote, reads, at, place);
    } finally {
      this.#depth--;
      pairs.delete(reads);
    }
  }

  #compare(wrote: Schema, reads: Schema, at: string, place: string): string[] {
    // Any branch may have been written.
    for (const key of ['anyOf', 'oneOf'] as const) {
      const branches = wrote[key] as readonly JsonNode[] | undefined;
      if (branches === undefined) continue;
      const { [key]: _, ...rest } = wrote;
      return branches.flatMap((branch) => this.within(merged(this.#writer, rest, branch), reads, at));
    }
    const conjuncts = wrote.allOf as readonly JsonNode[] | undefined;
    if (conjuncts !== undefined) {
      const { allOf: _, ...rest } = wrote;
      const whole = conjuncts.reduce<JsonNode>((all, one) => merged(this.#writer, all, one), rest);
      return this.within(whole, reads, at);
    }
    const problems: string[] = [];
    for (const key of ['anyOf', 'oneOf'] as const) {
      const branches = reads[key] as readonly JsonNode[] | undefined;
      if (branches === undefined) continue;
      // Each type that was written may be taken by another branch.
      const fits = (one: Schema) => branches.some((branch) => this.within(one, branch, at).length === 0);
      if (fits(wrote) || singleTypes(wrote).every(fits)) continue;
      problems.push(`${place} may hold what none of its ${key} allows any more`);
    }
    for (const one of (reads.allOf as readonly JsonNode[] | undefined) ?? [])
      problems.push(...this.within(wrote, one, at));
    problems.push(...this.#values(wrote, reads, place));
    if (problems.length > 0) return problems;
    problems.push(...mustEqual(wrote, reads, place));
    const types = typesOf(wrote);
    if (types.has('number') || types.has('integer')) problems.push(...numbers(wrote, reads, place));
    if (types.has('string')) problems.push(...strings(wrote, reads, place));
    if (types.has('array')) problems.push(...this.#arrays(wrote, reads, at, place));
    if (types.has('object')) problems.push(...this.#objects(wrote, reads, at, place));
    return problems;
  }

  /** Types, enum and const. */
  #values(wrote: Schema, reads: Schema, place: string): string[] {
    const wroteValues = valuesOf(wrote);
    const readsValues = valuesOf(reads);
    if (wroteValues !== undefined) {
      const allowed = readsValues === undefined ? undefined : new Set(readsValues.map(stableJson));
      const types = typesOf(reads);
      const lost = wroteValues.filter(
        (value) => !hasType(types, value) || (allowed !== undefined && !allowed.has(stableJson(value))),
      );
      return lost.length === 0
        ? []
        : [`${place} may hold ${lost.map((value) => JSON.stringify(value)).join(', ')}, which is not allowed any more`];
    }
    if (readsValues !== undefined && !coversAll(readsValues, wrote)) {
      return [`${place} may hold more than the values of its enum or const now`];
    }
    const types = typesOf(reads);
    const lost = [...typesOf(wrote)].filter((type) => !types.has(type) && !(type === 'integer' && types.has('number')));
    return lost.length === 0 ? [] : [`${place} may be of type ${lost.join(', ')}, which is not allowed any more`];
  }

  #arrays(wrote: Schema, reads: Schema, at: string, place: string): string[] {
    const problems = bounds(wrote, reads, place, 'minItems', 'maxItems', 0);
    if (reads.uniqueItems === true && wrote.uniqueItems !== true && !(Number(wrote.maxItems ?? 2) <= 1)) {
      problems.push(`${place} may hold an item twice, which is not allowed any more`);
    }
    const wroteItems = itemsOf(wrote);
    const readsItems = itemsOf(reads);
    const longest = Math.max(wroteItems.first.length, readsItems.first.length);
    const limit = Math.min(longest, Number(wrote.maxItems ?? longest));
    for (let i = 0; i < limit; i++) {
      problems.push(...this.within(wroteItems.at(i), readsItems.at(i), `${at}[${i}]`));
    }
    if (Number(wrote.maxItems ?? Number.POSITIVE_INFINITY) > longest) {
      problems.push(...this.within(wroteItems.rest, readsItems.rest, `${at}[]`));
    }
    return problems;
  }

  #objects(wrote: Schema, reads: Schema, at: string, place: string): string[] {
    const problems = bounds(wrote, reads, place, 'minProperties', 'maxProperties', 0);
    const wroteRequired = new Set((wrote.required as readonly string[] | undefined) ?? []);
    const missing = ((reads.required as readonly string[] | undefined) ?? []).filter(
      (name) => !wroteRequired.has(name),
    );
    if (missing.length > 0)
      problems.push(`${place} may lack ${missing.map((name) => `\`${name}\``).join(', ')}, now required`);
    const wroteProperties = propertiesOf(wrote);
    const readsProperties = propertiesOf(reads);
    for (const name of new Set([...wroteProperties.names, ...readsProperties.names])) {
      const inside = at === '' ? name : `${at}.${name}`;
      const found = this.within(wroteProperties.of(name), readsProperties.of(name), inside);
      const isNew = !wroteProperties.names.includes(name);
      problems.push(
        ...(found.length > 0 && isNew
          ? [`\`${inside}\` is new, and an object that was open may hold it with another value`]
          : found),
      );
    }
    const patterns = reads.patternProperties as Readonly<Record<string, JsonNode>> | undefined;
    const wrotePatterns = (wrote.patternProperties ?? {}) as Readonly<Record<string, JsonNode>>;
    for (const [pattern, schema] of Object.entries(patterns ?? {})) {
      const before = Object.hasOwn(wrotePatterns, pattern) ? wrotePatterns[pattern]! : wroteProperties.others;
      problems.push(...this.within(before, schema, `${at}/${pattern}/`));
    }
    for (const [pattern, schema] of Object.entries(wrotePatterns)) {
      if (patterns !== undefined && Object.hasOwn(patterns, pattern)) continue;
      problems.push(...this.within(schema, readsProperties.others, `${at}/${pattern}/`));
    }
    problems.push(...this.within(wroteProperties.others, readsProperties.others, `${at}.*`));
    return problems;
  }
}

/** The schema once for each of its types. */
function singleTypes(schema: Schema): readonly Schema[] {
  return Array.isArray(schema.type) ? schema.type.map((type) => ({ ...schema, type })) : [schema];
}

const isEmpty = (schema: JsonNode): boolean =>
  typeof schema !== 'boolean' && Object.keys(schema).every((key) => ANNOTATIONS.has(key));

/** Keywords that allow and refuse nothing. */
const ANNOTATIONS = new Set([
  '$schema',
  '$id',
  'id',
  '$anchor',
  '$comment',
  '$defs',
  'definitions',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  'format',
  'contentEncoding',
  'contentMediaType',
  'connect.index',
  'connect.type',
]);

/** Two schemas that both hold, as one, where that can be written; a keyword of both must be equal or is joined by allOf. */
function merged(document: JsonDocument, left: JsonNode, rightNode: JsonNode): JsonNode {
  const right = document.resolve(rightNode);
  if (left === true || isEmpty(left)) return right;
  if (right === true || isEmpty(right)) return left;
  if (left === false || right === false) return false;
  const result: Record<string, unknown> = { ...left };
  for (const [key, value] of Object.entries(right)) {
    const there = result[key];
    if (there === undefined || ANNOTATIONS.has(key) || stableJson(there) === stableJson(value)) result[key] = value;
    else result[key] = both(document, key, there, value);
  }
  return result;
}

/** The stronger of two values of a keyword. Of what cannot be joined the first is kept: the result allows more, never less. */
function both(document: JsonDocument, key: string, a: unknown, b: unknown): unknown {
  switch (key) {
    case 'required':
      return [...new Set([...(a as string[]), ...(b as string[])])];
    case 'properties': {
      const joined: Record<string, JsonNode> = { ...(a as Record<string, JsonNode>) };
      for (const [name, schema] of Object.entries(b as Record<string, JsonNode>)) {
        const there = joined[name];
        joined[name] = there === undefined ? schema : merged(document, document.resolve(there), schema);
      }
      return joined;
    }
    case 'type': {
      const other = new Set([b].flat() as string[]);
      const wide = (type: string) => other.has(type) || (type === 'integer' && other.has('number'));
      const shared = ([a].flat() as string[]).filter(wide);
      return shared.length > 0 ? shared : ([b].flat() as string[]).filter((type) => type === 'integer');
    }
    case 'minimum':
    case 'exclusiveMinimum':
    case 'minLength':
    case 'minItems':
    case 'minProperties':
      return Math.max(Number(a), Number(b));
    case 'maximum':
    case 'exclusiveMaximum':
    case 'maxLength':
    case 'maxItems':
    case 'maxProperties':
      return Math.min(Number(a), Number(b));
    case 'enum': {
      const other = new Set((b as unknown[]).map(stableJson));
      return (a as unknown[]).filter((value) => other.has(stableJson(value)));
    }
    case 'additionalProperties':
    case 'items':
      return Array.isArray(a) || Array.isArray(b)
        ? a
        : merged(document, document.resolve(a as JsonNode), b as JsonNode);
    default:
      return a;
  }
}

function typesOf(schema: Schema): ReadonlySet<JsonType> {
  if (schema.type !== undefined) return new Set([schema.type].flat() as JsonType[]);
  const values = valuesOf(schema);
  return new Set(values === undefined ? ALL_TYPES : values.map(typeOf));
}

function valuesOf(schema: Schema): readonly unknown[] | undefined {
  if (Object.hasOwn(schema, 'const')) return [schema.const];
  return schema.enum as readonly unknown[] | undefined;
}

function typeOf(value: unknown): JsonType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value as JsonType;
}

function hasType(types: ReadonlySet<JsonType>, value: unknown): boolean {
  const type = typeOf(value);
  return types.has(type) || (type === 'integer' && types.has('number'));
}

/** Whether a list of values is all that a type has: booleans and null alone are finite. */
function coversAll(values: readonly unknown[], wrote: Schema): boolean {
  const needed: unknown[] = [];
  for (const type of typesOf(wrote)) {
    if (type === 'boolean') needed.push(true, false);
    else if (type === 'null') needed.push(null);
    else return false;
  }
  return needed.every((value) => values.includes(value));
}

/** What is not compared deeper: it must be gone or the same. */
function mustEqual(wrote: Schema, reads: Schema, place: string): string[] {
  const keys = [
    'not',
    'if',
    'then',
    'else',
    'contains',
    'minContains',
    'maxContains',
    'propertyNames',
    'dependencies',
    'dependentRequired',
    'dependentSchemas',
    'unevaluatedProperties',
    'unevaluatedItems',
  ];
  return keys
    .filter((key) => reads[key] !== undefined && stableJson(reads[key]) !== stableJson(wrote[key]))
    .map((key) => `${place} is bound by \`${key}\` in another way than before`);
}

/** A lower and an upper limit of which the reader's must not be tighter. */
function bounds(wrote: Schema, reads: Schema, place: string, low: string, high: string, least: number): string[] {
  const problems: string[] = [];
  if (Number(reads[low] ?? least) > Number(wrote[low] ?? least)) problems.push(`${place} may be below its new ${low}`);
  const most = Number.POSITIVE_INFINITY;
  if (Number(reads[high] ?? most) < Number(wrote[high] ?? most)) problems.push(`${place} may be above its new ${high}`);
  return problems;
}

/** The lower end of numbers, and whether it belongs to them; draft 4 says so by a boolean. */
function lowerEnd(schema: Schema): readonly [number, boolean] {
  const exclusive = schema.exclusiveMinimum;
  const minimum = Number(schema.minimum ?? Number.NEGATIVE_INFINITY);
  if (typeof exclusive === 'number' && exclusive >= minimum) return [exclusive, false];
  return [minimum, exclusive !== true];
}

function upperEnd(schema: Schema): readonly [number, boolean] {
  const exclusive = schema.exclusiveMaximum;
  const maximum = Number(schema.maximum ?? Number.POSITIVE_INFINITY);
  if (typeof exclusive === 'number' && exclusive <= maximum) return [exclusive, false];
  return [maximum, exclusive !== true];
}

function numbers(wrote: Schema, reads: Schema, place: string): string[] {
  const problems: string[] = [];
  const [wroteLow, wroteLowIn] = lowerEnd(wrote);
  const [readsLow, readsLowIn] = lowerEnd(reads);
  if (
    readsLow > wroteLow ||
    (readsLow === wroteLow && wroteLowIn && !readsLowIn && readsLow !== Number.NEGATIVE_INFINITY)
  ) {
    problems.push(`${place} may be below its new minimum`);
  }
  const [wroteHigh, wroteHighIn] = upperEnd(wrote);
  const [readsHigh, readsHighIn] = upperEnd(reads);
  if (
    readsHigh < wroteHigh ||
    (readsHigh === wroteHigh && wroteHighIn && !readsHighIn && readsHigh !== Number.POSITIVE_INFINITY)
  ) {
    problems.push(`${place} may be above its new maximum`);
  }
  const step = reads.multipleOf as number | undefined;
  const isWhole = !typesOf(wrote).has('number');
  const before = (wrote.multipleOf as number | undefined) ?? (isWhole ? 1 : undefined);
  if (step !== undefined && (before === undefined || !isMultiple(before, step))) {
    problems.push(`${place} may be no multiple of ${step}`);
  }
  return problems;
}

const isMultiple = (value: number, step: number): boolean => {
  const times = value / step;
  return Math.abs(times - Math.round(times)) < 1e-9;
};

function strings(wrote: Schema, reads: Schema, place: string): string[] {
  const problems = bounds(wrote, reads, place, 'minLength', 'maxLength', 0);
  if (reads.pattern !== undefined && reads.pattern !== wrote.pattern)
    problems.push(`${place} may not match its new pattern`);
  return problems;
}

/** The first items by position, and the rest: `prefixItems` and `items`, or the older `items` list and `additionalItems`. */
function itemsOf(schema: Schema) {
  const older = Array.isArray(schema.items);
  const first = ((older ? schema.items : schema.prefixItems) ?? []) as readonly JsonNode[];
  const rest = ((older ? schema.additionalItems : schema.items) ?? true) as JsonNode;
  return { first, rest, at: (i: number): JsonNode => first[i] ?? rest };
}

/** The schema of each property, by name or pattern, and that of all others. */
function propertiesOf(schema: Schema) {
  const own = (schema.properties ?? {}) as Readonly<Record<string, JsonNode>>;
  const patterns = Object.entries((schema.patternProperties ?? {}) as Readonly<Record<string, JsonNode>>);
  const others = (schema.additionalProperties ?? true) as JsonNode;
  return {
    names: Object.keys(own),
    others,
    of(name: string): JsonNode {
      if (Object.hasOwn(own, name)) return own[name]!;
      const matching = patterns.filter(([pattern]) => new RegExp(pattern, 'u').test(name)).map(([, node]) => node);
      return matching.length === 0 ? others : matching.length === 1 ? matching[0]! : { allOf: matching };
    },
  };
}
