/**
 * How the engine writes data files of a partitioned table, and what it wrote as a data file of the table.
 *
 * Partition values travel as text in folder names. There an empty text, NULL and a long text would be lost, so each is
 * told by its first letter: `n` null, `v…` the value, `h…` a hash of one too long for a file name; the value itself is
 * then the file's own minimum, as all rows of the file share it.
 */
import { LochError } from '../../core/errors.ts';
import type { EngineFile } from '../../engines/contract.ts';
import type { DataFile, TableMetadata, WriteLayout } from './contract-types.ts';
import { BUCKET_MACROS, bucketExpression } from './bucket-sql.ts';
import { engineTypeOf, quoted } from './engine-type.ts';
import { type BoundPartitionField, bindSpec } from './partition-tuple.ts';
import { fieldIdsByPath, fieldPlaces } from './schema.ts';
import { parseStatistic } from './single-value.ts';
import { currentSchema, specById } from './table-metadata.ts';
import { applyTransform, formatPartitionValue } from './transforms.ts';

/** Bytes of the longest value that stands in a folder name as it is: escaped it takes three times as many, of 255. */
const LONGEST_NAME = 75;
/** The engine cuts texts of statistics at this many bytes: one that long may be cut. */
const STATISTICS_BYTES = 256;

/** **Errors**: `unsupported` for a transform the engine cannot compute on the column's type. */
export function writeLayout(metadata: TableMetadata): WriteLayout {
  const schema = currentSchema(metadata);
  const tuple = bindSpec(metadata, specById(metadata, metadata['default-spec-id']));
  const partitioned = tuple.fields.filter((field) => field.transform.name !== 'void');
  const paths = new Map(fieldPlaces(schema).map((place) => [place.id, place.path]));
  const columns = schema.fields.map(
    ({ name, type }) => `CAST(_loch_s.${quoted(name)} AS ${engineTypeOf(type)}) AS ${quoted(name)}`,
  );
  const keys = partitioned.map((field) => {
    const column = `_loch_t.${quotedPath(paths.get(field.sourceId)!)}`;
    return `${tagged(textExpression(field, column), mayBeLong(field))} AS ${quoted(aliasOf(field))}`;
  });
  return {
    fieldIds: fieldIdsByPath(schema),
    preamble: partitioned.some((field) => field.transform.name === 'bucket') ? BUCKET_MACROS : [],
    partitionBy: partitioned.map(aliasOf),
    select(source) {
      const cast = `SELECT ${columns.join(', ')} FROM (\n${source}\n) AS _loch_s`;
      // Partition keys are of the values as they are stored, so they are computed after the casts.
      return keys.length === 0 ? cast : `SELECT _loch_t.*, ${keys.join(', ')} FROM (${cast}) AS _loch_t`;
    },
  };
}

function aliasOf(field: BoundPartitionField): string {
  return `_loch_p${field.id}`;
}

function quotedPath(path: string): string {
  return path.split('.').map(quoted).join('.');
}

function mayBeLong(field: BoundPartitionField): boolean {
  return ['string', 'binary', 'fixed'].includes(field.type.kind);
}

function tagged(text: string, long: boolean): string {
  const value = long
    ? `CASE WHEN octet_length(encode(${text})) > ${LONGEST_NAME} THEN 'h' || md5(${text}) ELSE 'v' || ${text} END`
    : `'v' || ${text}`;
  return `coalesce(${value}, 'n')`;
}

function textExpression(field: BoundPartitionField, column: string): string {
  const { transform, source } = field;
  const local = source.kind.startsWith('timestamptz') ? `(${column} AT TIME ZONE 'UTC')` : column;
  switch (transform.name) {
    case 'year':
      return `strftime(${local}, '%Y')`;
    case 'month':
      return `strftime(${local}, '%Y-%m')`;
    case 'day':
      return `strftime(${local}, '%Y-%m-%d')`;
    case 'hour':
      return `strftime(${local}, '%Y-%m-%d-%H')`;
    case 'bucket':
      return `CAST(${bucketExpression(source, column, transform.width)} AS VARCHAR)`;
    case 'truncate':
      return `CAST(${truncateExpression(field, column, transform.width)} AS VARCHAR)`;
    default:
      // Identity of a zoned timestamp must not depend on the session's time zone.
      return source.kind.startsWith('timestamptz')
        ? `(CAST(${local} AS VARCHAR) || '+00')`
        : `CAST(${column} AS VARCHAR)`;
  }
}

