/**
 * Listing by key order with a delimiter: current versions, or all of them.
 *
 * Invariants
 * - A common prefix costs one seek, however many keys it stands for: after it, the next row sought is the first beyond it.
 * - Plain keys are fetched in batches that grow while no prefix comes between, so neither kind pays for the other.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { proceduresOver } from '../../../metadata/contract.ts';
import { assertBucket } from './key-versions.ts';
import type { ObjectRow, ObjectTables, VersionRow } from './rows.ts';

const { read } = proceduresOver<ObjectTables>();
type Db = Kysely<ObjectTables>;

export interface ListArgs {
  readonly bucket: string;
  readonly prefix: Uint8Array;
  readonly delimiter: Uint8Array;
  /** Keys after this one; a common prefix stands for all its keys. */
  readonly after: Uint8Array;
  readonly limit: number;
}

/** Rows and common prefixes in key order. */
export interface Listed<Row> {
  readonly rows: Row[];
  readonly prefixes: Uint8Array[];
  /** The last key or common prefix, when more follow. */
  readonly next?: Uint8Array;
}

/** A version with whether it is the newest of its key. */
export type ListedVersion = VersionRow & { readonly latest: number };

/** One more than a usual page, so that one query tells whether more follow. */
const MAX_BATCH = 1001;

/** The first key that does not begin with `prefix`, or undefined when there is none. UTF-8 has no byte 0xff. */
export function afterPrefix(prefix: Uint8Array): Uint8Array | undefined {
  if (prefix.length === 0) return undefined;
  const next = Uint8Array.from(prefix);
  next[next.length - 1]! += 1;
  return next;
}

/** The common prefix a key rolls up to, or undefined. */
export function commonPrefix(key: Uint8Array, prefixLength: number, delimiter: Uint8Array): Uint8Array | undefined {
  if (delimiter.length === 0) return undefined;
  const at = Buffer.from(key.buffer, key.byteOffset, key.length).indexOf(delimiter, prefixLength);
  return at === -1 ? undefined : key.subarray(0, at + delimiter.length);
}

interface Seek {
  readonly key: Uint8Array;
  readonly inclusive: boolean;
  /** Versions of `key` older than this rank, and keys beyond. */
  readonly rank?: number;
}

/** Where a listing begins. `after` may be a common prefix of the page before: then all its keys were told already. */
function firstSeek(args: ListArgs): Seek {
  const { prefix, after, delimiter } = args;
  if (Buffer.compare(after, prefix) < 0) return { key: prefix, inclusive: true };
  const told = commonPrefix(after, prefix.length, delimiter);
  const begins = Buffer.from(after).subarray(0, prefix.length).equals(prefix);
  if (begins && told !== undefined && told.length === after.length) {
    return { key: afterPrefix(after)!, inclusive: true };
  }
  return { key: after, inclusive: false };
}

/** Walks rows in key order from `from`, and rolls keys up at the delimiter. */
async function walk<Row extends { readonly key: Uint8Array }>(
  args: Omit<ListArgs, 'after'>,
  from: Seek,
  fetch: (seek: Seek, limit: number) => Promise<readonly Row[]>,
  beyond: (row: Row) => Seek,
): Promise<Listed<Row>> {
  const rows: Row[] = [];
  const prefixes: Uint8Array[] = [];
  let last: Uint8Array | undefined;
  let seek = from;
  let batch = args.delimiter.length === 0 ? MAX_BATCH : 16;
  for (;;) {
    const wanted = args.limit - rows.length - prefixes.length + 1;
    const limit = Math.min(batch, wanted);
    const found = await fetch(seek, limit);
    let jumped = false;
    for (const row of found) {
      if (rows.length + prefixes.length === args.limit)
        return { rows, prefixes, ...(last === undefined ? {} : { next: last }) };
      const common = commonPrefix(row.key, args.prefix.length, args.delimiter);
      last = common ?? row.key;
      if (common !== undefined) {
        prefixes.push(common.slice());
        seek = { key: afterPrefix(common)!, inclusive: true };
        batch = 1;
        jumped = true;
        break;
      }
      rows.push(row);
      seek = beyond(row);
    }
    if (jumped) continue;
    if (found.length < limit) return { rows, prefixes };
    batch = Math.min(MAX_BATCH, batch * 4);
  }
}

