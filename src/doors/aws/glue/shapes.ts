/**
 * Glue's shapes as the catalog's records and back. What only Glue knows travels as foreign properties under Glue's own
 * names, so that every field of an input comes back.
 */
import type {
  Column,
  Database,
  DatabaseInput as GlueDatabaseInput,
  Partition,
  PartitionInput,
  StorageDescriptor as GlueStorage,
  Table,
  TableInput as GlueTableInput,
} from '@aws-sdk/client-glue';
import type {
  CatalogColumn,
  DatabaseInput,
  DatabaseRecord,
  ForeignProperties,
  PartitionRecord,
  StorageDescriptor,
  TableInput,
  TableRecord,
} from '../../../catalog/contract.ts';

const DATES = new Set(['LastAccessTime', 'LastAnalyzedTime']);

/** The members of `given` that are there, as plain JSON. */
function foreignOf(given: object, names: readonly string[]): { foreign?: ForeignProperties } {
  const source = given as Readonly<Record<string, unknown>>;
  const found = names.filter((name) => source[name] !== undefined && source[name] !== null);
  if (found.length === 0) return {};
  return {
    foreign: Object.fromEntries(
      found.map((name) => {
        const value = source[name];
        return [name, value instanceof Date ? value.getTime() : value];
      }),
    ),
  };
}

function fromForeign(foreign: ForeignProperties | undefined, except: readonly string[] = []): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(foreign ?? {})
      .filter(([name]) => !except.includes(name))
      .map(([name, value]) => [name, DATES.has(name) ? new Date(value as number) : value]),
  );
}

/** `{ [key]: value }`, or nothing for undefined and null. */
const optional = <K extends string, V>(key: K, value: V | undefined | null): { [key in K]?: V } =>
  (value === undefined || value === null ? {} : { [key]: value }) as { [key in K]?: V };

export const toColumns = (columns: readonly Column[] | undefined): CatalogColumn[] =>
  (columns ?? []).map((column) => ({
    name: column.Name ?? '',
    type: column.Type ?? 'string',
    ...optional('comment', column.Comment),
    ...optional('parameters', column.Parameters),
  }));

const fromColumns = (columns: readonly CatalogColumn[]): Column[] =>
  columns.map((column) => ({
    Name: column.name,
    Type: column.type,
    ...optional('Comment', column.comment),
    ...optional('Parameters', column.parameters),
  }));

const STORAGE_FOREIGN = [
  'AdditionalLocations',
  'NumberOfBuckets',
  'BucketColumns',
  'SortColumns',
  'Parameters',
  'SkewedInfo',
  'StoredAsSubDirectories',
  'SchemaReference',
];

function toStorage(given: GlueStorage | undefined): StorageDescriptor | undefined {
  if (given === undefined) return undefined;
  const serde = given.SerdeInfo;
  const { foreign = {} } = foreignOf(given, STORAGE_FOREIGN);
  const kept = { ...foreign, ...optional('SerdeName', serde?.Name) };
  return {
    location: given.Location ?? '',
    serdeParameters: serde?.Parameters ?? {},
    ...optional('inputFormat', given.InputFormat),
    ...optional('outputFormat', given.OutputFormat),
    ...optional('serdeLibrary', serde?.SerializationLibrary),
    ...optional('compressed', given.Compressed),
    ...(Object.keys(kept).length === 0 ? {} : { foreign: kept }),
  };
}

function fromStorage(storage: StorageDescriptor, columns: readonly CatalogColumn[]): GlueStorage {
  return {
    Columns: fromColumns(columns),
    Location: storage.location,
    ...optional('InputFormat', storage.inputFormat),
    ...optional('OutputFormat', storage.outputFormat),
    Compressed: storage.compressed ?? false,
    NumberOfBuckets: 0,
    SerdeInfo: {
      ...optional('Name', storage.foreign?.SerdeName as string | undefined),
      ...optional('SerializationLibrary', storage.serdeLibrary),
      Parameters: { ...storage.serdeParameters },
    },
    StoredAsSubDirectories: false,
    ...fromForeign(storage.foreign, ['SerdeName']),
  };
}

const DATABASE_FOREIGN = ['CreateTableDefaultPermissions', 'TargetDatabase', 'FederatedDatabase'];

