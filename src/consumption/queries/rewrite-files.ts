/**
 * The live rows of a group of data files as new files: what compaction writes.
 *
 * Invariants
 * - Policy is asked before any file is touched, and everything but the whole table in clear is refused: rows that a
 *   filter hides would be lost with the files they are in.
 * - Files are written under the table's current schema and spec, whatever they were written under before.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { glueArn } from '../../core/arn.ts';
import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import { sqlName } from '../../core/sql-text.ts';
import type { FileRewriter } from '../../processing/contract.ts';
import {
  type CompactionGroup,
  type DataFile,
  parseS3Uri,
  type TableFormat,
  type TableMetadata,
} from '../../storage/contract.ts';
import type { QueryPathDeps } from './deps.ts';
import { icebergSource, schemaOf } from './secure/iceberg-source.ts';

/** The rewriter over the query path's parts. */
export function createFileRewriter(
  deps: Pick<QueryPathDeps, 'policy' | 'audit' | 'engine' | 'objects' | 'statementDirectory'> & {
    readonly tables: TableFormat;
  },
): FileRewriter {
  return async (context, table, group, { name, sorted }) => {
    const { record } = table;
    const metadata = table.metadata!;
    const shape = await deps.policy.tableShape(
      context,
      { database: record.database, table: record.name },
      record.columns,
    );
    if (shape.kind !== 'full') {
      throw new LochError(
        'access_denied',
        `\`${record.database}.${record.name}\` is filtered for \`${context.principal.arn}\`: rows that are hidden from it would be lost. Let a role with SELECT on the whole table compact it.`,
        { context: { table: record.name, principal: context.principal.arn } },
      );
    }
    const folder = join(deps.statementDirectory, newId());
    await mkdir(folder, { recursive: true, mode: 0o700 });
    try {
      const files = await write(deps, context.signal, metadata, group, folder, sorted);
      await deps.audit.recordData(context, [
        {
          eventSource: 'glue.amazonaws.com',
          eventName: 'CompactTable',
          resource: glueArn(context.region, context.accountId, `table/${record.database}/${record.name}`),
          rows: files.reduce((sum, file) => sum + file.rows, 0),
          bytes: group.bytes,
          snapshotId: group.basedOn,
        },
      ]);
      const { bucket, key } = parseS3Uri(metadata.location);
      const adopted: DataFile[] = [];
      for (const [i, file] of files.entries()) {
        const object = `${key.replace(/\/+$/, '')}/data/${name}-${i}.parquet`;
        await deps.objects.put(bucket, object, { adoptFile: file.path }, { operation: 'TableWrite' });
        adopted.push(deps.tables.dataFile(metadata, file, `s3://${bucket}/${object}`));
      }
      return adopted;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}

async function write(
  deps: Pick<QueryPathDeps, 'engine' | 'objects'> & { readonly tables: TableFormat },
  signal: AbortSignal,
  metadata: TableMetadata,
  group: CompactionGroup,
  folder: string,
  sorted: boolean,
) {
  const open = async (part: string, locations: readonly string[]) => {
    if (locations.length === 0) return [];
    const target = join(folder, part);
    await mkdir(target, { recursive: true, mode: 0o700 });
    return deps.objects.openFiles(locations.map(parseS3Uri), target);
  };
  const deletes = [...new Set(group.files.flatMap((file) => file.deletes.map(({ path }) => path)))];
  const dataPaths = await open(
    'data',
    group.files.map((file) => file.path),
  );
  const deletePaths = await open('deletes', deletes);
  const fields = await deps.tables.fileFields(metadata, group.files);
  const local = group.files.map((file, i) => ({
    ...(fields === undefined ? {} : { fields: fields[i]! }),
    path: dataPaths[i]!,
    location: file.path,
    deletes: file.deletes.map((one) => ({ ...one, path: deletePaths[deletes.indexOf(one.path)]! })),
  }));
  const layout = deps.tables.writeLayout(metadata);
  const { sql } = icebergSource(metadata, undefined, local);
  const columns = schemaOf(metadata, undefined).fields.map(
    (field) => `${sqlName(`_f${field.id}`)} AS ${sqlName(field.name)}`,
  );
  const order = sorted ? ` ORDER BY ${sortOrder(metadata)}` : '';
  const { files } = await deps.engine.execute(
    {
      sql: layout.select(`SELECT ${columns.join(', ')} FROM (${sql})${order}`),
      preamble: layout.preamble,
      inputs: [...dataPaths, ...deletePaths],
      settings: { TimeZone: 'UTC' },
      result: {
        kind: 'parquet',
        directory: join(folder, 'out'),
        fieldIds: layout.fieldIds,
        ...(layout.partitionBy.length === 0 ? {} : { partitionBy: layout.partitionBy, partitionColumnsInFiles: false }),
      },
      fairnessKey: 'maintenance',
    },
    signal,
  );
  return files;
}

interface SortField {
  readonly 'source-id': number;
  readonly transform: string;
  readonly direction: string;
  readonly 'null-order': string;
}

/** The table's sort order as the engine writes one. **Errors**: `unsupported` without one, or for a transform of it. */
function sortOrder(metadata: TableMetadata): string {
  const order = metadata['sort-orders'].find((one) => one['order-id'] === metadata['default-sort-order-id']);
  const fields = (order?.fields ?? []) as readonly SortField[];
  if (fields.length === 0) {
    throw new LochError(
      'unsupported',
      `The table at \`${metadata.location}\` has no sort order, which the strategy \`sort\` goes by. Set one, or use binpack.`,
      { context: { location: metadata.location } },
    );
  }
  return fields
    .map((field) => {
      if (field.transform !== 'identity') {
        throw new LochError(
          'unsupported',
          `Sorting by the transform \`${field.transform}\` is not supported. Use binpack.`,
        );
      }
      const direction = field.direction.toLowerCase() === 'desc' ? 'DESC' : 'ASC';
      const nulls = field['null-order'].toLowerCase().endsWith('last') ? 'LAST' : 'FIRST';
      const source = schemaOf(metadata, undefined).fields.find((one) => one.id === field['source-id']);
      if (source === undefined)
        throw new LochError('unsupported', 'Sorting by a column within another is not supported.');
      return `${sqlName(source.name)} ${direction} NULLS ${nulls}`;
    })
    .join(', ');
}
