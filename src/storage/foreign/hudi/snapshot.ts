/**
 * The latest file slices of a Hudi table.
 *
 * Invariants
 * - A base file counts if the instant that wrote it is complete: it stands in the active timeline, or is older than it
 *   (archived instants are complete). What is in flight is not seen.
 * - Of a file group the newest such file is read; groups that a complete replacement names are gone.
 * **Source**: Apache Hudi technical specification, "File Layout", "Reader Expectations".
 */
import { LochError } from '../../../core/errors.ts';
import { columnsOfAvro } from '../avro-types.ts';
import type { ForeignColumn, ForeignFile, ForeignSnapshot, ForeignVersion } from '../contract-types.ts';
import type { TableFolder } from '../table-folder.ts';
import { completedWrites, hudiProperties, type HudiProperties, type Instant, writeFacts } from './timeline.ts';

const VERSIONS = [6, 8];
/** `<file id>_<write token>_<instant>.parquet`. */
const BASE_FILE = /^(.*\/)?([^/_]+)_([^/_]+)_(\d{14,17})\.parquet$/s;
const LOG_FILE = /^(.*\/)?\.([^/_]+)_(\d{14,17})\.log\.\d+/s;
const MOST_FILES = 2_000_000;
/** How many of the newest instants are asked for the schema. */
const SCHEMA_DEPTH = 20;

const META_COLUMNS: readonly ForeignColumn[] = [
  '_hoodie_commit_time',
  '_hoodie_commit_seqno',
  '_hoodie_record_key',
  '_hoodie_partition_path',
  '_hoodie_file_name',
].map((name) => ({ name, type: 'string' }));

const refuse = (folder: TableFolder, what: string) =>
  new LochError('unsupported', `The Hudi table \`${folder.location}\` ${what}.`, {
    context: { location: folder.location },
  });

/** **Errors**: `unsupported` naming what is not read. */
function checkProperties(folder: TableFolder, properties: HudiProperties, readOptimised: boolean): number {
  const version = Number(properties['hoodie.table.version'] ?? 0);
  if (!VERSIONS.includes(version)) {
    throw refuse(folder, `is of table version ${version}; read are ${VERSIONS.join(' and ')}`);
  }
  const type = properties['hoodie.table.type'] ?? 'COPY_ON_WRITE';
  if (type !== 'COPY_ON_WRITE' && !readOptimised) {
    throw refuse(folder, `is MERGE_ON_READ, whose log files are not merged; read its read-optimised view`);
  }
  const format = properties['hoodie.table.base.file.format'] ?? 'PARQUET';
  if (format.toUpperCase() !== 'PARQUET') throw refuse(folder, `has base files of format ${format}; PARQUET is read`);
  if ((properties['hoodie.bootstrap.base.path'] ?? '') !== '') {
    throw refuse(folder, 'was bootstrapped from other files, which are not read');
  }
  if (properties['hoodie.datasource.write.drop.partition.columns'] === 'true') {
    throw refuse(folder, 'leaves its partition columns out of its files, which is not read');
  }
  return version;
}

async function schemaOf(
  folder: TableFolder,
  properties: HudiProperties,
  instants: readonly Instant[],
): Promise<readonly ForeignColumn[]> {
  let schema: string | undefined;
  for (const instant of instants.slice(-SCHEMA_DEPTH).reverse()) {
    schema = (await writeFacts(folder, instant)).schema;
    if (schema !== undefined) break;
  }
  schema ??= properties['hoodie.table.create.schema'];
  if (schema === undefined) throw refuse(folder, 'has no instant that tells its schema');
  let columns: readonly ForeignColumn[];
  try {
    columns = columnsOfAvro(schema);
  } catch (error) {
    throw new LochError('data_corrupt', `The schema of the Hudi table \`${folder.location}\` cannot be read.`, {
      cause: error,
    });
  }
  if (properties['hoodie.populate.meta.fields'] === 'false') return columns;
  const known = new Set(columns.map((column) => column.name));
  return [...META_COLUMNS.filter((column) => !known.has(column.name)), ...columns];
}

/** The instant a state is of. **Errors**: `invalid_argument` when the timeline begins later. */
function wantedInstant(folder: TableFolder, instants: readonly Instant[], wanted: ForeignVersion): string | undefined {
  const stated =
    wanted.version ??
    (wanted.asOf === undefined ? undefined : new Date(wanted.asOf).toISOString().replace(/\D/g, '').slice(0, 17));
  if (stated === undefined) return instants.at(-1)?.time;
  if (!/^\d{14,17}$/.test(stated)) {
    throw new LochError('invalid_argument', `\`${stated}\` is no Hudi instant. Write it as yyyyMMddHHmmssSSS.`);
  }
  const found = instants.findLast((instant) => instant.time <= stated);
  if (found !== undefined) return found.time;
  throw new LochError(
    'invalid_argument',
    `\`${folder.location}\` has no instant at or before ${stated}; its timeline begins with ${instants[0]?.time ?? 'none'}.`,
    { context: { location: folder.location } },
  );
}

interface Slice {
  readonly path: string;
  readonly bytes: number;
  readonly time: string;
}

async function latestSlices(
  folder: TableFolder,
  complete: ReadonlySet<string>,
  first: string,
  until: string,
): Promise<Map<string, Slice>> {
  const slices = new Map<string, Slice>();
  for await (const { path, size } of folder.list('')) {
    if (path.startsWith('.hoodie/')) continue;
    if (LOG_FILE.test(path)) continue; // refused before, or left out of the read-optimised view
    const match = BASE_FILE.exec(path);
    if (match === null) continue;
    const [, partition = '', fileId, , time] = match as unknown as [string, string | undefined, string, string, string];
    if (time > until || !(complete.has(time) || time < first)) continue;
    const group = `${partition.replace(/\/$/, '')}\u0000${fileId}`;
    const known = slices.get(group);
    if (known === undefined || known.time < time) slices.set(group, { path, bytes: size, time });
    if (slices.size > MOST_FILES) {
      throw new LochError('limit_exceeded', `A Hudi table of more than ${MOST_FILES} files is not read.`);
    }
  }
  return slices;
}

/** **Errors**: see `ForeignTables.snapshot`. */
export async function readHudi(folder: TableFolder, wanted: ForeignVersion): Promise<ForeignSnapshot> {
  const properties = await hudiProperties(folder);
  const version = checkProperties(folder, properties, wanted.readOptimised === true);
  const all = await completedWrites(folder, version);
  const until = wantedInstant(folder, all, wanted);
  const instants = all.filter((instant) => until !== undefined && instant.time <= until);
  const columns = await schemaOf(folder, properties, instants.length === 0 ? all : instants);
  if (until === undefined) return { kind: 'hudi', version: '0', columns, partitionColumns: [], files: [] };
  const slices = await latestSlices(folder, new Set(instants.map(({ time }) => time)), all[0]!.time, until);
  for (const instant of instants.filter(({ action }) => action === 'replacecommit')) {
    const { replaced } = await writeFacts(folder, instant);
    for (const [partition, ids] of Object.entries(replaced)) {
      for (const id of ids) {
        const group = `${partition}\u0000${id}`;
        const slice = slices.get(group);
        if (slice !== undefined && slice.time <= instant.time) slices.delete(group);
      }
    }
  }
  const files = [...slices.values()].map(
    ({ path, bytes }): ForeignFile => ({ path: folder.address(path), bytes, partition: {} }),
  );
  return { kind: 'hudi', version: until, columns, partitionColumns: [], files };
}
