/**
 * WRITING: the datasets as tables and partitions of the catalog, by the catalog's own use-cases and under the rights of
 * whom the crawler acts as. Each change counts in its own transaction; a repeat after a restart finds nothing to change.
 */
import { isLochError, LochError, toLochError } from '../../core/errors.ts';
import type { TableInput, TableRecord } from '../contract.ts';
import { createDatabase } from '../databases/create-database.ts';
import { createTable } from '../databases/create-table.ts';
import { deleteTable } from '../databases/delete-table.ts';
import { resolveTable } from '../databases/resolve-table.ts';
import { folderOf } from '../databases/rows.ts';
import databaseStore from '../databases/store.ts';
import { inputOf } from '../databases/table-definition.ts';
import { updateTable } from '../databases/update-table.ts';
import type { TableTarget } from './catalog-targets.ts';
import { type Crawl, type CrawlerParts, checkGoing, exclusionsOf, placeOf } from './crawler-parts.ts';
import { type Configuration, configurationOf } from './configuration.ts';
import {
  clashName,
  DEPRECATED_BY,
  type DescribedTable,
  describeTable,
  tableName,
  UPDATED_BY,
} from './describe-table.ts';
import { attachFolders } from './attach-folders.ts';
import type { Folder } from './folder.ts';
import { type Dataset, groupTables, type OpenTable } from './group-tables.ts';
import { isIncremental } from './incremental.ts';
import { savedFolders } from './list-folders.ts';
import { mergeDrift } from './merge-drift.ts';
import type { CrawlerDefinition } from './rows.ts';
import { counted } from './run-counts.ts';
import { writeOpenTable } from './write-open-tables.ts';
import { sourceTables } from './write-source-tables.ts';
import { writePartitions } from './write-partitions.ts';

/** What Glue's crawlers call the index they make. */
const INDEX_NAME = 'crawler_partition_index';
const PLAIN = { mergeNewColumns: false, partitionIndex: false };

interface Plan {
  readonly dataset: Dataset;
  readonly bucket: string;
  readonly exclusions: readonly string[];
  /** The table that a catalog target names. */
  readonly table?: string | undefined;
}

async function ensureDatabase(parts: CrawlerParts, crawl: Crawl): Promise<void> {
  const name = crawl.stored.definition.database.toLowerCase();
  if (parts.names.hasDatabase(name)) return;
  try {
    await createDatabase(parts)(crawl.context, { name });
  } catch (error) {
    if (!isLochError(error, 'already_exists')) throw error;
  }
}

async function existing(parts: CrawlerParts, crawl: Crawl, table: string): Promise<TableRecord | undefined> {
  try {
    const name = { database: crawl.stored.definition.database, table };
    if (parts.names.tableId({ database: name.database.toLowerCase(), table }) === undefined) return undefined;
    return (await resolveTable(parts)(crawl.context, name)).record;
  } catch (error) {
    if (isLochError(error, 'table_not_found', 'database_not_found')) return undefined;
    throw error;
  }
}

/** Under which name a dataset is written, and what is there now. A name that another place has gets a hash. */
async function homeOf(parts: CrawlerParts, crawl: Crawl, plan: Plan, taken: ReadonlySet<string>) {
  const { definition } = crawl.stored;
  const location = `s3://${plan.bucket}/${plan.dataset.path}`;
  if (plan.table !== undefined) {
    const before = await existing(parts, crawl, plan.table);
    if (before !== undefined && folderOf(before.storage.location) === folderOf(location)) {
      return { name: plan.table, before };
    }
  }
  const name = tableName(plan.bucket, plan.dataset.path, definition.tablePrefix);
  const before = await existing(parts, crawl, name);
  const free = before === undefined || folderOf(before.storage.location) === folderOf(location);
  if (free && !taken.has(name)) return { name, before };
  const other = clashName(name, location);
  return { name: other, before: await existing(parts, crawl, other) };
}

