/**
 * New folders as partitions of tables that are there: a folder below a table's location, as deep as its keys, whose files
 * fit the table. What fits no table is grouped as a crawl of everything groups it.
 */
import { isLochError, toLochError } from '../../core/errors.ts';
import type { PartitionRecord, TableRecord } from '../contract.ts';
import { createPartitions, deletePartitions, updatePartition } from '../databases/change-partitions.ts';
import { partitionValue } from './group-tables.ts';
import { folderOf } from '../databases/rows.ts';
import { updateTable } from '../databases/update-table.ts';
import { inputOf } from '../databases/table-definition.ts';
import type { Classified } from './classified.ts';
import { type Crawl, type CrawlerParts, checkGoing, placeOf } from './crawler-parts.ts';
import { columnsOf } from './describe-table.ts';
import type { Folder } from './folder.ts';
import { ownTables } from './incremental.ts';
import { mergeDrift } from './merge-drift.ts';
import { counted } from './run-counts.ts';
import { partitionsOf } from './write-partitions.ts';

type NewPartition = Omit<PartitionRecord, 'createdAt'>;

interface Home {
  readonly table: TableRecord;
  readonly values: readonly string[];
}

/** The table below whose location a folder lies as deep as its partition keys, with its values. */
function homeOf(tables: readonly TableRecord[], location: string): Home | undefined {
  for (const table of tables) {
    const root = folderOf(table.storage.location);
    if (table.partitionKeys.length === 0 || !location.startsWith(`${root}/`)) continue;
    const segments = location
      .slice(root.length + 1)
      .split('/')
      .filter((segment) => segment !== '');
    if (segments.length !== table.partitionKeys.length) continue;
    const values = segments.map((segment, level) => {
      const match = /^([^=/]+)=(.*)$/s.exec(segment);
      const bare = /^partition_\d+$/.test(table.partitionKeys[level]!.name);
      if (bare) return match === null ? segment : undefined;
      return match?.[1]?.toLowerCase() === table.partitionKeys[level]!.name ? partitionValue(match[2]!) : undefined;
    });
    if (values.every((value) => value !== undefined)) return { table, values: values as string[] };
  }
  return undefined;
}

const fits = (table: TableRecord, classified: Classified): boolean =>
  table.parameters.classification === (classified.classification ?? classified.format) &&
  (classified.csv === undefined || table.parameters.delimiter === classified.csv.delimiter);

/**
 * Adds, changes and removes partitions by the folders. Returns the folders that are left: `rest` to be grouped with one
 * another, `apart` those inside of a table that they do not fit, each to be a table of its own.
 */
export async function attachFolders(
  parts: CrawlerParts,
  crawl: Crawl,
  folders: readonly Folder[],
): Promise<{
  readonly rest: readonly Folder[];
  readonly apart: readonly Folder[];
  readonly failures: readonly string[];
}> {
  const { definition } = crawl.stored;
  const tables = await ownTables(parts, crawl);
  const rest: Folder[] = [];
  const apart: Folder[] = [];
  const failures: string[] = [];
  const byTable = new Map<TableRecord, { values: readonly string[]; folder: Folder; location: string }[]>();
  for (const folder of folders) {
    const { bucket } = placeOf(definition.targets[folder.target]!);
    const location = `s3://${bucket}/${folder.path}`;
    const home = homeOf(tables, location);
    const finding = folder.finding;
    const empty = Object.keys(folder.byExtension).length === 0;
    const own = tables.find((table) => folderOf(table.storage.location) === folderOf(location));
    if (home !== undefined && (empty || (finding?.kind === 'one' && fits(home.table, finding.classified)))) {
      const some = byTable.get(home.table) ?? [];
      some.push({ values: home.values, folder, location });
      byTable.set(home.table, some);
    } else if (empty && own === undefined) {
    } else if (
      own === undefined &&
      tables.some((table) => location.startsWith(`${folderOf(table.storage.location)}/`))
    ) {
      apart.push(folder);
    } else {
      rest.push(folder);
    }
  }
  for (const [table, some] of byTable) {
    checkGoing(crawl);
    try {
      await attach(parts, crawl, table, some);
    } catch (error) {
      if (isLochError(error, 'statement_cancelled')) throw error;
      failures.push(`${table.database}.${table.name}: ${toLochError(error).message}`);
    }
  }
  return { rest, apart, failures };
}

async function attach(
  parts: CrawlerParts,
  crawl: Crawl,
  table: TableRecord,
  some: readonly { readonly values: readonly string[]; readonly folder: Folder; readonly location: string }[],
): Promise<void> {
  const { schemaChange } = crawl.stored.definition;
  const name = { database: table.database, table: table.name };
  const known = await partitionsOf(parts, table);
  const added: NewPartition[] = [];
  const gone: (readonly string[])[] = [];
  let current = table;
  for (const { values, folder, location } of some) {
    const before = known.get(JSON.stringify(values));
    const { finding } = folder;
    if (finding?.kind !== 'one') {
      if (before !== undefined) gone.push(values);
      continue;
    }
    const columns = columnsOf(finding.classified);
    if (schemaChange.update === 'UPDATE_IN_DATABASE') current = await grow(parts, crawl, current, columns);
    const groups = Object.values(folder.byExtension);
    const sum = (count: (group: (typeof groups)[number]) => number) => groups.reduce((n, group) => n + count(group), 0);
    const misplaced =
      finding.classified.format === 'csv' &&
      columns.some((column, position) => column.name !== current.columns[position]?.name);
    const partition: NewPartition = {
      values,
      location,
      parameters: { objectCount: String(sum((group) => group.objects)), sizeKey: String(sum((group) => group.bytes)) },
      ...(misplaced ? { columns } : {}),
    };
    if (before === undefined) added.push(partition);
    else {
      const parameters = { ...before.parameters, ...partition.parameters };
      await updatePartition(parts)(crawl.context, name, values, { ...partition, parameters });
    }
  }
  if (added.length > 0) {
    const counts = counted(crawl, { partitionsAdded: added.length });
    await createPartitions(parts)(crawl.context, name, added, { ifNotExists: true }, counts);
  }
  if (gone.length === 0) return;
  const what = `${name.database}.${name.table}: the data of ${gone.length} partitions is gone`;
  if (schemaChange.delete === 'DELETE_FROM_DATABASE') {
    await deletePartitions(parts)(crawl.context, name, gone, counted(crawl, {}, [`${what}; they were deleted.`]));
  } else {
    await parts.store.transact(counted(crawl, {}, [`${what}; they were left (policy ${schemaChange.delete}).`]));
  }
}

/** The table with the new columns that a folder brings. */
async function grow(
  parts: CrawlerParts,
  crawl: Crawl,
  table: TableRecord,
  found: TableRecord['columns'],
): Promise<TableRecord> {
  const names = new Set(table.columns.map((column) => column.name));
  if (found.every((column) => names.has(column.name))) return table;
  const input = { ...inputOf(table), columns: found };
  const drift = mergeDrift(table, input, true);
  if (drift.kind !== 'changed') return table;
  return updateTable(parts)(
    crawl.context,
    table.database,
    drift.input,
    { expectedVersion: table.version },
    counted(crawl, { tablesUpdated: 1 }, [`${table.database}.${table.name} changed: ${drift.what}.`]),
  );
}
