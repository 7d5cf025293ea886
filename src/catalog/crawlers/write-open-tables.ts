/** Tables that their own metadata describes (Iceberg, Delta, Hudi), registered where a crawl met their roots. */
import { LochError } from '../../core/errors.ts';
import type { ForeignKind } from '../../storage/contract.ts';
import type { TableInput, TableRecord } from '../contract.ts';
import { createTable } from '../databases/create-table.ts';
import { describeForeign, READ_OPTIMISED } from '../databases/foreign-tables.ts';
import { inputOf } from '../databases/table-definition.ts';
import { updateTable } from '../databases/update-table.ts';
import type { Crawl, CrawlerParts } from './crawler-parts.ts';
import { UPDATED_BY } from './describe-table.ts';
import type { OpenTable } from './group-tables.ts';
import { counted } from './run-counts.ts';

const METADATA_FILE = /\/(?:v(\d+)|(\d+)-[^/]*)\.metadata\.json(?:\.gz)?$/;
const MOST_METADATA_FILES = 100_000;

/** The newest metadata file below a table's folder, by the number in its name. */
async function newestMetadata(parts: CrawlerParts, bucket: string, path: string): Promise<string> {
  let newest: { readonly number: number; readonly key: string } | undefined;
  let startAfter: string | undefined;
  let seen = 0;
  do {
    const page = await parts.objects.list(bucket, {
      prefix: `${path}metadata/`,
      maxKeys: 1000,
      ...(startAfter === undefined ? {} : { startAfter }),
    });
    for (const { key } of page.objects) {
      const match = METADATA_FILE.exec(key);
      const number = match === null ? -1 : Number(match[1] ?? match[2]);
      if (number >= 0 && (newest === undefined || number >= newest.number)) newest = { number, key };
    }
    seen += page.objects.length;
    startAfter = page.next;
  } while (startAfter !== undefined && seen < MOST_METADATA_FILES);
  if (newest === undefined) {
    throw new LochError(
      'data_corrupt',
      `\`s3://${bucket}/${path}metadata/\` has no metadata file that a version names.`,
    );
  }
  return `s3://${bucket}/${newest.key}`;
}

/** Writes one open table. `before` is the crawler's own table of that name and place. */
export async function writeOpenTable(
  parts: CrawlerParts,
  crawl: Crawl,
  table: OpenTable & { readonly bucket: string; readonly name: string; readonly readOptimised: boolean },
  before: TableRecord | undefined,
): Promise<void> {
  const { definition } = crawl.stored;
  const location = `s3://${table.bucket}/${table.path.replace(/\/+$/, '')}`;
  const marks = { [UPDATED_BY]: definition.name, classification: table.kind };
  let input: TableInput;
  if (table.kind === 'iceberg') {
    const metadata = await newestMetadata(parts, table.bucket, table.path);
    if (before?.metadataLocation === metadata) return;
    input = {
      name: table.name,
      columns: [],
      tableType: 'EXTERNAL_TABLE',
      storage: { location, serdeParameters: {} },
      parameters: { ...marks, table_type: 'ICEBERG', metadata_location: metadata },
    };
  } else {
    input = {
      name: table.name,
      columns: [],
      tableType: 'EXTERNAL_TABLE',
      storage: { location, serdeParameters: {} },
      parameters: {
        ...marks,
        table_type: table.kind.toUpperCase(),
        'spark.sql.sources.provider': table.kind,
        ...(table.readOptimised ? { [READ_OPTIMISED]: 'true' } : {}),
      },
    };
  }
  if (before === undefined) {
    await createTable(parts)(crawl.context, definition.database, input, counted(crawl, { tablesCreated: 1 }));
    return;
  }
  if (table.kind === 'iceberg') {
    const next = { ...inputOf(before), parameters: { ...before.parameters, ...input.parameters } };
    await updateTable(parts)(crawl.context, definition.database, next, { expectedVersion: before.version });
    await parts.store.transact(
      counted(crawl, { tablesUpdated: 1 }, [`${definition.database}.${before.name} follows its newer metadata file.`]),
    );
    return;
  }
  await refreshForeign(parts, crawl, before);
}

/** A Delta or Hudi table's columns as its log has them now; words written by hand stay. */
async function refreshForeign(parts: CrawlerParts, crawl: Crawl, before: TableRecord): Promise<void> {
  const { definition } = crawl.stored;
  const own = await describeForeign(parts, before.format as ForeignKind, before.storage.location, before.parameters);
  const known = new Map([...before.columns, ...before.partitionKeys].map((column) => [column.name, column]));
  const kept = (columns: readonly TableRecord['columns'][number][]) =>
    columns.map((column) => ({ ...known.get(column.name), ...column, ...commentOf(known.get(column.name) ?? column) }));
  const columns = kept(own.columns);
  const partitionKeys = kept(own.partitionKeys);
  const same = JSON.stringify([columns, partitionKeys]) === JSON.stringify([before.columns, before.partitionKeys]);
  if (same) return;
  const name = `${definition.database}.${before.name}`;
  if (definition.schemaChange.update === 'LOG') {
    await parts.store.transact(
      counted(crawl, {}, [`${name} changed in its own log and was left as it is (schema change policy LOG).`]),
    );
    return;
  }
  await updateTable(parts)(
    crawl.context,
    definition.database,
    { ...inputOf(before), columns, partitionKeys },
    { expectedVersion: before.version },
    counted(crawl, { tablesUpdated: 1 }, [`${name} follows the schema of its own log.`]),
  );
}

const commentOf = (column: TableRecord['columns'][number]) =>
  column.comment === undefined ? {} : { comment: column.comment };
