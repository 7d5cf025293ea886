/** The statement that makes an equal table: what SHOW CREATE TABLE and SHOW CREATE VIEW print. */
import type { CatalogColumn, TableRecord } from '../../catalog/contract.ts';
import type { PartitionField, TableMetadata } from '../../storage/contract.ts';
import { viewStatement } from '../queries/bind/view-text.ts';
import { schemaOf } from '../queries/secure/iceberg-source.ts';

/** Lines of the statement. `table` holds what its reader may see; `metadata` is that of an Iceberg table. */
export function createStatement(table: TableRecord, metadata: TableMetadata | undefined): string[] {
  const name = `${named(table.database)}.${named(table.name)}`;
  if (table.format === 'view') return [`CREATE VIEW ${name} AS`, ...viewStatement(table).sql.split('\n')];
  if (metadata !== undefined) return icebergStatement(name, table, metadata);
  const lines = [`CREATE EXTERNAL TABLE ${name}(`, ...columnLines(table.columns, () => false)];
  if (table.description !== undefined) lines.push(`COMMENT ${text(table.description)}`);
  if (table.partitionKeys.length > 0) lines.push('PARTITIONED BY (', ...columnLines(table.partitionKeys, () => false));
  const { BucketColumns: buckets, NumberOfBuckets: count } = table.storage.foreign ?? {};
  if (Array.isArray(buckets) && buckets.length > 0) {
    lines.push(
      `CLUSTERED BY (${buckets.map((one) => named(String(one))).join(', ')})`,
      `INTO ${String(count)} BUCKETS`,
    );
  }
  const { serdeLibrary, serdeParameters, inputFormat, outputFormat } = table.storage;
  if (serdeLibrary !== undefined) {
    lines.push(
      'ROW FORMAT SERDE',
      `  ${text(serdeLibrary)}`,
      ...propertyLines('WITH SERDEPROPERTIES', serdeParameters),
    );
  }
  if (inputFormat !== undefined) {
    lines.push('STORED AS INPUTFORMAT', `  ${text(inputFormat)}`);
    if (outputFormat !== undefined) lines.push('OUTPUTFORMAT', `  ${text(outputFormat)}`);
  }
  const { EXTERNAL: _external, ...parameters } = table.parameters;
  lines.push('LOCATION', `  ${text(table.storage.location)}`, ...propertyLines('TBLPROPERTIES', parameters));
  return lines;
}

function icebergStatement(name: string, table: TableRecord, metadata: TableMetadata): string[] {
  const required = new Set(
    schemaOf(metadata, undefined).fields.flatMap((field) => (field.required ? [field.name.toLowerCase()] : [])),
  );
  const lines = [`CREATE TABLE ${name} (`, ...columnLines(table.columns, (column) => required.has(column))];
  if (table.description !== undefined) lines.push(`COMMENT ${text(table.description)}`);
  const partitions = partitionTransforms(metadata);
  if (partitions.length > 0) lines.push(`PARTITIONED BY (${partitions.join(', ')})`);
  lines.push(`LOCATION ${text(metadata.location)}`);
  lines.push(...propertyLines('TBLPROPERTIES', { table_type: 'iceberg', ...metadata.properties }));
  return lines;
}

/** The table's partitioning as CREATE TABLE has it: `bucket(16, id)`, `day(ts)`. */
export function partitionTransforms(metadata: TableMetadata): string[] {
  const names = new Map(schemaOf(metadata, undefined).fields.map((field) => [field.id, field.name]));
  const spec = metadata['partition-specs'].find((one) => one['spec-id'] === metadata['default-spec-id']);
  return (spec?.fields ?? []).flatMap((field: PartitionField) => {
    const column = named(names.get(field['source-id']) ?? field.name);
    if (field.transform === 'void') return [];
    if (field.transform === 'identity') return [column];
    const [, word, width] = /^([a-z]+)(?:\[(\d+)\])?$/.exec(field.transform) ?? [];
    return [width === undefined ? `${word}(${column})` : `${word}(${width}, ${column})`];
  });
}

function columnLines(columns: readonly CatalogColumn[], isRequired: (name: string) => boolean): string[] {
  return columns.map((column, i) => {
    const required = isRequired(column.name.toLowerCase()) ? ' NOT NULL' : '';
    const comment = column.comment === undefined ? '' : ` COMMENT ${text(column.comment)}`;
    return `  ${named(column.name)} ${column.type}${required}${comment}${i < columns.length - 1 ? ',' : ')'}`;
  });
}

function propertyLines(word: string, properties: Readonly<Record<string, string>>): string[] {
  const shown = Object.entries(properties)
    .filter(([name]) => !/^(previous_)?metadata_location$/.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  if (shown.length === 0) return [];
  return [
    `${word} (`,
    ...shown.map(([name, value], i) => `  ${text(name)}=${text(value)}${i < shown.length - 1 ? ',' : ')'}`),
  ];
}

const named = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

/** A literal that reads back as the same text. */
function text(value: string): string {
  const escaped = value
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "''")
    .replace(/\p{Cc}/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `'${escaped}'`;
}
