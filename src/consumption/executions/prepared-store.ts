/** Prepared statements: texts under names, one set for each workgroup of an account. */
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';
import { LochError } from '../../core/errors.ts';

interface PreparedRow {
  account_id: string;
  workgroup: string;
  name: string;
  sql: string;
  description: string | null;
  updated_at: number;
}

interface PreparedTables {
  prepared_statement: PreparedRow;
}

/** Which set of statements. */
export interface PreparedPlace {
  readonly accountId: string;
  readonly workgroup: string;
}

/** A statement as the store keeps it. */
export interface PreparedRecord {
  readonly name: string;
  readonly sql: string;
  readonly description?: string;
  readonly updatedAt: number;
}

const { read, write } = proceduresOver<PreparedTables>();

const recordOf = (row: PreparedRow): PreparedRecord => ({
  name: row.name,
  sql: row.sql,
  ...(row.description === null ? {} : { description: row.description }),
  updatedAt: row.updated_at,
});

const procedures = {
  /** Keeps a statement. `mode` says what may be there before. **Errors**: `already_exists`, `not_found`, `limit_exceeded`. */
  put: write(
    async (
      db,
      input: PreparedPlace & {
        readonly name: string;
        readonly sql: string;
        readonly description: string | null;
        readonly mode: 'create' | 'update' | 'either';
        readonly limit: number;
      },
      context,
    ) => {
      const { accountId, workgroup, name, sql, description } = input;
      const own = db
        .selectFrom('prepared_statement')
        .where('account_id', '=', accountId)
        .where('workgroup', '=', workgroup);
      const known = await own.select('name').where('name', '=', name).executeTakeFirst();
      if (known !== undefined && input.mode === 'create') {
        throw new LochError(
          'already_exists',
          `Prepared statement \`${name}\` exists already. Update it, or choose another name.`,
          {
            context: { name },
          },
        );
      }
      if (known === undefined && input.mode === 'update') throw preparedMissing(name);
      if (known === undefined) {
        const { count } = await own.select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
        if (Number(count) >= input.limit) {
          throw new LochError(
            'limit_exceeded',
            `The workgroup has ${input.limit} prepared statements, as many as it may. Deallocate one.`,
            {
              context: { limit: input.limit },
            },
          );
        }
      }
      const values = { sql, description, updated_at: context.now };
      await db
        .insertInto('prepared_statement')
        .values({ account_id: accountId, workgroup, name, ...values })
        .onConflict((conflict) => conflict.columns(['account_id', 'workgroup', 'name']).doUpdateSet(values))
        .execute();
    },
  ),

  get: read(async (db, { accountId, workgroup, name }: PreparedPlace & { readonly name: string }) => {
    const row = await db
      .selectFrom('prepared_statement')
      .selectAll()
      .where('account_id', '=', accountId)
      .where('workgroup', '=', workgroup)
      .where('name', '=', name)
      .executeTakeFirst();
    return row === undefined ? undefined : recordOf(row);
  }),

  /** By name, after the one called `after`. */
  list: read(async (db, query: PreparedPlace & { readonly after: string; readonly limit: number }) => {
    const rows = await db
      .selectFrom('prepared_statement')
      .selectAll()
      .where('account_id', '=', query.accountId)
      .where('workgroup', '=', query.workgroup)
      .where('name', '>', query.after)
      .orderBy('name')
      .limit(query.limit)
      .execute();
    return rows.map(recordOf);
  }),

  /** **Errors**: `not_found`. */
  remove: write(async (db, { accountId, workgroup, name }: PreparedPlace & { readonly name: string }) => {
    const gone = await db
      .deleteFrom('prepared_statement')
      .where('account_id', '=', accountId)
      .where('workgroup', '=', workgroup)
      .where('name', '=', name)
      .returning('name')
      .executeTakeFirst();
    if (gone === undefined) throw preparedMissing(name);
  }),
};

/** The answer for a statement there is none of; one of another workgroup is none. */
export function preparedMissing(name: string): LochError {
  return new LochError('not_found', `Prepared statement \`${name}\` is not in this workgroup.`, { context: { name } });
}

const preparedStore = defineStoreModule('prepared_statements', {
  migrations: [
    {
      number: 1,
      name: 'prepared statements',
      statements: [
        `CREATE TABLE prepared_statement (
          account_id TEXT NOT NULL, workgroup TEXT NOT NULL, name TEXT NOT NULL, sql TEXT NOT NULL, description TEXT,
          updated_at BIGINT NOT NULL, PRIMARY KEY (account_id, workgroup, name))`,
      ],
    },
  ],
  procedures,
});

export default preparedStore;
export const preparedProcedures = preparedStore.procedures;
