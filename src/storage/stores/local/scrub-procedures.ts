/**
 * How far the scrub is, and what it found.
 *
 * Invariants
 * - The position is the last version that was looked at; a crash looks at a few of them again.
 * - A version that is damaged says so in its row, so that no read gives its bytes; it stands in `object_damage` until it
 *   is repaired or gone.
 */
import { type Kysely, sql } from 'kysely';
import { proceduresOver } from '../../../metadata/contract.ts';
import { findVersion } from './key-versions.ts';
import {
  formatDetail,
  keyText,
  type ObjectDetail,
  type ObjectRow,
  type ObjectTables,
  type VersionRow,
} from './rows.ts';

const { read, write } = proceduresOver<ObjectTables>();
type Db = Kysely<ObjectTables>;

/** Where a scrub stands. **Units**: milliseconds since 1970 UTC, bytes. */
export interface ScrubState {
  readonly cycle: number;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly versions: number;
  readonly bytes: number;
  /** Read, but nothing tells whether they are right without their key. */
  readonly sealed: number;
  readonly position: ScrubPosition | null;
  /** What the cycle before read. */
  readonly lastBytes: number;
  readonly lastEndedAt: number | null;
}

export interface ScrubPosition {
  readonly table: 'current' | 'version';
  readonly bucket: string;
  readonly key: Uint8Array;
  readonly rank: number;
}

/** A version whose bytes are not what was acknowledged. */
export interface Damage {
  readonly versionId: string;
  readonly bucket: string;
  readonly key: string;
  readonly kind: 'corrupt' | 'missing';
  readonly detail: string;
  readonly foundAt: number;
}

interface StateRow {
  cycle: number;
  started_at: number;
  ended_at: number | null;
  versions: number;
  bytes: number;
  sealed: number;
  position: string | null;
  last_bytes: number;
  last_ended_at: number | null;
}

const NEVER: ScrubState = {
  cycle: 0,
  startedAt: 0,
  endedAt: 0,
  versions: 0,
  bytes: 0,
  sealed: 0,
  position: null,
  lastBytes: 0,
  lastEndedAt: null,
};

const positionText = (position: ScrubPosition | null): string | null =>
  position === null ? null : JSON.stringify({ ...position, key: Buffer.from(position.key).toString('base64') });

function positionOf(text: string | null): ScrubPosition | null {
  if (text === null) return null;
  const parsed = JSON.parse(text) as Omit<ScrubPosition, 'key'> & { key: string };
  return { ...parsed, key: new Uint8Array(Buffer.from(parsed.key, 'base64')) };
}

async function setDetail(db: Db, row: ObjectRow & { current: boolean }, detail: ObjectDetail): Promise<void> {
  const text = formatDetail(detail);
  if (row.current) {
    await sql`UPDATE object_current SET detail = ${text} WHERE bucket = ${row.bucket} AND key = ${row.key}`.execute(db);
  } else {
    await sql`UPDATE object_version SET detail = ${text}
      WHERE bucket = ${row.bucket} AND key = ${row.key} AND rank = ${row.rank}`.execute(db);
  }
}

