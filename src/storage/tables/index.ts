import type { Clock } from '../../core/clock.ts';
import { icebergTypeOf, hiveTypeOf } from './column-types.ts';
import type { IcebergField, TableFormat } from './contract-types.ts';
import { stringifyLosslessJson } from './lossless-json.ts';
import { readVector } from './deletion-vector.ts';
import { metadataTable } from './metadata-tables.ts';
import { fileFields, needsFileFields } from './file-fields.ts';
import { planScan, snapshotManifests } from './plan-scan.ts';
import { scanManifests, scanTasks } from './scan-tasks.ts';
import { reachableFiles } from './reachable-files.ts';
import { assertFieldShapes, assignFreshIds, assertSchema, fieldIdsByPath } from './schema.ts';
import { snapshotFiles } from './snapshot-files.ts';
import { stageCommit } from './stage.ts';
import { mapLimited, TableFiles, type TableObjects } from './table-files.ts';
import { dataFileOf, writeLayout } from './write-layout.ts';
import { currentSnapshot, metadataFileLocation, newTableMetadata, withMetadataLog } from './table-metadata.ts';
import { applyTableUpdates, assertTableRequirements } from './table-updates.ts';
import { compactionGroups } from './compaction-groups.ts';
import { expiryUpdates } from './expire-snapshots.ts';
import { evolvedSchema } from './evolve-schema.ts';

export interface TableFormatOptions {
  readonly objects: TableObjects;
  readonly clock: Clock;
  /** Bound of the cache of decoded metadata and manifests. **Units**: bytes, estimated. */
  readonly cacheBytes?: number;
}

const PARALLEL_READS = 16;
const CACHE_BYTES = 96 * 1024 * 1024;

/** Iceberg tables on an object store. Holds nothing but a bounded cache of files that never change. */
export function createTableFormat({ objects, clock, cacheBytes = CACHE_BYTES }: TableFormatOptions): TableFormat {
  const files = new TableFiles(objects, cacheBytes);
  return {
    newTable: ({ location, schema, partition = [], properties = {}, sortOrder }) =>
      newTableMetadata({ location, schema, partition, properties, sortOrder, now: clock.now() }),
    readMetadata: (location) => files.readMetadata(location),
    async writeMetadata(metadata, version) {
      const location = metadataFileLocation(metadata, version);
      await files.writeMetadata(location, metadata);
      return location;
    },
    stage: (base, change, options = {}) => stageCommit(files, clock, base, change, options),
    async discard(staged, keep) {
      const kept = new Set(keep?.addedManifests ?? []);
      const own = keep === undefined ? staged.addedManifests : [];
      await files.discard([...new Set([...staged.written, ...own])].filter((location) => !kept.has(location)));
    },
    expiryUpdates: (metadata, options) => expiryUpdates(metadata, options, clock.now()),
    compactionGroups: (metadata, options) => compactionGroups(files, metadata, options),
    async manifestCount(metadata) {
      const snapshot = currentSnapshot(metadata);
      return snapshot === undefined ? 0 : (await snapshotManifests(files, snapshot)).length;
    },
    snapshotFiles: (base, snapshot) => snapshotFiles(files, base, snapshot),
    removeFiles: (locations) => files.discard(locations),
    reachableFiles: (metadata, location) => reachableFiles(files, metadata, location),
    planScan: (metadata, request) => planScan(files, metadata, request),
    fileFields: async (metadata, wanted) =>
      needsFileFields(metadata)
        ? mapLimited(wanted, PARALLEL_READS, (file) => fileFields(objects, metadata, file))
        : undefined,
    deletedRows: (vector) => readVector(objects, vector),
    scanManifests: (metadata, request) => scanManifests(files, metadata, request),
    scanTasks: (metadata, request) => scanTasks(files, metadata, request),
    metadataTable: (metadata, name, request = {}) => metadataTable(files, metadata, name, request),
    writeDocument: (location, value) => files.write(location, Buffer.from(stringifyLosslessJson(value), 'utf8')),
    readDocument: (location) => files.readDocument(location),
    writeLayout,
    dataFile: dataFileOf,
    assertFields: (fields) => assertFieldShapes(fields),
    fieldIds: fieldIdsByPath,
    applyUpdates: (base, updates) => applyTableUpdates(base, updates, clock.now()),
    assertRequirements: assertTableRequirements,
    schemaUpdates(base, columns) {
      const schema = evolvedSchema(base, columns.map(fieldOf));
      if (schema === undefined) return [];
      return [
        { action: 'add-schema', schema },
        { action: 'set-current-schema', 'schema-id': -1 },
      ];
    },
    async stageMetadata(base, metadata, { version, baseLocation }) {
      const logged = withMetadataLog(metadata, base, baseLocation);
      const location = metadataFileLocation(logged, version);
      await files.writeMetadata(location, logged);
      return {
        metadata: logged,
        snapshotId: logged['current-snapshot-id'] ?? '',
        written: [location],
        metadataLocation: location,
        addedManifests: [],
      };
    },
    schemaFromColumns(columns) {
      const schema = { type: 'struct' as const, 'schema-id': 0, fields: assignFreshIds(columns.map(fieldOf)) };
      assertSchema(schema);
      return schema;
    },
    columnsFromSchema: (schema) =>
      schema.fields.map(({ name, type, doc }) => ({
        name,
        type: hiveTypeOf(type),
        ...(doc === undefined ? {} : { comment: doc }),
      })),
  };
}

interface ColumnText {
  readonly name: string;
  readonly type: string;
  readonly comment?: string;
  readonly required?: boolean;
}

function fieldOf({ name, type, comment, required }: ColumnText): IcebergField {
  return {
    id: 0,
    name,
    required: required ?? false,
    type: icebergTypeOf(type),
    ...(comment === undefined ? {} : { doc: comment }),
  };
}
