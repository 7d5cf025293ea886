/** File formats by the words of CTAS and UNLOAD, and by what a table of the catalog says of itself. */
import type { TableInput, TableRecord } from '../../catalog/contract.ts';
import { LochError } from '../../core/errors.ts';
import type { FileFormat } from './hive-files.ts';
import { textOf } from './property-values.ts';
import type { Properties } from './statements.ts';

type Storage = NonNullable<TableInput['storage']>;

const COMPRESSIONS: Readonly<Record<string, 'none' | 'gzip' | 'zstd' | 'snappy'>> = {
  none: 'none',
  uncompressed: 'none',
  gzip: 'gzip',
  zstd: 'zstd',
  snappy: 'snappy',
};

/** The format that properties of CTAS or UNLOAD ask for. **Errors**: `unsupported`, `invalid_argument` naming the property. */
export function formatOf(properties: Properties): FileFormat {
  const name = (textOf(properties, 'format') ?? 'PARQUET').toUpperCase();
  const asked =
    textOf(properties, 'write_compression') ??
    textOf(properties, 'compression') ??
    textOf(properties, 'parquet_compression') ??
    textOf(properties, 'orc_compression');
  const compression = asked === undefined ? undefined : COMPRESSIONS[asked.toLowerCase()];
  if (asked !== undefined && compression === undefined) throw unknownCompression(asked, Object.keys(COMPRESSIONS));
  if (name === 'PARQUET') return { kind: 'parquet', compression: compression ?? 'snappy' };
  if (compression === 'snappy') throw unknownCompression(asked!, ['none', 'gzip', 'zstd']);
  const packed = compression === undefined ? {} : { compression };
  if (name === 'JSON') return { kind: 'json', ...packed };
  if (name === 'TEXTFILE') {
    const delimiter = textOf(properties, 'field_delimiter') ?? '\u0001';
    if ([...delimiter].length !== 1) {
      throw new LochError('invalid_argument', `\`field_delimiter\` is one character, not \`${delimiter}\`.`, {
        context: { property: 'field_delimiter' },
      });
    }
    return { kind: 'text', delimiter, nullText: '\\N', ...packed };
  }
  throw new LochError('unsupported', `Files of format ${name} are not written. Written are: PARQUET, JSON, TEXTFILE.`, {
    context: { property: 'format' },
  });
}

const unknownCompression = (asked: string, known: readonly string[]) =>
  new LochError('unsupported', `The compression \`${asked}\` is not written here. Written are: ${known.join(', ')}.`, {
    context: { property: 'write_compression' },
  });

/** What a table over files of a format says of them. */
export function storageOf(format: FileFormat, location: string): Storage {
  switch (format.kind) {
    case 'parquet':
      return {
        location,
        inputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
        outputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
        serdeLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe',
        serdeParameters: { 'serialization.format': '1' },
      };
    case 'json':
      return {
        ...TEXT,
        location,
        serdeLibrary: 'org.openx.data.jsonserde.JsonSerDe',
        serdeParameters: { 'serialization.format': '1' },
      };
    case 'csv':
      return {
        ...TEXT,
        location,
        serdeLibrary: 'org.apache.hadoop.hive.serde2.OpenCSVSerde',
        serdeParameters: { separatorChar: format.delimiter, quoteChar: '"' },
      };
    case 'text':
      return {
        ...TEXT,
        location,
        serdeLibrary: 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe',
        serdeParameters: {
          'field.delim': format.delimiter,
          'serialization.format': format.delimiter,
          ...(format.escape === undefined ? {} : { 'escape.delim': format.escape }),
        },
      };
  }
}

const TEXT = {
  inputFormat: 'org.apache.hadoop.mapred.TextInputFormat',
  outputFormat: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
} as const;

/** How rows are added to a table over files. **Errors**: `unsupported` naming what the table is. */
export function formatOfTable(record: TableRecord): FileFormat {
  const serde = record.storage.serdeLibrary ?? '';
  const setting = (name: string) => record.storage.serdeParameters[name] ?? record.parameters[name];
  const asked = (record.parameters['parquet.compression'] ?? record.parameters.write_compression)?.toLowerCase();
  switch (record.format) {
    case 'parquet':
      return { kind: 'parquet', compression: COMPRESSIONS[asked ?? 'snappy'] ?? 'snappy' };
    case 'json':
      return { kind: 'json' };
    case 'csv': {
      if (!/LazySimple/.test(serde)) {
        const skipped = Number(setting('skip.header.line.count') ?? 0);
        if (skipped === 0) return { kind: 'csv', delimiter: setting('separatorChar') ?? setting('field.delim') ?? ',' };
        break;
      }
      if (Number(setting('skip.header.line.count') ?? 0) > 0) break;
      const escaping = setting('escape.delim');
      return {
        kind: 'text',
        delimiter: control(setting('field.delim') ?? setting('serialization.format') ?? '\u0001'),
        nullText: setting('serialization.null.format') ?? '\\N',
        ...(escaping === undefined ? {} : { escape: escaping }),
      };
    }
    default:
      break;
  }
  const headers = record.format === 'csv' ? ' whose files begin with a header line' : '';
  throw new LochError(
    'unsupported',
    `INSERT into \`${record.database}.${record.name}\` is not supported: it is a ${record.format} ${record.format === 'view' ? '' : 'table'}${headers}. Rows are added to Iceberg, Parquet, JSON and text tables.`,
    { context: { format: record.format } },
  );
}

const control = (text: string) =>
  /^\d$/.test(text) ? String.fromCharCode(Number(text)) : text === '\\t' ? '\t' : text;
