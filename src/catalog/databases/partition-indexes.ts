import { LochError } from '../../core/errors.ts';
import type { CatalogColumn, TableRecord } from '../contract.ts';
import { authorizeGlue, readTable, requireTable } from './access.ts';
import type { PartitionIndexes, PartitionIndexInput } from './contract.ts';
import { foldName } from './limits.ts';
import { type CatalogParts, fold } from './parts.ts';
import { MOST_INDEXES } from './partition-index-procedures.ts';
import { isCanonical, kindOf } from './partition-value.ts';
import databaseStore from './store.ts';

/** An index as it is stored. **Errors**: `invalid_argument` naming the key. */
export function checkPartitionIndex(
  index: PartitionIndexInput,
  partitionKeys: readonly CatalogColumn[],
  where: string,
): PartitionIndexInput {
  const name = foldName(index.name, 'partition index');
  const known = partitionKeys.map((key) => key.name);
  const keys = index.keys.map((key) => String(key).toLowerCase());
  const refuse = (problem: string) =>
    new LochError(
      'invalid_argument',
      `Partition index \`${name}\` of ${where} ${problem}. Its keys may be: ${known.map((key) => `\`${key}\``).join(', ') || 'none, the table is not partitioned'}.`,
      { context: { index: name } },
    );
  if (keys.length === 0) throw refuse('has no `Keys`');
  for (const [i, key] of keys.entries()) {
    if (keys.indexOf(key) !== i) throw refuse(`names \`${key}\` twice`);
    const column = partitionKeys.find((one) => one.name === key);
    if (column === undefined) throw refuse(`names \`${key}\`, which is no partition key`);
    if (!isCanonical(kindOf(column.type))) {
      throw refuse(`names \`${key}\` of type ${column.type}; only string, integer and date keys can be indexed`);
    }
  }
  return { name, keys };
}

/** The indexes of a new table. **Errors**: `invalid_argument`, `limit_exceeded`. */
export function checkPartitionIndexes(
  indexes: readonly PartitionIndexInput[] | undefined,
  partitionKeys: readonly CatalogColumn[],
  where: string,
): PartitionIndexInput[] {
  const checked = (indexes ?? []).map((index) => checkPartitionIndex(index, partitionKeys, where));
  if (checked.length > MOST_INDEXES) {
    throw new LochError(
      'limit_exceeded',
      `${where} was given ${checked.length} partition indexes; the limit is ${MOST_INDEXES}.`,
    );
  }
  for (const [i, index] of checked.entries()) {
    if (checked.slice(0, i).every((one) => one.name !== index.name && String(one.keys) !== String(index.keys)))
      continue;
    throw new LochError('invalid_argument', `Partition index \`${index.name}\` of ${where} stands twice.`);
  }
  return checked;
}

/** **Errors**: `invalid_argument` for a view of several dialects, which has no partitions (clients rely on the words). */
function refuseView(table: TableRecord): void {
  if (table.foreign?.ViewDefinition === undefined) return;
  throw new LochError(
    'invalid_argument',
    `Operation not supported: \`${table.database}.${table.name}\` is a view of several dialects and has no partitions.`,
    { context: { table: table.name } },
  );
}

/** The use-cases of partition indexes. */
export function partitionIndexUseCases(parts: CatalogParts): PartitionIndexes {
  return {
    async createPartitionIndex(context, given, index) {
      const name = fold(given);
      await authorizeGlue(parts, context, 'CreatePartitionIndex', name);
      await requireTable(parts, context, name, 'ALTER');
      const table = await readTable(parts, context, name);
      refuseView(table);
      const checked = checkPartitionIndex(index, table.partitionKeys, `\`${name.database}.${name.table}\``);
      await parts.store.write(databaseStore.procedures.addPartitionIndex, {
        tableId: table.id,
        table: `${name.database}.${name.table}`,
        name: checked.name,
        keys: checked.keys,
        at: parts.clock.now(),
      });
      parts.indexFiller.wake();
    },

    async partitionIndexes(context, given) {
      const name = fold(given);
      await authorizeGlue(parts, context, 'GetPartitionIndexes', name);
      await requireTable(parts, context, name, 'DESCRIBE');
      const table = await readTable(parts, context, name);
      refuseView(table);
      return parts.store.read(databaseStore.procedures.partitionIndexes, { tableId: table.id });
    },

    async deletePartitionIndex(context, given, index) {
      const name = fold(given);
      await authorizeGlue(parts, context, 'DeletePartitionIndex', name);
      await requireTable(parts, context, name, 'ALTER');
      const table = await readTable(parts, context, name);
      await parts.store.write(databaseStore.procedures.dropPartitionIndex, {
        tableId: table.id,
        table: `${name.database}.${name.table}`,
        name: index.toLowerCase(),
      });
      parts.indexFiller.wake();
    },
  };
}
