/**
 * The versions of one key, inside a transaction.
 *
 * Invariants
 * - `object_current` has the newest version of a key unless that is a delete marker; everything else is in
 *   `object_version`, where `noncurrent_since` is null only for a marker that is the newest.
 * - The rank of a version is smaller than those of all older ones.
 * - A key has at most one null version, marker or not.
 * - Bytes that no row names any more are recorded as garbage in the same transaction: the sweeper's grace counts from here.
 */
import type { Kysely } from 'kysely';
import type { BucketVersioning, ObjectAttributes } from '../../contract.ts';
import { bucketMissing } from '../names.ts';
import { assertRemovable } from '../object-lock.ts';
import { keyText, type ObjectDetail, type ObjectRow, type ObjectTables, type VersionRow } from './rows.ts';
import { statement } from './statement.ts';

type Db = Kysely<ObjectTables>;

/** What a write needs to know of the current version. */
export type Current = Pick<
  ObjectRow,
  'version_id' | 'etag' | 'size' | 'modified_at' | 'segment' | 'place' | 'rank' | 'is_null'
>;

/** A key before a write: its bucket's ways, and its current version. */
export interface KeyState {
  readonly bucket: string;
  readonly key: Uint8Array;
  readonly versioning: BucketVersioning | null;
  readonly objectLock: boolean;
  readonly current: Current | undefined;
}

type Bytes = Pick<ObjectRow, 'bucket' | 'key' | 'version_id' | 'segment' | 'place'>;

const COLUMNS = 'bucket, key, version_id, size, etag, modified_at, segment, place, detail, rank, is_null, shown_id';

const selectBucket = statement('SELECT 1 FROM object_bucket WHERE name = ?');
/** One row when the bucket is there; the columns of the object are null when the key is not. */
const selectState = statement<
  (Current | Record<keyof Current, null>) & { versioning: BucketVersioning | null; object_lock: number }