/** The rows of a seek that begin with the prefix, as a condition on `key` and `rank`. */
function within(seek: Seek, end: Uint8Array | undefined): RawBuilder<unknown> {
  const below = end === undefined ? sql`` : sql`AND key < ${end}`;
  if (seek.rank !== undefined) return sql`(key, rank) > (${seek.key}, ${seek.rank}) ${below}`;
  return seek.inclusive ? sql`key >= ${seek.key} ${below}` : sql`key > ${seek.key} ${below}`;
}

const COLUMNS = sql`bucket, key, version_id, size, etag, modified_at, segment, place, detail, rank, is_null, shown_id`;

/** The rank after which to go on behind a version that a listing ended with, even if it is gone. */
async function rankOf(db: Db, bucket: string, key: Uint8Array, versionId: string): Promise<number | undefined> {
  const told = /^[0-9a-f]{32}-([0-9a-z]+)$/.exec(versionId);
  if (told !== null) return -Number.parseInt(told[1]!, 36);
  const all = sql`SELECT version_id, rank, is_null, shown_id FROM object_current WHERE bucket = ${bucket} AND key = ${key}
    UNION ALL SELECT version_id, rank, is_null, shown_id FROM object_version WHERE bucket = ${bucket} AND key = ${key}`;
  const same = versionId === 'null' ? sql`is_null = 1` : sql`(version_id = ${versionId} OR shown_id = ${versionId})`;
  const found = await sql<{ rank: number | null }>`SELECT min(rank) AS rank FROM (${all}) AS v WHERE ${same}`.execute(
    db,
  );
  const rank = found.rows[0]?.rank ?? null;
  if (rank !== null) return rank;
  // Gone, and the client kept only its id: ids order by age.
  const older = await sql<{ rank: number | null }>`SELECT min(rank) AS rank FROM (${all}) AS v
    WHERE version_id < ${versionId === 'null' ? '' : versionId}`.execute(db);
  const next = older.rows[0]?.rank ?? null;
  return next === null ? undefined : next - 1;
}

/** The id by which a next page finds its place behind this version. */
export const placeOf = (row: Pick<ObjectRow, 'version_id' | 'rank'>): string =>
  `${row.version_id}-${(-row.rank).toString(36)}`;

export const listProcedures = {
  list: read(async (db, args: ListArgs): Promise<Listed<ObjectRow>> => {
    await assertBucket(db, args.bucket);
    const end = afterPrefix(args.prefix);
    const fetch = async (seek: Seek, limit: number) => {
      const { rows } = await sql<ObjectRow>`SELECT * FROM object_current WHERE bucket = ${args.bucket}
        AND ${within(seek, end)} ORDER BY key LIMIT ${limit}`.execute(db);
      return rows;
    };
    return walk(args, firstSeek(args), fetch, (row) => ({ key: row.key, inclusive: false }));
  }),

  listVersions: read(async (db, args: ListArgs & { afterVersion?: string }): Promise<Listed<ListedVersion>> => {
    await assertBucket(db, args.bucket);
    const end = afterPrefix(args.prefix);
    const fetch = async (seek: Seek, limit: number) => {
      const there = sql`bucket = ${args.bucket} AND ${within(seek, end)}`;
      // Both halves come in the order of their keys: SQLite merges them and stops at the limit.
      const { rows } = await sql<ListedVersion>`SELECT ${COLUMNS}, 0 AS is_marker, NULL AS noncurrent_since, 1 AS latest
          FROM object_current WHERE ${there}
        UNION ALL SELECT ${COLUMNS}, is_marker, noncurrent_since, noncurrent_since IS NULL AS latest
          FROM object_version WHERE ${there}
        ORDER BY key, rank LIMIT ${limit}`.execute(db);
      return rows;
    };
    const inside = Buffer.compare(args.after, args.prefix) >= 0;
    const rank =
      args.afterVersion === undefined || !inside
        ? undefined
        : await rankOf(db, args.bucket, args.after, args.afterVersion);
    const from = rank === undefined ? firstSeek(args) : { key: args.after, inclusive: false, rank };
    return walk(args, from, fetch, (row) => ({ key: row.key, inclusive: false, rank: row.rank }));
  }),
};
