/**
 * Changes of table metadata as pure functions: metadata in, metadata out, nothing written.
 * **Source**: Iceberg specification, "Table Metadata", "Snapshots", "Snapshot References".
 */
import { LochError } from '../../core/errors.ts';
import { newId, newSnapshotId } from '../../core/ids.ts';
import type { IcebergSchema, PartitionSpec, Snapshot, TableMetadata } from './contract-types.ts';
import { partitionSpecOf, type PartitionRequest } from './partition-spec.ts';
import {
  assertFieldShapes,
  assertOfVersion,
  assertSchema,
  assignFreshIds,
  fieldIdsByPath,
  fieldPlaces,
  highestFieldId,
} from './schema.ts';

/** Previous metadata files that are kept, unless the table says otherwise. */
const METADATA_VERSIONS = 100;

/** Metadata of a new, empty table. **Errors**: `invalid_argument`, `unsupported`, `column_not_found`. */
export function newTableMetadata(options: {
  readonly location: string;
  readonly schema: IcebergSchema;
  readonly partition: readonly PartitionRequest[];
  readonly properties: Readonly<Record<string, string>>;
  readonly sortOrder?: { readonly fields: readonly unknown[] } | undefined;
  readonly now: number;
}): TableMetadata {
  assertFieldShapes(options.schema.fields);
  const schema = renumbered(options.schema);
  assertSchema(schema);
  const spec = partitionSpecOf(schema, options.partition, { specId: 0, lastPartitionId: 999 });
  const version = Number(options.properties['format-version'] ?? 2);
  if (version !== 2 && version !== 3) {
    throw new LochError(
      'unsupported',
      `A table of Iceberg format version ${version} cannot be created. Known: 2 (the default), 3.`,
      {
        context: { version },
      },
    );
  }
  assertOfVersion(schema, version);
  const { 'format-version': _version, ...properties } = options.properties;
  const order = sortOrderOf(options.schema, schema, options.sortOrder?.fields ?? []);
  return {
    'format-version': version,
    ...(version < 3 ? {} : { 'next-row-id': 0 }),
    'table-uuid': newId(),
    location: options.location.replace(/\/+$/, ''),
    'last-sequence-number': 0,
    'last-updated-ms': options.now,
    'last-column-id': highestFieldId(schema),
    schemas: [schema],
    'current-schema-id': 0,
    'partition-specs': [spec],
    'default-spec-id': 0,
    'last-partition-id': Math.max(999, ...spec.fields.map((field) => field['field-id'])),
    properties,
    snapshots: [],
    'snapshot-log': [],
    'metadata-log': [],
    'sort-orders': [{ 'order-id': 0, fields: [] }, ...(order === undefined ? [] : [order])],
    'default-sort-order-id': order === undefined ? 0 : 1,
    refs: {},
  };
}

/** A sort order over a schema's first ids as one over those it was given. **Errors**: `invalid_argument`. */
function sortOrderOf(before: IcebergSchema, after: IcebergSchema, fields: readonly unknown[]) {
  if (fields.length === 0) return undefined;
  const paths = new Map(fieldPlaces(before).map((place) => [place.id, place.path]));
  const ids = fieldIdsByPath(after);
  return {
    'order-id': 1,
    fields: fields.map((field) => {
      const source = (field as { readonly 'source-id'?: number })['source-id'];
      const id = ids[paths.get(source ?? -1) ?? ''];
      if (id === undefined) {
        throw new LochError('invalid_argument', `The sort order has no source column ${source}.`);
      }
      return { ...(field as object), 'source-id': id };
    }),
  };
}

/** The schema with ids from 1 and id 0; identifier fields follow their columns. */
function renumbered(schema: IcebergSchema): IcebergSchema {
  const fields = assignFreshIds(schema.fields);
  const newIds = new Map(schema.fields.map((field, i) => [field.id, fields[i]!.id]));
  const identifiers = (schema['identifier-field-ids'] ?? []).flatMap((id) => newIds.get(id) ?? []);
  return {
    type: 'struct',
    'schema-id': 0,
    fields,
    ...(identifiers.length > 0 ? { 'identifier-field-ids': identifiers } : {}),
  };
}

/** The schema new files are written with. */
export function currentSchema(metadata: TableMetadata): IcebergSchema {
  return schemaById(metadata, metadata['current-schema-id'])!;
}

/** The schema of `id`, if the table has it. */
export function schemaById(metadata: TableMetadata, id: number | undefined): IcebergSchema | undefined {
  return metadata.schemas.find((schema) => schema['schema-id'] === id);
}

/** **Errors**: `data_corrupt` when the table has no spec of that id. */
export function specById(metadata: TableMetadata, id: number): PartitionSpec {
  const spec = metadata['partition-specs'].find((candidate) => candidate['spec-id'] === id);
  if (spec !== undefined) return spec;
  throw new LochError(
    'data_corrupt',
    `A manifest of the table at \`${metadata.location}\` names partition spec ${id}, which the table does not have.`,
    { context: { specId: id } },
  );
}

/** The snapshot of the main branch; undefined for an empty table. */
export function currentSnapshot(metadata: TableMetadata): Snapshot | undefined {
  const id = metadata['current-snapshot-id'];
  return id === undefined ? undefined : metadata.snapshots.find((snapshot) => snapshot['snapshot-id'] === id);
}

