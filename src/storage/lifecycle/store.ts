/**
 * Where each bucket's pass over its rules stands.
 *
 * Invariants
 * - A bucket has one row. Whoever holds its lease walks; a lease that has run out is taken over with the position.
 * - The position is the last key whose versions were all dealt with: what comes after it may be looked at twice, and
 *   every action is one that may happen twice.
 */
import { LochError } from '../../core/errors.ts';
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';
import type { LifecycleCounts, LifecycleRun } from './contract-types.ts';

interface RunRow {
  bucket: string;
  /** Which day's pass it is: days since 1970 of the rules' length. */
  day: number;
  state: LifecycleRun['state'];
  /** Text of the last key or `key NUL upload id` that is done; null at the begin of a state. */
  position: string | null;
  started_at: number;
  ended_at: number | null;
  counts: string;
  failure: string | null;
  holder: string | null;
  lease_until: number;
}

interface LifecycleTables {
  lifecycle_run: RunRow;
  /** Since when the reads of a bucket are noted. */
  access_since: { bucket: string; since: number };
  /** `seen`: the last pass over INTELLIGENT_TIERING that met the version; 0 when none has. */
  access_time: { version_id: string; bucket: string; at: number; seen: number };
}

const { read, write } = proceduresOver<LifecycleTables>();

/** A pass that somebody holds. */
export interface HeldRun {
  readonly bucket: string;
  readonly state: LifecycleRun['state'];
  readonly position: string | null;
  readonly counts: LifecycleCounts;
}

interface Holding {
  readonly bucket: string;
  readonly holder: string;
  readonly leaseMs: number;
}

const NOTHING: LifecycleCounts = { seen: 0, expired: 0, removed: 0, moved: 0, aborted: 0, kept: 0 };

const runOf = (row: RunRow): LifecycleRun => ({
  bucket: row.bucket,
  state: row.state,
  startedAt: row.started_at,
  ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
  counts: JSON.parse(row.counts) as LifecycleCounts,
  ...(row.failure === null ? {} : { failure: row.failure }),
});

