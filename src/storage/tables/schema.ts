/** Iceberg schemas: field ids, paths and lookups. **Source**: Iceberg specification, "Schemas and Data Types". */
import { LochError } from '../../core/errors.ts';
import { nearestNames } from '../../core/suggest.ts';
import type { IcebergField, IcebergSchema, IcebergType } from './contract-types.ts';
import { parsePrimitiveType, type PrimitiveType } from './primitive-type.ts';

/** The same fields with fresh ids from `first`: a level's fields before their children, as other writers number them. */
export function assignFreshIds(fields: readonly IcebergField[], first = 1): IcebergField[] {
  let next = first;
  const take = () => next++;
  return freshFields(fields, take);
}

/** `type` with fresh ids for everything inside it. */
export function withFreshIds(type: IcebergType, take: () => number): IcebergType {
  if (typeof type === 'string') return type;
  switch (type.type) {
    case 'struct':
      return { type: 'struct', fields: freshFields(type.fields, take) };
    case 'list': {
      const id = take();
      return { ...type, 'element-id': id, element: withFreshIds(type.element, take) };
    }
    case 'map': {
      const key = take();
      const value = take();
      return {
        ...type,
        'key-id': key,
        'value-id': value,
        key: withFreshIds(type.key, take),
        value: withFreshIds(type.value, take),
      };
    }
  }
}

function freshFields(fields: readonly IcebergField[], take: () => number): IcebergField[] {
  const ids = fields.map(take);
  return fields.map((field, i) => ({ ...field, id: ids[i]!, type: withFreshIds(field.type, take) }));
}

/** A field of a schema with where it stands. */
export interface FieldPlace {
  readonly id: number;
  /** Dotted path: `s.x`, `list.element`, `map.key`, `map.value`. */
  readonly path: string;
  readonly type: IcebergType;
  readonly required: boolean;
  /** True inside a list or map: its statistics do not speak of rows. */
  readonly repeated: boolean;
  /** What rows of files without the field have in it. */
  readonly initialDefault?: unknown;
}

const places = new WeakMap<IcebergSchema, readonly FieldPlace[]>();

/** Every field of a schema, parents before children. Computed once per schema object. */
export function fieldPlaces(schema: IcebergSchema): readonly FieldPlace[] {
  let found = places.get(schema);
  if (found === undefined) {
    found = [...walk(schema.fields, '', false)];
    places.set(schema, found);
  }
  return found;
}

function* walk(fields: readonly IcebergField[], prefix: string, repeated: boolean): Generator<FieldPlace> {
  for (const { id, name, type, required, 'initial-default': initialDefault } of fields) {
    yield* walkPlace({ id, path: `${prefix}${name}`, type, required, repeated, initialDefault });
  }
}

function* walkPlace(place: FieldPlace): Generator<FieldPlace> {
  yield place;
  const { type, path, repeated } = place;
  if (typeof type === 'string') return;
  const inside = (id: number, name: string, child: IcebergType, required: boolean): FieldPlace => ({
    id,
    path: `${path}.${name}`,
    type: child,
    required,
    repeated: true,
  });
  switch (type.type) {
    case 'struct':
      yield* walk(type.fields, `${path}.`, repeated);
      break;
    case 'list':
      yield* walkPlace(inside(type['element-id'], 'element', type.element, type['element-required']));
      break;
    case 'map':
      yield* walkPlace(inside(type['key-id'], 'key', type.key, true));
      yield* walkPlace(inside(type['value-id'], 'value', type.value, type['value-required']));
      break;
  }
}

/** Field id by dotted path. */
export function fieldIdsByPath(schema: IcebergSchema): Readonly<Record<string, number>> {
  return Object.fromEntries(fieldPlaces(schema).map(({ path, id }) => [path, id]));
}

/** The highest field id in use; 0 for no fields. */
export function highestFieldId(schema: IcebergSchema): number {
  return fieldPlaces(schema).reduce((highest, { id }) => Math.max(highest, id), 0);
}

/** The field of `path`: exactly so named, else the only one that is when case is folded. */
export function findField(schema: IcebergSchema, path: string): FieldPlace | undefined {
  const all = fieldPlaces(schema);
  const exact = all.find((place) => place.path === path);
  if (exact !== undefined) return exact;
  const folded = all.filter((place) => place.path.toLowerCase() === path.toLowerCase());
  return folded.length === 1 ? folded[0] : undefined;
}