async function writeTable(
  parts: CrawlerParts,
  crawl: Crawl,
  described: DescribedTable,
  before: TableRecord | undefined,
  options: Pick<Configuration, 'mergeNewColumns' | 'partitionIndex'>,
): Promise<TableRecord> {
  const { definition } = crawl.stored;
  const { context } = crawl;
  if (before === undefined) {
    const keys = (described.input.partitionKeys ?? []).map((key) => key.name);
    const partitionIndexes = options.partitionIndex && keys.length > 0 ? [{ name: INDEX_NAME, keys }] : [];
    return createTable(parts)(context, definition.database, described.input, counted(crawl, { tablesCreated: 1 }), {
      partitionIndexes,
    });
  }
  const drift = mergeDrift(before, described.input, options.mergeNewColumns);
  if (drift.kind === 'same') return before;
  const only = definition.schemaChange.update === 'LOG' || drift.kind === 'statistics';
  if (drift.kind === 'changed' && only) {
    const message = `${definition.database}.${before.name} changed and was left as it is (schema change policy LOG): ${drift.what}.`;
    await parts.store.transact(counted(crawl, {}, [message]));
    return before;
  }
  const counts = drift.kind === 'changed' ? { tablesUpdated: 1 } : {};
  const messages = drift.kind === 'changed' ? [`${definition.database}.${before.name} changed: ${drift.what}.`] : [];
  return updateTable(parts)(
    context,
    definition.database,
    drift.input,
    { expectedVersion: before.version, skipArchive: drift.kind === 'statistics' },
    counted(crawl, counts, messages),
  );
}

/** Tables of this crawler under its targets whose data is gone. */
async function goneTables(parts: CrawlerParts, crawl: Crawl, written: ReadonlySet<string>): Promise<TableRecord[]> {
  const { definition } = crawl.stored;
  const database = definition.database.toLowerCase();
  const onFiles = definition.targets.filter(({ kind = 's3' }) => kind !== 'jdbc' && kind !== 'catalog');
  const roots = onFiles.map((target) => {
    const { bucket, root, key } = placeOf(target);
    return folderOf(`s3://${bucket}/${key ?? root}`);
  });
  const under = (location: string) =>
    roots.some((root) => folderOf(location) === root || location.startsWith(`${root}/`));
  const connections = new Set(definition.targets.flatMap(({ connection }) => connection ?? []));
  const names = parts.names.tables(database).filter((name) => !written.has(name));
  const gone: TableRecord[] = [];
  for (let start = 0; start < names.length; start += 500) {
    const page = { database, names: names.slice(start, start + 500) };
    for (const table of await parts.store.read(databaseStore.procedures.tables, page)) {
      const mine = table.parameters[UPDATED_BY] === definition.name && table.parameters[DEPRECATED_BY] === undefined;
      const jdbc = connections.has(table.parameters.connectionName ?? '');
      if (mine && table.format !== 'iceberg' && (jdbc || under(table.storage.location))) gone.push(table);
    }
  }
  return gone;
}

async function retire(parts: CrawlerParts, crawl: Crawl, table: TableRecord): Promise<void> {
  const { definition } = crawl.stored;
  const name = `${table.database}.${table.name}`;
  if (definition.schemaChange.delete === 'LOG') {
    await parts.store.transact(counted(crawl, {}, [`${name}: its data is gone; the table was left (policy LOG).`]));
  } else if (definition.schemaChange.delete === 'DELETE_FROM_DATABASE') {
    await deleteTable(parts)(crawl.context, { database: table.database, table: table.name });
    await parts.store.transact(
      counted(crawl, { tablesDeleted: 1 }, [`${name}: its data is gone; the table was deleted.`]),
    );
  } else {
    await updateTable(parts)(
      crawl.context,
      table.database,
      { ...inputOf(table), parameters: { ...table.parameters, [DEPRECATED_BY]: String(parts.clock.now()) } },
      { expectedVersion: table.version },
      counted(crawl, { tablesDeleted: 1 }, [`${name}: its data is gone; the table was marked deprecated.`]),
    );
  }
}

