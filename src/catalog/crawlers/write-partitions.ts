import type { PartitionRecord, TableRecord } from '../contract.ts';
import { createPartitions, deletePartitions, updatePartition } from '../databases/change-partitions.ts';
import { folderOf } from '../databases/rows.ts';
import databaseStore from '../databases/store.ts';
import { type Crawl, type CrawlerParts, checkGoing } from './crawler-parts.ts';
import { counted } from './run-counts.ts';

const BATCH = 500;
const PAGE = 2000;

type NewPartition = Omit<PartitionRecord, 'createdAt'>;

const keyOf = (values: readonly string[]): string => JSON.stringify(values);

/** The partitions of a table by their values as JSON. */
export async function partitionsOf(parts: CrawlerParts, table: TableRecord): Promise<Map<string, PartitionRecord>> {
  const found = new Map<string, PartitionRecord>();
  let after: readonly string[] | undefined;
  for (;;) {
    const page = await parts.store.read(databaseStore.procedures.partitions, {
      tableId: table.id,
      leading: [],
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const partition of page) found.set(keyOf(partition.values), partition);
    if (page.length < PAGE) return found;
    after = page.at(-1)!.values;
  }
}

const changed = (before: PartitionRecord, now: NewPartition): boolean =>
  folderOf(before.location) !== folderOf(now.location) ||
  JSON.stringify(before.columns ?? []) !== JSON.stringify(now.columns ?? []);

/** Adds what is new, changes what moved, and under DELETE_FROM_DATABASE removes what is gone. */
export async function writePartitions(
  parts: CrawlerParts,
  crawl: Crawl,
  table: TableRecord,
  partitions: readonly NewPartition[],
): Promise<void> {
  if (table.partitionKeys.length === 0) return;
  const name = { database: table.database, table: table.name };
  const known = await partitionsOf(parts, table);
  const added: NewPartition[] = [];
  for (const partition of partitions) {
    const before = known.get(keyOf(partition.values));
    known.delete(keyOf(partition.values));
    if (before === undefined) added.push(partition);
    else if (changed(before, partition)) {
      checkGoing(crawl);
      const parameters = { ...before.parameters, ...partition.parameters };
      await updatePartition(parts)(crawl.context, name, partition.values, { ...partition, parameters });
    }
  }
  const { schemaChange } = crawl.stored.definition;
  for (let start = 0; start < added.length; start += BATCH) {
    checkGoing(crawl);
    const some = added.slice(start, start + BATCH);
    const counts = counted(crawl, { partitionsAdded: some.length });
    await createPartitions(parts)(crawl.context, name, some, { ifNotExists: true }, counts);
  }
  if (schemaChange.delete !== 'DELETE_FROM_DATABASE' || known.size === 0) return;
  const gone = [...known.values()].map((partition) => partition.values);
  const message = `${name.database}.${name.table}: ${gone.length} partitions whose data is gone were deleted.`;
  await deletePartitions(parts)(crawl.context, name, gone, counted(crawl, {}, [message]));
}
