/**
 * What an update of a table must be to make sense: shapes of its members, and that schema, spec, sort order and
 * references fit each other and the files that are there.
 * **Source**: Iceberg specification, "Schema Evolution", "Partition Evolution", "Sort Orders", "Snapshot References".
 */
import { LochError } from '../../core/errors.ts';
import type { IcebergSchema, IcebergType, PartitionSpec, TableMetadata, TableUpdate } from './contract-types.ts';
import { widens } from './evolve-schema.ts';
import { fieldPlaces, primitiveOf } from './schema.ts';
import { currentSchema, specById } from './table-metadata.ts';
import { parseTransform, transformApplies } from './transforms.ts';

/** The refusal of an update that makes no sense. */
export function invalid(message: string): LochError {
  return new LochError('invalid_argument', message);
}

type Kind = 'object' | 'string' | 'integer' | 'id' | 'list' | 'texts';

/** The members an update must have, and what they are. */
const MEMBERS: Readonly<Record<string, readonly (readonly [member: string, kind: Kind])[]>> = {
  'assign-uuid': [['uuid', 'string']],
  'upgrade-format-version': [['format-version', 'integer']],
  'add-schema': [['schema', 'object']],
  'set-current-schema': [['schema-id', 'integer']],
  'add-spec': [['spec', 'object']],
  'set-default-spec': [['spec-id', 'integer']],
  'add-sort-order': [['sort-order', 'object']],
  'set-default-sort-order': [['sort-order-id', 'integer']],
  'add-snapshot': [['snapshot', 'object']],
  'set-snapshot-ref': [
    ['ref-name', 'string'],
    ['snapshot-id', 'id'],
    ['type', 'string'],
  ],
  'remove-snapshot-ref': [['ref-name', 'string']],
  'remove-snapshots': [['snapshot-ids', 'list']],
  'set-location': [['location', 'string']],
  'set-properties': [['updates', 'texts']],
  'remove-properties': [['removals', 'list']],
  'set-statistics': [['statistics', 'object']],
  'remove-statistics': [['snapshot-id', 'id']],
  'set-partition-statistics': [['partition-statistics', 'object']],
  'remove-partition-statistics': [['snapshot-id', 'id']],
  'remove-partition-specs': [['spec-ids', 'list']],
  'remove-schemas': [['schema-ids', 'list']],
};

/** Members inside the object an update carries. */
const INSIDE: Readonly<Record<string, readonly (readonly [member: string, kind: Kind])[]>> = {
  schema: [['fields', 'list']],
  spec: [['fields', 'list']],
  'sort-order': [['fields', 'list']],
  snapshot: [
    ['snapshot-id', 'id'],
    ['timestamp-ms', 'integer'],
    ['manifest-list', 'string'],
  ],
  statistics: [
    ['snapshot-id', 'id'],
    ['statistics-path', 'string'],
  ],
  'partition-statistics': [
    ['snapshot-id', 'id'],
    ['statistics-path', 'string'],
  ],
};

/** **Errors**: `invalid_argument` naming the action and the member that is missing or of another kind. */
export function assertMembers(update: TableUpdate): void {
  for (const [member, kind] of MEMBERS[update.action] ?? []) {
    const value = update[member];
    assertKind(update.action, member, value, kind);
    for (const [inner, innerKind] of INSIDE[member] ?? []) {
      assertKind(update.action, `${member}.${inner}`, (value as Record<string, unknown>)[inner], innerKind);
    }
  }
}

function assertKind(action: string, member: string, value: unknown, kind: Kind): void {
  if (isOfKind(value, kind)) return;
  throw new LochError('invalid_argument', `The update \`${action}\` needs \`${member}\` (${kind}).`, {
    context: { action, member },
  });
}

function isOfKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'object':
      return isObject(value);
    case 'list':
      return Array.isArray(value);
    case 'string':
      return typeof value === 'string' && value !== '';
    case 'integer':
      return Number.isInteger(value);
    case 'id':
      return Number.isInteger(value) || (typeof value === 'string' && /^-?\d{1,20}$/.test(value));
    case 'texts':
      return isObject(value) && Object.values(value).every((entry) => typeof entry === 'string');
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Requires that files of the table can be read by `next`: a field that keeps its id keeps its type or a wider one, and
 * does not become required while there are rows.
 * **Errors**: `type_mismatch` naming the column.
 */
export function assertEvolves(metadata: TableMetadata, next: IcebergSchema): void {
  const current = metadata.schemas.find((schema) => schema['schema-id'] === metadata['current-schema-id']);
  if (current === undefined || current === next || metadata.snapshots.length === 0) return;
  const before = new Map(fieldPlaces(current).map((place) => [place.id, place]));
  for (const { id, path, type, required } of fieldPlaces(next)) {
    const known = before.get(id);
    if (known === undefined) continue;
    if (!fits(known.type, type)) {
      throw new LochError(
        'type_mismatch',
        `Column \`${path}\` cannot be changed from ${nameOf(known.type)} to ${nameOf(type)}. Allowed: int to long, float to double, a decimal of more digits.`,
        { context: { column: path, from: nameOf(known.type), to: nameOf(type) } },
      );
    }
    if (required && !known.required) {
      throw new LochError(
        'type_mismatch',
        `Column \`${path}\` cannot become required: rows that are there may have no value for it.`,
        { context: { column: path } },
      );
    }
  }
}