export const scrubProcedures = {
  scrubState: read(async (db, _args: Record<string, never>): Promise<ScrubState> => {
    const { rows } = await sql<StateRow>`SELECT * FROM object_scrub`.execute(db);
    const [row] = rows;
    if (row === undefined) return NEVER;
    return {
      cycle: row.cycle,
      startedAt: row.started_at,
      endedAt: row.ended_at,
      versions: row.versions,
      bytes: row.bytes,
      sealed: row.sealed,
      position: positionOf(row.position),
      lastBytes: row.last_bytes,
      lastEndedAt: row.last_ended_at,
    };
  }),

  saveScrub: write(async (db, state: ScrubState): Promise<void> => {
    const position = positionText(state.position);
    await sql`INSERT INTO object_scrub (id, cycle, started_at, ended_at, versions, bytes, sealed, position, last_bytes,
        last_ended_at)
      VALUES (1, ${state.cycle}, ${state.startedAt}, ${state.endedAt}, ${state.versions}, ${state.bytes}, ${state.sealed},
        ${position}, ${state.lastBytes}, ${state.lastEndedAt})
      ON CONFLICT (id) DO UPDATE SET cycle = excluded.cycle, started_at = excluded.started_at,
        ended_at = excluded.ended_at, versions = excluded.versions, bytes = excluded.bytes, sealed = excluded.sealed,
        position = excluded.position, last_bytes = excluded.last_bytes, last_ended_at = excluded.last_ended_at`.execute(
      db,
    );
  }),

  /** Versions in the order of a scrub, after a position: current ones by key, then the others. No delete markers. */
  scrubPage: read(
    async (
      db,
      args: { after: ScrubPosition | null; limit: number },
    ): Promise<{ rows: ObjectRow[]; last: ScrubPosition | null }> => {
      const { after, limit } = args;
      if (after?.table !== 'version') {
        const { rows } =
          after === null
            ? await sql<ObjectRow>`SELECT * FROM object_current ORDER BY bucket, key LIMIT ${limit}`.execute(db)
            : await sql<ObjectRow>`SELECT * FROM object_current WHERE (bucket, key) > (${after.bucket}, ${after.key})
                ORDER BY bucket, key LIMIT ${limit}`.execute(db);
        const end = rows.at(-1);
        if (end !== undefined) return { rows, last: { table: 'current', bucket: end.bucket, key: end.key, rank: 0 } };
      }
      const { rows } =
        after?.table === 'version'
          ? await sql<VersionRow>`SELECT * FROM object_version
              WHERE (bucket, key, rank) > (${after.bucket}, ${after.key}, ${after.rank})
              ORDER BY bucket, key, rank LIMIT ${limit}`.execute(db)
          : await sql<VersionRow>`SELECT * FROM object_version ORDER BY bucket, key, rank LIMIT ${limit}`.execute(db);
      const end = rows.at(-1);
      return {
        rows: rows.filter((row) => row.is_marker === 0),
        last: end === undefined ? null : { table: 'version', bucket: end.bucket, key: end.key, rank: end.rank },
      };
    },
  ),

  /** Marks a version as damaged. False when it went, or moved, since it was read. */
  markDamaged: write(
    async (
      db,
      args: { row: ObjectRow; kind: Damage['kind']; detail: string; at: number },
      context,
    ): Promise<boolean> => {
      const { bucket, key, version_id: versionId, segment, place } = args.row;
      const found = await findVersion(db, bucket, key, versionId);
      if (found === undefined || found.segment !== segment || found.place !== place) return false;
      await setDetail(db, found, { ...(JSON.parse(found.detail) as ObjectDetail), damaged: args.kind });
      await sql`INSERT INTO object_damage (version_id, bucket, key, kind, detail, found_at)
        VALUES (${versionId}, ${bucket}, ${key}, ${args.kind}, ${args.detail}, ${args.at})
        ON CONFLICT (version_id) DO UPDATE SET kind = excluded.kind, detail = excluded.detail`.execute(db);
      const payload = { bucket, key: keyText(key), versionId, damage: args.kind, detail: args.detail };
      context.emit({ name: 'storageVersionDamaged', payload });
      return true;
    },
  ),

  /** Its bytes are right again. */
  markSound: write(async (db, args: { row: ObjectRow }, context): Promise<void> => {
    const { bucket, key, version_id: versionId } = args.row;
    const { rows } = await sql`DELETE FROM object_damage WHERE version_id = ${versionId} RETURNING version_id`.execute(
      db,
    );
    const found = await findVersion(db, bucket, key, versionId);
    if (found !== undefined) {
      const { damaged, ...detail } = JSON.parse(found.detail) as ObjectDetail;
      if (damaged !== undefined) await setDetail(db, found, detail);
    }
    if (rows.length > 0) {
      context.emit({ name: 'storageVersionRepaired', payload: { bucket, key: keyText(key), versionId } });
    }
  }),

  /** Versions that are damaged and still there, oldest finding first. */
  damages: read(async (db, args: { limit: number }): Promise<Damage[]> => {
    const { rows } = await sql<{
      version_id: string;
      bucket: string;
      key: Uint8Array;
      kind: Damage['kind'];
      detail: string;
      found_at: number;
    }>`SELECT * FROM object_damage d
      WHERE EXISTS (SELECT 1 FROM object_current c WHERE c.bucket = d.bucket AND c.key = d.key
          AND c.version_id = d.version_id)
        OR EXISTS (SELECT 1 FROM object_version v WHERE v.version_id = d.version_id)
      ORDER BY found_at, version_id LIMIT ${args.limit}`.execute(db);
    return rows.map((row) => ({
      versionId: row.version_id,
      bucket: row.bucket,
      key: keyText(row.key),
      kind: row.kind,
      detail: row.detail,
      foundAt: row.found_at,
    }));
  }),

  /** What SQLite says of its own file; `ok` when it is sound. */
  checkDatabase: read(async (db, _args: Record<string, never>): Promise<string> => {
    const { rows } = await sql<{ quick_check: string }>`PRAGMA quick_check(5)`.execute(db);
    return rows.map((row) => row.quick_check).join('; ');
  }),
};
