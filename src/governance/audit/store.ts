/**
 * The recorded events.
 *
 * Invariants
 * - Rows are appended and, past the retention, removed from the old end; nothing changes one.
 * - Each stream (management, data) is a hash chain in sequence order: `hash = SHA-256(hash before + newline + sealed
 *   text)`. The hash before the oldest kept row stands in `audit_chain.anchor`.
 */
import { hash as digest } from 'node:crypto';
import { type Kysely, type SelectQueryBuilder, sql } from 'kysely';
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';

/** A management event on its way into the store. */
export interface ManagementRow {
  event_id: string;
  at: number;
  name: string;
  source: string;
  username: string;
  access_key: string | null;
  read_only: number;
  error_code: string | null;
  request_id: string;
  principal: string;
  resources: string;
  body: string;
}

export interface DataRow {
  event_id: string;
  at: number;
  request_id: string;
  principal: string;
  username: string;
  access_key: string | null;
  account_id: string;
  door: string;
  source_ip: string;
  source: string;
  name: string;
  resource: string;
  columns: string | null;
  grants: string | null;
  query_id: string | null;
  snapshot_id: string | null;
  row_count: number | null;
  byte_count: number | null;
  error_code: string | null;
}

interface Sealed {
  sequence: number;
  hash: string;
}

type Stream = 'management' | 'data';

interface AuditTables {
  audit_management: ManagementRow & Sealed;
  audit_resource: { type: string; name: string; sequence: number };
  audit_data: DataRow & Sealed;
  audit_chain: { stream: Stream; head: string; sequence: number; anchor: string; anchor_sequence: number };
}

const { read, write } = proceduresOver<AuditTables>();

const link = (before: string, text: string): string => digest('sha256', `${before}\n${text}`);

const sealedText = (row: ManagementRow | DataRow): string =>
  'body' in row
    ? row.body
    : JSON.stringify([
        row.event_id,
        row.at,
        row.request_id,
        row.principal,
        row.username,
        row.access_key,
        row.account_id,
        row.door,
        row.source_ip,
        row.source,
        row.name,
        row.resource,
        row.columns,
        row.grants,
        row.query_id,
        row.snapshot_id,
        row.row_count,
        row.byte_count,
        row.error_code,
      ]);

/** Sizes of multi-row inserts: few distinct statements, so that all stay prepared. */
const CHUNKS = [64, 8, 1];

function* chunksOf<T>(rows: readonly T[]): Generator<T[]> {
  let at = 0;
  while (at < rows.length) {
    const size = CHUNKS.find((chunk) => chunk <= rows.length - at)!;
    yield rows.slice(at, at + size);
    at += size;
  }
}

async function seal<Row extends ManagementRow | DataRow>(
  db: Kysely<AuditTables>,
  stream: Stream,
  rows: readonly Row[],
): Promise<(Row & Sealed)[]> {
  if (rows.length === 0) return [];
  const chain = await db
    .selectFrom('audit_chain')
    .select(['head', 'sequence'])
    .where('stream', '=', stream)
    .executeTakeFirst();
  let head = chain?.head ?? '';
  let sequence = chain?.sequence ?? 0;
  const sealed = rows.map((row) => {
    head = link(head, sealedText(row));
    sequence += 1;
    return { ...row, sequence, hash: head };
  });
  await db
    .insertInto('audit_chain')
    .values({ stream, head, sequence, anchor: '', anchor_sequence: 0 })
    .onConflict((conflict) => conflict.column('stream').doUpdateSet({ head, sequence }))
    .execute();
  return sealed;
}

export interface StoredQuery {
  readonly start: number;
  readonly end: number;
  /** Only rows with a smaller sequence; the pages go from new to old. */
  readonly before?: number;
  readonly limit: number;
}

export interface ManagementQuery extends StoredQuery {
  readonly eventId?: string;
  readonly name?: string;
  readonly readOnly?: boolean;
  readonly username?: string;
  readonly source?: string;
  readonly accessKey?: string;
  readonly resourceType?: string;
  readonly resourceName?: string;
}

export interface DataQuery extends StoredQuery {
  readonly principal?: string;
  readonly resource?: string;
  readonly requestId?: string;
  readonly queryId?: string;
  readonly column?: string;
}

function narrowed<T extends 'audit_management' | 'audit_data'>(
  query: SelectQueryBuilder<AuditTables, T, object>,
  equals: Readonly<Record<string, string | number | undefined>>,
): SelectQueryBuilder<AuditTables, T, object> {
  let narrowedQuery = query;
  for (const [column, value] of Object.entries(equals)) {
    if (value !== undefined) narrowedQuery = narrowedQuery.where(column as never, '=', value as never);
  }
  return narrowedQuery;
}