function fits(from: IcebergType, to: IcebergType): boolean {
  if (typeof from === 'string' && typeof to === 'string') return widens(from, to);
  return typeof from !== 'string' && typeof to !== 'string' && from.type === to.type;
}

const nameOf = (type: IcebergType): string => (typeof type === 'string' ? type : type.type);

/** The schema that a spec or order added now speaks of: the one added last, or the current one. */
function schemaFor(metadata: TableMetadata, lastSchema: number | undefined): IcebergSchema | undefined {
  const wanted = lastSchema ?? metadata['current-schema-id'];
  return metadata.schemas.find((schema) => schema['schema-id'] === wanted) ?? metadata.schemas.at(-1);
}

/** **Errors**: `invalid_argument` naming the field whose source, transform or name does not fit. */
export function assertSpec(metadata: TableMetadata, spec: PartitionSpec, lastSchema: number | undefined): void {
  const schema = schemaFor(metadata, lastSchema);
  const places = new Map((schema === undefined ? [] : fieldPlaces(schema)).map((place) => [place.id, place]));
  const names = new Set<string>();
  const ids = new Set<number>();
  for (const field of spec.fields) {
    const transform = parseTransform(field.transform);
    const place = places.get(field['source-id']);
    if (place === undefined && transform.name !== 'void') {
      throw invalid(`Partition field \`${field.name}\` has no source column ${field['source-id']}.`);
    }
    const type = place === undefined || place.repeated ? undefined : primitiveOf(place.type);
    if (transform.name !== 'void' && (type === undefined || !transformApplies(transform, type))) {
      throw invalid(
        `Partition transform \`${field.transform}\` does not apply to column \`${place!.path}\` (${nameOf(place!.type)}).`,
      );
    }
    if (typeof field.name !== 'string' || field.name === '' || names.has(field.name) || ids.has(field['field-id'])) {
      throw invalid(`Partition field \`${field.name}\` has no name or id of its own.`);
    }
    names.add(field.name);
    ids.add(field['field-id']);
  }
}

interface SortField {
  readonly 'source-id'?: number;
  readonly transform?: string;
  readonly direction?: string;
  readonly 'null-order'?: string;
}

/** **Errors**: `invalid_argument` naming the field that does not fit. */
export function assertSortOrder(
  metadata: TableMetadata,
  order: { readonly fields: readonly unknown[] },
  lastSchema: number | undefined,
): void {
  const schema = schemaFor(metadata, lastSchema);
  const places = new Map((schema === undefined ? [] : fieldPlaces(schema)).map((place) => [place.id, place]));
  for (const field of order.fields as readonly SortField[]) {
    const place = places.get(field['source-id'] ?? -1);
    if (place === undefined) throw invalid(`The sort order has no source column ${field['source-id']}.`);
    const transform = parseTransform(field.transform ?? '');
    const type = place.repeated ? undefined : primitiveOf(place.type);
    if (type === undefined || !transformApplies(transform, type)) {
      throw invalid(`The sort order cannot use \`${field.transform}\` of column \`${place.path}\`.`);
    }
    if (!/^(asc|desc)$/.test(field.direction ?? '') || !/^nulls-(first|last)$/.test(field['null-order'] ?? '')) {
      throw invalid(
        `The sort order's field of column \`${place.path}\` needs \`direction\` (asc, desc) and \`null-order\` (nulls-first, nulls-last).`,
      );
    }
  }
}

/** **Errors**: `invalid_argument` for a reference of an unknown type or with retention that cannot be. */
export function assertReference(name: string, ref: Readonly<Record<string, unknown>>): void {
  if (ref.type !== 'branch' && ref.type !== 'tag') throw invalid(`Reference \`${name}\` must be a branch or a tag.`);
  for (const limit of ['max-ref-age-ms', 'max-snapshot-age-ms', 'min-snapshots-to-keep']) {
    const value = ref[limit];
    if (value === undefined || value === null) continue;
    if (ref.type === 'tag' && limit !== 'max-ref-age-ms') throw invalid(`Tag \`${name}\` cannot have \`${limit}\`.`);
    if (!(Number(value) >= 1)) throw invalid(`\`${limit}\` of reference \`${name}\` must be a number from 1.`);
  }
}

/** Requires that default spec and sort order use columns of the current schema. **Errors**: `invalid_argument`. */
export function assertUsable(metadata: TableMetadata): void {
  if (!metadata.schemas.some((schema) => schema['schema-id'] === metadata['current-schema-id'])) return;
  const known = new Set(fieldPlaces(currentSchema(metadata)).map((place) => place.id));
  if (metadata['partition-specs'].some((spec) => spec['spec-id'] === metadata['default-spec-id'])) {
    for (const field of specById(metadata, metadata['default-spec-id']).fields) {
      if (field.transform === 'void' || known.has(field['source-id'])) continue;
      throw invalid(
        `The partition field \`${field.name}\` uses column ${field['source-id']}, which the current schema does not have. Change the spec first.`,
      );
    }
  }
  const order = metadata['sort-orders'].find((sort) => sort['order-id'] === metadata['default-sort-order-id']);
  for (const field of (order?.fields ?? []) as readonly SortField[]) {
    if (known.has(field['source-id'] ?? -1)) continue;
    throw invalid(
      `The sort order uses column ${field['source-id']}, which the current schema does not have. Change the order first.`,
    );
  }
}
