import type { Kysely } from 'kysely';
import { LochError } from '../../core/errors.ts';
import { proceduresOver } from '../../metadata/contract.ts';
import type { PartitionRecord } from '../contract.ts';
import { partitionMissing, tableMissing } from './missing.ts';
import { indexPartition, openIndexes, unindexPartition } from './partition-index-procedures.ts';
import {
  type DatabaseTables,
  isOutside,
  orderingOf,
  orderingRange,
  type PartitionRow,
  partitionOf,
  statisticsKey,
} from './rows.ts';

const { read, write } = proceduresOver<DatabaseTables>();

export type NewPartition = Omit<PartitionRecord, 'createdAt'>;

interface TableOfPartitions {
  readonly id: string;
  readonly database: string;
  readonly name: string;
}

async function tableLocation(db: Kysely<DatabaseTables>, table: TableOfPartitions): Promise<string> {
  const row = await db
    .selectFrom('catalog_table')
    .select('definition')
    .where('id', '=', table.id)
    .where('dropped_at', 'is', null)
    .executeTakeFirst();
  if (row === undefined) throw tableMissing(table.database, table.name);
  return (JSON.parse(row.definition) as { storage: { location: string } }).storage.location;
}

function rowOf(table: TableOfPartitions, location: string, partition: NewPartition, at: number): PartitionRow {
  const { values, location: own, ...detail } = partition;
  return {
    table_id: table.id,
    ordering: orderingOf(values),
    partition_values: JSON.stringify(values),
    location: own,
    outside: isOutside(own, location) ? 1 : 0,
    detail: JSON.stringify(detail),
    created_at: at,
  };
}