/** As `findField`. **Errors**: `column_not_found` with the nearest names. */
export function requireField(schema: IcebergSchema, path: string): FieldPlace {
  const place = findField(schema, path);
  if (place !== undefined) return place;
  const names = fieldPlaces(schema).map((p) => p.path);
  const near = nearestNames(path, names);
  throw new LochError(
    'column_not_found',
    `No column \`${path}\`. ${near.length > 0 ? `Did you mean ${near.map((n) => `\`${n}\``).join(', ')}?` : `Columns: ${names.join(', ')}.`}`,
    { context: { column: path } },
  );
}

/** The primitive type of a place, or undefined for a nested one. */
export function primitiveOf(type: IcebergType): PrimitiveType | undefined {
  return typeof type === 'string' ? parsePrimitiveType(type) : undefined;
}

/**
 * That what a caller sent is fields of a schema at every depth. **Errors**: `invalid_argument` naming where it is not.
 */
export function assertFieldShapes(fields: unknown, within = 'the schema'): asserts fields is readonly IcebergField[] {
  if (!Array.isArray(fields)) throw notFields(`${within} has no list of fields`);
  for (const field of fields as readonly Partial<IcebergField>[]) {
    if (typeof field !== 'object' || field === null || typeof field.name !== 'string') {
      throw notFields(`a field of ${within} has no name`);
    }
    if (!Number.isInteger(field.id)) throw notFields(`\`${field.name}\` has no id`);
    assertTypeShape(field.type, `\`${field.name}\``);
  }
}

function assertTypeShape(type: unknown, of: string): void {
  if (typeof type === 'string') return;
  const { type: kind, ...nested } = (type ?? {}) as Readonly<Record<string, unknown>>;
  switch (kind) {
    case 'struct':
      assertFieldShapes(nested.fields, of);
      break;
    case 'list':
      if (!Number.isInteger(nested['element-id'])) throw notFields(`the list ${of} has no \`element-id\``);
      assertTypeShape(nested.element, of);
      break;
    case 'map':
      if (!Number.isInteger(nested['key-id']) || !Number.isInteger(nested['value-id'])) {
        throw notFields(`the map ${of} has no \`key-id\` and \`value-id\``);
      }
      assertTypeShape(nested.key, of);
      assertTypeShape(nested.value, of);
      break;
    default:
      throw notFields(`${of} has no type`);
  }
}

const notFields = (what: string): LochError =>
  new LochError('invalid_argument', `The schema cannot be taken: ${what}.`);

const VERSION_3_TYPES = new Set(['unknown', 'variant', 'geometry', 'geography']);

/** That a schema has nothing its table's version lacks. **Errors**: `unsupported` naming column and feature. */
export function assertOfVersion(schema: IcebergSchema, version: number): void {
  if (version >= 3) return;
  const refuse = (path: string, what: string) =>
    new LochError(
      'unsupported',
      `Column \`${path}\` has ${what}, which needs Iceberg format version 3. Upgrade the table (\`format-version\`=3) first.`,
      { context: { column: path, version } },
    );
  for (const { path, type, initialDefault } of fieldPlaces(schema)) {
    const kind = primitiveOf(type)?.kind;
    if (kind !== undefined && VERSION_3_TYPES.has(kind)) throw refuse(path, `the type \`${kind}\``);
    if ((initialDefault ?? null) !== null) throw refuse(path, 'an initial default');
  }
}

/** **Errors**: `invalid_argument` for duplicate or empty names; `unsupported` for an unknown type. */
export function assertSchema(schema: IcebergSchema): void {
  assertNames(schema.fields, '');
  for (const { type } of fieldPlaces(schema)) primitiveOf(type);
}

function assertNames(fields: readonly IcebergField[], within: string): void {
  const seen = new Set<string>();
  for (const { name, type } of fields) {
    if (name === '' || seen.has(name)) {
      const what = name === '' ? 'A column name is empty' : `Column \`${name}\` is named twice`;
      throw new LochError(
        'invalid_argument',
        `${what}${within && ` in \`${within}\``}. Give each column its own name.`,
        {
          context: { column: name },
        },
      );
    }
    seen.add(name);
    if (typeof type !== 'string' && type.type === 'struct') assertNames(type.fields, name);
  }
}
