/** A dataset as the table a crawler writes. **Source**: what AWS Glue's crawlers write of each format. */
import { createHash } from 'node:crypto';
import type { CatalogColumn, PartitionRecord, StorageDescriptor, TableInput } from '../contract.ts';
import type { Classified, ClassifiedFormat } from './classified.ts';
import type { DataFolder, Dataset } from './group-tables.ts';
import { hiveType } from './inferred-type.ts';
import { settledBy } from './similar.ts';

const TEXT_INPUT = 'org.apache.hadoop.mapred.TextInputFormat';
const TEXT_OUTPUT = 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat';
const LONGEST_NAME = 128;

type Serde = Pick<StorageDescriptor, 'inputFormat' | 'outputFormat' | 'serdeLibrary'>;

const text = (serdeLibrary: string): Serde => ({ inputFormat: TEXT_INPUT, outputFormat: TEXT_OUTPUT, serdeLibrary });

const FORMATS: Readonly<Record<ClassifiedFormat, Serde>> = {
  csv: text('org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe'),
  json: text('org.openx.data.jsonserde.JsonSerDe'),
  parquet: {
    inputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
    outputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
    serdeLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe',
  },
  avro: {
    inputFormat: 'org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat',
    outputFormat: 'org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat',
    serdeLibrary: 'org.apache.hadoop.hive.serde2.avro.AvroSerDe',
  },
  orc: {
    inputFormat: 'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat',
    outputFormat: 'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat',
    serdeLibrary: 'org.apache.hadoop.hive.ql.io.orc.OrcSerde',
  },
  grok: text('com.amazonaws.glue.serde.GrokSerDe'),
  fixed_width: text('org.apache.hadoop.hive.serde2.RegexSerDe'),
  xml: {},
  excel: {},
};
/** Quoted text needs a serializer that knows quotes. */
const QUOTED_CSV = 'org.apache.hadoop.hive.serde2.OpenCSVSerde';

/** Where quotes inside quotes stand behind a backslash. */
const CSV_ESCAPE = 'loch.csv.escape';
const CLASSIFICATION: Readonly<Record<ClassifiedFormat, string>> = {
  parquet: 'parquet',
  avro: 'avro',
  orc: 'orc',
  excel: 'excel',
  json: 'json',
  xml: 'xml',
  grok: 'grok',
  csv: 'csv',
  fixed_width: 'fixed_width',
};

/** The marks a crawler leaves on its tables. */
export const UPDATED_BY = 'UPDATED_BY_CRAWLER';
export const DEPRECATED_BY = 'DEPRECATED_BY_CRAWLER';
/** Parameters that only count: a change of them alone is no change of the table. */
export const STATISTICS = ['sizeKey', 'objectCount', 'recordCount', 'averageRecordSize'];

/** A text as the name of a table: lower case, words joined by `_`. */
export const plainName = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_]+/gu, '_')
    .replace(/^_+|_+$/g, '') || 'table';

const hash = (text: string): string => createHash('md5').update(text).digest('hex');

