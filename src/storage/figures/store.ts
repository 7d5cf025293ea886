/**
 * Figures of buckets and of their first-level prefixes.
 *
 * Invariants
 * - What a step has counted and where the next one begins are one transaction: nothing is counted twice or not at all.
 * - Figures are shown of a walk that has ended; those of one under way stand beside them until then.
 */
import type { Kysely } from 'kysely';
import { LochError } from '../../core/errors.ts';
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';
import type { BucketFigures, StorageCounts } from './contract-types.ts';
import { NO_COUNTS, plus } from './counts.ts';

type WalkState = 'versions' | 'uploads' | 'done';

interface WalkRow {
  bucket: string;
  day: number;
  /** Which walk: its figures stand under this number. */
  number: number;
  state: WalkState;
  /** JSON of where the next step begins; null at the begin of a state. */
  position: string | null;
  started_at: number;
  /** The walk whose figures are shown, when it began and ended. */
  shown: number | null;
  shown_started_at: number | null;
  shown_ended_at: number | null;
  failure: string | null;
  holder: string | null;
  lease_until: number;
}

interface FigureRow {
  bucket: string;
  number: number;
  prefix: string;
  /** To order by. */
  bytes: number;
  /** JSON. */
  counts: string;
}

interface FigureTables {
  figure_walk: WalkRow;
  storage_figure: FigureRow;
}

const { read, write } = proceduresOver<FigureTables>();

/** Prefixes that are shown of a bucket. */
const SHOWN = 50;
/** Rows that are summed up at once. */
const PAGE = 1000;

interface Holding {
  readonly bucket: string;
  readonly holder: string;
  readonly leaseMs: number;
  readonly now: number;
}

/** A walk that somebody holds. */
export interface HeldWalk {
  readonly number: number;
  readonly state: WalkState;
  readonly position: string | null;
}

/** What a step has counted, by prefix. */
export interface FigureStep {
  readonly counted: readonly { readonly prefix: string; readonly counts: StorageCounts }[];
  readonly next: Pick<HeldWalk, 'state' | 'position'>;
}

async function addCounts(
  db: Kysely<FigureTables>,
  at: Pick<FigureRow, 'bucket' | 'number'>,
  { prefix, counts }: FigureStep['counted'][number],
): Promise<void> {
  const { bucket, number } = at;
  const row = await db
    .selectFrom('storage_figure')
    .select('counts')
    .where('bucket', '=', bucket)
    .where('number', '=', number)
    .where('prefix', '=', prefix)
    .executeTakeFirst();
  const sum = row === undefined ? counts : plus(JSON.parse(row.counts) as StorageCounts, counts);
  const values = { bytes: sum.bytes, counts: JSON.stringify(sum) };
  await db
    .insertInto('storage_figure')
    .values({ bucket, number, prefix, ...values })
    .onConflict((on) => on.columns(['bucket', 'number', 'prefix']).doUpdateSet(values))
    .execute();
}

/** The rows of a walk by bytes, the largest first, a page at a time. */
async function* rowsOf(db: Kysely<FigureTables>, bucket: string, number: number): AsyncGenerator<FigureRow> {
  for (let offset = 0; ; offset += PAGE) {
    const rows = await db
      .selectFrom('storage_figure')
      .selectAll()
      .where('bucket', '=', bucket)
      .where('number', '=', number)
      .orderBy('bytes', 'desc')
      .orderBy('prefix')
      .limit(PAGE)
      .offset(offset)
      .execute();
    yield* rows;
    if (rows.length < PAGE) return;
  }
}

async function shownFigures(db: Kysely<FigureTables>, bucket: string, number: number) {
  const prefixes: { prefix: string; counts: StorageCounts }[] = [];
  let others = { prefixes: 0, counts: NO_COUNTS };
  let total = NO_COUNTS;
  for await (const row of rowsOf(db, bucket, number)) {
    const counts = JSON.parse(row.counts) as StorageCounts;
    total = plus(total, counts);
    if (prefixes.length < SHOWN) prefixes.push({ prefix: row.prefix, counts });
    else others = { prefixes: others.prefixes + 1, counts: plus(others.counts, counts) };
  }
  return { prefixes, total, ...(others.prefixes === 0 ? {} : { others }) };
}

