/**
 * The table metadata file: JSON text to `TableMetadata` and back.
 *
 * Invariants
 * - Fields we do not know are kept through a rewrite; snapshot ids are text inside and numbers in the file.
 * - Version 1 is read into the shape of version 2. Of version 3 what would make our rows differ from the truth is refused
 *   by name: here what concerns the whole table, elsewhere what concerns one column. Versions 2 and 3 are written.
 *
 * **Source**: Iceberg specification, "Table Metadata Fields", Appendix C (JSON), "Version 3".
 */
import { LochError } from '../../core/errors.ts';
import type { IcebergSchema, PartitionSpec, Snapshot, TableMetadata } from './contract-types.ts';
import { parseLosslessJson, stringifyLosslessJson } from './lossless-json.ts';
import { fieldPlaces } from './schema.ts';

type Json = Record<string, unknown>;

/** The metadata in `text`. **Errors**: `data_corrupt` naming the file and the field; `unsupported` by name. */
export function parseTableMetadata(text: string, location: string): TableMetadata {
  const corrupt = (what: string, cause?: unknown) =>
    new LochError(
      'data_corrupt',
      `The table metadata \`${location}\` is not valid: ${what}. Roll back to an earlier one.`,
      {
        context: { file: location },
        cause,
      },
    );
  let json: Json;
  try {
    json = parseLosslessJson(text) as Json;
  } catch (error) {
    throw corrupt((error as Error).message, error);
  }
  if (typeof json !== 'object' || json === null) throw corrupt('it is not a JSON object');
  const version = json['format-version'];
  if (version !== 1 && version !== 2 && version !== 3) {
    if (typeof version !== 'number') throw corrupt('`format-version` is missing');
    throw new LochError(
      'unsupported',
      `Iceberg format version ${version} is not supported. Supported: 1 (read), 2, 3.`,
      {
        context: { file: location, version },
      },
    );
  }
  try {
    const metadata = normalize(json, version);
    assertComplete(metadata, corrupt);
    assertReadable(metadata, location);
    return metadata;
  } catch (error) {
    // A value of an unexpected shape trips whoever touches it first.
    throw error instanceof LochError ? error : corrupt((error as Error).message, error);
  }
}

function assertComplete(metadata: TableMetadata, corrupt: (what: string) => LochError): void {
  for (const [field, kind] of REQUIRED) {
    const value = (metadata as Json)[field];
    const fits = kind === 'array' ? Array.isArray(value) : typeof value === kind;
    if (!fits) throw corrupt(`\`${field}\` is missing or not of type ${kind}`);
  }
  if (!metadata.schemas.some((schema) => schema['schema-id'] === metadata['current-schema-id'])) {
    throw corrupt(`its current schema ${metadata['current-schema-id']} is not among its schemas`);
  }
}

/** The JSON text of a metadata file. **Errors**: `unsupported` for a version that is only read. */
export function formatTableMetadata(metadata: TableMetadata): string {
  if (metadata['format-version'] < 2) {
    throw new LochError(
      'unsupported',
      `Writing Iceberg format version ${metadata['format-version']} is not supported. Versions 2 and 3 are written; upgrade the table, or copy it into a new one.`,
      { context: { version: metadata['format-version'] } },
    );
  }
  return stringifyLosslessJson(metadata);
}

const REQUIRED: readonly (readonly [string, 'string' | 'number' | 'object' | 'array'])[] = [
  ['location', 'string'],
  ['last-updated-ms', 'number'],
  ['last-column-id', 'number'],
  ['schemas', 'array'],
  ['current-schema-id', 'number'],
  ['partition-specs', 'array'],
  ['default-spec-id', 'number'],
  ['properties', 'object'],
  ['snapshots', 'array'],
];

function normalize(json: Json, version: number): TableMetadata {
  const schemas = (json.schemas ?? [{ 'schema-id': 0, ...(json.schema as Json) }]) as IcebergSchema[];
  const specs = (json['partition-specs'] ?? [
    { 'spec-id': 0, fields: withPartitionIds((json['partition-spec'] ?? []) as Json[]) },
  ]) as PartitionSpec[];
  const current = json['current-snapshot-id'];
  const currentId = typeof current === 'string' && current !== '-1' ? current : undefined;
  const { schema: _schema, 'partition-spec': _spec, 'current-snapshot-id': _current, ...rest } = json;
  const snapshots = ((json.snapshots ?? []) as Snapshot[]).map((snapshot) =>
    snapshot['sequence-number'] === undefined || snapshot.summary === undefined
      ? { ...snapshot, 'sequence-number': snapshot['sequence-number'] ?? 0, summary: snapshot.summary ?? {} }
      : snapshot,
  );
  const refs = (json.refs ?? {}) as TableMetadata['refs'];
  return {
    ...rest,
    'format-version': version,
    'table-uuid': (json['table-uuid'] ?? '') as string,
    'last-sequence-number': (json['last-sequence-number'] ?? 0) as number,
    schemas,
    'current-schema-id': (json['current-schema-id'] ?? schemas[0]?.['schema-id'] ?? 0) as number,
    'partition-specs': specs,
    'default-spec-id': (json['default-spec-id'] ?? specs[0]?.['spec-id'] ?? 0) as number,
    'last-partition-id': (json['last-partition-id'] ??
      Math.max(999, ...specs.flatMap((spec) => spec.fields.map((f) => f['field-id'])))) as number,
    properties: (json.properties ?? {}) as Record<string, string>,
    ...(currentId === undefined ? {} : { 'current-snapshot-id': currentId }),
    snapshots,
    'snapshot-log': (json['snapshot-log'] ?? []) as TableMetadata['snapshot-log'],
    'metadata-log': (json['metadata-log'] ?? []) as TableMetadata['metadata-log'],
    'sort-orders': (json['sort-orders'] ?? [{ 'order-id': 0, fields: [] }]) as TableMetadata['sort-orders'],
    'default-sort-order-id': (json['default-sort-order-id'] ?? 0) as number,
    refs:
      currentId !== undefined && refs.main === undefined
        ? { ...refs, main: { 'snapshot-id': currentId, type: 'branch' } }
        : refs,
  } as unknown as TableMetadata;
}

/** Version 1 specs may lack field ids: they count up from 1000. */
function withPartitionIds(fields: readonly Json[]): Json[] {
  return fields.map((field, i) => ({ 'field-id': 1000 + i, ...field }));
}

function assertReadable(metadata: TableMetadata, location: string): void {
  const refuse = (feature: string) =>
    new LochError('unsupported', `The table at \`${location}\` uses ${feature}, which is not supported.`, {
      context: { file: location, feature },
    });
  if (metadata['encryption-keys'] !== undefined && (metadata['encryption-keys'] as unknown[]).length > 0) {
    throw refuse('table encryption keys');
  }
  for (const schema of metadata.schemas) {
    // Types are refused where they are used: a dropped `variant` of an old schema harms nobody.
    if (schema['schema-id'] !== metadata['current-schema-id']) continue;
    fieldPlaces(schema);
  }
  for (const spec of metadata['partition-specs']) {
    for (const field of spec.fields) {
      const sources = (field as unknown as Json)['source-ids'] as unknown[] | undefined;
      if (field['source-id'] === undefined && sources?.length === 1) continue;
      if (field['source-id'] === undefined) throw refuse(`the multi-argument partition field \`${field.name}\``);
    }
  }
}