export default defineStoreModule('audit', {
  migrations: [
    {
      number: 1,
      name: 'audit',
      statements: [
        `CREATE TABLE audit_management (sequence INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL,
          name TEXT NOT NULL, source TEXT NOT NULL, username TEXT NOT NULL, access_key TEXT, read_only INTEGER NOT NULL,
          error_code TEXT, request_id TEXT NOT NULL, principal TEXT NOT NULL, resources TEXT NOT NULL, body TEXT NOT NULL,
          hash TEXT NOT NULL)`,
        'CREATE INDEX audit_management_at ON audit_management (at)',
        'CREATE INDEX audit_management_name ON audit_management (name, sequence)',
        'CREATE INDEX audit_management_source ON audit_management (source, sequence)',
        'CREATE INDEX audit_management_username ON audit_management (username, sequence)',
        'CREATE INDEX audit_management_key ON audit_management (access_key, sequence)',
        'CREATE INDEX audit_management_request ON audit_management (request_id)',
        'CREATE TABLE audit_resource (type TEXT NOT NULL, name TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (sequence, type, name))',
        'CREATE INDEX audit_resource_name ON audit_resource (name, sequence)',
        'CREATE INDEX audit_resource_type ON audit_resource (type, sequence)',
        `CREATE TABLE audit_data (sequence INTEGER PRIMARY KEY, event_id TEXT NOT NULL, at INTEGER NOT NULL, request_id TEXT NOT NULL,
          principal TEXT NOT NULL, username TEXT NOT NULL, access_key TEXT, account_id TEXT NOT NULL, door TEXT NOT NULL,
          source_ip TEXT NOT NULL, source TEXT NOT NULL, name TEXT NOT NULL, resource TEXT NOT NULL, columns TEXT, grants TEXT,
          query_id TEXT, snapshot_id TEXT, row_count INTEGER, byte_count INTEGER, error_code TEXT, hash TEXT NOT NULL)`,
        'CREATE INDEX audit_data_request ON audit_data (request_id)',
        'CREATE INDEX audit_data_resource ON audit_data (resource, sequence)',
        'CREATE INDEX audit_data_principal ON audit_data (principal, sequence)',
        'CREATE INDEX audit_data_query ON audit_data (query_id) WHERE query_id IS NOT NULL',
        'CREATE TABLE audit_chain (stream TEXT PRIMARY KEY, head TEXT NOT NULL, sequence INTEGER NOT NULL, anchor TEXT NOT NULL, anchor_sequence INTEGER NOT NULL)',
      ],
    },
  ],
  procedures: {
    append: write(
      async (db, args: { management: readonly ManagementRow[]; data: readonly DataRow[] }): Promise<void> => {
        const management = await seal(db, 'management', args.management);
        for (const rows of chunksOf(management)) await db.insertInto('audit_management').values(rows).execute();
        const resources = management.flatMap((row) =>
          (JSON.parse(row.resources) as { type: string; name: string }[]).map((resource) => ({
            ...resource,
            sequence: row.sequence,
          })),
        );
        for (const rows of chunksOf(resources)) {
          await db
            .insertInto('audit_resource')
            .values(rows)
            .onConflict((conflict) => conflict.doNothing())
            .execute();
        }
        const data = await seal(db, 'data', args.data);
        for (const rows of chunksOf(data)) await db.insertInto('audit_data').values(rows).execute();
      },
    ),
    management: read(async (db, args: ManagementQuery): Promise<(ManagementRow & Sealed)[]> => {
      let query = narrowed(db.selectFrom('audit_management'), {
        event_id: args.eventId,
        name: args.name,
        username: args.username,
        source: args.source,
        access_key: args.accessKey,
        ...(args.readOnly === undefined ? {} : { read_only: args.readOnly ? 1 : 0 }),
      })
        .where('at', '>=', args.start)
        .where('at', '<=', args.end);
      if (args.before !== undefined) query = query.where('sequence', '<', args.before);
      if (args.resourceName !== undefined || args.resourceType !== undefined) {
        let named = db.selectFrom('audit_resource').select('sequence');
        if (args.resourceName !== undefined) named = named.where('name', '=', args.resourceName);
        if (args.resourceType !== undefined) named = named.where('type', '=', args.resourceType);
        query = query.where('sequence', 'in', named);
      }
      return await query.selectAll().orderBy('sequence', 'desc').limit(args.limit).execute();
    }),
    data: read(async (db, args: DataQuery): Promise<(DataRow & Sealed)[]> => {
      let query = narrowed(db.selectFrom('audit_data'), {
        principal: args.principal,
        resource: args.resource,
        request_id: args.requestId,
        query_id: args.queryId,
      })
        .where('at', '>=', args.start)
        .where('at', '<=', args.end);
      if (args.before !== undefined) query = query.where('sequence', '<', args.before);
      if (args.column !== undefined) {
        const quoted = JSON.stringify(args.column).replace(/[\\%_]/g, (character) => `\\${character}`);
        query = query.where(sql<boolean>`columns LIKE ${`%${quoted}%`} ESCAPE '\\'`);
      }
      return await query.selectAll().orderBy('sequence', 'desc').limit(args.limit).execute();
    }),
    ofRequest: read(async (db, args: { requestId: string; limit: number }) => ({
      management: await db
        .selectFrom('audit_management')
        .selectAll()
        .where('request_id', '=', args.requestId)
        .orderBy('sequence')
        .limit(args.limit)
        .execute(),
      data: await db
        .selectFrom('audit_data')
        .selectAll()
        .where('request_id', '=', args.requestId)
        .orderBy('sequence')
        .limit(args.limit)
        .execute(),
    })),
    dataAfter: read(
      async (db, args: { after: number; limit: number }): Promise<(DataRow & Sealed)[]> =>
        await db
          .selectFrom('audit_data')
          .selectAll()
          .where('sequence', '>', args.after)
          .orderBy('sequence')
          .limit(args.limit)
          .execute(),
    ),
    /** Removes at most `limit` of the oldest rows of each stream older than `before`; answers how many went. */
    trim: write(async (db, args: { before: number; limit: number }): Promise<number> => {
      let removed = 0;
      for (const stream of ['management', 'data'] as const) {
        const table = stream === 'management' ? 'audit_management' : 'audit_data';
        const oldest = await db.selectFrom(table).select('at').orderBy('sequence').limit(1).executeTakeFirst();
        if (oldest === undefined || oldest.at >= args.before) continue;
        const old = await db
          .selectFrom(table)
          .select(['sequence', 'hash', 'at'])
          .orderBy('sequence')
          .limit(args.limit)
          .execute();
        const kept = old.findIndex((row) => row.at >= args.before);
        const expired = kept === -1 ? old : old.slice(0, kept);
        const last = expired.at(-1);
        if (last === undefined) continue;
        await db.deleteFrom(table).where('sequence', '<=', last.sequence).execute();
        if (stream === 'management') {
          await db.deleteFrom('audit_resource').where('sequence', '<=', last.sequence).execute();
        }
        await db
          .updateTable('audit_chain')
          .set({ anchor: last.hash, anchor_sequence: last.sequence })
          .where('stream', '=', stream)
          .execute();
        removed += expired.length;
      }
      return removed;
    }),
    /** Walks up to `limit` rows of a chain from where the walk stands. Start with `after` and `hash` undefined. */
    verify: read(
      async (
        db,
        args: { stream: Stream; after?: number; hash?: string; limit: number },
      ): Promise<{ after: number; hash: string; checked: number; head: string; brokenAt?: number }> => {
        const chain = await db
          .selectFrom('audit_chain')
          .selectAll()
          .where('stream', '=', args.stream)
          .executeTakeFirst();
        let after = args.after ?? chain?.anchor_sequence ?? 0;
        let hash = args.hash ?? chain?.anchor ?? '';
        const head = chain?.head ?? '';
        const rows = (await db
          .selectFrom(args.stream === 'management' ? 'audit_management' : 'audit_data')
          .selectAll()
          .where('sequence', '>', after)
          .orderBy('sequence')
          .limit(args.limit)
          .execute()) as ((ManagementRow | DataRow) & Sealed)[];
        for (const row of rows) {
          hash = link(hash, sealedText(row));
          if (row.sequence !== after + 1 || row.hash !== hash) {
            return { after, hash, checked: rows.length, head, brokenAt: row.sequence };
          }
          after = row.sequence;
        }
        const ended = rows.length < args.limit;
        const short = ended && (hash !== head || after !== (chain?.sequence ?? 0));
        return { after, hash, checked: rows.length, head, ...(short ? { brokenAt: after + 1 } : {}) };
      },
    ),
  },
});
