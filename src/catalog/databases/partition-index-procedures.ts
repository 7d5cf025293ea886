/**
 * Partition indexes in the metadata store.
 *
 * Invariants
 * - An entry is written and removed in the transaction of its partition, for indexes of every state.
 * - The backfill reads partitions in their order and never writes an entry twice: it may begin again anywhere.
 */
import { type Kysely, sql } from 'kysely';
import { LochError } from '../../core/errors.ts';
import { proceduresOver } from '../../metadata/contract.ts';
import type { PartitionRecord } from '../contract.ts';
import type { PartitionIndexRecord } from './contract.ts';
import { canonicalValue, kindOf } from './partition-value.ts';
import {
  type DatabaseTables,
  orderingOf,
  orderingRange,
  type PartitionRow,
  partitionOf,
  type TableDefinition,
} from './rows.ts';

const { read, write } = proceduresOver<DatabaseTables>();
type Db = Kysely<DatabaseTables>;

/** Indexes a table may have. **Source**: AWS Glue quotas. */
export const MOST_INDEXES = 3;

interface OpenIndex {
  readonly name: string;
  readonly positions: readonly number[];
  readonly kinds: readonly ReturnType<typeof kindOf>[];
}

/** The indexes of a table, ready to make entries. Empty for most tables: one read by primary key. */
export async function openIndexes(db: Db, tableId: string): Promise<readonly OpenIndex[]> {
  const rows = await db
    .selectFrom('catalog_partition_index')
    .select(['name', 'index_keys'])
    .where('table_id', '=', tableId)
    .where('state', '!=', 'DELETING')
    .execute();
  if (rows.length === 0) return [];
  const table = await db.selectFrom('catalog_table').select('definition').where('id', '=', tableId).executeTakeFirst();
  if (table === undefined) return [];
  const { partitionKeys } = JSON.parse(table.definition) as TableDefinition;
  return rows.map((row) => {
    const positions = (JSON.parse(row.index_keys) as string[]).map((name) =>
      partitionKeys.findIndex((key) => key.name === name),
    );
    return { name: row.name, positions, kinds: positions.map((at) => kindOf(partitionKeys[at]?.type ?? 'string')) };
  });
}

const entryOrdering = (index: OpenIndex, values: readonly string[]): Uint8Array =>
  orderingOf(index.positions.map((at, i) => canonicalValue(index.kinds[i]!, values[at] ?? '')));

