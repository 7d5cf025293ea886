/** The errors of things that are not there (or are hidden, which is the same to a caller), made in one place. */
import { LochError } from '../../core/errors.ts';

const suggestion = (near: readonly string[]): string =>
  near.length === 0 ? '' : ` Near names: ${near.map((name) => `\`${name}\``).join(', ')}.`;

/** **Errors**: it is the error, `database_not_found`. */
export function databaseMissing(name: string, near: readonly string[] = []): LochError {
  return new LochError('database_not_found', `Database \`${name}\` does not exist.${suggestion(near)}`, {
    context: { database: name, near },
  });
}

/** **Errors**: it is the error, `table_not_found`. */
export function tableMissing(database: string, table: string, near: readonly string[] = []): LochError {
  return new LochError('table_not_found', `Table \`${database}.${table}\` does not exist.${suggestion(near)}`, {
    context: { database, table, near },
  });
}

/** **Errors**: it is the error, `partition_not_found`. */
export function partitionMissing(database: string, table: string, values: readonly string[]): LochError {
  return new LochError(
    'partition_not_found',
    `Table \`${database}.${table}\` has no partition (${values.join(', ')}). List its partitions to see those it has.`,
    { context: { database, table, values } },
  );
}
