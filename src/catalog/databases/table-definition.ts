import type { ForeignKind } from '../../storage/contract.ts';
import type { StorageDescriptor, TableFormatName, TableInput, TableRecord } from '../contract.ts';
import type { TableDefinition } from './rows.ts';

const NO_STORAGE: StorageDescriptor = { location: '', serdeParameters: {} };

/** The pointer of an Iceberg table lives in columns of its own, never in a definition. */
const POINTER = ['metadata_location', 'previous_metadata_location'];

export const isIceberg = (input: Pick<TableInput, 'parameters' | 'tableType'>): boolean =>
  input.parameters?.table_type?.toUpperCase() === 'ICEBERG' || input.tableType === 'ICEBERG';

/** Delta or Hudi, by the table type that engines write, or the provider that Spark does. */
export function foreignKind(input: Pick<TableInput, 'parameters'>): ForeignKind | undefined {
  const { parameters = {} } = input;
  const word = (parameters.table_type ?? parameters['spark.sql.sources.provider'] ?? '').toLowerCase();
  return word === 'delta' || word === 'hudi' ? word : undefined;
}

/** The format of a table by what its definition says: table type, classification, serializer, input format. */
export function formatOf(input: Omit<TableInput, 'name'>): TableFormatName {
  if (isIceberg(input)) return 'iceberg';
  if (input.tableType === 'VIRTUAL_VIEW') return 'view';
  const foreign = foreignKind(input);
  if (foreign !== undefined) return foreign;
  const classification = input.parameters?.classification?.toLowerCase();
  if (classification === 'csv' || classification === 'json' || classification === 'parquet') return classification;
  const library = `${input.storage?.serdeLibrary ?? ''} ${input.storage?.inputFormat ?? ''}`.toLowerCase();
  if (library.includes('parquet')) return 'parquet';
  if (library.includes('json')) return 'json';
  if (library.includes('csv') || library.includes('lazysimple')) return 'csv';
  return 'unknown';
}

/** What is stored of an input. */
export function definitionOf(input: TableInput): TableDefinition {
  const { name: _, parameters = {}, ...rest } = input;
  return {
    ...rest,
    tableType: input.tableType ?? 'EXTERNAL_TABLE',
    format: formatOf(input),
    partitionKeys: input.partitionKeys ?? [],
    storage: input.storage ?? NO_STORAGE,
    parameters: Object.fromEntries(Object.entries(parameters).filter(([key]) => !POINTER.includes(key))),
  };
}

/** A record as the input that would make it again. */
export function inputOf(record: TableRecord): TableInput {
  const { name, columns, partitionKeys, storage, parameters, tableType, description, owner, viewText, foreign } =
    record;
  return {
    name,
    columns,
    partitionKeys,
    storage,
    parameters,
    tableType,
    ...(description === undefined ? {} : { description }),
    ...(owner === undefined ? {} : { owner }),
    ...(viewText === undefined ? {} : { viewText }),
    ...(foreign === undefined ? {} : { foreign }),
  };
}
