/**
 * The columns a data file really has, by field id: needed where neither names nor the engine's own look-up by id tell
 * them right, inside nested columns that have changed and in files that were written without ids.
 *
 * **Source**: Iceberg specification, "Column Projection", "Name Mapping Serialization"; Parquet format, "Nested Types".
 */
import { parquetMetadataAsync, type SchemaElement } from 'hyparquet';
import { LochError } from '../../core/errors.ts';
import { parseS3Uri } from '../s3-uri.ts';
import type { FileField, IcebergField, IcebergType, TableMetadata } from './contract-types.ts';
import { fieldPlaces } from './schema.ts';
import type { TableObjects } from './table-files.ts';

const FOOTER_GUESS = 64 * 1024;
const MAPPING = 'schema.name-mapping.default';

/** Whether the files of a table must be looked at before they are read. */
export function needsFileFields(metadata: TableMetadata): boolean {
  if (metadata.properties[MAPPING] !== undefined) return true;
  const shapes = new Map<number, string>();
  for (const schema of metadata.schemas) {
    // A file that lacks a field has its initial default in every row, one that has it has what stands there.
    if (fieldPlaces(schema).some(({ initialDefault }) => (initialDefault ?? null) !== null)) return true;
    for (const { id, type } of schema.fields) {
      if (typeof type === 'string') continue;
      const shape = JSON.stringify(type, (key, value) => (key === 'doc' ? undefined : value));
      if ((shapes.get(id) ?? shape) !== shape) return true;
      shapes.set(id, shape);
    }
  }
  return false;
}

/** The fields of a data file. **Errors**: `data_corrupt` naming it. **Cost**: one ranged read of its footer. */
export async function fileFields(
  objects: TableObjects,
  metadata: TableMetadata,
  file: { readonly path: string; readonly bytes: number },
): Promise<readonly FileField[]> {
  const { bucket, key } = parseS3Uri(file.path);
  const slice = async (start: number, end = file.bytes): Promise<ArrayBuffer> => {
    const { body } = await objects.get(bucket, key, { range: { first: start, last: end - 1 } });
    const bytes = Buffer.concat(await body.toArray());
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  };
  let elements: readonly SchemaElement[];
  try {
    const buffer = { byteLength: file.bytes, slice };
    elements = (await parquetMetadataAsync(buffer, { initialFetchSize: FOOTER_GUESS })).schema;
  } catch (cause) {
    throw new LochError('data_corrupt', `The data file \`${file.path}\` has no readable Parquet footer.`, {
      context: { file: file.path },
      cause,
    });
  }
  const fields = fieldsOf(elements);
  if (hasIds(fields)) return fields;
  return mapped(fields, mappingOf(metadata));
}

function fieldsOf(elements: readonly SchemaElement[]): readonly FileField[] {
  let at = 0;
  const next = (): FileField => {
    const element = elements[at++]!;
    const children = Array.from({ length: element.num_children ?? 0 }, next);
    return {
      name: element.name,
      ...(element.field_id === undefined ? {} : { id: element.field_id }),
      children: inside(element, children),
    };
  };
  return next().children;
}

/** The children as the table has them: of a list its element, of a map key and value, without the groups between. */
function inside(element: SchemaElement, children: readonly FileField[]): readonly FileField[] {
  const kind = element.converted_type ?? (element.logical_type as { readonly type?: string } | undefined)?.type;
  const [only] = children;
  if (kind === 'LIST' && only !== undefined) {
    const wrapped = only.children.length === 1 && only.name !== 'array' && !only.name.endsWith('_tuple');
    return wrapped ? only.children : [only];
  }
  return (kind === 'MAP' || kind === 'MAP_KEY_VALUE') && only !== undefined ? only.children : children;
}

const hasIds = (fields: readonly FileField[]): boolean =>
  fields.some((field) => field.id !== undefined || hasIds(field.children));

interface NameMapping {
  readonly 'field-id'?: number;
  readonly names: readonly string[];
  readonly fields?: readonly NameMapping[];
}

/** The table's mapping; without one, the names its current schema has. */
function mappingOf(metadata: TableMetadata): readonly NameMapping[] {
  const text = metadata.properties[MAPPING];
  const schema = metadata.schemas.find((known) => known['schema-id'] === metadata['current-schema-id']);
  if (text === undefined) return (schema?.fields ?? []).map(mappingOfField);
  try {
    const mapping = JSON.parse(text) as readonly NameMapping[];
    if (Array.isArray(mapping) && mapping.every((entry) => Array.isArray(entry?.names))) return mapping;
  } catch {
    // Told below: what it is not matters, not why.
  }
  throw new LochError(
    'data_corrupt',
    `The property \`${MAPPING}\` of the table at \`${metadata.location}\` is no mapping.`,
    {
      context: { property: MAPPING },
    },
  );
}

function mappingOfField(field: IcebergField): NameMapping {
  return { 'field-id': field.id, names: [field.name], fields: mappingsInside(field.type) };
}

function mappingsInside(type: IcebergType): readonly NameMapping[] {
  if (typeof type === 'string') return [];
  const named = (id: number, name: string, child: IcebergType): NameMapping => ({
    'field-id': id,
    names: [name],
    fields: mappingsInside(child),
  });
  switch (type.type) {
    case 'struct':
      return type.fields.map(mappingOfField);
    case 'list':
      return [named(type['element-id'], 'element', type.element)];
    case 'map':
      return [named(type['key-id'], 'key', type.key), named(type['value-id'], 'value', type.value)];
  }
}

function mapped(fields: readonly FileField[], mapping: readonly NameMapping[]): readonly FileField[] {
  return fields.map(({ name, children }) => {
    const entry = mapping.find((known) => known.names.includes(name));
    const id = entry?.['field-id'];
    return { name, ...(id === undefined ? {} : { id }), children: mapped(children, entry?.fields ?? []) };
  });
}
