/**
 * Schema evolution by field id: a field keeps its id as long as its name stands, and a name that comes back gets a new
 * one, so that no old values reappear under it.
 * **Source**: Iceberg specification, "Schema Evolution".
 */
import { LochError } from '../../core/errors.ts';
import type { IcebergField, IcebergSchema, IcebergType, TableMetadata } from './contract-types.ts';
import { parsePrimitiveType } from './primitive-type.ts';
import { assertOfVersion, assertSchema, withFreshIds } from './schema.ts';
import { currentSchema, specById } from './table-metadata.ts';

/**
 * The current schema made to have `wanted` fields in their order, matched by name: new ones are added, missing ones
 * dropped, types widened, comments taken over. Undefined when nothing differs.
 * **Errors**: `type_mismatch` for a change that could lose values; `invalid_argument` for a new required column, or when
 * a dropped column is used by the partition spec.
 */
export function evolvedSchema(metadata: TableMetadata, wanted: readonly IcebergField[]): IcebergSchema | undefined {
  const current = currentSchema(metadata);
  let lastId = metadata['last-column-id'];
  const evolution = new Evolution(() => ++lastId);
  const fields = evolution.fields(current.fields, wanted, '');
  assertKept(metadata, current, fields);
  const schema: IcebergSchema = {
    ...current,
    'schema-id': Math.max(...metadata.schemas.map((known) => known['schema-id'])) + 1,
    fields,
  };
  assertSchema(schema);
  assertOfVersion(schema, metadata['format-version']);
  return JSON.stringify(current.fields) === JSON.stringify(fields) ? undefined : schema;
}

function assertKept(metadata: TableMetadata, current: IcebergSchema, fields: readonly IcebergField[]): void {
  const kept = new Set(fields.map((field) => field.id));
  const users = new Map<number, string>();
  for (const field of specById(metadata, metadata['default-spec-id']).fields) {
    if (field.transform !== 'void') users.set(field['source-id'], `the partition field \`${field.name}\``);
  }
  for (const id of current['identifier-field-ids'] ?? []) users.set(id, 'the identifier fields');
  const order = metadata['sort-orders'].find((sort) => sort['order-id'] === metadata['default-sort-order-id']);
  for (const field of (order?.fields ?? []) as { readonly 'source-id'?: number }[]) {
    if (field['source-id'] !== undefined) users.set(field['source-id'], 'the sort order');
  }
  for (const field of current.fields) {
    const user = users.get(field.id);
    if (user === undefined || kept.has(field.id)) continue;
    throw new LochError(
      'invalid_argument',
      `Column \`${field.name}\` cannot be dropped: ${user} uses it. Change that first.`,
      { context: { column: field.name } },
    );
  }
}

class Evolution {
  readonly #take: () => number;

  constructor(take: () => number) {
    this.#take = take;
  }

  fields(current: readonly IcebergField[], wanted: readonly IcebergField[], prefix: string): IcebergField[] {
    const byName = new Map(current.map((field) => [field.name, field]));
    return wanted.map((field) => {
      const known = byName.get(field.name);
      return known === undefined ? this.#added(field, prefix) : this.#changed(known, field, `${prefix}${field.name}`);
    });
  }

  #added(field: IcebergField, prefix: string): IcebergField {
    if (field.required) {
      throw new LochError(
        'invalid_argument',
        `Column \`${prefix}${field.name}\` cannot be added as required: rows that are there have no value for it. Add it as optional.`,
        { context: { column: `${prefix}${field.name}` } },
      );
    }
    return { ...field, id: this.#take(), type: withFreshIds(field.type, this.#take) };
  }

  #changed(known: IcebergField, field: IcebergField, path: string): IcebergField {
    return {
      ...known,
      type: this.#type(known.type, field.type, path),
      ...(field.doc === undefined ? {} : { doc: field.doc }),
    };
  }

  #type(from: IcebergType, to: IcebergType, path: string): IcebergType {
    if (typeof from === 'string' || typeof to === 'string') {
      if (typeof from !== 'string' || typeof to !== 'string') throw narrowed(path, from, to);
      if (widens(from, to)) return to;
      throw narrowed(path, from, to);
    }
    if (from.type === 'struct' && to.type === 'struct') {
      return { type: 'struct', fields: this.fields(from.fields, to.fields, `${path}.`) };
    }
    if (from.type === 'list' && to.type === 'list') {
      return { ...from, element: this.#type(from.element, to.element, `${path}.element`) };
    }
    if (from.type === 'map' && to.type === 'map') {
      if (withoutIds(from.key) !== withoutIds(to.key)) throw narrowed(`${path}.key`, from.key, to.key);
      return { ...from, value: this.#type(from.value, to.value, `${path}.value`) };
    }
    throw narrowed(path, from, to);
  }
}

/** Whether every value of `from` is one of `to` and files of `from` can be read as `to`. */
export function widens(from: string, to: string): boolean {
  const a = parsePrimitiveType(from);
  const b = parsePrimitiveType(to);
  if (a.kind === 'decimal' && b.kind === 'decimal') return a.scale === b.scale && b.precision >= a.precision;
  if (a.kind === 'fixed' && b.kind === 'fixed') return a.length === b.length;
  return a.kind === b.kind || (a.kind === 'int' && b.kind === 'long') || (a.kind === 'float' && b.kind === 'double');
}

function withoutIds(type: IcebergType): string {
  return JSON.stringify(type, (key, value) => (key === 'id' || key.endsWith('-id') ? undefined : value));
}

function narrowed(path: string, from: IcebergType, to: IcebergType): LochError {
  const name = (type: IcebergType) => (typeof type === 'string' ? type : type.type);
  return new LochError(
    'type_mismatch',
    `Column \`${path}\` cannot be changed from ${name(from)} to ${name(to)}. Allowed: int to long, float to double, a decimal of more digits. Add a new column for other changes.`,
    { context: { column: path, from: name(from), to: name(to) } },
  );
}
