/**
 * Makes the files of a bound statement readable in the statement's own folder, and writes the scans over them.
 *
 * Invariants
 * - Files are hard links (or copies cut from segments): nothing that happens to the objects meanwhile changes the answer.
 * - The engine is allowed exactly these paths.
 */
import type { RequestContext } from '../../core/caller.ts';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TableScan } from '../../catalog/contract.ts';
import { LochError } from '../../core/errors.ts';
import { type FileColumns, formatS3Uri, parseS3Uri, type TableMetadata } from '../../storage/contract.ts';
import type { BoundSource, BoundStatement, BoundTable } from './bind/bind-statement.ts';
import type { SystemTable } from './bind/system-tables.ts';
import type { QueryPathDeps } from './deps.ts';
import { objectScanSql } from './object-scan.ts';
import type { RenderedStatement } from './rewrite-statement.ts';
import { carriedType } from './secure/engine-types.ts';
import { touchedColumns } from './secure/file-columns.ts';
import { fileSource } from './secure/file-source.ts';
import { foreignSource, type LocalForeignFile } from './secure/foreign-source.ts';
import { icebergSource, isLineage, type LocalFile } from './secure/iceberg-source.ts';
import type { MaskSalts } from './secure/mask-sql.ts';
import { type ScanSource, securedScanSql } from './secure/secured-scan.ts';
import { sqlName, sqlString } from '../../core/sql-text.ts';
import { stageScanSql } from './stage-scan.ts';

/** A statement ready for the engine. */
export interface MaterializedStatement extends RenderedStatement {
  readonly inputs: readonly string[];
  /** Local paths and what they stand for, to keep them out of messages. */
  readonly names: ReadonlyMap<string, string>;
}

/** **Errors**: `object_not_found` when a file of a table is gone. */
export async function materialize(
  deps: QueryPathDeps,
  statement: BoundStatement,
  salts: MaskSalts,
  place: { readonly directory: string; readonly caller: RequestContext },
): Promise<MaterializedStatement> {
  const files = new FolderOfFiles(deps, place);
  const rendered = await render(statement, salts, files);
  return { ...rendered, inputs: files.paths, names: files.names };
}

/** The same statement over tables without rows, filters and files: for telling errors that depend on no row. */
export function renderEmpty(statement: BoundStatement): RenderedStatement {
  return statement.template(statement.sources.map(emptyScan));
}

function emptyScan(source: BoundSource): string {
  switch (source.kind) {
    case 'table':
    case 'view': {
      const { shape } = source;
      const visible = shape.kind === 'full' ? undefined : new Set(shape.columns.map((name) => name.toLowerCase()));
      const list = source.columns
        .filter((c) => c.hidden !== true && (visible?.has(c.policyName?.toLowerCase() ?? '') ?? true))
        .map((c) => `CAST(NULL AS ${c.type}) AS ${sqlName(c.name)}`);
      return `SELECT ${list.length === 0 ? 'NULL AS "_none"' : list.join(', ')} WHERE false`;
    }
    case 'system':
      return emptySystemScan(source.table);
    case 'objects':
    case 'stage':
      return 'SELECT 1 WHERE false';
  }
}

function emptySystemScan({ columns }: SystemTable): string {
  return `SELECT ${columns.map((c) => `CAST(NULL AS ${c.type}) AS ${sqlName(c.name)}`).join(', ')} WHERE false`;
}

/** Numbers the sub-folders of one statement and remembers what was put in them: a table read twice is opened once. */
class FolderOfFiles {
  readonly paths: string[] = [];
  readonly names = new Map<string, string>();
  readonly #opened = new Map<string, string>();
  readonly #deps: QueryPathDeps;
  readonly #directory: string;
  /** Whose keys open encrypted files. */
  readonly #caller: RequestContext;
  #next = 0;

  constructor(
    deps: QueryPathDeps,
    { directory, caller }: { readonly directory: string; readonly caller: RequestContext },
  ) {
    this.#deps = deps;
    this.#directory = directory;
    this.#caller = caller;
  }

