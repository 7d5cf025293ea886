/** DESCRIBE [EXTENDED | FORMATTED], as Hive prints it. */
import type { CatalogColumn, TableRecord } from '../../catalog/contract.ts';
import type { TableMetadata } from '../../storage/contract.ts';
import { partitionTransforms } from './table-ddl.ts';

export type DescribeForm = 'plain' | 'extended' | 'formatted';

/** Rows of name, type and comment. */
export function describeTable(table: TableRecord, metadata: TableMetadata | undefined, form: DescribeForm): string[][] {
  const columns = [...table.columns, ...table.partitionKeys].map(row);
  const rows = form === 'formatted' ? [['# col_name', 'data_type', 'comment'], ['', '', ''], ...columns] : columns;
  const partitions = metadata === undefined ? [] : partitionTransforms(metadata);
  if (table.partitionKeys.length > 0) {
    rows.push(['', '', ''], ['# Partition Information', '', ''], ['# col_name', 'data_type', 'comment']);
    rows.push(...table.partitionKeys.map(row));
  }
  if (partitions.length > 0) {
    rows.push(['', '', ''], ['# Partition spec:', '', ''], ['# field_name', 'field_transform', '']);
    rows.push(...partitions.map((one) => [one, '', '']));
  }
  if (form === 'plain') return rows;
  return [...rows, ['', '', ''], ...(form === 'extended' ? extended(table, metadata) : formatted(table, metadata))];
}

const row = ({ name, type, comment }: CatalogColumn) => [name, type, comment ?? ''];
const propertiesOf = (table: TableRecord, metadata: TableMetadata | undefined) =>
  Object.entries({ ...table.parameters, ...metadata?.properties }).sort(([a], [b]) => (a < b ? -1 : 1));

function formatted(table: TableRecord, metadata: TableMetadata | undefined): string[][] {
  const { storage } = table;
  const line = (name: string, value: string | undefined) => (value === undefined ? [] : [[`${name}:`, value, '']]);
  return [
    ['# Detailed Table Information', '', ''],
    ...line('Database', table.database),
    ...line('Owner', table.owner ?? table.createdBy),
    ...line('CreateTime', new Date(table.createdAt).toISOString()),
    ...line('Location', storage.location),
    ...line('Table Type', table.tableType),
    ['Table Parameters:', '', ''],
    ...propertiesOf(table, metadata).map(([name, value]) => ['', name, value]),
    ['', '', ''],
    ['# Storage Information', '', ''],
    ...line('SerDe Library', storage.serdeLibrary),
    ...line('InputFormat', storage.inputFormat),
    ...line('OutputFormat', storage.outputFormat),
    ...Object.entries(storage.serdeParameters).map(([name, value]) => ['', name, value]),
  ];
}

function extended(table: TableRecord, metadata: TableMetadata | undefined): string[][] {
  const parameters = propertiesOf(table, metadata).map(([name, value]) => `${name}=${value}`);
  const parts = [
    `tableName:${table.name}`,
    `dbName:${table.database}`,
    `owner:${table.owner ?? table.createdBy}`,
    `createTime:${Math.floor(table.createdAt / 1000)}`,
    `location:${table.storage.location}`,
    `tableType:${table.tableType}`,
    `parameters:{${parameters.join(', ')}}`,
  ];
  return [['Detailed Table Information', `Table(${parts.join(', ')})`, '']];
}
