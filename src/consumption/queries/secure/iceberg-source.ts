/**
 * The live rows of an Iceberg snapshot as a table.
 *
 * Invariants
 * - Columns are found by field id. Only a table whose schema never changed, and whose names no writer has to escape, is
 *   read by name: it is the same there, and lets the engine use the files' statistics.
 * - Inside nested columns that have changed, and in files without ids, the file's own columns decide.
 * - Position deletes apply to their file, equality deletes to the rows of their file that are equal in the named
 *   fields (NULL equals NULL). **Source**: Iceberg specification v2, "Row-level deletes".
 */
import { LochError } from '../../../core/errors.ts';
import type { FileField, IcebergField, IcebergSchema, TableMetadata } from '../../../storage/contract.ts';
import { sqlName, sqlString, sqlStrings } from '../../../core/sql-text.ts';
import { carriedType, engineTypeOfIceberg } from './engine-types.ts';
import type { ScanSource, SourceColumn } from './secured-scan.ts';
import { byShape, shapedRead } from './shaped-read.ts';

/** A data file as it lies in the statement's folder. */
export interface LocalFile {
  readonly path: string;
  /** `s3://bucket/key`. */
  readonly location: string;
  readonly deletes: readonly {
    readonly path: string;
    readonly kind: 'position' | 'equality';
    readonly fieldIds: readonly number[];
  }[];
  /** What the file really has, where neither names nor ids alone tell. */
  readonly fields?: readonly FileField[] | undefined;
  /** Its number among the files of a scan whose rows are told apart. */
  readonly number?: number;
  /** A local file of one position a line: the rows that a deletion vector takes away. */
  readonly deletedRows?: string | undefined;
  readonly lineage?: { readonly firstRowId?: number; readonly sequenceNumber: number } | undefined;
}

/** Beside the table's columns: the number of a row's file in the scan, and the row's place in the file, from 0. */
export const ROW_FILE = '_loch_file';
export const ROW_PLACE = '_loch_row';

const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const inner = (field: IcebergField) => `_f${field.id}`;

/** The schema of the snapshot travelled to, or without one the table's current schema. */
export function schemaOf(metadata: TableMetadata, snapshotId: string | undefined): IcebergSchema {
  const snapshot = metadata.snapshots.find((s) => s['snapshot-id'] === snapshotId);
  const id = snapshot?.['schema-id'] ?? metadata['current-schema-id'];
  const schema = metadata.schemas.find((s) => s['schema-id'] === id);
  if (schema === undefined) throw new LochError('data_corrupt', `The table metadata lacks its schema ${id}.`);
  return schema;
}

/** Columns of a snapshot: named as then, granted as now; columns of today that it lacks are there for filters. */
export function icebergColumns(metadata: TableMetadata, snapshotId: string | undefined): SourceColumn[] {
  const then = schemaOf(metadata, snapshotId);
  const now = schemaOf(metadata, undefined);
  const nameNow = new Map(now.fields.map((field) => [field.id, field.name]));
  const known = new Set(then.fields.map((field) => field.id));
  return [
    ...then.fields.map((field) => column(field, nameNow.get(field.id), false)),
    ...now.fields.filter((field) => !known.has(field.id)).map((field) => column(field, field.name, true)),
  ];
}

function column(field: IcebergField, policyName: string | undefined, hidden: boolean): SourceColumn {
  const base = { inner: inner(field), name: field.name, policyName, type: engineTypeOfIceberg(field.type) };
  return hidden ? { ...base, hidden } : base;
}

/** Reserved fields of version 3. **Source**: Iceberg specification, "Reserved Field IDs". */
const ROW_ID: IcebergField = { id: 2_147_483_540, name: '_row_id', required: false, type: 'long' };
const LAST_CHANGED: IcebergField = {
  id: 2_147_483_539,
  name: '_last_updated_sequence_number',
  required: false,
  type: 'long',
};
const LINEAGE = [ROW_ID, LAST_CHANGED];

/** Whether a column is one of row lineage, which no schema names. */
export const isLineage = ({ inner: name }: SourceColumn): boolean => LINEAGE.some((field) => inner(field) === name);

