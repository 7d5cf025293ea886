import { LochError } from '../../core/errors.ts';
import type { Catalog, PartitionRecord, TableRecord } from '../contract.ts';
import { partitionMissing } from './missing.ts';
import { type PartitionFilter, parsePartitionFilter } from './partition-filter.ts';
import { checkValues, tableToRead } from './partitions.ts';
import { type CatalogParts, fold, PAST_PARTITIONS_MS } from './parts.ts';
import databaseStore from './store.ts';

const PAGE = 2_000;

/** One partition by its values. */
export const getPartition =
  (parts: CatalogParts): Catalog['getPartition'] =>
  async (context, given, values) => {
    const name = fold(given);
    const table = await tableToRead(parts, context, name, 'GetPartition');
    checkValues(table, values);
    const partition = await parts.store.read(databaseStore.procedures.partition, { tableId: table.id, values });
    if (partition === undefined) throw partitionMissing(name.database, name.table, values);
    return partition;
  };

type ReadPage = (after: readonly string[] | undefined, limit: number) => Promise<readonly PartitionRecord[]>;

/**
 * Partitions in the order of their values, filtered here. **Cost**: reads the range of the first keys that the filter
 * fixes, by the partitions' own order or by an index, whichever knows more of them; else all until the page is full.
 */
export const listPartitions =
  (parts: CatalogParts): Catalog['listPartitions'] =>
  async (context, given, options = {}) => {
    const name = fold(given);
    const table = await tableToRead(parts, context, name, 'GetPartitions');
    const text = options.expression?.trim() ?? '';
    const filter = text === '' ? undefined : parsePartitionFilter(text, table.partitionKeys);
    const limit = options.limit ?? Number.POSITIVE_INFINITY;
    const read = options.asOf === undefined ? await pages(parts, table, filter) : past(parts, table, options.asOf);
    const found: PartitionRecord[] = [];
    let after = options.after;
    for (;;) {
      const wanted = filter === undefined ? Math.min(PAGE, limit - found.length) : PAGE;
      const page = await read(after, wanted);
      for (const partition of page) {
        if (filter?.test(partition.values) ?? true) found.push(partition);
        if (found.length >= limit) return found;
      }
      const last = page.at(-1);
      if (last === undefined || page.length < wanted) return found;
      after = last.values;
    }
  };

/** How to read the candidates of a filter with the fewest rows. */
async function pages(parts: CatalogParts, table: TableRecord, filter: PartitionFilter | undefined): Promise<ReadPage> {
  const leading = filter?.leading ?? [];
  const index = await bestIndex(parts, table, filter, leading.length);
  if (index !== undefined) {
    return (after, limit) =>
      parts.store.read(databaseStore.procedures.partitionsByIndex, {
        tableId: table.id,
        ...index,
        limit,
        ...(after === undefined ? {} : { after }),
      });
  }
  return (after, limit) =>
    parts.store.read(databaseStore.procedures.partitions, {
      tableId: table.id,
      leading,
      limit,
      ...(after === undefined ? {} : { after }),
    });
}

/** The active index that fixes more of its first keys than the partitions' own order does, if there is one. */
async function bestIndex(
  parts: CatalogParts,
  table: TableRecord,
  filter: PartitionFilter | undefined,
  known: number,
): Promise<{ readonly index: string; readonly leading: readonly string[] } | undefined> {
  if (filter === undefined || filter.fixed.size <= known) return undefined;
  let best: { readonly index: string; readonly leading: readonly string[] } | undefined;
  for (const index of await parts.store.read(databaseStore.procedures.partitionIndexes, { tableId: table.id })) {
    if (index.state !== 'ACTIVE') continue;
    const leading: string[] = [];
    for (const key of index.keys) {
      const value = filter.fixed.get(table.partitionKeys.findIndex((one) => one.name === key));
      if (value === undefined) break;
      leading.push(value);
    }
    if (leading.length > (best?.leading.length ?? known)) best = { index: index.name, leading };
  }
  return best;
}

function past(parts: CatalogParts, table: TableRecord, at: number): ReadPage {
  const oldest = parts.clock.now() - PAST_PARTITIONS_MS;
  if (at < oldest) {
    throw new LochError(
      'invalid_argument',
      `What partitions \`${table.database}.${table.name}\` had at ${new Date(at).toISOString()} is forgotten: it is kept since ${new Date(oldest).toISOString()}.`,
      { context: { table: table.name } },
    );
  }
  return (after, limit) =>
    parts.store.read(databaseStore.procedures.partitionsAsOf, {
      tableId: table.id,
      at,
      limit,
      ...(after === undefined ? {} : { after }),
    });
}
