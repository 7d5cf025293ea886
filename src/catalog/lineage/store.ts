import type { Kysely } from 'kysely';
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';

/** An edge as it is told to the store. */
export interface LineageRow {
  source: string;
  target: string;
  job: string;
  run_id: string;
  at: number;
  /** JSON: pairs of columns; null where only the ends are known. */
  columns: string | null;
}

/** An edge as it is kept: `since` is when its columns became what they are, `first_at` when it was first drawn. */
export interface KeptEdge extends LineageRow {
  first_at: number;
  since: number;
}

/** Columns that an edge had before, from `since` to before `until`. */
interface PastRow {
  source: string;
  target: string;
  job: string;
  run_id: string;
  since: number;
  until: number;
  columns: string | null;
}

interface StatementRow {
  key: string;
  text: string;
  last_at: number;
}

interface LineageTables {
  catalog_lineage: KeptEdge;
  catalog_lineage_past: PastRow;
  catalog_lineage_statement: StatementRow;
}

const { read, write } = proceduresOver<LineageTables>();
const MOST_EDGES = 2_000;
/** Readers of one step that are told; tables come first. */
const MOST_QUERIES = 100;
const QUERY_FROM = 'query:';
const QUERY_TO = 'query;';

/** Draws an edge, or moves it to its newest run; what its columns were before is kept. */
async function addEdge(db: Kysely<LineageTables>, edge: LineageRow): Promise<void> {
  const { source, target, job, run_id, at, columns } = edge;
  // Most edges are a repeat or new: one statement for the first, two for the second.
  const repeated = await db
    .updateTable('catalog_lineage')
    .set({ run_id, at })
    .where('source', '=', source)
    .where('target', '=', target)
    .where('job', '=', job)
    .where('columns', columns === null ? 'is' : '=', columns)
    .executeTakeFirst();
  if (Number(repeated.numUpdatedRows) > 0) return;
  const added = await db
    .insertInto('catalog_lineage')
    .values({ ...edge, first_at: at, since: at })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (Number(added.numInsertedOrUpdatedRows ?? 0) > 0) return;
  const known = await db
    .selectFrom('catalog_lineage')
    .selectAll()
    .where('source', '=', source)
    .where('target', '=', target)
    .where('job', '=', job)
    .executeTakeFirstOrThrow();
  await db
    .insertInto('catalog_lineage_past')
    .values({ source, target, job, run_id: known.run_id, since: known.since, until: at, columns: known.columns })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await db
    .updateTable('catalog_lineage')
    .set({ run_id, at, columns, since: at })
    .where('source', '=', source)
    .where('target', '=', target)
    .where('job', '=', job)
    .execute();
}