export default defineStoreModule('storageFigures', {
  migrations: [
    {
      number: 1,
      name: 'figures of buckets and prefixes',
      statements: [
        `CREATE TABLE IF NOT EXISTS figure_walk (
           bucket TEXT PRIMARY KEY, day BIGINT NOT NULL, number BIGINT NOT NULL, state TEXT NOT NULL, position TEXT,
           started_at BIGINT NOT NULL, shown BIGINT, shown_started_at BIGINT, shown_ended_at BIGINT, failure TEXT,
           holder TEXT, lease_until BIGINT NOT NULL)`,
        `CREATE TABLE IF NOT EXISTS storage_figure (
           bucket TEXT NOT NULL, number BIGINT NOT NULL, prefix TEXT NOT NULL, bytes BIGINT NOT NULL,
           counts TEXT NOT NULL, PRIMARY KEY (bucket, number, prefix)) WITHOUT ROWID`,
        'CREATE INDEX IF NOT EXISTS storage_figure_bytes ON storage_figure (bucket, number, bytes)',
      ],
    },
  ],
  procedures: {
    /** Takes the walk of `day`: a new one, or one that was left. Undefined when it is done (unless `again`) or held. */
    begin: write(
      async (db, args: Holding & { readonly day: number; readonly again: boolean }): Promise<HeldWalk | undefined> => {
        const { bucket, holder, day, now, again } = args;
        const row = await db.selectFrom('figure_walk').selectAll().where('bucket', '=', bucket).executeTakeFirst();
        const lease = { holder, lease_until: now + args.leaseMs, failure: null };
        if (row !== undefined && row.state !== 'done') {
          if (row.lease_until > now && row.holder !== holder) return undefined;
          await db.updateTable('figure_walk').set(lease).where('bucket', '=', bucket).execute();
          return { number: row.number, state: row.state, position: row.position };
        }
        if (row !== undefined && row.day >= day && !again) return undefined;
        const number = (row?.number ?? 0) + 1;
        const fresh = { day, number, state: 'versions' as const, position: null, started_at: now, ...lease };
        const never = { shown: null, shown_started_at: null, shown_ended_at: null };
        await db
          .insertInto('figure_walk')
          .values({ bucket, ...fresh, ...never })
          .onConflict((on) => on.column('bucket').doUpdateSet(fresh))
          .execute();
        return { number, state: 'versions', position: null };
      },
    ),

    /** Adds a step, and shows the walk when it is the last. **Errors**: `concurrent_run` when another has taken it over. */
    step: write(async (db, args: Holding & FigureStep & { readonly number: number }): Promise<void> => {
      const { bucket, holder, number, counted, next, now } = args;
      const row = await db
        .selectFrom('figure_walk')
        .select('started_at')
        .where('bucket', '=', bucket)
        .where('holder', '=', holder)
        .where('number', '=', number)
        .executeTakeFirst();
      if (row === undefined) {
        throw new LochError('concurrent_run', `Counting \`${bucket}\` was taken over, or the bucket is gone.`, {
          context: { bucket },
        });
      }
      for (const one of counted) await addCounts(db, { bucket, number }, one);
      const done = next.state === 'done';
      const shown = { shown: number, shown_started_at: row.started_at, shown_ended_at: now };
      await db
        .updateTable('figure_walk')
        .set({ ...next, lease_until: done ? 0 : now + args.leaseMs, ...(done ? shown : {}) })
        .where('bucket', '=', bucket)
        .execute();
      if (done)
        await db.deleteFrom('storage_figure').where('bucket', '=', bucket).where('number', '!=', number).execute();
    }),

    /** The holder gives up for now; the next one goes on from the position. */
    fail: write(async (db, args: { bucket: string; holder: string; failure: string }): Promise<void> => {
      await db
        .updateTable('figure_walk')
        .set({ failure: args.failure, lease_until: 0 })
        .where('bucket', '=', args.bucket)
        .where('holder', '=', args.holder)
        .execute();
    }),

    figures: read(async (db, { bucket }: { bucket: string }): Promise<BucketFigures> => {
      const row = await db.selectFrom('figure_walk').selectAll().where('bucket', '=', bucket).executeTakeFirst();
      if (row === undefined) return { bucket, state: 'never', prefixes: [] };
      const state = row.state === 'done' ? 'done' : 'counting';
      const failure = row.failure === null ? {} : { failure: row.failure };
      if (row.shown === null) return { bucket, state, prefixes: [], ...failure };
      return {
        ...{ bucket, state, ...failure, startedAt: row.shown_started_at!, endedAt: row.shown_ended_at! },
        ...(await shownFigures(db, bucket, row.shown)),
      };
    }),

    /** For the transactions that make and delete a bucket. */
    forget: write(async (db, args: { bucket: string }): Promise<void> => {
      await db.deleteFrom('figure_walk').where('bucket', '=', args.bucket).execute();
      await db.deleteFrom('storage_figure').where('bucket', '=', args.bucket).execute();
    }),
  },
});