interface Plans {
  readonly datasets: readonly Plan[];
  readonly openTables: readonly (OpenTable & { readonly bucket: string })[];
  readonly messages: readonly string[];
}

/** What the folders of all targets are: tables over files, and tables that describe themselves. */
function planTables(definition: CrawlerDefinition, folders: readonly Folder[], apart: readonly Folder[]): Plans {
  const configuration = configurationOf(definition.configuration);
  const datasets: Plan[] = [];
  const openTables: (OpenTable & { bucket: string })[] = [];
  const messages: string[] = [];
  for (const [number, target] of definition.targets.entries()) {
    const kind = target.kind ?? 's3';
    if (kind === 'catalog' || kind === 'jdbc') continue;
    const { bucket, root, key } = placeOf(target);
    const mine = folders.filter((folder) => folder.target === number);
    const grouping = groupTables(
      root,
      mine.filter((folder) => folder.path !== key),
      (target as TableTarget).table === undefined ? configuration : { ...configuration, combine: true },
    );
    const found = grouping.openTables.filter((table) => kind === 's3' || table.kind === kind);
    openTables.push(...found.map((table) => ({ ...table, bucket })));
    if (kind !== 's3') {
      if (found.length === 0) messages.push(`No ${kind} table lies at or below ${target.path}.`);
      continue;
    }
    const single = groupTables(
      key ?? root,
      mine.filter((folder) => folder.path === key),
      configuration,
    );
    messages.push(...grouping.messages);
    const alone = apart
      .filter((folder) => folder.target === number)
      .flatMap((folder) => groupTables(folder.path, [folder], configuration).datasets);
    for (const dataset of [...single.datasets, ...grouping.datasets, ...alone]) {
      datasets.push({ dataset, bucket, exclusions: exclusionsOf(target), table: (target as TableTarget).table });
    }
  }
  return { datasets, openTables, messages };
}

/** Writes a table of a source; a name that another place has gets a hash. */
async function writeSourceTable(parts: CrawlerParts, crawl: Crawl, input: TableInput, written: Set<string>) {
  const location = input.storage!.location;
  const there = await existing(parts, crawl, input.name);
  const free = there === undefined || there.storage.location === location;
  const name = free && !written.has(input.name) ? input.name : clashName(input.name, location);
  const before = name === input.name ? there : await existing(parts, crawl, name);
  written.add(name);
  await writeTable(parts, crawl, { input: { ...input, name }, partitions: [] }, before, PLAIN);
}

/** The table of the catalog that lies exactly at a place, whoever made it. */
async function tableAt(parts: CrawlerParts, bucket: string, path: string): Promise<TableRecord | undefined> {
  const name = parts.names.tableAt(bucket, path);
  if (name === undefined) return undefined;
  const record = await parts.store.read(databaseStore.procedures.table, { database: name.database, name: name.table });
  return record !== undefined && folderOf(record.storage.location) === folderOf(`s3://${bucket}/${path}`)
    ? record
    : undefined;
}