  async open(
    refs: readonly { readonly bucket: string; readonly key: string }[],
    columns?: FileColumns,
  ): Promise<readonly string[]> {
    // A file that was opened for some columns may have holes where others are.
    const part = columns === undefined ? '' : JSON.stringify([columns.names, columns.fieldIds]);
    const keyOf = (ref: { readonly bucket: string; readonly key: string }) => `${formatS3Uri(ref)} ${part}`;
    const missing = refs.filter((ref) => !this.#opened.has(keyOf(ref)));
    if (missing.length > 0) {
      const how = { caller: this.#caller };
      const paths = await this.#deps.objects.openFiles(missing, await this.folder(), columns, how);
      paths.forEach((path, i) => {
        const ref = missing[i]!;
        this.#opened.set(keyOf(ref), path);
        this.paths.push(path);
        this.names.set(path, formatS3Uri(ref));
      });
    }
    return refs.map((ref) => this.#opened.get(keyOf(ref))!);
  }

  async write(name: string, text: string): Promise<string> {
    const path = join(await this.folder(), `${name}.json`);
    await writeFile(path, text);
    this.paths.push(path);
    this.names.set(path, name);
    return path;
  }

  allow(paths: readonly string[], name: string): void {
    for (const path of paths) {
      this.paths.push(path);
      this.names.set(path, name);
    }
  }

  async folder(): Promise<string> {
    const folder = join(this.#directory, String(this.#next++));
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return folder;
  }
}

async function render(statement: BoundStatement, salts: MaskSalts, files: FolderOfFiles): Promise<RenderedStatement> {
  const scans: string[] = [];
  for (const source of statement.sources) scans.push(await scanOf(source, salts, files));
  return statement.template(scans);
}

async function scanOf(source: BoundSource, salts: MaskSalts, files: FolderOfFiles): Promise<string> {
  switch (source.kind) {
    case 'table':
      return securedScanSql(await tableSource(source, files), source.shape, salts);
    case 'view': {
      const { sql } = await render(source.body, salts, files);
      return securedScanSql(viewSource(sql, source.columns), source.shape, salts);
    }
    case 'objects':
      return objectScanSql(source.input, await files.open(source.input.objects));
    case 'stage':
      files.allow(source.input.files, source.input.name);
      return stageScanSql(source.input);
    case 'system':
      return systemScan(source.table, files);
  }
}

async function tableSource(bound: BoundTable, files: FolderOfFiles): Promise<ScanSource> {
  const { table, scan, columns, travelledTo } = bound;
  // Names in files of foreign formats are those of their own logs.
  const paths = await files.open(scan.files, scan.foreign === undefined ? touchedColumns(bound) : undefined);
  if (scan.foreign !== undefined) {
    const local: LocalForeignFile[] = [];
    for (const [i, file] of scan.files.entries()) {
      const deleted = file.deletedRows;
      local.push({
        path: paths[i]!,
        partition: file.partition,
        ...(deleted === undefined || deleted.length === 0 ? {} : { deletedRows: await positions(deleted, files) }),
      });
    }
    return foreignSource(table.record, scan.foreign, local);
  }
  if (table.metadata === undefined) {
    const local = scan.files.map((file, i) => ({ ...file, path: paths[i]! }));
    return fileSource(table.record, local);
  }
  assertReadable(bound, table.metadata);
  const deletes = await openDeletes(scan.files, files);
  const local: LocalFile[] = [];
  for (const [i, file] of scan.files.entries()) {
    local.push({
      path: paths[i]!,
      location: formatS3Uri(file),
      deletes: (file.deletes ?? []).map((d) => ({ ...d, path: deletes.get(d.path)! })),
      fields: file.fields,
      number: i,
      lineage: file.lineage,
      ...(file.deletedRows === undefined ? {} : { deletedRows: await positions(file.deletedRows, files) }),
    });
  }
  const source = icebergSource(table.metadata, travelledTo, local, {
    identified: bound.changed !== undefined,
    lineage: columns.some(isLineage),
  });
  return { ...source, columns };
}

const positions = (rows: readonly number[], files: FolderOfFiles): Promise<string> =>
  files.write('deleted rows', `${rows.join('\n')}\n`);

/** **Errors**: `unsupported` naming a column that the statement reads and whose type SQL here cannot. */
function assertReadable(bound: BoundTable, metadata: TableMetadata): void {
  const { fieldIds } = touchedColumns(bound);
  const known = new Map(metadata.schemas.flatMap((schema) => schema.fields.map((field) => [field.id, field])));
  for (const id of fieldIds) {
    const field = known.get(id);
    const type = field === undefined || field.type === 'unknown' ? undefined : carriedType(field.type);
    if (type === undefined) continue;
    throw new LochError(
      'unsupported',
      `Column \`${field!.name}\` of \`${bound.name.database}.${bound.name.table}\` has the type \`${type}\`, which SQL here does not read. Name the other columns.`,
      { context: { column: field!.name, type } },
    );
  }
}

async function openDeletes(scanned: TableScan['files'], files: FolderOfFiles): Promise<ReadonlyMap<string, string>> {
  const locations = [...new Set(scanned.flatMap((file) => (file.deletes ?? []).map((d) => d.path)))];
  const paths = await files.open(locations.map((location) => parseS3Uri(location)));
  return new Map(locations.map((location, i) => [location, paths[i]!]));
}

/** A view's rows under the names and types its record gives them, by position. */
function viewSource(sql: string, columns: ScanSource['columns']): ScanSource {
  const names = columns.map((_, i) => `_v${i}`);
  const list = columns.map((c, i) => `CAST(${names[i]} AS ${c.type}) AS ${sqlName(c.inner)}`);
  return { sql: `SELECT ${list.join(', ')} FROM (${sql}) AS "_w"(${names.join(', ')})`, columns };
}

async function systemScan(table: SystemTable, files: FolderOfFiles): Promise<string> {
  if (table.rows.length === 0) return emptySystemScan(table);
  const path = await files.write(table.name, table.rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const columns = table.columns.map((c) => `${sqlString(c.name)}: ${sqlString(c.type)}`).join(', ');
  return `SELECT * FROM read_json(${sqlString(path)}, format = 'newline_delimited', columns = {${columns}}, maximum_object_size = 33554432, compression = 'uncompressed', hive_partitioning = false)`;
}
