import type { Kysely } from 'kysely';
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';
import { LochError } from '../../core/errors.ts';

/** Answers under idempotency keys. */
interface IcebergDoorTables {
  catalog_request_key: {
    principal: string;
    request_key: string;
    fingerprint: string;
    status: number | null;
    body: string | null;
    at: number;
  };
}

const { read, write } = proceduresOver<IcebergDoorTables>();

/** How long a key is remembered: four times what clients are told. **Units**: milliseconds. */
const KEPT_MS = 2 * 3_600_000;
const SWEPT = 10;

/** Every key that is written takes some that are too old with it, so that they never pile up. */
async function forgetOld(db: Kysely<IcebergDoorTables>, now: number): Promise<void> {
  const old = await db
    .selectFrom('catalog_request_key')
    .select(['principal', 'request_key'])
    .where('at', '<', now - KEPT_MS)
    .limit(SWEPT)
    .execute();
  for (const row of old) {
    await db
      .deleteFrom('catalog_request_key')
      .where('principal', '=', row.principal)
      .where('request_key', '=', row.request_key)
      .execute();
  }
}

/** What the Iceberg door keeps about requests. */
const icebergStore = defineStoreModule('catalogIceberg', {
  migrations: [
    {
      number: 1,
      name: 'answers under idempotency keys',
      statements: [
        `CREATE TABLE IF NOT EXISTS catalog_request_key (
           principal TEXT NOT NULL, request_key TEXT NOT NULL, fingerprint TEXT NOT NULL, status BIGINT, body TEXT,
           at BIGINT NOT NULL, PRIMARY KEY (principal, request_key))`,
        `CREATE INDEX IF NOT EXISTS catalog_request_key_at ON catalog_request_key (at)`,
      ],
    },
  ],
  procedures: {
    /** Marks a key as done, in the transaction of its effect. **Errors**: `conflict` when it is marked already. */
    markKey: write(
      async (db, args: { principal: string; key: string; fingerprint: string; at: number }): Promise<void> => {
        const added = await db
          .insertInto('catalog_request_key')
          .values({
            principal: args.principal,
            request_key: args.key,
            fingerprint: args.fingerprint,
            status: null,
            body: null,
            at: args.at,
          })
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        if (Number(added.numInsertedOrUpdatedRows) > 0) return forgetOld(db, args.at);
        throw new LochError(
          'conflict',
          'A request with this idempotency key was carried out meanwhile. Send it again.',
        );
      },
    ),

    /** Keeps the final answer of a key. */
    keepAnswer: write(
      async (
        db,
        args: { principal: string; key: string; fingerprint: string; status: number; body: string; at: number },
      ): Promise<void> => {
        const { principal, key, fingerprint, status, body, at } = args;
        await db
          .insertInto('catalog_request_key')
          .values({ principal, request_key: key, fingerprint, status, body, at })
          .onConflict((conflict) => conflict.columns(['principal', 'request_key']).doUpdateSet({ status, body }))
          .execute();
        await forgetOld(db, at);
      },
    ),

    keptAnswer: read(async (db, args: { principal: string; key: string }) => {
      const row = await db
        .selectFrom('catalog_request_key')
        .selectAll()
        .where('principal', '=', args.principal)
        .where('request_key', '=', args.key)
        .executeTakeFirst();
      if (row === undefined) return undefined;
      return {
        fingerprint: row.fingerprint,
        ...(row.status === null ? {} : { status: row.status }),
        ...(row.body === null ? {} : { body: row.body }),
      };
    }),
  },
});

export default icebergStore;
