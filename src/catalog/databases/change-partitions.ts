import type { RequestContext } from '../../core/caller.ts';
import type { TableName } from '../../governance/contract.ts';
import { type StoreCall, storeCall } from '../../metadata/contract.ts';
import type { Catalog } from '../contract.ts';
import { authorizePartitionLocations, checkValues, tableToChange } from './partitions.ts';
import type { NewPartition } from './partition-procedures.ts';
import { type CatalogParts, fold } from './parts.ts';
import databaseStore from './store.ts';

/** Adds partitions in one transaction with `alongside`; returns how many were new. */
export const createPartitions =
  (parts: CatalogParts) =>
  async (
    context: RequestContext,
    given: TableName,
    partitions: readonly NewPartition[],
    options: { readonly ifNotExists?: boolean } = {},
    alongside: readonly StoreCall[] = [],
  ): Promise<number> => {
    const name = fold(given);
    const table = await tableToChange(parts, context, name, 'BatchCreatePartition');
    for (const partition of partitions) checkValues(table, partition.values);
    await authorizePartitionLocations(parts, context, table, partitions);
    const results = await parts.store.transact([
      storeCall(databaseStore.procedures.addPartitions, {
        table: { id: table.id, database: table.database, name: table.name },
        partitions,
        ifNotExists: options.ifNotExists === true,
        at: parts.clock.now(),
      }),
      ...alongside,
    ]);
    return (results[0] as { added: number }).added;
  };

/** Replaces a partition; its values may change too. */
export const updatePartition =
  (parts: CatalogParts): Catalog['updatePartition'] =>
  async (context, given, values, partition) => {
    const name = fold(given);
    const table = await tableToChange(parts, context, name, 'UpdatePartition');
    checkValues(table, values);
    checkValues(table, partition.values);
    await authorizePartitionLocations(parts, context, table, [partition]);
    await parts.store.write(databaseStore.procedures.changePartition, {
      table: { id: table.id, database: table.database, name: table.name },
      values,
      partition,
      at: parts.clock.now(),
    });
  };

/** Removes partitions in one transaction with `alongside`; their files stay. */
export const deletePartitions =
  (parts: CatalogParts) =>
  async (
    context: RequestContext,
    given: TableName,
    values: readonly (readonly string[])[],
    alongside: readonly StoreCall[] = [],
  ): Promise<void> => {
    const name = fold(given);
    const table = await tableToChange(parts, context, name, 'DeletePartition');
    for (const one of values) checkValues(table, one);
    await parts.store.transact([
      storeCall(databaseStore.procedures.removePartitions, {
        at: parts.clock.now(),
        table: { id: table.id, database: table.database, name: table.name },
        values,
      }),
      ...alongside,
    ]);
  };