/** Puts a partition into every index of its table. */
export async function indexPartition(
  db: Db,
  tableId: string,
  indexes: readonly OpenIndex[],
  values: readonly string[],
): Promise<void> {
  for (const index of indexes) {
    await db
      .insertInto('catalog_partition_entry')
      .values({
        table_id: tableId,
        index_name: index.name,
        ordering: entryOrdering(index, values),
        partition: orderingOf(values),
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

/** Takes a partition out of every index of its table. */
export async function unindexPartition(
  db: Db,
  tableId: string,
  indexes: readonly OpenIndex[],
  values: readonly string[],
): Promise<void> {
  for (const index of indexes) {
    await db
      .deleteFrom('catalog_partition_entry')
      .where('table_id', '=', tableId)
      .where('index_name', '=', index.name)
      .where('ordering', '=', entryOrdering(index, values))
      .where('partition', '=', orderingOf(values))
      .execute();
  }
}

const indexOf = (row: DatabaseTables['catalog_partition_index']): PartitionIndexRecord => ({
  name: row.name,
  keys: JSON.parse(row.index_keys) as string[],
  state: row.state as PartitionIndexRecord['state'],
});

export const partitionIndexProcedures = {
  addPartitionIndex: write(
    async (
      db,
      args: { tableId: string; table: string; name: string; keys: readonly string[]; at: number },
    ): Promise<void> => {
      const there = await db
        .selectFrom('catalog_partition_index')
        .selectAll()
        .where('table_id', '=', args.tableId)
        .execute();
      const keys = JSON.stringify(args.keys);
      const twin = there.find((row) => row.name === args.name || row.index_keys === keys);
      if (twin !== undefined) {
        throw new LochError(
          'already_exists',
          `Table \`${args.table}\` has the partition index \`${twin.name}\` over (${(JSON.parse(twin.index_keys) as string[]).join(', ')}) already. Choose another name and other keys.`,
          { context: { index: twin.name } },
        );
      }
      if (there.length >= MOST_INDEXES) {
        throw new LochError(
          'limit_exceeded',
          `Table \`${args.table}\` has ${there.length} partition indexes; the limit is ${MOST_INDEXES}. Delete one of ${there.map((row) => `\`${row.name}\``).join(', ')} first.`,
          { context: { limit: MOST_INDEXES } },
        );
      }
      await db
        .insertInto('catalog_partition_index')
        .values({
          table_id: args.tableId,
          name: args.name,
          index_keys: keys,
          state: 'CREATING',
          progress: null,
          created_at: args.at,
        })
        .execute();
    },
  ),

  partitionIndexes: read(async (db, args: { tableId: string }): Promise<PartitionIndexRecord[]> => {
    const rows = await db
      .selectFrom('catalog_partition_index')
      .selectAll()
      .where('table_id', '=', args.tableId)
      .orderBy('created_at')
      .orderBy('name')
      .execute();
    return rows.map(indexOf);
  }),

  /** Indexes with work left, of all tables. */
  unfinishedIndexes: read(async (db, _args: Record<string, never>) =>
    db
      .selectFrom('catalog_partition_index')
      .select(['table_id', 'name', 'state'])
      .where('state', '!=', 'ACTIVE')
      .execute(),
  ),

  /** Puts the next partitions into an index; after the last ones it is ACTIVE. Returns whether more are left. */
  fillPartitionIndex: write(
    async (db, args: { tableId: string; name: string; limit: number }): Promise<{ readonly more: boolean }> => {
      const row = await db
        .selectFrom('catalog_partition_index')
        .selectAll()
        .where('table_id', '=', args.tableId)
        .where('name', '=', args.name)
        .where('state', '=', 'CREATING')
        .executeTakeFirst();
      if (row === undefined) return { more: false }; // deleted meanwhile
      const index = (await openIndexes(db, args.tableId)).filter((one) => one.name === args.name);
      let query = db
        .selectFrom('catalog_partition')
        .select(['ordering', 'partition_values'])
        .where('table_id', '=', args.tableId)
        .orderBy('ordering')
        .limit(args.limit);
      if (row.progress !== null) query = query.where('ordering', '>', row.progress);
      const page = await query.execute();
      for (const partition of page) {
        await indexPartition(db, args.tableId, index, JSON.parse(partition.partition_values) as string[]);
      }
      const more = page.length === args.limit;
      await db
        .updateTable('catalog_partition_index')
        .set(more ? { progress: page.at(-1)!.ordering } : { state: 'ACTIVE' })
        .where('table_id', '=', args.tableId)
        .where('name', '=', args.name)
        .execute();
      return { more };
    },
  ),

  /** Marks an index to be deleted: nobody reads it any more. */
  dropPartitionIndex: write(async (db, args: { tableId: string; table: string; name: string }): Promise<void> => {
    const result = await db
      .updateTable('catalog_partition_index')
      .set({ state: 'DELETING' })
      .where('table_id', '=', args.tableId)
      .where('name', '=', args.name)
      .executeTakeFirst();
    if (Number(result.numUpdatedRows) > 0) return;
    throw new LochError('not_found', `Table \`${args.table}\` has no partition index \`${args.name}\`.`, {
      context: { index: args.name },
    });
  }),

  /** Removes the next entries of a dropped index, and the index after the last ones. Returns whether more are left. */
  emptyPartitionIndex: write(
    async (db, args: { tableId: string; name: string; limit: number }): Promise<{ readonly more: boolean }> => {
      const last = await db
        .selectFrom('catalog_partition_entry')
        .select('ordering')
        .where('table_id', '=', args.tableId)
        .where('index_name', '=', args.name)
        .orderBy('ordering')
        .offset(args.limit)
        .limit(1)
        .executeTakeFirst();
      let doomed = db
        .deleteFrom('catalog_partition_entry')
        .where('table_id', '=', args.tableId)
        .where('index_name', '=', args.name);
      if (last !== undefined) doomed = doomed.where('ordering', '<=', last.ordering);
      await doomed.execute();
      if (last !== undefined) return { more: true };
      await db
        .deleteFrom('catalog_partition_index')
        .where('table_id', '=', args.tableId)
        .where('name', '=', args.name)
        .where('state', '=', 'DELETING')
        .execute();
      return { more: false };
    },
  ),

  /** Partitions whose first index keys are `leading` (in canonical form), in the order of partitions. */
  partitionsByIndex: read(
    async (
      db,
      args: {
        tableId: string;
        index: string;
        leading: readonly string[];
        after?: readonly string[];
        limit: number;
      },
    ): Promise<PartitionRecord[]> => {
      const range = orderingRange(args.leading);
      const rows = await db
        .selectFrom('catalog_partition_entry as e')
        .innerJoin('catalog_partition as p', (join) =>
          join.onRef('p.table_id', '=', 'e.table_id').onRef('p.ordering', '=', 'e.partition'),
        )
        .selectAll('p')
        .where('e.table_id', '=', args.tableId)
        .where('e.index_name', '=', args.index)
        .where((e) =>
          e.or([
            e('e.ordering', '=', orderingOf(args.leading)),
            e.and([e('e.ordering', '>=', range.from), e('e.ordering', '<', range.to)]),
          ]),
        )
        .$if(args.after !== undefined, (query) => query.where('e.partition', '>', orderingOf(args.after!)))
        .orderBy(sql`e.partition`)
        .limit(args.limit)
        .execute();
      return (rows as PartitionRow[]).map(partitionOf);
    },
  ),
};
