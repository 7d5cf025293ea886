/** Delta and Hudi tables in the catalog: their columns as their own log has them, and the files to read of them. */
import { LochError } from '../../core/errors.ts';
import { type ForeignColumn, type ForeignKind, parseS3Uri } from '../../storage/contract.ts';
import type { Catalog, CatalogColumn, StorageDescriptor, TableRecord, TableScan } from '../contract.ts';
import type { CatalogParts } from './parts.ts';

/** What a Hudi merge-on-read table is registered with, to read what was compacted. **Source**: Hudi, Hive sync. */
export const READ_OPTIMISED = 'hoodie.query.as.ro.table';

const PARQUET: Pick<StorageDescriptor, 'inputFormat' | 'outputFormat' | 'serdeLibrary'> = {
  outputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
  serdeLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe',
};
const INPUT_FORMATS: Readonly<Record<ForeignKind, string>> = {
  delta: 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat',
  hudi: 'org.apache.hudi.hadoop.HoodieParquetInputFormat',
};

const optionsOf = (parameters: Readonly<Record<string, string>>) =>
  parameters[READ_OPTIMISED]?.toLowerCase() === 'true' ? { readOptimised: true } : {};

const catalogColumn = ({ name, type, comment }: ForeignColumn): CatalogColumn => ({
  name: name.toLowerCase(),
  type,
  ...(comment === undefined ? {} : { comment: comment.slice(0, 255) }),
});

/** Columns, partition keys and serializer of a table at `location`, from its own log. */
export async function describeForeign(
  parts: Pick<CatalogParts, 'foreignTables'>,
  kind: ForeignKind,
  location: string,
  parameters: Readonly<Record<string, string>>,
): Promise<{
  readonly columns: readonly CatalogColumn[];
  readonly partitionKeys: readonly CatalogColumn[];
  readonly serde: Pick<StorageDescriptor, 'inputFormat' | 'outputFormat' | 'serdeLibrary'>;
}> {
  const snapshot = await parts.foreignTables.snapshot(kind, location, optionsOf(parameters));
  const folded = new Set<string>();
  for (const { name } of [...snapshot.columns, ...snapshot.partitionColumns]) {
    if (folded.has(name.toLowerCase())) {
      throw new LochError(
        'unsupported',
        `The ${kind} table at \`${location}\` has two columns \`${name}\` that differ in case alone, which the catalog does not tell apart.`,
        { context: { location } },
      );
    }
    folded.add(name.toLowerCase());
  }
  return {
    columns: snapshot.columns.map(catalogColumn),
    partitionKeys: snapshot.partitionColumns.map(catalogColumn),
    serde: { ...PARQUET, inputFormat: INPUT_FORMATS[kind] },
  };
}

/** The files of a state of the table that may hold rows; `mayMatch` judges a file by its partition values. */
export async function planForeign(
  parts: CatalogParts,
  record: TableRecord & { readonly format: ForeignKind },
  options: Parameters<Catalog['planTableScan']>[1],
  mayMatch: (values: readonly string[]) => boolean,
  nullValue: string,
): Promise<Omit<TableScan, 'table'>> {
  const snapshot = await parts.foreignTables.snapshot(record.format, record.storage.location, {
    ...optionsOf(record.parameters),
    ...(options.snapshotId === undefined ? {} : { version: options.snapshotId }),
    ...(options.asOf === undefined ? {} : { asOf: options.asOf }),
  });
  const kept = snapshot.files.filter(({ partition }) => {
    const folded = new Map(Object.entries(partition).map(([name, value]) => [name.toLowerCase(), value]));
    return mayMatch(record.partitionKeys.map(({ name }) => folded.get(name) ?? nullValue));
  });
  const files: TableScan['files'][number][] = [];
  for (const file of kept) {
    const deletedRows = await file.deleted?.();
    files.push({
      ...parseS3Uri(file.path),
      bytes: file.bytes,
      partition: file.partition,
      ...(deletedRows === undefined ? {} : { deletedRows }),
    });
  }
  return {
    snapshotId: snapshot.version,
    foreign: snapshot,
    files,
    totalFiles: snapshot.files.length,
    bytes: files.reduce((total, file) => total + file.bytes, 0),
  };
}
