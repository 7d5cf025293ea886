/**
 * Listing by key order with a delimiter.
 *
 * Invariants
 * - A common prefix costs one seek, however many keys it stands for: after it, the next row sought is the first beyond it.
 * - Plain keys are fetched in batches that grow while no prefix comes between, so neither kind pays for the other.
 */
import { sql } from 'kysely';
import { proceduresOver } from '../../../metadata/contract.ts';
import { assertBucket } from './object-procedures.ts';
import type { ObjectRow, ObjectTables } from './rows.ts';

const { read } = proceduresOver<ObjectTables>();

export interface ListArgs {
  readonly bucket: string;
  readonly prefix: Uint8Array;
  readonly delimiter: Uint8Array;
  /** Keys after this one; a common prefix stands for all its keys. */
  readonly after: Uint8Array;
  readonly limit: number;
}

/** Rows and common prefixes in key order; `more` when something follows the last of them. */
export interface Listed {
  readonly rows: ObjectRow[];
  readonly prefixes: Uint8Array[];
  /** The last key or common prefix, when more follow. */
  readonly next?: Uint8Array;
}

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

export const listProcedures = {
  list: read(async (db, args: ListArgs): Promise<Listed> => {
    await assertBucket(db, args.bucket);
    const end = afterPrefix(args.prefix);
    const rows: ObjectRow[] = [];
    const prefixes: Uint8Array[] = [];
    let last: Uint8Array | undefined;
    let seek = firstSeek(args);
    let batch = args.delimiter.length === 0 ? MAX_BATCH : 16;
    for (;;) {
      const wanted = args.limit - rows.length - prefixes.length + 1;
      const limit = Math.min(batch, wanted);
      const from = seek.inclusive ? sql`key >= ${seek.key}` : sql`key > ${seek.key}`;
      const below = end === undefined ? sql`` : sql`AND key < ${end}`;
      const found = await sql<ObjectRow>`SELECT * FROM object_current WHERE bucket = ${args.bucket} AND ${from} ${below}
        ORDER BY key LIMIT ${limit}`.execute(db);
      let jumped = false;
      for (const row of found.rows) {
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
        seek = { key: row.key, inclusive: false };
      }
      if (jumped) continue;
      if (found.rows.length < limit) return { rows, prefixes };
      batch = Math.min(MAX_BATCH, batch * 4);
    }
  }),
};