/**
 * The columns of row lineage that a statement may name: of a table of version 3, unless columns of its own are so
 * called. They are no part of `*`, so that a statement gets them only where it names one.
 */
export function lineageColumns(metadata: TableMetadata, named: (name: string) => boolean): SourceColumn[] {
  if (metadata['format-version'] < 3 || !LINEAGE.some((field) => named(field.name))) return [];
  const taken = new Set(metadata.schemas.flatMap((schema) => schema.fields.map((field) => field.name.toLowerCase())));
  return LINEAGE.filter((field) => !taken.has(field.name)).map((field) => column(field, undefined, false));
}

/**
 * The rows of `files` with every field of the snapshot's and of today's schema. With `identified`, each row says which
 * it is (`ROW_FILE`, `ROW_PLACE`), and every file has its `number`; with `lineage`, what row lineage tells of it.
 */
export function icebergSource(
  metadata: TableMetadata,
  snapshotId: string | undefined,
  files: readonly LocalFile[],
  { identified = false, lineage = false }: { readonly identified?: boolean; readonly lineage?: boolean } = {},
): ScanSource {
  const columns = [...icebergColumns(metadata, snapshotId), ...(identified ? ROW_IDENTITY : [])];
  const then = schemaOf(metadata, snapshotId).fields;
  const all = [
    ...then,
    ...schemaOf(metadata, undefined).fields.filter((now) => !then.some((field) => field.id === now.id)),
    ...(lineage ? LINEAGE : []),
  ];
  const empty = (field: IcebergField) => `CAST(NULL AS ${engineTypeOfIceberg(field.type)}) AS ${sqlName(inner(field))}`;
  if (files.length === 0) {
    const list = all.map(empty);
    if (identified) list.push(`CAST(NULL AS BIGINT) AS ${ROW_FILE}`, `CAST(NULL AS BIGINT) AS ${ROW_PLACE}`);
    return { sql: `SELECT ${list.join(', ')} WHERE false`, columns };
  }
  const fields = all.filter((field) => carriedType(field.type) === undefined);
  const byName = !lineage && metadata.schemas.length === 1 && fields.every((field) => PLAIN_NAME.test(field.name));
  const alone = (file: LocalFile) => lineage || file.deletes.length > 0 || file.deletedRows !== undefined;
  const whole = files.filter((file) => !alone(file) && file.fields === undefined);
  const shaped = byShape(files.filter((file) => !alone(file) && file.fields !== undefined));
  const parts = files.filter(alone).map((file) => withDeletes(file, fields, byName, identified));
  for (const group of shaped) {
    const paths = group.map((file) => file.path);
    const identity = identified ? identityOf(group) : undefined;
    parts.push(shapedRead(paths, group[0]!.fields!, fields, { numbered: false, names: inner, identity }));
  }
  if (whole.length > 0) {
    parts.unshift(
      read(
        whole.map((f) => f.path),
        fields,
        byName,
        { identity: identified ? identityOf(whole) : undefined },
      ),
    );
  }
  const sql = parts.length === 1 ? parts[0]! : parts.map((part) => `(${part})`).join(' UNION ALL ');
  if (fields.length === all.length) return { sql, columns };
  const list = all.map((field) => (fields.includes(field) ? sqlName(inner(field)) : empty(field)));
  if (identified) list.push(ROW_FILE, ROW_PLACE);
  return { sql: `SELECT ${list.join(', ')} FROM (${sql}) AS "_r"`, columns };
}

/** The columns of `ROW_FILE` and `ROW_PLACE`: no grant names them. */
export const ROW_IDENTITY: readonly SourceColumn[] = [ROW_FILE, ROW_PLACE].map((name) => ({
  inner: name,
  name,
  policyName: undefined,
  type: 'BIGINT',
}));

/** Expressions of a reader's own columns that say which row it is. */
function identityOf(files: readonly LocalFile[]): string {
  const number = `CAST([${files.map((file) => file.number!).join(', ')}][CAST(file_index AS BIGINT) + 1] AS BIGINT)`;
  return `, ${number} AS ${ROW_FILE}, file_row_number AS ${ROW_PLACE}`;
}

