/**
 * Where each inventory's list stands.
 *
 * Invariants
 * - A configuration has one row. Whoever holds its lease lists; a lease that has run out is taken over with the position.
 * - A file of a list is an object before it stands here; what was written after the position is written again under the
 *   same name.
 */
import { LochError } from '../../core/errors.ts';
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';
import type { InventoryFile, InventoryRun } from './contract-types.ts';

interface RunRow {
  bucket: string;
  id: string;
  /** Names the files of this list. */
  run_id: string;
  /** Which day's list it is, or which week's: days since 1970. */
  day: number;
  state: InventoryRun['state'];
  /** Where the listing goes on, as JSON; null at the begin. */
  position: string | null;
  /** JSON. */
  files: string;
  listed: number;
  /** What the configuration was when the list began, as JSON. */
  configuration: string;
  started_at: number;
  ended_at: number | null;
  manifest: string | null;
  failure: string | null;
  holder: string | null;
  lease_until: number;
}

const { read, write } = proceduresOver<{ inventory_run: RunRow }>();

/** A list that somebody holds. */
export interface HeldInventory {
  readonly runId: string;
  readonly startedAt: number;
  readonly position: string | null;
  readonly files: readonly InventoryFile[];
  readonly listed: number;
}

interface Holding {
  readonly bucket: string;
  readonly id: string;
  readonly holder: string;
  readonly leaseMs: number;
  readonly now: number;
}

const heldOf = (row: RunRow): HeldInventory => ({
  runId: row.run_id,
  startedAt: row.started_at,
  position: row.position,
  files: JSON.parse(row.files) as InventoryFile[],
  listed: row.listed,
});

const runOf = (row: RunRow): InventoryRun => ({
  bucket: row.bucket,
  id: row.id,
  state: row.state,
  startedAt: row.started_at,
  ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
  listed: row.listed,
  files: (JSON.parse(row.files) as InventoryFile[]).length,
  ...(row.manifest === null ? {} : { manifest: row.manifest }),
  ...(row.failure === null ? {} : { failure: row.failure }),
});

export default defineStoreModule('storageInventories', {
  migrations: [
    {
      number: 1,
      name: 'runs of inventories',
      statements: [
        `CREATE TABLE IF NOT EXISTS inventory_run (
           bucket TEXT NOT NULL, id TEXT NOT NULL, run_id TEXT NOT NULL, day BIGINT NOT NULL, state TEXT NOT NULL,
           position TEXT, files TEXT NOT NULL, listed BIGINT NOT NULL, configuration TEXT NOT NULL,
           started_at BIGINT NOT NULL, ended_at BIGINT, manifest TEXT, failure TEXT, holder TEXT,
           lease_until BIGINT NOT NULL, PRIMARY KEY (bucket, id)) WITHOUT ROWID`,
      ],
    },
  ],
  procedures: {
    /**
     * Takes the list of `day`: a new one under `runId`, or one that was left. Undefined when it is done already (unless
     * `again`) or when another holds it. When the configuration has changed since, the list begins anew.
     */
    begin: write(
      async (
        db,
        args: Holding & {
          readonly runId: string;
          readonly day: number;
          readonly again: boolean;
          readonly configuration: string;
        },
      ): Promise<HeldInventory | undefined> => {
        const { bucket, id, holder, day, now, runId, configuration } = args;
        const row = await db
          .selectFrom('inventory_run')
          .selectAll()
          .where('bucket', '=', bucket)
          .where('id', '=', id)
          .executeTakeFirst();
        const lease = { holder, lease_until: now + args.leaseMs, failure: null };
        if (row !== undefined && row.state === 'listing') {
          if (row.lease_until > now && row.holder !== holder) return undefined;
          if (row.configuration === configuration) {
            await db
              .updateTable('inventory_run')
              .set(lease)
              .where('bucket', '=', bucket)
              .where('id', '=', id)
              .execute();
            return heldOf(row);
          }
        } else if (row !== undefined && row.day >= day && row.configuration === configuration && !args.again) {
          return undefined;
        }
        const fresh = {
          run_id: runId,
          day,
          state: 'listing' as const,
          position: null,
          files: '[]',
          listed: 0,
          configuration,
          started_at: now,
          ended_at: null,
          manifest: null,
          ...lease,
        };
        await db
          .insertInto('inventory_run')
          .values({ bucket, id, ...fresh })
          .onConflict((on) => on.columns(['bucket', 'id']).doUpdateSet(fresh))
          .execute();
        return { runId, startedAt: now, position: null, files: [], listed: 0 };
      },
    ),

    /** Notes how far the holder is; with `manifest`, that the list is finished. **Errors**: `concurrent_run`. */
    advance: write(
      async (
        db,
        args: Holding & Pick<HeldInventory, 'position' | 'files' | 'listed'> & { readonly manifest?: string },
      ): Promise<void> => {
        const { bucket, id, holder, position, files, listed, manifest, now } = args;
        const done = manifest !== undefined;
        const { numUpdatedRows } = await db
          .updateTable('inventory_run')
          .set({
            position,
            files: JSON.stringify(files),
            listed,
            state: done ? 'done' : 'listing',
            manifest: manifest ?? null,
            ended_at: done ? now : null,
            lease_until: done ? 0 : now + args.leaseMs,
          })
          .where('bucket', '=', bucket)
          .where('id', '=', id)
          .where('holder', '=', holder)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows > 0n) return;
        throw new LochError('concurrent_run', `The inventory \`${id}\` of \`${bucket}\` was taken over, or is gone.`, {
          context: { bucket, inventory: id },
        });
      },
    ),

    /** The holder gives up for now; the next one goes on from the position. */
    fail: write(async (db, args: Omit<Holding, 'leaseMs' | 'now'> & { failure: string }): Promise<void> => {
      await db
        .updateTable('inventory_run')
        .set({ failure: args.failure, lease_until: 0 })
        .where('bucket', '=', args.bucket)
        .where('id', '=', args.id)
        .where('holder', '=', args.holder)
        .execute();
    }),

    runs: read(async (db, _args: Record<string, never>): Promise<InventoryRun[]> => {
      return (await db.selectFrom('inventory_run').selectAll().orderBy('bucket').orderBy('id').execute()).map(runOf);
    }),

    run: read(async (db, args: { bucket: string; id: string }): Promise<InventoryRun | undefined> => {
      const row = await db
        .selectFrom('inventory_run')
        .selectAll()
        .where('bucket', '=', args.bucket)
        .where('id', '=', args.id)
        .executeTakeFirst();
      return row === undefined ? undefined : runOf(row);
    }),

    /** For the transactions that make and delete a bucket. */
    forget: write(async (db, args: { bucket: string }): Promise<void> => {
      await db.deleteFrom('inventory_run').where('bucket', '=', args.bucket).execute();
    }),
  },
});