>(
  `SELECT b.versioning, b.object_lock, c.version_id, c.etag, c.size, c.modified_at, c.segment, c.place, c.rank, c.is_null
   FROM object_bucket b LEFT JOIN object_current c ON c.bucket = b.name AND c.key = ? WHERE b.name = ?`,
);
const insertGarbage = statement(
  `INSERT INTO object_garbage (dereferenced_at, version_id, bucket, key, segment, place) VALUES (?, ?, ?, ?, ?, ?)
   ON CONFLICT (dereferenced_at, version_id) DO NOTHING RETURNING version_id`,
);
const deleteCurrent = statement('DELETE FROM object_current WHERE bucket = ? AND key = ?');
const selectCurrentRow = statement<ObjectRow>('SELECT * FROM object_current WHERE bucket = ? AND key = ?');
const selectCurrentVersion = statement<ObjectRow>(
  'SELECT * FROM object_current WHERE bucket = ? AND key = ? AND (version_id = ? OR shown_id = ?)',
);
const selectCurrentNull = statement<ObjectRow>(
  'SELECT * FROM object_current WHERE bucket = ? AND key = ? AND is_null = 1',
);
const selectVersion = statement<VersionRow>(
  'SELECT * FROM object_version WHERE version_id = ? AND bucket = ? AND key = ?',
);
const selectShown = statement<VersionRow>('SELECT * FROM object_version WHERE shown_id = ? AND bucket = ? AND key = ?');
const selectNewer = statement<{ rank: number; modified_at: number; shelved: number }>(
  `SELECT rank, modified_at, 0 AS shelved FROM object_current WHERE bucket = ? AND key = ? AND modified_at > ?
   UNION ALL SELECT rank, modified_at, 1 AS shelved FROM object_version WHERE bucket = ? AND key = ? AND modified_at > ?`,
);
const selectRanksTo = statement<{ rank: number }>(
  'SELECT rank FROM object_version WHERE bucket = ? AND key = ? AND rank <= ? ORDER BY rank',
);
const moveShelved = statement('UPDATE object_version SET rank = rank - 1 WHERE bucket = ? AND key = ? AND rank = ?');
const moveCurrent = statement('UPDATE object_current SET rank = rank - 1 WHERE bucket = ? AND key = ?');
const insertShelved = statement(
  `INSERT INTO object_version (${COLUMNS}, is_marker, noncurrent_since) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
);
const selectNull = statement<VersionRow>('SELECT * FROM object_version WHERE bucket = ? AND key = ? AND is_null = 1');
const selectNewest = statement<VersionRow>(
  'SELECT * FROM object_version WHERE bucket = ? AND key = ? ORDER BY rank LIMIT 1',
);
const deleteVersion = statement('DELETE FROM object_version WHERE bucket = ? AND key = ? AND rank = ?');
const setNoncurrent = statement(
  'UPDATE object_version SET noncurrent_since = ? WHERE bucket = ? AND key = ? AND rank = ?',
);
const shelveCurrent = statement(
  `INSERT INTO object_version (${COLUMNS}, is_marker, noncurrent_since)
   SELECT ${COLUMNS}, 0, CAST(? AS BIGINT) FROM object_current WHERE bucket = ? AND key = ?`,
);
const unshelve = statement(
  `INSERT INTO object_current (${COLUMNS}) SELECT ${COLUMNS} FROM object_version WHERE bucket = ? AND key = ? AND rank = ?`,
);
const insertMarker = statement(
  `INSERT INTO object_version (${COLUMNS}, is_marker, noncurrent_since)
   VALUES (?, ?, ?, 0, '', ?, NULL, NULL, '{}', ?, ?, ?, 1, NULL)`,
);

/** **Errors**: `bucket_not_found`. */
export async function assertBucket(db: Db, bucket: string): Promise<void> {
  if ((await selectBucket(db, bucket)).length === 0) throw bucketMissing(bucket);
}

/** **Errors**: `bucket_not_found`. */
export async function stateOf(db: Db, bucket: string, key: Uint8Array): Promise<KeyState> {
  const [row] = await selectState(db, key, bucket);
  if (row === undefined) throw bucketMissing(bucket);
  const { versioning, object_lock, ...current } = row;
  return {
    bucket,
    key,
    versioning,
    objectLock: object_lock === 1,
    current: current.version_id === null ? undefined : (current as Current),
  };
}

/** What may change of a version, from its row. */
export const attributesOf = (row: Pick<ObjectRow, 'detail'>): ObjectAttributes =>
  (JSON.parse(row.detail) as ObjectDetail).attributes ?? {};

/** Records bytes as garbage. Those a version left in another place a moment ago stand beside it, a moment apart. */
export async function dereference(
  db: Db,
  { version_id, bucket, key, segment, place }: Bytes,
  at: number,
): Promise<void> {
  for (let moment = at; ; moment++) {
    if ((await insertGarbage(db, moment, version_id, bucket, key, segment, place)).length > 0) return;
  }
}

/**
 * Makes way for a newest version: what it replaces is dereferenced or becomes noncurrent. Returns its rank. The row in
 * `object_current`, if there is one, is left to the caller to replace or remove. **Errors**: `access_denied`.
 */
export async function makeWay(db: Db, state: KeyState, asNull: boolean, at: number): Promise<number> {
  const { bucket, key, current } = state;
  if (state.versioning === null) {
    if (current !== undefined) await dereference(db, { ...current, bucket, key }, at);
    return 0;
  }
  const [newest] = current === undefined ? await selectNewest(db, bucket, key) : [];
  const rank = (current?.rank ?? newest?.rank ?? 1) - 1;
  if (current !== undefined && asNull && current.is_null === 1) {
    await replaceNull(db, state, at);
    return rank;
  }
  if (asNull) await removeShelvedNull(db, state, at);
  if (current !== undefined) await shelveCurrent(db, at, bucket, key);
  if (newest !== undefined) await setNoncurrent(db, at, bucket, key, newest.rank);
  return rank;
}

/** The null version is current, and another one comes: only without a lock. */
async function replaceNull(db: Db, state: KeyState, at: number): Promise<void> {
  const { bucket, key, current } = state;
  if (state.objectLock) {
    const [row] = await selectCurrentRow(db, bucket, key);
    assertRemovable({ bucket, key: keyText(key) }, attributesOf(row!), { now: at });
  }
  await dereference(db, { ...current!, bucket, key }, at);
}

async function removeShelvedNull(db: Db, { bucket, key }: KeyState, at: number): Promise<void> {
  const [row] = await selectNull(db, bucket, key);
  if (row === undefined) return;
  if (row.is_marker === 0) {
    assertRemovable({ bucket, key: keyText(key) }, attributesOf(row), { now: at });
    await dereference(db, row, at);
  }
  await deleteVersion(db, bucket, key, row.rank);
}

/** Removes the current version of a key whose bucket never kept versions. */
export async function removeOnly(db: Db, state: KeyState, at: number): Promise<void> {
  await dereference(db, { ...state.current!, bucket: state.bucket, key: state.key }, at);
  await deleteCurrent(db, state.bucket, state.key);
}

/** Puts a delete marker on top. **Errors**: `access_denied`. */
export async function putMarker(
  db: Db,
  state: KeyState,
  marker: { readonly versionId: string; readonly isNull: boolean; readonly at: number; readonly shownId?: string },
): Promise<void> {
  const { bucket, key } = state;
  const shown = marker.shownId ?? null;
  if (shown !== null) {
    const row = {
      version_id: marker.versionId,
      size: 0,
      etag: '',
      modified_at: marker.at,
      detail: '{}',
      shown_id: shown,
    };
    if ((await shelveBelow(db, state, { ...row, segment: null, place: null }, true)) !== undefined) return;
  }
  const rank = await makeWay(db, state, marker.isNull, marker.at);
  if (state.current !== undefined) await deleteCurrent(db, bucket, key);
  await insertMarker(db, bucket, key, marker.versionId, marker.at, rank, marker.isNull ? 1 : 0, shown);
}

/**
 * Puts a replica among the older versions of its key when one that is there is newer than it, and returns its rank;
 * undefined when it is the newest itself. **Cost**: a write for each newer version.
 */
export async function shelveBelow(
  db: Db,
  { bucket, key, current }: KeyState,
  row: Omit<ObjectRow, 'bucket' | 'key' | 'rank' | 'is_null'>,
  isMarker: boolean,
): Promise<number | undefined> {
  const { modified_at } = row;
  const newer = await selectNewer(db, bucket, key, modified_at, bucket, key, modified_at);
  const next = newer.reduce<(typeof newer)[number] | undefined>(
    (last, each) => (last === undefined || each.rank > last.rank ? each : last),
    undefined,
  );
  if (next === undefined) return undefined;
  // The smallest rank is free one below: from there on each moves into the room that was made.
  if (current !== undefined && current.rank <= next.rank) await moveCurrent(db, bucket, key);
  for (const { rank } of await selectRanksTo(db, bucket, key, next.rank)) await moveShelved(db, bucket, key, rank);
  await insertShelved(
    db,
    bucket,
    key,
    row.version_id,
    row.size,
    row.etag,
    modified_at,
    row.segment,
    row.place,
    row.detail,
    next.rank,
    0,
    row.shown_id ?? null,
    isMarker ? 1 : 0,
    next.modified_at,
  );
  return next.rank;
}

/** A version as a row of either table; a current one is no marker and not noncurrent. */
export type AnyVersion = VersionRow & { readonly current: boolean };

/** The version of that id, or the null version; undefined when there is none. */
export async function findVersion(
  db: Db,
  bucket: string,
  key: Uint8Array,
  versionId: string,
): Promise<AnyVersion | undefined> {
  const isNull = versionId === 'null';
  const [current] = isNull
    ? await selectCurrentNull(db, bucket, key)
    : await selectCurrentVersion(db, bucket, key, versionId, versionId);
  if (current !== undefined) return { ...current, is_marker: 0, noncurrent_since: null, current: true };
  const [own] = isNull ? await selectNull(db, bucket, key) : await selectVersion(db, versionId, bucket, key);
  const [older] = own === undefined && !isNull ? await selectShown(db, versionId, bucket, key) : [own];
  return older === undefined ? undefined : { ...older, current: false };
}

/** The newest version of a key, marker or not. */
export async function findNewest(db: Db, bucket: string, key: Uint8Array): Promise<AnyVersion | undefined> {
  const [current] = await selectCurrentRow(db, bucket, key);
  if (current !== undefined) return { ...current, is_marker: 0, noncurrent_since: null, current: true };
  const [older] = await selectNewest(db, bucket, key);
  return older === undefined ? undefined : { ...older, current: false };
}

/** Removes a version for good; the newest one left becomes current. Locks are for the caller to check. */
export async function removeVersion(db: Db, version: AnyVersion, at: number): Promise<void> {
  const { bucket, key } = version;
  if (version.is_marker === 0) await dereference(db, version, at);
  if (version.current) await deleteCurrent(db, bucket, key);
  else await deleteVersion(db, bucket, key, version.rank);
  if (!version.current && version.noncurrent_since !== null) return;
  const [next] = await selectNewest(db, bucket, key);
  if (next === undefined) return;
  if (next.is_marker === 1) {
    await setNoncurrent(db, null, bucket, key, next.rank);
    return;
  }
  await unshelve(db, bucket, key, next.rank);
  await deleteVersion(db, bucket, key, next.rank);
}