function read(
  paths: readonly string[],
  fields: readonly IcebergField[],
  byName: boolean,
  how: { readonly numbered?: boolean; readonly identity?: string | undefined },
  names: (field: IcebergField) => string = inner,
): string {
  const number = `${how.numbered === true ? ', file_row_number' : ''}${how.identity ?? ''}`;
  const options = how.numbered === true ? ', file_row_number = true' : '';
  if (fields.length === 0) {
    return `SELECT 1 AS "_one"${number} FROM read_parquet(${sqlStrings(paths)}, hive_partitioning = false${options})`;
  }
  if (byName) {
    const list = fields.map(
      (f) => `CAST(${sqlName(f.name)} AS ${engineTypeOfIceberg(f.type)}) AS ${sqlName(names(f))}`,
    );
    return `SELECT ${list.join(', ')}${number} FROM read_parquet(${sqlStrings(paths)}, hive_partitioning = false${options})`;
  }
  const map = fields.map(
    (f) =>
      `${f.id}: {name: ${sqlString(names(f))}, type: ${sqlString(engineTypeOfIceberg(f.type))}, default_value: NULL}`,
  );
  const list = fields.map((f) => sqlName(names(f)));
  return `SELECT ${list.join(', ')}${number} FROM read_parquet(${sqlStrings(paths)}, schema = MAP {${map.join(', ')}}, hive_partitioning = false${options})`;
}

function withDeletes(file: LocalFile, fields: readonly IcebergField[], byName: boolean, identified: boolean): string {
  const conditions: string[] = [];
  const positions = file.deletes.filter((d) => d.kind === 'position').map((d) => d.path);
  if (positions.length > 0) {
    conditions.push(
      `file_row_number NOT IN (SELECT pos FROM read_parquet(${sqlStrings(positions)}, hive_partitioning = false) WHERE file_path = ${sqlString(file.location)} AND pos IS NOT NULL)`,
    );
  }
  if (file.deletedRows !== undefined) {
    const rows = `read_csv(${sqlString(file.deletedRows)}, auto_detect = false, header = false, columns = {'pos': 'BIGINT'}, compression = 'uncompressed', hive_partitioning = false)`;
    conditions.push(`file_row_number NOT IN (SELECT pos FROM ${rows})`);
  }
  for (const { path, fieldIds } of file.deletes.filter((d) => d.kind === 'equality')) {
    const keys = fieldIds.map((id) => {
      const field = fields.find((f) => f.id === id);
      if (field === undefined) {
        throw new LochError(
          'unsupported',
          `An equality delete names the dropped field ${id}. Compact the table first.`,
        );
      }
      return field;
    });
    const equal = keys.map((f) => `"_d".${sqlName(inner(f))} IS NOT DISTINCT FROM "_e".${sqlName(`_e${f.id}`)}`);
    const rows = read([path], keys, false, {}, (f) => `_e${f.id}`);
    conditions.push(`NOT EXISTS (SELECT 1 FROM (${rows}) AS "_e" WHERE ${equal.join(' AND ')})`);
  }
  const list = fields.map((f) => lineageValue(f, file));
  if (identified) list.push(`CAST(${file.number!} AS BIGINT) AS ${ROW_FILE}`, `file_row_number AS ${ROW_PLACE}`);
  const rows =
    file.fields === undefined
      ? read([file.path], fields, byName, { numbered: true })
      : shapedRead([file.path], file.fields, fields, { numbered: true, names: inner });
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  return `SELECT ${list.length === 0 ? '1 AS "_one"' : list.join(', ')} FROM (${rows}) AS "_d"${where}`;
}

/** A field's value; of row lineage what the row tells, else what it inherits from its file. */
function lineageValue(field: IcebergField, { lineage }: LocalFile): string {
  const name = sqlName(inner(field));
  if (field === ROW_ID && lineage?.firstRowId !== undefined) {
    return `coalesce(${name}, ${lineage.firstRowId} + file_row_number) AS ${name}`;
  }
  if (field === LAST_CHANGED && lineage !== undefined) return `coalesce(${name}, ${lineage.sequenceNumber}) AS ${name}`;
  return name;
}