/** Keeps what a partition was until now, for who asks as of then. */
async function keepPast(db: Kysely<DatabaseTables>, row: PartitionRow, until: number): Promise<void> {
  const { outside: _, ...kept } = row;
  // Two changes within a millisecond: what stood for none of it need not be kept.
  await db
    .insertInto('catalog_partition_past')
    .values({ ...kept, until })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

async function forgetStatistics(db: Kysely<DatabaseTables>, tableId: string, values: readonly string[]): Promise<void> {
  await db
    .deleteFrom('catalog_column_statistics')
    .where('table_id', '=', tableId)
    .where('partition', '=', statisticsKey(values))
    .execute();
}

export const partitionProcedures = {
  /** Adds partitions in one transaction; returns those that were there already (an error unless `ifNotExists`). */
  addPartitions: write(
    async (
      db,
      args: { table: TableOfPartitions; partitions: readonly NewPartition[]; ifNotExists: boolean; at: number },
      context,
    ): Promise<{ readonly added: number }> => {
      const location = await tableLocation(db, args.table);
      const indexes = await openIndexes(db, args.table.id);
      const outside: string[] = [];
      let added = 0;
      for (const partition of args.partitions) {
        const row = rowOf(args.table, location, partition, args.at);
        const result = await db
          .insertInto('catalog_partition')
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        if (Number(result.numInsertedOrUpdatedRows) === 1) {
          added++;
          await indexPartition(db, args.table.id, indexes, partition.values);
          if (row.outside === 1) outside.push(row.location);
        } else if (!args.ifNotExists) {
          throw new LochError(
            'already_exists',
            `Table \`${args.table.database}.${args.table.name}\` has partition (${partition.values.join(', ')}) already.`,
            { context: { table: args.table.name, values: partition.values } },
          );
        }
      }
      if (added > 0) {
        context.emit({
          name: 'catalogPartitionsChanged',
          payload: {
            database: args.table.database,
            table: args.table.name,
            id: args.table.id,
            added,
            removed: 0,
            outside,
            outsideRemoved: [],
          },
        });
      }
      return { added };
    },
  ),

  /** Replaces a partition, its values included. */
  changePartition: write(
    async (
      db,
      args: { table: TableOfPartitions; values: readonly string[]; partition: NewPartition; at: number },
      context,
    ): Promise<void> => {
      const location = await tableLocation(db, args.table);
      const before = await db
        .selectFrom('catalog_partition')
        .selectAll()
        .where('table_id', '=', args.table.id)
        .where('ordering', '=', orderingOf(args.values))
        .executeTakeFirst();
      if (before === undefined) throw partitionMissing(args.table.database, args.table.name, args.values);
      const fresh = rowOf(args.table, location, args.partition, args.at);
      const renamed = Buffer.compare(fresh.ordering, before.ordering) !== 0; // under its new values it begins now
      const row = { ...fresh, created_at: renamed ? args.at : before.created_at };
      const indexes = await openIndexes(db, args.table.id);
      await keepPast(db, before, args.at);
      await unindexPartition(db, args.table.id, indexes, args.values);
      if (renamed) await forgetStatistics(db, args.table.id, args.values);
      await db
        .deleteFrom('catalog_partition')
        .where('table_id', '=', args.table.id)
        .where('ordering', '=', orderingOf(args.values))
        .execute();
      const added = await db
        .insertInto('catalog_partition')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      if (Number(added.numInsertedOrUpdatedRows) === 0) {
        throw new LochError(
          'already_exists',
          `Table \`${args.table.database}.${args.table.name}\` has partition (${args.partition.values.join(', ')}) already.`,
          { context: { table: args.table.name, values: args.partition.values } },
        );
      }
      await indexPartition(db, args.table.id, indexes, args.partition.values);
      context.emit({
        name: 'catalogPartitionsChanged',
        payload: {
          database: args.table.database,
          table: args.table.name,
          id: args.table.id,
          added: 0,
          removed: 0,
          outside: row.outside === 1 ? [row.location] : [],
          outsideRemoved: before.outside === 1 ? [before.location] : [],
        },
      });
    },
  ),

  /** Removes partitions; values that are not there are `partition_not_found`, and nothing is removed. */
  removePartitions: write(
    async (
      db,
      args: { table: TableOfPartitions; values: readonly (readonly string[])[]; at: number },
      context,
    ): Promise<void> => {
      const indexes = await openIndexes(db, args.table.id);
      const outsideRemoved: string[] = [];
      for (const values of args.values) {
        const row = await db
          .selectFrom('catalog_partition')
          .selectAll()
          .where('table_id', '=', args.table.id)
          .where('ordering', '=', orderingOf(values))
          .executeTakeFirst();
        if (row === undefined) throw partitionMissing(args.table.database, args.table.name, values);
        await keepPast(db, row, args.at);
        await unindexPartition(db, args.table.id, indexes, values);
        await forgetStatistics(db, args.table.id, values);
        if (row.outside === 1) outsideRemoved.push(row.location);
        await db
          .deleteFrom('catalog_partition')
          .where('table_id', '=', args.table.id)
          .where('ordering', '=', orderingOf(values))
          .execute();
      }
      context.emit({
        name: 'catalogPartitionsChanged',
        payload: {
          database: args.table.database,
          table: args.table.name,
          id: args.table.id,
          added: 0,
          removed: args.values.length,
          outside: [],
          outsideRemoved,
        },
      });
    },
  ),

  partition: read(
    async (db, args: { tableId: string; values: readonly string[] }): Promise<PartitionRecord | undefined> => {
      const row = await db
        .selectFrom('catalog_partition')
        .selectAll()
        .where('table_id', '=', args.tableId)
        .where('ordering', '=', orderingOf(args.values))
        .executeTakeFirst();
      return row === undefined ? undefined : partitionOf(row);
    },
  ),

  /**
   * Partitions in the order of their values, after `after`. `leading` are equal values of the first keys: only their
   * range of the primary key is read.
   */
  partitions: read(
    async (
      db,
      args: { tableId: string; leading: readonly string[]; after?: readonly string[]; limit: number },
    ): Promise<PartitionRecord[]> => {
      let query = db
        .selectFrom('catalog_partition')
        .selectAll()
        .where('table_id', '=', args.tableId)
        .orderBy('ordering')
        .limit(args.limit);
      if (args.leading.length > 0) {
        const range = orderingRange(args.leading);
        query = query.where((e) =>
          e.or([
            e('ordering', '=', orderingOf(args.leading)),
            e.and([e('ordering', '>=', range.from), e('ordering', '<', range.to)]),
          ]),
        );
      }
      if (args.after !== undefined) query = query.where('ordering', '>', orderingOf(args.after));
      return (await query.execute()).map(partitionOf);
    },
  ),

  /** Partitions as they were at a time, in the order of their values, after `after`. */
  partitionsAsOf: read(
    async (
      db,
      args: { tableId: string; at: number; after?: readonly string[]; limit: number },
    ): Promise<PartitionRecord[]> => {
      const after = args.after === undefined ? undefined : orderingOf(args.after);
      const live = await db
        .selectFrom('catalog_partition as p')
        .selectAll('p')
        .where('p.table_id', '=', args.tableId)
        .where('p.created_at', '<=', args.at)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('catalog_partition_past as q')
                .select('q.until')
                .whereRef('q.table_id', '=', 'p.table_id')
                .whereRef('q.ordering', '=', 'p.ordering')
                .where('q.until', '>', args.at),
            ),
          ),
        )
        .$if(after !== undefined, (query) => query.where('p.ordering', '>', after!))
        .orderBy('p.ordering')
        .limit(args.limit)
        .execute();
      const past = await db
        .selectFrom('catalog_partition_past as p')
        .selectAll('p')
        .where('p.table_id', '=', args.tableId)
        .where('p.until', '>', args.at)
        .where('p.created_at', '<=', args.at)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('catalog_partition_past as q')
                .select('q.until')
                .whereRef('q.table_id', '=', 'p.table_id')
                .whereRef('q.ordering', '=', 'p.ordering')
                .where('q.until', '>', args.at)
                .whereRef('q.until', '<', 'p.until'),
            ),
          ),
        )
        .$if(after !== undefined, (query) => query.where('p.ordering', '>', after!))
        .orderBy('p.ordering')
        .limit(args.limit)
        .execute();
      return [...live, ...past]
        .sort((a, b) => Buffer.compare(a.ordering, b.ordering))
        .slice(0, args.limit)
        .map(partitionOf);
    },
  ),

  /** Forgets what partitions were before `before`. */
  forgetPastPartitions: write(async (db, args: { before: number }): Promise<void> => {
    await db.deleteFrom('catalog_partition_past').where('until', '<', args.before).execute();
  }),
};