function truncateExpression({ source }: BoundPartitionField, column: string, width: number): string {
  switch (source.kind) {
    case 'string':
      return `array_to_string(string_split(${column}, '')[1:${width}], '')`;
    case 'int':
    case 'long':
      return `(${column} - (((${column} % ${width}) + ${width}) % ${width}))`;
    case 'decimal': {
      if (source.precision > 18) throw unsupportedLayout(`truncate of decimal(${source.precision},${source.scale})`);
      const unscaled = `CAST(${column} * ${10n ** BigInt(source.scale)} AS BIGINT)`;
      const rest = `(((${unscaled} % ${width}) + ${width}) % ${width})`;
      const unit = source.scale === 0 ? '1' : `0.${'1'.padStart(source.scale, '0')}`;
      return `CAST(${column} - CAST(${rest} AS DECIMAL(18,0)) * ${unit} AS DECIMAL(38,${source.scale}))`;
    }
    default:
      throw unsupportedLayout(`truncate[${width}] of ${source.kind}`);
  }
}

function unsupportedLayout(what: string): LochError {
  return new LochError('unsupported', `Writing data files partitioned by ${what} is not supported by the engine.`, {
    context: { transform: what },
  });
}

/** The engine's file at `location` as a data file. **Errors**: `internal` when it was not written by the layout. */
export function dataFileOf(metadata: TableMetadata, file: EngineFile, location: string): DataFile {
  const schema = currentSchema(metadata);
  const columnBytes: Record<number, number> = {};
  const valueCounts: Record<number, number> = {};
  const nullCounts: Record<number, number> = {};
  const nanCounts: Record<number, number> = {};
  const lower: Record<number, string> = {};
  const upper: Record<number, string> = {};
  for (const { id, path } of fieldPlaces(schema)) {
    const statistics = file.columns[path];
    if (statistics === undefined) continue;
    columnBytes[id] = statistics.columnBytes;
    valueCounts[id] = statistics.valueCount;
    nullCounts[id] = statistics.nullCount;
    if (statistics.hasNan === false) nanCounts[id] = 0;
    if (statistics.min !== undefined) lower[id] = statistics.min;
    if (statistics.max !== undefined) upper[id] = statistics.max;
  }
  return {
    path: location,
    format: 'PARQUET',
    rows: file.rows,
    bytes: file.bytes,
    partition: partitionTexts(metadata, file),
    columnBytes,
    valueCounts,
    nullCounts,
    nanCounts,
    lower,
    upper,
  };
}

function partitionTexts(metadata: TableMetadata, file: EngineFile): Record<string, string | null> {
  const tuple = bindSpec(metadata, specById(metadata, metadata['default-spec-id']));
  const paths = new Map(fieldPlaces(currentSchema(metadata)).map((place) => [place.id, place.path]));
  const texts: Record<string, string | null> = {};
  for (const field of tuple.fields) {
    if (field.transform.name === 'void') continue;
    const text = file.partition[aliasOf(field)];
    if (text === undefined || text === null) throw notByLayout(field.name, file.path);
    if (text === 'n') texts[field.name] = null;
    else if (text.startsWith('v')) texts[field.name] = text.slice(1);
    else texts[field.name] = sharedValue(field, file, paths.get(field.sourceId)!);
  }
  return texts;
}

/**
 * The partition value of a file from its smallest value: all its rows have the same one.
 * **Errors**: `unsupported` when it is longer than the engine's statistics tell.
 */
function sharedValue(field: BoundPartitionField, file: EngineFile, path: string): string {
  const min = file.columns[path]?.min;
  const bytes = min === undefined ? 0 : Buffer.byteLength(min) / (field.source.kind === 'string' ? 1 : 2);
  const value = min === undefined ? undefined : parseStatistic(field.source, min);
  const partition = value === undefined ? undefined : applyTransform(field.transform, field.source, value);
  if (partition === undefined || bytes >= STATISTICS_BYTES) {
    throw new LochError(
      'unsupported',
      `Partition field \`${field.name}\` has a value of ${STATISTICS_BYTES} bytes or more. Partition by a shorter column, or by truncate[N] or bucket[N] of it.`,
      { context: { partitionField: field.name } },
    );
  }
  return formatPartitionValue(field.transform, field.source, partition);
}

function notByLayout(field: string, path: string): LochError {
  return new LochError('internal', `The file \`${path}\` tells no value for partition field \`${field}\`.`, {
    context: { partitionField: field },
  });
}