/** Edges of the lineage graph: the newest run of a job between two ends, and what its columns were before. */
const lineageStore = defineStoreModule('catalogLineage', {
  migrations: [
    {
      number: 1,
      name: 'lineage',
      statements: [
        `CREATE TABLE IF NOT EXISTS catalog_lineage (
           source TEXT NOT NULL, target TEXT NOT NULL, job TEXT NOT NULL, run_id TEXT NOT NULL, at BIGINT NOT NULL,
           columns TEXT, PRIMARY KEY (source, target, job))`,
        `CREATE INDEX IF NOT EXISTS catalog_lineage_target ON catalog_lineage (target)`,
      ],
    },
    {
      number: 2,
      name: 'lineage through time',
      statements: [
        `CREATE TABLE catalog_lineage_kept (
           source TEXT NOT NULL, target TEXT NOT NULL, job TEXT NOT NULL, run_id TEXT NOT NULL, at BIGINT NOT NULL,
           columns TEXT, first_at BIGINT NOT NULL, since BIGINT NOT NULL, PRIMARY KEY (source, target, job))`,
        `INSERT INTO catalog_lineage_kept (source, target, job, run_id, at, columns, first_at, since)
           SELECT source, target, job, run_id, at, columns, at, at FROM catalog_lineage`,
        `DROP TABLE catalog_lineage`,
        `ALTER TABLE catalog_lineage_kept RENAME TO catalog_lineage`,
        `CREATE INDEX catalog_lineage_target ON catalog_lineage (target)`,
        `CREATE TABLE catalog_lineage_past (
           source TEXT NOT NULL, target TEXT NOT NULL, job TEXT NOT NULL, run_id TEXT NOT NULL, since BIGINT NOT NULL,
           until BIGINT NOT NULL, columns TEXT, PRIMARY KEY (source, target, job, since))`,
        `CREATE INDEX catalog_lineage_past_target ON catalog_lineage_past (target)`,
        `CREATE TABLE catalog_lineage_statement (key TEXT PRIMARY KEY, text TEXT NOT NULL, last_at BIGINT NOT NULL)`,
        `CREATE INDEX catalog_lineage_statement_last ON catalog_lineage_statement (last_at)`,
      ],
    },
  ],
  procedures: {
    addEdges: write(
      async (
        db,
        args: {
          edges: readonly LineageRow[];
          /** Texts of the queries among the ends. */
          statements?: readonly { key: string; text: string; at: number }[];
          /** One for each flow that is new to others; what only reads is not told on. */
          events: readonly { job: string; runId: string; flow: string }[];
        },
        context,
      ): Promise<void> => {
        for (const edge of args.edges) await addEdge(db, edge);
        for (const { key, text, at } of args.statements ?? []) {
          await db
            .insertInto('catalog_lineage_statement')
            .values({ key, text, last_at: at })
            .onConflict((conflict) => conflict.column('key').doUpdateSet({ last_at: at }))
            .execute();
        }
        for (const event of args.events) context.emit({ name: 'catalogLineageRecorded', payload: event });
      },
    ),

    /** Forgets queries that nobody ran since `before`, some at a time. */
    forgetQueries: write(async (db, args: { before: number; limit: number }): Promise<number> => {
      const old = await db
        .selectFrom('catalog_lineage_statement')
        .select('key')
        .where('last_at', '<', args.before)
        .limit(args.limit)
        .execute();
      for (const { key } of old) {
        await db.deleteFrom('catalog_lineage').where('target', '=', key).execute();
        await db.deleteFrom('catalog_lineage_past').where('target', '=', key).execute();
        await db.deleteFrom('catalog_lineage_statement').where('key', '=', key).execute();
      }
      return old.length;
    }),

    /** The edges that touch ends, on the side asked for: now, or as they were at a time. */
    edges: read(
      async (
        db,
        args: { ends: readonly string[]; side: 'source' | 'target'; asOf?: number },
      ): Promise<{ edges: KeptEdge[]; more: boolean }> => {
        if (args.ends.length === 0) return { edges: [], more: false };
        const { asOf } = args;
        const current = db
          .selectFrom('catalog_lineage')
          .selectAll()
          .where(args.side, 'in', args.ends)
          .$if(asOf !== undefined, (query) => query.where('since', '<=', asOf!));
        const notQueries = await current
          .where((e) => e.or([e('target', '<', QUERY_FROM), e('target', '>=', QUERY_TO)]))
          .orderBy('source')
          .orderBy('target')
          .orderBy('job')
          .limit(MOST_EDGES + 1)
          .execute();
        const queries = await current
          .where('target', '>=', QUERY_FROM)
          .where('target', '<', QUERY_TO)
          .orderBy('at', 'desc')
          .limit(MOST_QUERIES + 1)
          .execute();
        const past =
          asOf === undefined
            ? []
            : await db
                .selectFrom('catalog_lineage_past as past')
                .innerJoin('catalog_lineage as now', (join) =>
                  join
                    .onRef('now.source', '=', 'past.source')
                    .onRef('now.target', '=', 'past.target')
                    .onRef('now.job', '=', 'past.job'),
                )
                .select(['past.source', 'past.target', 'past.job', 'past.run_id', 'past.columns', 'past.since'])
                .select(['now.first_at', 'past.since as at'])
                .where(`past.${args.side}`, 'in', args.ends)
                .where('past.since', '<=', asOf)
                .where('past.until', '>', asOf)
                .orderBy('past.source')
                .orderBy('past.target')
                .orderBy('past.job')
                .limit(MOST_EDGES + 1)
                .execute();
        return {
          edges: [...notQueries.slice(0, MOST_EDGES), ...queries.slice(0, MOST_QUERIES), ...past.slice(0, MOST_EDGES)],
          more: notQueries.length > MOST_EDGES || queries.length > MOST_QUERIES || past.length > MOST_EDGES,
        };
      },
    ),

    /** Texts of queries by their keys. */
    statements: read(async (db, args: { keys: readonly string[] }): Promise<{ key: string; text: string }[]> => {
      if (args.keys.length === 0) return [];
      return db.selectFrom('catalog_lineage_statement').select(['key', 'text']).where('key', 'in', args.keys).execute();
    }),
  },
});

export default lineageStore;