const lifecycleStore = defineStoreModule('storageLifecycle', {
  migrations: [
    {
      number: 1,
      name: 'runs of lifecycle rules',
      statements: [
        `CREATE TABLE IF NOT EXISTS lifecycle_run (
           bucket TEXT PRIMARY KEY, day BIGINT NOT NULL, state TEXT NOT NULL, position TEXT, started_at BIGINT NOT NULL,
           ended_at BIGINT, counts TEXT NOT NULL, failure TEXT, holder TEXT, lease_until BIGINT NOT NULL)`,
      ],
    },
    {
      number: 2,
      name: 'when versions were read',
      statements: [
        'CREATE TABLE IF NOT EXISTS access_since (bucket TEXT PRIMARY KEY, since BIGINT NOT NULL)',
        `CREATE TABLE IF NOT EXISTS access_time (
           version_id TEXT PRIMARY KEY, bucket TEXT NOT NULL, at BIGINT NOT NULL) WITHOUT ROWID`,
        'CREATE INDEX IF NOT EXISTS access_time_bucket ON access_time (bucket)',
      ],
    },
    {
      number: 3,
      name: 'passes by use',
      statements: ['ALTER TABLE access_time ADD COLUMN seen BIGINT NOT NULL DEFAULT 0'],
    },
  ],
  procedures: {
    /**
     * Takes the pass of `day`: a new one, or one that was left. Undefined when it is done already (unless `again`) or
     * when another holds it.
     */
    begin: write(
      async (
        db,
        args: Holding & { readonly day: number; readonly again: boolean; readonly now: number },
      ): Promise<HeldRun | undefined> => {
        const { bucket, holder, day, again, now } = args;
        const row = await db.selectFrom('lifecycle_run').selectAll().where('bucket', '=', bucket).executeTakeFirst();
        const lease = { holder, lease_until: now + args.leaseMs };
        if (row !== undefined && row.state !== 'done') {
          if (row.lease_until > now && row.holder !== holder) return undefined;
          await db
            .updateTable('lifecycle_run')
            .set({ ...lease, failure: null })
            .where('bucket', '=', bucket)
            .execute();
          return { bucket, state: row.state, position: row.position, counts: JSON.parse(row.counts) };
        }
        if (row !== undefined && row.day >= day && !again) return undefined;
        const fresh = {
          day,
          state: 'versions' as const,
          position: null,
          started_at: now,
          ended_at: null,
          counts: JSON.stringify(NOTHING),
          failure: null,
          ...lease,
        };
        await db
          .insertInto('lifecycle_run')
          .values({ bucket, ...fresh })
          .onConflict((on) => on.column('bucket').doUpdateSet(fresh))
          .execute();
        return { bucket, state: 'versions', position: null, counts: NOTHING };
      },
    ),

    /** Notes how far the holder is. **Errors**: `concurrent_run` when another has taken the pass over. */
    advance: write(async (db, args: Holding & HeldRun & { readonly now: number }): Promise<void> => {
      const { bucket, holder, state, position, counts, now } = args;
      const { numUpdatedRows } = await db
        .updateTable('lifecycle_run')
        .set({
          state,
          position,
          counts: JSON.stringify(counts),
          lease_until: state === 'done' ? 0 : now + args.leaseMs,
          ended_at: state === 'done' ? now : null,
        })
        .where('bucket', '=', bucket)
        .where('holder', '=', holder)
        .executeTakeFirstOrThrow();
      if (numUpdatedRows > 0n) return;
      throw new LochError('concurrent_run', `The lifecycle pass of \`${bucket}\` was taken over by another process.`, {
        context: { bucket },
      });
    }),

    /** The holder gives up for now; the next one goes on from the position. */
    fail: write(async (db, args: { bucket: string; holder: string; failure: string }): Promise<void> => {
      await db
        .updateTable('lifecycle_run')
        .set({ failure: args.failure, lease_until: 0 })
        .where('bucket', '=', args.bucket)
        .where('holder', '=', args.holder)
        .execute();
    }),

    runs: read(async (db, _args: Record<string, never>): Promise<LifecycleRun[]> => {
      return (await db.selectFrom('lifecycle_run').selectAll().orderBy('bucket').execute()).map(runOf);
    }),

    run: read(async (db, args: { bucket: string }): Promise<LifecycleRun | undefined> => {
      const row = await db.selectFrom('lifecycle_run').selectAll().where('bucket', '=', args.bucket).executeTakeFirst();
      return row === undefined ? undefined : runOf(row);
    }),

    /** For the transactions that make and delete a bucket. */
    forget: write(async (db, args: { bucket: string }): Promise<void> => {
      await db.deleteFrom('lifecycle_run').where('bucket', '=', args.bucket).execute();
      await db.deleteFrom('access_since').where('bucket', '=', args.bucket).execute();
      await db.deleteFrom('access_time').where('bucket', '=', args.bucket).execute();
    }),

    noteAccesses: write(
      async (db, args: { times: readonly { versionId: string; bucket: string; at: number }[] }): Promise<void> => {
        for (const { versionId, bucket, at } of args.times) {
          await db
            .insertInto('access_time')
            .values({ version_id: versionId, bucket, at, seen: 0 })
            .onConflict((on) => on.column('version_id').doUpdateSet({ at }))
            .execute();
        }
      },
    ),

    /** When these versions were used: now, where that was not noted before. They count as seen by `pass`. */
    seeVersions: write(
      async (
        db,
        args: { seen: readonly { versionId: string; bucket: string }[]; pass: number; now: number },
      ): Promise<Record<string, number>> => {
        const times: Record<string, number> = {};
        for (const { versionId, bucket } of args.seen) {
          const { at } = await db
            .insertInto('access_time')
            .values({ version_id: versionId, bucket, at: args.now, seen: args.pass })
            .onConflict((on) => on.column('version_id').doUpdateSet({ seen: args.pass }))
            .returning('at')
            .executeTakeFirstOrThrow();
          times[versionId] = at;
        }
        return times;
      },
    ),

    /** Removes at most `limit` times of versions that an earlier pass has seen and this one has not. */
    forgetUnseen: write(async (db, { pass, limit }: { pass: number; limit: number }): Promise<number> => {
      const { numDeletedRows } = await db
        .deleteFrom('access_time')
        .where('version_id', 'in', (from) =>
          from
            .selectFrom('access_time')
            .select('version_id')
            .where('seen', '>', 0)
            .where('seen', '<', pass)
            .limit(limit),
        )
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    }),

    /** When these versions were read, and since when that is noted: from now on, if it was not before. */
    accesses: write(
      async (
        db,
        args: { bucket: string; ids: readonly string[]; now: number },
      ): Promise<{ since: number; times: Record<string, number> }> => {
        const { bucket, ids, now } = args;
        await db
          .insertInto('access_since')
          .values({ bucket, since: now })
          .onConflict((on) => on.column('bucket').doNothing())
          .execute();
        const { since } = await db
          .selectFrom('access_since')
          .select('since')
          .where('bucket', '=', bucket)
          .executeTakeFirstOrThrow();
        const rows =
          ids.length === 0
            ? []
            : await db.selectFrom('access_time').select(['version_id', 'at']).where('version_id', 'in', ids).execute();
        return { since, times: Object.fromEntries(rows.map((row) => [row.version_id, row.at])) };
      },
    ),
  },
});

export default lifecycleStore;
