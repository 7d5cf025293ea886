/**
 * Versions on their way between places, and restored copies.
 *
 * Invariants
 * - A version whose class names another place stands in `object_move` from the transaction that changed it on, so a
 *   crash forgets no move; it goes in the transaction that swaps the place.
 * - The bytes a swap leaves behind are garbage from that transaction on.
 * - `object_restore` has a row for every restore that is under way and every copy that is there.
 */
import { type Kysely, sql } from 'kysely';
import { LochError } from '../../../core/errors.ts';
import { type ProcedureContext, proceduresOver } from '../../../metadata/contract.ts';
import { traitsOf } from '../../tiers/storage-classes.ts';
import { dereference, findVersion } from './key-versions.ts';
import { requireVersion, update } from './object-procedures.ts';
import { keyText, type ObjectDetail, type ObjectRow, type ObjectTables } from './rows.ts';

const { read, write } = proceduresOver<ObjectTables>();
type Db = Kysely<ObjectTables>;

/** A version that waits to be moved. */
export interface MoveRow {
  readonly version_id: string;
  readonly bucket: string;
  readonly key: Uint8Array;
  readonly attempts: number;
}

/** A restore that is under way, or its copy. */
export interface RestoreRow {
  readonly version_id: string;
  readonly bucket: string;
  readonly key: Uint8Array;
  readonly days: number;
  readonly state: 'ongoing' | 'available';
  readonly until: number | null;
}

interface Place {
  readonly segment: number | null;
  readonly place: number | null;
}

/** Forgets bytes that wait to be swept: they are about to be written again, or are referenced again. */
async function reclaim(db: Db, versionId: string, place: number | null): Promise<void> {
  const where = place === null ? sql`place IS NULL` : sql`place = ${place}`;
  await sql`DELETE FROM object_garbage WHERE version_id = ${versionId} AND segment IS NULL AND ${where}`.execute(db);
}

const detailOf = (row: Pick<ObjectRow, 'detail'>) => JSON.parse(row.detail) as ObjectDetail;

async function setRestore(
  db: Db,
  name: { readonly bucket: string; readonly key: Uint8Array; readonly versionId: string },
  restore: { readonly ongoing: boolean; readonly until?: number } | null,
  operation: string,
  context: ProcedureContext,
): Promise<void> {
  const change = { restore };
  await update(db, { ...name, change, now: context.now, bypassGovernance: false, operation }, context);
}