/** A snapshot id that the table does not have yet. */
export function freshSnapshotId(metadata: TableMetadata): string {
  for (;;) {
    const id = String(newSnapshotId());
    if (!metadata.snapshots.some((snapshot) => snapshot['snapshot-id'] === id)) return id;
  }
}

/** The snapshot a branch is at. **Errors**: `not_found`; `invalid_argument` for a tag, which never moves. */
export function branchSnapshot(metadata: TableMetadata, branch = 'main'): Snapshot | undefined {
  if (branch === 'main') return currentSnapshot(metadata);
  if (metadata.refs[branch]?.type === 'tag') {
    throw new LochError('invalid_argument', `\`${branch}\` is a tag; only branches take commits.`, {
      context: { ref: branch },
    });
  }
  return selectSnapshot(metadata, { ref: branch });
}

/** The metadata with `snapshot` added and made the one `branch` is at. */
export function withSnapshot(metadata: TableMetadata, snapshot: Snapshot, branch = 'main'): TableMetadata {
  const at = snapshot['timestamp-ms'];
  const id = snapshot['snapshot-id'];
  const moved = branch === 'main';
  return {
    ...metadata,
    'last-sequence-number': Math.max(metadata['last-sequence-number'], snapshot['sequence-number']),
    'last-updated-ms': at,
    ...(moved ? { 'current-snapshot-id': id } : {}),
    snapshots: [...metadata.snapshots, snapshot],
    ...(moved ? { 'snapshot-log': [...metadata['snapshot-log'], { 'snapshot-id': id, 'timestamp-ms': at }] } : {}),
    refs: { ...metadata.refs, [branch]: { ...metadata.refs[branch], 'snapshot-id': id, type: 'branch' } },
  };
}

/** A snapshot and those it came from, youngest first, as far back as the table keeps them. */
export function ancestry(metadata: TableMetadata, id: string | undefined): readonly Snapshot[] {
  const byId = new Map(metadata.snapshots.map((snapshot) => [snapshot['snapshot-id'], snapshot]));
  const line: Snapshot[] = [];
  for (let at = id === undefined ? undefined : byId.get(id); at !== undefined; ) {
    line.push(at);
    const parent: string | undefined = at['parent-snapshot-id'];
    at = parent === undefined ? undefined : byId.get(parent);
  }
  return line;
}

/** A time for the next change: now, but never before the last one. */
export function nextTimestamp(metadata: TableMetadata, now: number): number {
  return Math.max(now, metadata['last-updated-ms']);
}

/** The metadata with the file it replaces in its log; the oldest fall off beyond 100 (or the table's own number). */
export function withMetadataLog(metadata: TableMetadata, previous: TableMetadata, location: string): TableMetadata {
  const kept = Number(metadata.properties['write.metadata.previous-versions-max'] ?? METADATA_VERSIONS);
  const log = [...previous['metadata-log'], { 'metadata-file': location, 'timestamp-ms': previous['last-updated-ms'] }];
  return { ...metadata, 'metadata-log': log.slice(-(Number.isInteger(kept) && kept >= 1 ? kept : METADATA_VERSIONS)) };
}

/** Where the metadata file of version `version` goes. Unique, so that a lost writer overwrites nothing. */
export function metadataFileLocation(metadata: TableMetadata, version: number): string {
  return `${metadata.location}/metadata/${String(version).padStart(5, '0')}-${newId()}.metadata.json`;
}

/** The snapshot a scan reads. **Errors**: `not_found` naming what was asked and the oldest there is. */
export function selectSnapshot(
  metadata: TableMetadata,
  asked: {
    readonly snapshotId?: string | undefined;
    readonly asOf?: number | undefined;
    readonly ref?: string | undefined;
  },
): Snapshot | undefined {
  if (asked.ref !== undefined) {
    const ref = metadata.refs[asked.ref];
    if (ref === undefined) {
      if (asked.ref === 'main' && metadata.snapshots.length === 0) return undefined;
      const known = Object.keys(metadata.refs).join(', ') || 'none';
      throw new LochError('not_found', `No branch or tag \`${asked.ref}\`. Known: ${known}.`, {
        context: { ref: asked.ref },
      });
    }
    return selectSnapshot(metadata, { snapshotId: ref['snapshot-id'] });
  }
  if (asked.snapshotId !== undefined) {
    const found = metadata.snapshots.find((snapshot) => snapshot['snapshot-id'] === asked.snapshotId);
    if (found !== undefined) return found;
    throw new LochError('not_found', `No snapshot \`${asked.snapshotId}\`. ${oldestAvailable(metadata)}`, {
      context: { snapshotId: asked.snapshotId },
    });
  }
  if (asked.asOf === undefined) return currentSnapshot(metadata);
  const asOf = asked.asOf;
  const entry = metadata['snapshot-log'].findLast((candidate) => candidate['timestamp-ms'] <= asOf);
  if (entry !== undefined) return selectSnapshot(metadata, { snapshotId: entry['snapshot-id'] });
  throw new LochError(
    'not_found',
    `The table had no snapshot at ${new Date(asOf).toISOString()}. ${oldestAvailable(metadata)}`,
    { context: { asOf } },
  );
}

function oldestAvailable(metadata: TableMetadata): string {
  const oldest = [...metadata.snapshots].sort((a, b) => a['timestamp-ms'] - b['timestamp-ms'])[0];
  if (oldest === undefined) return 'The table has no snapshots yet.';
  return `The oldest available is \`${oldest['snapshot-id']}\` of ${new Date(oldest['timestamp-ms']).toISOString()}.`;
}