/** The name of a table by its folder (or file, or bucket), with the crawler's prefix. */
export function tableName(bucket: string, path: string, prefix: string): string {
  const segments = path.split('/').filter((segment) => segment !== '');
  const name = `${prefix.toLowerCase()}${plainName(segments.at(-1) ?? bucket)}`;
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 33)}_${hash(name)}`;
}

/** The name of a table whose plain name is another table's already. */
export function clashName(name: string, location: string): string {
  return `${name.slice(0, LONGEST_NAME - 33)}_${hash(location)}`;
}

/** A name the catalog takes: folded, without slashes and control characters. */
const columnName = (text: string): string =>
  text
    .trim()
    .toLowerCase()
    .replace(/[\p{Cc}/\\]/gu, '_')
    .slice(0, 255) || 'col';

/** Columns in file order, each name once. */
export const columnsOf = (classified: Classified): CatalogColumn[] =>
  columnsNamed(classified.columns.map((column) => ({ name: column.name, type: hiveType(column.type) })));

/** Columns under names that the catalog takes, each once. */
export function columnsNamed(columns: readonly CatalogColumn[]): CatalogColumn[] {
  const seen = new Set<string>();
  return columns.map((column) => {
    let name = columnName(column.name);
    for (let number = 1; seen.has(name); number++) name = `${columnName(column.name).slice(0, 245)}_${number}`;
    seen.add(name);
    return { ...column, name };
  });
}

function serdeOf(classified: Classified): Pick<StorageDescriptor, 'serdeLibrary' | 'serdeParameters'> {
  const encoding: Record<string, string> =
    classified.encoding === undefined ? {} : { 'serialization.encoding': classified.encoding };
  const library = FORMATS[classified.format].serdeLibrary;
  const serdeLibrary = library === undefined ? {} : { serdeLibrary: library };
  switch (classified.format) {
    case 'csv':
      return csvSerde(classified, encoding);
    case 'json':
      return { ...serdeLibrary, serdeParameters: { ...jsonSettings(classified), ...encoding } };
    case 'parquet':
    case 'orc':
      return { ...serdeLibrary, serdeParameters: { 'serialization.format': '1' } };
    default: {
      const { 'skip.header.line.count': _, ...reading } = classified.reading ?? {};
      return { ...serdeLibrary, serdeParameters: { ...reading, ...encoding } };
    }
  }
}

function csvSerde(classified: Classified, encoding: Readonly<Record<string, string>>) {
  const { delimiter, quote, escape: escaping } = classified.csv!;
  const wanted = classified.reading?.serde;
  const plain = { 'field.delim': delimiter, 'serialization.format': delimiter, ...encoding };
  if (wanted === 'LazySimpleSerDe' || (quote === undefined && wanted !== 'OpenCSVSerDe')) {
    return { serdeLibrary: FORMATS.csv.serdeLibrary!, serdeParameters: plain };
  }
  // The serializer's default escape says nothing of the files; where backslashes are meant the word says so.
  const backslash: Record<string, string> = escaping === undefined ? {} : { [CSV_ESCAPE]: 'backslash' };
  return {
    serdeLibrary: QUOTED_CSV,
    serdeParameters: {
      separatorChar: delimiter,
      quoteChar: quote ?? '"',
      escapeChar: '\\',
      ...backslash,
      ...encoding,
    },
  };
}

function jsonSettings(classified: Classified): Record<string, string> {
  const names = classified.columns.map((column) => column.name);
  return {
    paths: names.join(','),
    // Hive folds column names; the serializer finds `customerId` under `customerid` by this.
    ...Object.fromEntries(
      names.filter((name) => name !== name.toLowerCase()).map((name) => [`mapping.${name.toLowerCase()}`, name]),
    ),
  };
}

function partitionKeys(dataset: Dataset, columns: readonly CatalogColumn[]): CatalogColumn[] {
  const taken = new Set(columns.map((column) => column.name));
  return dataset.keys.map((key, level) => {
    const name = key === undefined || taken.has(key) ? `partition_${level}` : key;
    taken.add(name);
    return { name, type: 'string' };
  });
}

function parametersOf(dataset: Dataset, crawler: string, exclusions: readonly string[]): Record<string, string> {
  const { classified, folders } = dataset;
  const bytes = folders.reduce((total, folder) => total + folder.bytes, 0);
  const objects = folders.reduce((total, folder) => total + folder.objects, 0);
  const average = classified.records === 0 ? 0 : classified.recordBytes / classified.records;
  return {
    classification: classified.classification ?? CLASSIFICATION[classified.format],
    compressionType: classified.compression,
    typeOfData: 'file',
    sizeKey: String(bytes),
    objectCount: String(objects),
    recordCount: String(average === 0 ? 0 : Math.max(1, Math.round(bytes / average))),
    averageRecordSize: String(Math.round(average)),
    CrawlerSchemaSerializerVersion: '1.0',
    CrawlerSchemaDeserializerVersion: '1.0',
    [UPDATED_BY]: crawler,
    ...(classified.csv === undefined
      ? {}
      : {
          delimiter: classified.csv.delimiter,
          columnsOrdered: 'true',
          areColumnsQuoted: String(classified.csv.quote !== undefined),
          ...(classified.csv.header === true ? { 'skip.header.line.count': '1' } : {}),
        }),
    ...(classified.json === undefined
      ? {}
      : {
          jsonLayout: classified.json.layout,
          ...(classified.json.path !== undefined
            ? { jsonPath: classified.json.path }
            : classified.json.layout === 'array'
              ? { jsonPath: '$[*]' }
              : {}),
        }),
    ...(classified.reading?.['skip.header.line.count'] === undefined ? {} : { 'skip.header.line.count': '1' }),
    ...(classified.format === 'grok' ? { grokPattern: classified.reading?.['input.format'] ?? '' } : {}),
    ...(classified.format === 'xml' ? { rowTag: classified.reading?.rowTag ?? '' } : {}),
    ...(exclusions.length === 0 ? {} : { exclusions: JSON.stringify(exclusions) }),
  };
}

export interface DescribedTable {
  readonly input: TableInput;
  readonly partitions: readonly Omit<PartitionRecord, 'createdAt'>[];
}

/** The table and partitions of a dataset in `bucket`. `exclusions` are the target's, as `s3://` globs. */
export function describeTable(
  dataset: Dataset,
  options: {
    readonly bucket: string;
    readonly name: string;
    readonly crawler: string;
    readonly exclusions: readonly string[];
  },
): DescribedTable {
  const { bucket, name, crawler } = options;
  const columns = columnsOf(dataset.classified);
  const location = `s3://${bucket}/${dataset.path}`;
  const refused = dataset.refused.filter((extension) => extension !== '');
  return {
    input: {
      name,
      tableType: 'EXTERNAL_TABLE',
      owner: 'owner',
      columns,
      partitionKeys: partitionKeys(dataset, columns),
      storage: {
        ...FORMATS[dataset.classified.format],
        location,
        compressed: dataset.classified.compression !== 'none',
        ...serdeOf(dataset.classified),
      },
      parameters: parametersOf(dataset, crawler, [
        ...options.exclusions,
        ...refused.map((extension) => `${location}**${extension}`),
      ]),
    },
    partitions:
      dataset.keys.length === 0
        ? []
        : dataset.folders.map((folder) => describePartition(folder, bucket, dataset.classified, columns)),
  };
}

function describePartition(
  folder: DataFolder,
  bucket: string,
  table: Classified,
  tableColumns: readonly CatalogColumn[],
): Omit<PartitionRecord, 'createdAt'> {
  const own = columnsOf(settledBy(table, folder.classified));
  // Only delimited text is read by position; a file whose columns begin as the table's do reads right.
  const misplaced =
    folder.classified.format === 'csv' && own.some((column, position) => column.name !== tableColumns[position]?.name);
  return {
    values: folder.values,
    location: `s3://${bucket}/${folder.path}`,
    parameters: { objectCount: String(folder.objects), sizeKey: String(folder.bytes) },
    ...(misplaced ? { columns: own } : {}),
  };
}