/** What a Glue database input says. */
export function toDatabaseInput(given: GlueDatabaseInput): DatabaseInput & { name: string } {
  return {
    name: given.Name ?? '',
    ...optional('description', given.Description),
    ...optional('locationUri', given.LocationUri),
    ...optional('parameters', given.Parameters),
    ...foreignOf(given, DATABASE_FOREIGN),
  };
}

/** A database as Glue shows it. */
export function fromDatabase(record: DatabaseRecord): Database {
  return {
    Name: record.name,
    ...optional('Description', record.description),
    ...optional('LocationUri', record.locationUri),
    Parameters: { ...record.parameters },
    CreateTime: new Date(record.createdAt),
    CatalogId: record.accountId,
    ...fromForeign(record.foreign),
  };
}

const TABLE_FOREIGN = [
  'LastAccessTime',
  'LastAnalyzedTime',
  'Retention',
  'ViewExpandedText',
  'TargetTable',
  'FederatedTable',
  'ViewDefinition',
];

/** What a Glue table input says. */
export function toTableInput(given: GlueTableInput): TableInput {
  return {
    name: given.Name ?? '',
    columns: toColumns(given.StorageDescriptor?.Columns),
    partitionKeys: toColumns(given.PartitionKeys),
    ...optional('description', given.Description),
    ...optional('owner', given.Owner),
    ...optional('tableType', given.TableType),
    ...optional('storage', toStorage(given.StorageDescriptor)),
    ...optional('parameters', given.Parameters),
    ...optional('viewText', given.ViewOriginalText),
    ...foreignOf(given, TABLE_FOREIGN),
  };
}

/** Columns of an Iceberg table as Athena marks them: clients ask which belong to the current schema. */
const current = (columns: readonly CatalogColumn[]): CatalogColumn[] =>
  columns.map((column) => ({ ...column, parameters: { 'iceberg.field.current': 'true', ...column.parameters } }));

/** A table as Glue shows it. */
export function fromTable(record: TableRecord, accountId: string): Table {
  return {
    Name: record.name,
    DatabaseName: record.database,
    ...optional('Description', record.description),
    ...optional('Owner', record.owner),
    CreateTime: new Date(record.createdAt),
    UpdateTime: new Date(record.updatedAt),
    Retention: 0,
    StorageDescriptor: fromStorage(
      record.storage,
      record.format === 'iceberg' ? current(record.columns) : record.columns,
    ),
    PartitionKeys: fromColumns(record.partitionKeys),
    ...optional('ViewOriginalText', record.viewText),
    TableType: record.tableType === 'ICEBERG' ? 'EXTERNAL_TABLE' : record.tableType,
    Parameters: { ...record.parameters },
    CreatedBy: record.createdBy,
    CatalogId: accountId,
    VersionId: String(record.version),
    ...fromForeign(record.foreign),
  };
}

const PARTITION_FOREIGN = ['LastAccessTime', 'LastAnalyzedTime'];

/** What a Glue partition input says. */
export function toPartition(given: PartitionInput): Omit<PartitionRecord, 'createdAt'> {
  const storage = toStorage(given.StorageDescriptor);
  const { foreign = {} } = foreignOf(given, PARTITION_FOREIGN);
  const columns = toColumns(given.StorageDescriptor?.Columns);
  const { location = '', ...rest } = storage ?? {};
  return {
    values: given.Values ?? [],
    location,
    parameters: given.Parameters ?? {},
    ...(columns.length === 0 ? {} : { columns }),
    ...(storage === undefined && Object.keys(foreign).length === 0
      ? {}
      : { foreign: { ...foreign, ...(storage === undefined ? {} : { storage: rest }) } }),
  };
}

/** A partition as Glue shows it: what it does not say itself is its table's. */
export function fromPartition(
  record: PartitionRecord,
  table: TableRecord,
  accountId: string,
  options: { readonly excludeColumns?: boolean } = {},
): Partition {
  const storage = record.foreign?.storage as Omit<StorageDescriptor, 'location'> | undefined;
  const shown = fromStorage(
    { ...(storage ?? table.storage), location: record.location },
    record.columns ?? table.columns,
  );
  if (options.excludeColumns === true) delete shown.Columns;
  return {
    Values: [...record.values],
    DatabaseName: table.database,
    TableName: table.name,
    CreationTime: new Date(record.createdAt),
    StorageDescriptor: shown,
    Parameters: { ...record.parameters },
    CatalogId: accountId,
    ...fromForeign(record.foreign, ['storage']),
  };
}
