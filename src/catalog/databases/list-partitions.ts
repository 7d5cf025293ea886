import type { Catalog, PartitionRecord } from '../contract.ts';
import { partitionMissing } from './missing.ts';
import { parsePartitionFilter } from './partition-filter.ts';
import { checkValues, tableToRead } from './partitions.ts';
import { type CatalogParts, fold } from './parts.ts';
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

/**
 * Partitions in the order of their values, filtered here. **Cost**: reads the range of the equal leading string keys,
 * else all partitions until the page is full.
 */
export const listPartitions =
  (parts: CatalogParts): Catalog['listPartitions'] =>
  async (context, given, options = {}) => {
    const name = fold(given);
    const table = await tableToRead(parts, context, name, 'GetPartitions');
    const text = options.expression?.trim() ?? '';
    const filter = text === '' ? { test: () => true, leading: [] } : parsePartitionFilter(text, table.partitionKeys);
    const limit = options.limit ?? Number.POSITIVE_INFINITY;
    const found: PartitionRecord[] = [];
    let after = options.after;
    for (;;) {
      const wanted = text === '' ? Math.min(PAGE, limit - found.length) : PAGE;
      const page = await parts.store.read(databaseStore.procedures.partitions, {
        tableId: table.id,
        leading: filter.leading,
        limit: wanted,
        ...(after === undefined ? {} : { after }),
      });
      for (const partition of page) {
        if (filter.test(partition.values)) found.push(partition);
        if (found.length >= limit) return found;
      }
      const last = page.at(-1);
      if (last === undefined || page.length < wanted) return found;
      after = last.values;
    }
  };
