import type { Clock } from '../../core/clock.ts';
import { icebergTypeOf, hiveTypeOf } from './column-types.ts';
import type { IcebergField, TableFormat } from './contract-types.ts';
import { planScan } from './plan-scan.ts';
import { assignFreshIds, assertSchema, fieldIdsByPath } from './schema.ts';
import { stageCommit } from './stage.ts';
import { TableFiles, type TableObjects } from './table-files.ts';
import { dataFileOf, writeLayout } from './write-layout.ts';
import { metadataFileLocation, newTableMetadata } from './table-metadata.ts';

export interface TableFormatOptions {
  readonly objects: TableObjects;
  readonly clock: Clock;
  /** Bound of the cache of decoded metadata and manifests. **Units**: bytes, estimated. */
  readonly cacheBytes?: number;
}

const CACHE_BYTES = 96 * 1024 * 1024;

/** Iceberg tables on an object store. Holds nothing but a bounded cache of files that never change. */
export function createTableFormat({ objects, clock, cacheBytes = CACHE_BYTES }: TableFormatOptions): TableFormat {
  const files = new TableFiles(objects, cacheBytes);
  return {
    newTable: ({ location, schema, partition = [], properties = {} }) =>
      newTableMetadata({ location, schema, partition, properties, now: clock.now() }),
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
    planScan: (metadata, request) => planScan(files, metadata, request),
    writeLayout,
    dataFile: dataFileOf,
    fieldIds: fieldIdsByPath,
    schemaFromColumns(columns) {
      const fields = columns.map(
        ({ name, type, comment, required }): IcebergField => ({
          id: 0,
          name,
          required: required ?? false,
          type: icebergTypeOf(type),
          ...(comment === undefined ? {} : { doc: comment }),
        }),
      );
      const schema = { type: 'struct' as const, 'schema-id': 0, fields: assignFreshIds(fields) };
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
