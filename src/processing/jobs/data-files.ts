import type { EngineFile } from '../../engines/contract.ts';
import type { DataFile, IcebergField, IcebergSchema, IcebergType, ObjectStore } from '../../storage/contract.ts';
import { parseS3Uri } from '../../storage/contract.ts';
import type { PartitionLayout } from './partition-layout.ts';

/** Column path → field id of a schema, as the engine's writer takes them. */
export function fieldIdsOf(schema: IcebergSchema): Readonly<Record<string, number>> {
  const ids: Record<string, number> = {};
  const fields = (list: readonly IcebergField[], prefix: string) => {
    for (const field of list) {
      ids[`${prefix}${field.name}`] = field.id;
      inside(field.type, `${prefix}${field.name}.`);
    }
  };
  const inside = (type: IcebergType, prefix: string) => {
    if (typeof type === 'string') return;
    if (type.type === 'struct') return fields(type.fields, prefix);
    if (type.type === 'list') {
      ids[`${prefix}element`] = type['element-id'];
      return inside(type.element, `${prefix}element.`);
    }
    ids[`${prefix}key`] = type['key-id'];
    ids[`${prefix}value`] = type['value-id'];
    inside(type.key, `${prefix}key.`);
    inside(type.value, `${prefix}value.`);
  };
  fields(schema.fields, '');
  return ids;
}

/**
 * Hands written files over to the object store, under the table's `data/`, named by the run: visible to nobody until a
 * commit names them. Ends with each file durable.
 */
export async function adoptDataFiles(
  objects: ObjectStore,
  files: readonly EngineFile[],
  place: {
    readonly location: string;
    readonly runId: string;
    readonly fieldIds: Readonly<Record<string, number>>;
    readonly layout: PartitionLayout;
  },
): Promise<DataFile[]> {
  const { bucket, key } = parseS3Uri(place.location);
  const adopted: DataFile[] = [];
  for (const [i, file] of files.entries()) {
    const name = `${dataFilePrefix(key, place.runId)}${i}.parquet`;
    await objects.put(bucket, name, { adoptFile: file.path }, { operation: 'TableWrite' });
    adopted.push(toDataFile(file, `s3://${bucket}/${name}`, place));
  }
  return adopted;
}

/** Removes what an earlier attempt of the run left and no commit names. */
export async function removeDataFiles(objects: ObjectStore, location: string, runId: string): Promise<void> {
  const { bucket, key } = parseS3Uri(location);
  const prefix = dataFilePrefix(key, runId);
  const page = await objects.list(bucket, { prefix, maxKeys: 1000 });
  if (page.objects.length === 0) return;
  await objects.deleteMany(
    bucket,
    page.objects.map((object) => object.key),
  );
  if (page.next !== undefined) await removeDataFiles(objects, location, runId);
}

const dataFilePrefix = (tableKey: string, runId: string) => `${tableKey.replace(/\/+$/, '')}/data/${runId}-`;

function toDataFile(
  file: EngineFile,
  path: string,
  place: { readonly fieldIds: Readonly<Record<string, number>>; readonly layout: PartitionLayout },
): DataFile {
  const columnBytes: Record<number, number> = {};
  const valueCounts: Record<number, number> = {};
  const nullCounts: Record<number, number> = {};
  const lower: Record<number, string> = {};
  const upper: Record<number, string> = {};
  for (const [name, statistics] of Object.entries(file.columns)) {
    const id = place.fieldIds[name];
    if (id === undefined) continue;
    columnBytes[id] = statistics.columnBytes;
    valueCounts[id] = statistics.valueCount;
    nullCounts[id] = statistics.nullCount;
    if (statistics.min !== undefined) lower[id] = statistics.min;
    if (statistics.max !== undefined) upper[id] = statistics.max;
  }
  return {
    path,
    format: 'PARQUET',
    rows: file.rows,
    bytes: file.bytes,
    partition: place.layout.valuesOf(file.partition),
    columnBytes,
    valueCounts,
    nullCounts,
    lower,
    upper,
  };
}