/** Registers one open table; one that somebody else registered already is left to him. */
async function registerOpen(
  parts: CrawlerParts,
  crawl: Crawl,
  table: OpenTable & { readonly bucket: string },
  written: Set<string>,
): Promise<void> {
  const { definition } = crawl.stored;
  const database = definition.database.toLowerCase();
  const there = await tableAt(parts, table.bucket, table.path);
  if (there !== undefined && !(there.database === database && there.parameters[UPDATED_BY] === definition.name)) {
    const message = `s3://${table.bucket}/${table.path} is in the catalog as ${there.database}.${there.name} already.`;
    await parts.store.transact(counted(crawl, {}, [message]));
    return;
  }
  const location = `s3://${table.bucket}/${table.path}`;
  const readOptimised = table.kind !== 'iceberg' && (await parts.foreignTables.readOptimisedOnly(table.kind, location));
  if (readOptimised) {
    const message = `${location} is MERGE_ON_READ: it is registered by its read-optimised view; log files are not merged.`;
    await parts.store.transact(counted(crawl, {}, [message]));
  }
  const own = tableName(table.bucket, table.path, definition.tablePrefix);
  const plain = readOptimised ? `${own}_ro` : own;
  const taken = there === undefined && (written.has(plain) || (await existing(parts, crawl, plain)) !== undefined);
  const name = there?.name ?? (taken ? clashName(plain, location) : plain);
  written.add(name);
  await writeOpenTable(parts, crawl, { ...table, name, readOptimised }, there);
}

/** Writes all tables. What fails for one is told and does not keep the others. Returns the failures. */
export async function writeTables(parts: CrawlerParts, crawl: Crawl): Promise<string[]> {
  const { definition, run } = crawl.stored;
  const configuration = configurationOf(definition.configuration);
  const folders = await savedFolders(parts, run.id);
  const incremental = await isIncremental(parts, crawl);
  const attached = incremental
    ? await attachFolders(parts, crawl, folders)
    : { rest: folders, apart: [], failures: [] };
  const { datasets, openTables, messages } = planTables(definition, attached.rest, attached.apart);
  await parts.store.transact(counted(crawl, {}, messages));
  const found = datasets.length + openTables.length;
  if (found > configuration.threshold) {
    throw new LochError(
      'limit_exceeded',
      `The crawl found ${found} tables, more than its threshold of ${configuration.threshold}. Nothing was written; raise \`TableThreshold\` or aim the targets lower.`,
    );
  }
  const others = definition.targets.some((target) => target.kind === 'jdbc');
  if (found > 0 || others) await ensureDatabase(parts, crawl);
  const failures: string[] = [...attached.failures];
  const written = new Set<string>();
  const attempt = async (what: string, work: () => Promise<void>) => {
    checkGoing(crawl);
    try {
      await work();
    } catch (error) {
      checkGoing(crawl);
      failures.push(`${what}: ${toLochError(error).message}`);
    }
  };
  for (const plan of datasets) {
    await attempt(`s3://${plan.bucket}/${plan.dataset.path}`, async () => {
      const { name, before } = await homeOf(parts, crawl, plan, written);
      written.add(name);
      const { bucket, exclusions, dataset } = plan;
      const described = describeTable(dataset, { bucket, exclusions, name, crawler: definition.name });
      const table = await writeTable(parts, crawl, described, before, configuration);
      const partitions = configuration.inheritPartitions
        ? described.partitions.map(({ columns: _, ...partition }) => partition)
        : described.partitions;
      await writePartitions(parts, crawl, table, partitions);
      if (before !== undefined) return;
      await parts.lineage?.record({
        job: `crawler/${definition.name}`,
        runId: run.id,
        inputs: [{ kind: 'objects', bucket, prefix: dataset.path }],
        outputs: [{ kind: 'table', database: table.database, table: table.name }],
      });
    });
  }
  for (const table of openTables) {
    await attempt(`s3://${table.bucket}/${table.path}`, () => registerOpen(parts, crawl, table, written));
  }
  for (const target of definition.targets.filter(({ kind }) => kind === 'jdbc')) {
    await attempt(`${target.connection}:${target.path}`, async () => {
      for await (const { what, input } of sourceTables(parts, crawl, target)) {
        checkGoing(crawl);
        await attempt(`${target.connection}:${what}`, () => writeSourceTable(parts, crawl, input, written));
      }
    });
  }
  if (failures.length === 0 && !incremental) {
    for (const table of await goneTables(parts, crawl, written)) {
      await attempt(`${table.database}.${table.name}`, () => retire(parts, crawl, table));
    }
  }
  return failures;
}