export const tierProcedures = {
  /** Numbers of tiers by name; a name that is new gets one. Rows refer to tiers by number for ever. */
  tierNumbers: write(async (db, args: { names: readonly string[] }): Promise<Record<string, number>> => {
    for (const name of args.names) {
      await sql`INSERT INTO object_tier (name) VALUES (${name}) ON CONFLICT (name) DO NOTHING`.execute(db);
    }
    const { rows } = await sql<{ number: number; name: string }>`SELECT number, name FROM object_tier`.execute(db);
    return Object.fromEntries(rows.map(({ number, name }) => [name, number]));
  }),

  /** The id by which tiers in other services know this lake; `made` when it has none yet. */
  lakeId: write(async (db, args: { made: string }): Promise<string> => {
    const { rows } = await sql<{ id: string }>`SELECT id FROM object_lake`.execute(db);
    if (rows[0] !== undefined) return rows[0].id;
    await sql`INSERT INTO object_lake (id) VALUES (${args.made})`.execute(db);
    return args.made;
  }),

  /** Versions that wait to be moved and may be tried now, the longest waiting first. */
  moves: read(async (db, args: { now: number; limit: number }): Promise<MoveRow[]> => {
    const { rows } = await sql<MoveRow>`SELECT version_id, bucket, key, attempts FROM object_move
      WHERE not_before <= ${args.now} ORDER BY not_before, version_id LIMIT ${args.limit}`.execute(db);
    return rows;
  }),

  /** The version as it stands, or undefined when it is gone. */
  placed: read(
    async (db, args: { bucket: string; key: Uint8Array; versionId: string }): Promise<ObjectRow | undefined> =>
      findVersion(db, args.bucket, args.key, args.versionId),
  ),

  /** Nothing is to be moved: it is where it belongs, or gone. */
  settled: write(async (db, args: { versionId: string }): Promise<void> => {
    await sql`DELETE FROM object_move WHERE version_id = ${args.versionId}`.execute(db);
  }),

  reclaim: write((db, args: { versionId: string; place: number | null }) => reclaim(db, args.versionId, args.place)),

  /** Tries again later. */
  postpone: write(async (db, args: { versionId: string; until: number; failure: string }): Promise<void> => {
    await sql`UPDATE object_move SET not_before = ${args.until}, attempts = attempts + 1, failure = ${args.failure}
      WHERE version_id = ${args.versionId}`.execute(db);
  }),

  /** Swaps the place of a version. False when it was swapped or removed meanwhile: then nothing names the new bytes. */
  moved: write(
    async (
      db,
      args: { bucket: string; key: Uint8Array; versionId: string; from: Place; to: Place; at: number },
    ): Promise<boolean> => {
      const { bucket, key, versionId, from, to } = args;
      for (const table of ['object_current', 'object_version']) {
        const { rows } = await sql`UPDATE ${sql.table(table)} SET segment = ${to.segment}, place = ${to.place}
          WHERE bucket = ${bucket} AND key = ${key} AND version_id = ${versionId}
          AND segment IS ${from.segment} AND place IS ${from.place} RETURNING version_id`.execute(db);
        if (rows.length === 0) continue;
        await dereference(db, { bucket, key, version_id: versionId, ...from }, args.at);
        if (to.segment === null) await reclaim(db, versionId, to.place);
        await sql`DELETE FROM object_move WHERE version_id = ${versionId}`.execute(db);
        return true;
      }
      return false;
    },
  ),

  /**
   * Asks for a copy of an archived version for so many days, or for more days of the copy that is there.
   * **Errors**: `invalid_object_state`, `restore_in_progress`, and those of a version that is not there.
   */
  requestRestore: write(
    async (
      db,
      args: { bucket: string; key: Uint8Array; versionId?: string; days?: number; until?: number; at: number },
      context,
    ): Promise<'started' | 'extended'> => {
      const found = await requireVersion(db, args.bucket, args.key, args.versionId);
      const { attributes = {} } = detailOf(found);
      const name = { bucket: args.bucket, key: args.key, versionId: found.version_id };
      if (traitsOf(attributes).online) {
        throw new LochError(
          'invalid_object_state',
          `Restore is not allowed for the object's current storage class: \`${keyText(args.key)}\` is in ${attributes.storageClass ?? 'STANDARD'}.`,
          {
            context: {
              bucket: args.bucket,
              key: keyText(args.key),
              storageClass: attributes.storageClass ?? 'STANDARD',
            },
          },
        );
      }
      if (attributes.restore?.ongoing === true) {
        throw new LochError('restore_in_progress', 'Object restore is already in progress.', {
          context: { bucket: args.bucket, key: keyText(args.key) },
        });
      }
      const { days, until } = args;
      if (attributes.storageClass === 'INTELLIGENT_TIERING') {
        // Use brings it back up, for good.
        const change = { accessTier: null };
        await update(
          db,
          { ...name, change, now: args.at, bypassGovernance: false, operation: 'RestoreObject' },
          context,
        );
        return 'started';
      }
      if (days === undefined || until === undefined) {
        throw new LochError('missing_argument', `A restore from ${attributes.storageClass} needs Days.`);
      }
      const there = attributes.restore !== undefined && (attributes.restore.until ?? 0) > args.at;
      const state = there ? 'available' : 'ongoing';
      await sql`INSERT INTO object_restore (version_id, bucket, key, days, state, until, not_before)
        VALUES (${found.version_id}, ${args.bucket}, ${args.key}, ${days}, ${state}, ${there ? until : null}, 0)
        ON CONFLICT (version_id) DO UPDATE SET days = excluded.days, state = excluded.state, until = excluded.until,
          not_before = 0, failure = NULL`.execute(db);
      const restore = there ? { ongoing: false, until } : { ongoing: true };
      await setRestore(db, name, restore, there ? 'ExtendRestore' : 'RestoreObject', context);
      return there ? 'extended' : 'started';
    },
  ),

  /** Restores under way that may be tried now, and copies whose time is over. */
  restores: read(async (db, args: { now: number; limit: number }): Promise<RestoreRow[]> => {
    const { rows } = await sql<RestoreRow>`SELECT version_id, bucket, key, days, state, until FROM object_restore
      WHERE (state = 'ongoing' AND not_before <= ${args.now}) OR (state = 'available' AND until <= ${args.now})
      ORDER BY version_id LIMIT ${args.limit}`.execute(db);
    return rows;
  }),

  /** The copy is there. False when the version went meanwhile. */
  restored: write(
    async (
      db,
      args: { bucket: string; key: Uint8Array; versionId: string; until: number },
      context,
    ): Promise<boolean> => {
      if ((await findVersion(db, args.bucket, args.key, args.versionId)) === undefined) {
        await sql`DELETE FROM object_restore WHERE version_id = ${args.versionId}`.execute(db);
        return false;
      }
      await sql`UPDATE object_restore SET state = 'available', until = ${args.until}, failure = NULL
        WHERE version_id = ${args.versionId}`.execute(db);
      await setRestore(db, args, { ongoing: false, until: args.until }, 'RestoreCompleted', context);
      return true;
    },
  ),

  postponeRestore: write(async (db, args: { versionId: string; until: number; failure: string }): Promise<void> => {
    await sql`UPDATE object_restore SET not_before = ${args.until}, failure = ${args.failure}
      WHERE version_id = ${args.versionId}`.execute(db);
  }),

  /** The copy's time is over, or its version is gone: nobody reads it any more. */
  endRestore: write(
    async (db, args: { bucket: string; key: Uint8Array; versionId: string }, context): Promise<void> => {
      await sql`DELETE FROM object_restore WHERE version_id = ${args.versionId}`.execute(db);
      const found = await findVersion(db, args.bucket, args.key, args.versionId);
      if (found !== undefined && detailOf(found).attributes?.restore !== undefined) {
        await setRestore(db, args, null, 'RestoreExpired', context);
      }
    },
  ),

  /** Of these ids, those that neither a version nor garbage names in that tier. */
  tierOrphans: read(async (db, args: { place: number; versionIds: readonly string[] }): Promise<string[]> => {
    const orphans: string[] = [];
    for (const id of args.versionIds) {
      const { rows } = await sql`SELECT 1 FROM object_current WHERE version_id = ${id} AND segment IS NULL
          AND place = ${args.place} UNION ALL
        SELECT 1 FROM object_version WHERE version_id = ${id} AND segment IS NULL AND place = ${args.place} UNION ALL
        SELECT 1 FROM object_garbage WHERE version_id = ${id} AND segment IS NULL AND place = ${args.place} UNION ALL
        SELECT 1 FROM object_move WHERE version_id = ${id} LIMIT 1`.execute(db);
      if (rows.length === 0) orphans.push(id);
    }
    return orphans;
  }),

  /** Of these ids, those that have no restore. */
  restoreOrphans: read(async (db, args: { versionIds: readonly string[] }): Promise<string[]> => {
    const orphans: string[] = [];
    for (const id of args.versionIds) {
      const { rows } = await sql`SELECT 1 FROM object_restore WHERE version_id = ${id}`.execute(db);
      if (rows.length === 0) orphans.push(id);
    }
    return orphans;
  }),

  /** Versions of INTELLIGENT_TIERING by bucket, key and id. */
  versionsByUse: read(
    async (
      db,
      args: { max: number; after?: { bucket: string; key: Uint8Array; versionId: string } },
    ): Promise<Pick<ObjectRow, 'bucket' | 'key' | 'version_id' | 'size' | 'detail'>[]> => {
      const { bucket = '', key = new Uint8Array(), versionId = '' } = args.after ?? {};
      const of = (table: string) => sql`SELECT bucket, key, version_id, size, detail FROM ${sql.table(table)}
        WHERE instr(detail, '"storageClass":"INTELLIGENT_TIERING"') > 0
          AND (bucket, key, version_id) > (${bucket}, ${key}, ${versionId})`;
      const { rows } = await sql<Pick<ObjectRow, 'bucket' | 'key' | 'version_id' | 'size' | 'detail'>>`
        ${of('object_current')} UNION ALL ${of('object_version')}
        ORDER BY bucket, key, version_id LIMIT ${args.max}`.execute(db);
      return rows;
    },
  ),

  /** How much lies in each tier, and what waits. **Units**: plain bytes. */
  tierFigures: read(
    async (
      db,
      _args: Record<string, never>,
    ): Promise<{
      tiers: { place: number; versions: number; bytes: number }[];
      waiting: number;
      failure?: string;
      restoring: number;
      restored: number;
    }> => {
      const { rows } = await sql<{ place: number; versions: number; bytes: number }>`SELECT place, sum(n) AS versions,
          sum(bytes) AS bytes FROM (
          SELECT place, count(*) AS n, sum(size) AS bytes FROM object_current WHERE segment IS NULL AND place IS NOT NULL
            GROUP BY place UNION ALL
          SELECT place, count(*), sum(size) FROM object_version WHERE segment IS NULL AND place IS NOT NULL
            GROUP BY place) AS both GROUP BY place ORDER BY place`.execute(db);
      const waiting = await sql<{ n: number; failure: string | null }>`SELECT count(*) AS n, max(failure) AS failure
        FROM object_move`.execute(db);
      const restores = await sql<{ state: string; n: number }>`SELECT state, count(*) AS n FROM object_restore
        GROUP BY state`.execute(db);
      const count = (state: string) => restores.rows.find((row) => row.state === state)?.n ?? 0;
      const failure = waiting.rows[0]?.failure;
      return {
        tiers: rows,
        waiting: waiting.rows[0]?.n ?? 0,
        ...(failure == null ? {} : { failure }),
        restoring: count('ongoing'),
        restored: count('available'),
      };
    },
  ),
};
