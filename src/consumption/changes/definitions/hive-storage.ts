/** What STORED AS and ROW FORMAT mean. **Source**: Athena, "Choose a SerDe for your data". */
import type { StorageDescriptor } from '../../../catalog/contract.ts';
import { LochError } from '../../../core/errors.ts';
import type { CreateTable } from '../statements.ts';

interface Format {
  readonly inputFormat: string;
  readonly outputFormat: string;
  readonly serdeLibrary: string;
  readonly classification?: string;
}

const TEXT_INPUT = 'org.apache.hadoop.mapred.TextInputFormat';
const TEXT_OUTPUT = 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat';
const LAZY = 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe';

const FORMATS: Readonly<Record<string, Format>> = {
  textfile: { inputFormat: TEXT_INPUT, outputFormat: TEXT_OUTPUT, serdeLibrary: LAZY },
  parquet: {
    inputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
    outputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
    serdeLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe',
    classification: 'parquet',
  },
  orc: {
    inputFormat: 'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat',
    outputFormat: 'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat',
    serdeLibrary: 'org.apache.hadoop.hive.ql.io.orc.OrcSerde',
    classification: 'orc',
  },
  avro: {
    inputFormat: 'org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat',
    outputFormat: 'org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat',
    serdeLibrary: 'org.apache.hadoop.hive.serde2.avro.AvroSerDe',
    classification: 'avro',
  },
  jsonfile: {
    inputFormat: TEXT_INPUT,
    outputFormat: TEXT_OUTPUT,
    serdeLibrary: 'org.apache.hive.hcatalog.data.JsonSerDe',
    classification: 'json',
  },
  ion: {
    inputFormat: 'com.amazon.ionhiveserde.formats.IonInputFormat',
    outputFormat: 'com.amazon.ionhiveserde.formats.IonOutputFormat',
    serdeLibrary: 'com.amazon.ionhiveserde.IonHiveSerDe',
    classification: 'ion',
  },
  rcfile: {
    inputFormat: 'org.apache.hadoop.hive.ql.io.RCFileInputFormat',
    outputFormat: 'org.apache.hadoop.hive.ql.io.RCFileOutputFormat',
    serdeLibrary: 'org.apache.hadoop.hive.serde2.columnar.LazyBinaryColumnarSerDe',
  },
  sequencefile: {
    inputFormat: 'org.apache.hadoop.mapred.SequenceFileInputFormat',
    outputFormat: 'org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat',
    serdeLibrary: LAZY,
  },
};

/** SerDes by the words in their class, with what the files are. */
const SERDES: readonly (readonly [pattern: RegExp, classification: string])[] = [
  [/LazySimpleSerDe|OpenCSVSerde/i, 'csv'],
  [/JsonSerDe/i, 'json'],
  [/ParquetHiveSerDe/i, 'parquet'],
  [/OrcSerde/i, 'orc'],
  [/AvroSerDe/i, 'avro'],
  [/IonHiveSerDe/i, 'ion'],
  [/CloudTrailSerde/i, 'cloudtrail'],
  [/GrokSerDe/i, 'grok'],
  [/RegexSerDe/i, 'regex'],
];

/** **Errors**: `unsupported` naming the format or SerDe, with those that are known. */
export function hiveStorage(
  statement: CreateTable,
  location: string,
): { readonly storage: StorageDescriptor; readonly parameters: Readonly<Record<string, string>> } {
  const stored = statement.storedAs ?? 'textfile';
  const format = FORMATS[stored];
  if (format === undefined) {
    throw new LochError(
      'unsupported',
      `STORED AS ${stored.toUpperCase()} is not known. Known: ${Object.keys(FORMATS).join(', ').toUpperCase()}.`,
      {
        context: { format: stored },
      },
    );
  }
  const { rowFormat } = statement;
  const library = rowFormat?.kind === 'serde' ? rowFormat.library : format.serdeLibrary;
  const given = rowFormat?.parameters ?? {};
  const defaults: Readonly<Record<string, string>> =
    library === LAZY && given['field.delim'] === undefined ? { 'serialization.format': '1' } : {};
  const known = SERDES.find(([pattern]) => pattern.test(library))?.[1] ?? format.classification;
  if (
    rowFormat?.kind === 'serde' &&
    !SERDES.some(([pattern]) => pattern.test(library)) &&
    !/hudi|symlink/i.test(statement.inputFormat ?? '')
  ) {
    throw new LochError(
      'unsupported',
      `The SerDe \`${library}\` is not known. Known: LazySimple, OpenCSV, OpenX JSON, Hive JSON, Grok, Regex, Avro, Parquet, ORC, Ion, CloudTrail.`,
      {
        context: { serde: library },
      },
    );
  }
  const declared = statement.properties.classification ?? statement.properties.table_type;
  return {
    storage: {
      location,
      inputFormat: statement.inputFormat ?? format.inputFormat,
      outputFormat: statement.outputFormat ?? format.outputFormat,
      serdeLibrary: library,
      serdeParameters: { ...defaults, ...given },
    },
    parameters:
      known === undefined || declared !== undefined || statement.inputFormat !== undefined
        ? {}
        : { classification: known },
  };
}
