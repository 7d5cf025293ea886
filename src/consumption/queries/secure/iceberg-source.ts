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
import { engineTypeOfIceberg } from './engine-types.ts';
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
}

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

/** The rows of `files` with every field of the snapshot's and of today's schema. */
export function icebergSource(
  metadata: TableMetadata,
  snapshotId: string | undefined,
  files: readonly LocalFile[],
): ScanSource {
  const columns = icebergColumns(metadata, snapshotId);
  const then = schemaOf(metadata, snapshotId).fields;
  const fields = [
    ...then,
    ...schemaOf(metadata, undefined).fields.filter((now) => !then.some((field) => field.id === now.id)),
  ];
  if (files.length === 0) {
    const list = fields.map((f) => `CAST(NULL AS ${engineTypeOfIceberg(f.type)}) AS ${sqlName(inner(f))}`);
    return { sql: `SELECT ${list.join(', ')} WHERE false`, columns };
  }
  const byName = metadata.schemas.length === 1 && fields.every((field) => PLAIN_NAME.test(field.name));
  const whole = files.filter((file) => file.deletes.length === 0 && file.fields === undefined);
  const shaped = byShape(files.filter((file) => file.deletes.length === 0 && file.fields !== undefined));
  const parts = files.filter((file) => file.deletes.length > 0).map((file) => withDeletes(file, fields, byName));
  for (const group of shaped) {
    const paths = group.map((file) => file.path);
    parts.push(shapedRead(paths, group[0]!.fields!, fields, { numbered: false, names: inner }));
  }
  if (whole.length > 0) {
    parts.unshift(
      read(
        whole.map((f) => f.path),
        fields,
        byName,
        false,
      ),
    );
  }
  return { sql: parts.length === 1 ? parts[0]! : parts.map((part) => `(${part})`).join(' UNION ALL '), columns };
}

function read(
  paths: readonly string[],
  fields: readonly IcebergField[],
  byName: boolean,
  numbered: boolean,
  names: (field: IcebergField) => string = inner,
): string {
  const number = numbered ? ', file_row_number' : '';
  const options = numbered ? ', file_row_number = true' : '';
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

function withDeletes(file: LocalFile, fields: readonly IcebergField[], byName: boolean): string {
  const conditions: string[] = [];
  const positions = file.deletes.filter((d) => d.kind === 'position').map((d) => d.path);
  if (positions.length > 0) {
    conditions.push(
      `file_row_number NOT IN (SELECT pos FROM read_parquet(${sqlStrings(positions)}, hive_partitioning = false) WHERE file_path = ${sqlString(file.location)} AND pos IS NOT NULL)`,
    );
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
    const rows = read([path], keys, false, false, (f) => `_e${f.id}`);
    conditions.push(`NOT EXISTS (SELECT 1 FROM (${rows}) AS "_e" WHERE ${equal.join(' AND ')})`);
  }
  const list = fields.map((f) => sqlName(inner(f))).join(', ');
  const rows =
    file.fields === undefined
      ? read([file.path], fields, byName, true)
      : shapedRead([file.path], file.fields, fields, { numbered: true, names: inner });
  return `SELECT ${list} FROM (${rows}) AS "_d" WHERE ${conditions.join(' AND ')}`;
}
