/** Partition specs from what a user asks for. **Source**: Iceberg specification, "Partitioning". */
import { LochError } from '../../core/errors.ts';
import type { IcebergSchema, PartitionField, PartitionSpec } from './contract-types.ts';
import { fieldPlaces, primitiveOf, requireField } from './schema.ts';
import { parseTransform, type Transform, transformApplies } from './transforms.ts';

export interface PartitionRequest {
  readonly column: string;
  readonly transform: string;
  readonly name?: string;
}

/** Names other writers give to fields of a transform. */
const SUFFIX: Record<Transform['name'], string> = {
  identity: '',
  bucket: '_bucket',
  truncate: '_trunc',
  year: '_year',
  month: '_month',
  day: '_day',
  hour: '_hour',
  void: '_null',
};

/**
 * The spec of `requests`. A field that an earlier spec had (same source and transform) keeps its id.
 * **Errors**: `column_not_found`; `invalid_argument` when a transform does not fit its column or a name is taken;
 * `unsupported` for an unknown transform.
 */
export function partitionSpecOf(
  schema: IcebergSchema,
  requests: readonly PartitionRequest[],
  options: { readonly specId: number; readonly lastPartitionId: number; readonly earlier?: readonly PartitionSpec[] },
): PartitionSpec {
  let nextId = options.lastPartitionId + 1;
  const fields: PartitionField[] = [];
  const known = (options.earlier ?? []).flatMap((spec) => spec.fields);
  for (const request of requests) {
    const { id: sourceId, name } = boundRequest(schema, request);
    assertFreeName(schema, fields, name, request, sourceId);
    const before = known.find((f) => f['source-id'] === sourceId && f.transform === request.transform);
    fields.push({
      'source-id': sourceId,
      'field-id': before?.['field-id'] ?? nextId++,
      name,
      transform: request.transform,
    });
  }
  return { 'spec-id': options.specId, fields };
}

function boundRequest(
  schema: IcebergSchema,
  request: PartitionRequest,
): { readonly id: number; readonly name: string } {
  const transform = parseTransform(request.transform);
  const place = requireField(schema, request.column);
  const type = place.repeated ? undefined : primitiveOf(place.type);
  if (type === undefined || !transformApplies(transform, type)) {
    const found = type?.kind ?? 'a nested type';
    throw new LochError(
      'invalid_argument',
      `Partition transform \`${request.transform}\` does not apply to column \`${request.column}\` (${found}). Choose another transform or column.`,
      { context: { column: request.column, transform: request.transform } },
    );
  }
  return { id: place.id, name: request.name ?? `${place.path}${SUFFIX[transform.name]}` };
}

function assertFreeName(
  schema: IcebergSchema,
  fields: readonly PartitionField[],
  name: string,
  request: PartitionRequest,
  sourceId: number,
): void {
  const column = fieldPlaces(schema).find((place) => place.path === name);
  const clashes = column !== undefined && !(request.transform === 'identity' && column.id === sourceId);
  const twice = fields.some(
    (f) => f.name === name || (f['source-id'] === sourceId && f.transform === request.transform),
  );
  if (!clashes && !twice) return;
  throw new LochError(
    'invalid_argument',
    clashes
      ? `Partition field \`${name}\` has the name of a column. Give the field another name.`
      : `Partition field \`${name}\` is asked for twice. Name each field once.`,
    { context: { partitionField: name } },
  );
}
