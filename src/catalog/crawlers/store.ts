import type { Kysely } from 'kysely';
import { LochError } from '../../core/errors.ts';
import { defineStoreModule, type ProcedureContext, proceduresOver } from '../../metadata/contract.ts';
import type { CrawlerRecord, CrawlerRun, CrawlerSchedule } from '../contract.ts';
import { classifierProcedures } from './classifier-procedures.ts';
import { crawlerMigrations } from './migrations.ts';
import type { Folder, FolderFinding } from './folder.ts';
import {
  type CrawlerDefinition,
  crawlerOf,
  type CrawlerTables,
  folderOfRow,
  type ListingPosition,
  NO_COUNTS,
  type RunCaller,
  type RunCounts,
  type RunRow,
  runOf,
  type StoredRun,
  storedRunOf,
} from './rows.ts';

const { read, write } = proceduresOver<CrawlerTables>();
type Db = Kysely<CrawlerTables>;

const MOST_MESSAGES = 500;
const KEPT_RUNS = 100;

const crawlerMissing = (name: string) =>
  new LochError('not_found', `Crawler \`${name}\` does not exist. List the crawlers to see those that do.`, {
    context: { crawler: name },
  });

const running = (name: string) =>
  new LochError('concurrent_run', `Crawler \`${name}\` is running. Wait for it, or stop it first.`, {
    context: { crawler: name },
  });

const runningRow = (db: Db, crawler: string): Promise<RunRow | undefined> =>
  db
    .selectFrom('catalog_crawler_run')
    .selectAll()
    .where('crawler', '=', crawler)
    .where('state', '=', 'RUNNING')
    .executeTakeFirst();

async function requireRun(db: Db, id: string): Promise<RunRow> {
  const row = await db.selectFrom('catalog_crawler_run').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw new LochError('not_found', `Crawler run \`${id}\` does not exist.`, { context: { id } });
  return row;
}

async function requireCrawler(db: Db, name: string) {
  const row = await db.selectFrom('catalog_crawler').selectAll().where('name', '=', name).executeTakeFirst();
  if (row === undefined) throw crawlerMissing(name);
  return row;
}

async function recordOf(db: Db, row: CrawlerTables['catalog_crawler']): Promise<CrawlerRecord> {
  const last = await db
    .selectFrom('catalog_crawler_run')
    .selectAll()
    .where('crawler', '=', row.name)
    .orderBy('started_at', 'desc')
    .orderBy('id', 'desc')
    .executeTakeFirst();
  return crawlerOf(row, await runningRow(db, row.name), last);
}

/** Adds to the counts and messages of a run. */
async function add(
  db: Db,
  id: string,
  change: {
    readonly counts?: Partial<RunCounts> | undefined;
    readonly messages?: readonly string[] | undefined;
    readonly set?: Partial<RunRow>;
  },
): Promise<RunRow> {
  const row = await requireRun(db, id);
  const counts = JSON.parse(row.counts) as Record<string, number>;
  for (const [name, count] of Object.entries(change.counts ?? {})) counts[name] = (counts[name] ?? 0) + count;
  const messages = JSON.parse(row.messages) as string[];
  const added = (change.messages ?? []).filter((message) => !messages.includes(message));
  const kept = [...messages, ...added].slice(0, MOST_MESSAGES);
  const next = { ...row, counts: JSON.stringify(counts), messages: JSON.stringify(kept), ...change.set };
  const { id: _, ...columns } = next;
  await db.updateTable('catalog_crawler_run').set(columns).where('id', '=', id).execute();
  return next;
}

const tell = (row: RunRow, context: ProcedureContext, state: string = row.state) =>
  context.emit({ name: 'catalogCrawlerRunChanged', payload: { crawler: row.crawler, runId: row.id, state } });

/** Crawlers, their runs, and what a run has found so far. */
const crawlerStore = defineStoreModule('catalogCrawlers', {
  migrations: crawlerMigrations,
  procedures: {
    ...classifierProcedures,

    createCrawler: write(
      async (
        db,
        args: { definition: CrawlerDefinition; actsAs: string; at: number; by: string },
      ): Promise<CrawlerRecord> => {
        const row = {
          name: args.definition.name,
          definition: JSON.stringify(args.definition),
          acts_as: args.actsAs,
          version: 1,
          created_at: args.at,
          created_by: args.by,
          updated_at: args.at,
        };
        const added = await db
          .insertInto('catalog_crawler')
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        if (Number(added.numInsertedOrUpdatedRows) === 0) {
          throw new LochError('already_exists', `Crawler \`${row.name}\` exists already. Choose another name.`, {
            context: { crawler: row.name },
          });
        }
        return crawlerOf(row, undefined, undefined);
      },
    ),

    updateCrawler: write(
      async (db, args: { definition: CrawlerDefinition; actsAs: string; at: number }): Promise<CrawlerRecord> => {
        const { name } = args.definition;
        const row = await requireCrawler(db, name);
        if ((await runningRow(db, name)) !== undefined) throw running(name);
        const next = {
          ...row,
          definition: JSON.stringify(args.definition),
          acts_as: args.actsAs,
          version: row.version + 1,
          updated_at: args.at,
        };
        await db.updateTable('catalog_crawler').set(next).where('name', '=', name).execute();
        return recordOf(db, next);
      },
    ),

    deleteCrawler: write(async (db, args: { name: string }): Promise<void> => {
      await requireCrawler(db, args.name);
      if ((await runningRow(db, args.name)) !== undefined) throw running(args.name);
      await db.deleteFrom('catalog_crawler_run').where('crawler', '=', args.name).execute();
      await db.deleteFrom('catalog_crawler_arrival').where('crawler', '=', args.name).execute();
      await db.deleteFrom('catalog_crawler').where('name', '=', args.name).execute();
    }),

    setSchedule: write(async (db, args: { name: string; state: CrawlerSchedule['state'] }): Promise<void> => {
      const row = await requireCrawler(db, args.name);
      const definition = JSON.parse(row.definition) as CrawlerDefinition;
      const { schedule } = definition;
      if (schedule === undefined) {
        throw new LochError('invalid_argument', `Crawler \`${args.name}\` has no schedule. Give it one first.`, {
          context: { crawler: args.name },
        });
      }
      if (schedule.state === args.state) {
        const word = args.state === 'SCHEDULED' ? 'runs already' : 'does not run';
        throw new LochError('conflict', `The schedule of crawler \`${args.name}\` ${word}.`, {
          context: { crawler: args.name, schedule: args.state },
        });
      }
      const next = JSON.stringify({ ...definition, schedule: { ...schedule, state: args.state } });
      await db.updateTable('catalog_crawler').set({ definition: next }).where('name', '=', args.name).execute();
    }),

    /** Notes folders in which objects arrived or went, per crawler, in the consumer's transaction. */
    noteArrivals: write(
      async (db, args: { arrivals: readonly { crawler: string; folder: string; at: number }[] }): Promise<void> => {
        for (const { crawler, folder, at } of args.arrivals) {
          await db
            .insertInto('catalog_crawler_arrival')
            .values({ crawler, folder, at, last_at: at })
            .onConflict((conflict) => conflict.columns(['crawler', 'folder']).doUpdateSet({ last_at: at }))
            .execute();
        }
      },
    ),

    /** Takes the noted folders of a crawler up to a time away: a crawl has seen them. */
    dropArrivals: write(async (db, args: { crawler: string; until: number }): Promise<void> => {
      await db
        .deleteFrom('catalog_crawler_arrival')
        .where('crawler', '=', args.crawler)
        .where('last_at', '<=', args.until)
        .execute();
    }),

    arrivals: read(async (db, args: { crawler: string; until: number }): Promise<string[]> => {
      const rows = await db
        .selectFrom('catalog_crawler_arrival')
        .select('folder')
        .where('crawler', '=', args.crawler)
        .where('at', '<=', args.until)
        .orderBy('folder')
        .execute();
      return rows.map((row) => row.folder);
    }),

    /** When the oldest arrival of each crawler that has some was noted. */
    oldestArrivals: read(async (db, _args: Record<string, never>): Promise<Record<string, number>> => {
      const rows = await db
        .selectFrom('catalog_crawler_arrival')
        .select(['crawler', (e) => e.fn.min('at').as('at')])
        .groupBy('crawler')
        .execute();
      return Object.fromEntries(rows.map((row) => [row.crawler, Number(row.at)]));
    }),

    crawler: read(
      async (db, args: { name: string }): Promise<CrawlerRecord> => recordOf(db, await requireCrawler(db, args.name)),
    ),

    crawlers: read(async (db, _args: Record<string, never>): Promise<CrawlerRecord[]> => {
      const records = [];
      for (const row of await db.selectFrom('catalog_crawler').selectAll().orderBy('name').execute()) {
        records.push(await recordOf(db, row));
      }
      return records;
    }),

    startRun: write(
      async (
        db,
        args: { id: string; crawler: string; caller: Omit<RunCaller, 'actsAs'>; at: number },
        context,
      ): Promise<CrawlerRun> => {
        const crawler = await requireCrawler(db, args.crawler);
        if ((await runningRow(db, args.crawler)) !== undefined) throw running(args.crawler);
        const row: RunRow = {
          id: args.id,
          crawler: args.crawler,
          state: 'RUNNING',
          phase: 'LISTING',
          stopping: 0,
          caller: JSON.stringify({ ...args.caller, actsAs: crawler.acts_as } satisfies RunCaller),
          definition: crawler.definition,
          position: JSON.stringify({ target: 0 } satisfies ListingPosition),
          counts: JSON.stringify(NO_COUNTS),
          messages: '[]',
          error: null,
          started_at: args.at,
          ended_at: null,
        };
        await db.insertInto('catalog_crawler_run').values(row).execute();
        const old = await db
          .selectFrom('catalog_crawler_run')
          .select('id')
          .where('crawler', '=', args.crawler)
          .orderBy('started_at', 'desc')
          .orderBy('id', 'desc')
          .offset(KEPT_RUNS)
          .limit(10)
          .execute();
        for (const { id } of old) await db.deleteFrom('catalog_crawler_run').where('id', '=', id).execute();
        tell(row, context);
        return runOf(row);
      },
    ),

    /** Asks the running run of a crawler to stop. */
    requestStop: write(async (db, args: { crawler: string }, context): Promise<string> => {
      await requireCrawler(db, args.crawler);
      const row = await runningRow(db, args.crawler);
      if (row === undefined) {
        throw new LochError('conflict', `Crawler \`${args.crawler}\` is not running.`, {
          context: { crawler: args.crawler },
        });
      }
      await db.updateTable('catalog_crawler_run').set({ stopping: 1 }).where('id', '=', row.id).execute();
      tell(row, context, 'STOPPING');
      return row.id;
    }),

    /** Keeps what was listed up to `position`. */
    saveListing: write(
      async (
        db,
        args: { id: string; position: ListingPosition; folders: readonly Folder[]; counts: Partial<RunCounts> },
      ): Promise<void> => {
        for (const folder of args.folders) {
          const columns = { kind: folder.kind, content: JSON.stringify(folder.byExtension) };
          await db
            .insertInto('catalog_crawler_folder')
            .values({ run_id: args.id, target: folder.target, folder: folder.path, finding: null, ...columns })
            .onConflict((conflict) => conflict.columns(['run_id', 'target', 'folder']).doUpdateSet(columns))
            .execute();
        }
        await add(db, args.id, { counts: args.counts, set: { position: JSON.stringify(args.position) } });
      },
    ),

    saveFindings: write(
      async (
        db,
        args: {
          id: string;
          findings: readonly { target: number; path: string; finding: FolderFinding }[];
          bytesRead: number;
          messages: readonly string[];
        },
      ): Promise<void> => {
        for (const { target, path, finding } of args.findings) {
          await db
            .updateTable('catalog_crawler_folder')
            .set({ finding: JSON.stringify(finding) })
            .where('run_id', '=', args.id)
            .where('target', '=', target)
            .where('folder', '=', path)
            .execute();
        }
        await add(db, args.id, { counts: { bytesRead: args.bytesRead }, messages: args.messages });
      },
    ),

    enterPhase: write(
      async (db, args: { id: string; phase: CrawlerRun['phase']; messages?: readonly string[] }): Promise<void> => {
        await add(db, args.id, { messages: args.messages, set: { phase: args.phase } });
      },
    ),

    /** Counts a change, in the transaction that makes it. */
    countRun: write(
      async (db, args: { id: string; counts?: Partial<RunCounts>; messages?: readonly string[] }): Promise<void> => {
        await add(db, args.id, { counts: args.counts, messages: args.messages });
      },
    ),

    finishRun: write(
      async (
        db,
        args: { id: string; state: Exclude<CrawlerRun['state'], 'RUNNING'>; error?: string; at: number },
        context,
      ): Promise<CrawlerRun> => {
        const row = await add(db, args.id, {
          set: { state: args.state, phase: 'DONE', error: args.error ?? null, ended_at: args.at },
        });
        await db.deleteFrom('catalog_crawler_folder').where('run_id', '=', args.id).execute();
        tell(row, context);
        return runOf(row);
      },
    ),

    run: read(async (db, args: { id: string }): Promise<StoredRun> => storedRunOf(await requireRun(db, args.id))),

    runs: read(async (db, args: { crawler: string }): Promise<CrawlerRun[]> => {
      await requireCrawler(db, args.crawler);
      const rows = await db
        .selectFrom('catalog_crawler_run')
        .selectAll()
        .where('crawler', '=', args.crawler)
        .orderBy('started_at', 'desc')
        .orderBy('id', 'desc')
        .execute();
      return rows.map(runOf);
    }),

    /** Ids of the runs that a stop of the process interrupted, oldest first. */
    unfinishedRuns: read(async (db, _args: Record<string, never>): Promise<string[]> => {
      const rows = await db
        .selectFrom('catalog_crawler_run')
        .select('id')
        .where('state', '=', 'RUNNING')
        .orderBy('started_at')
        .execute();
      return rows.map((row) => row.id);
    }),

    /** A page of a run's folders in the order of their paths. */
    folders: read(
      async (db, args: { id: string; limit: number; after?: { target: number; path: string } }): Promise<Folder[]> => {
        const { after } = args;
        let query = db
          .selectFrom('catalog_crawler_folder')
          .selectAll()
          .where('run_id', '=', args.id)
          .orderBy('target')
          .orderBy('folder')
          .limit(args.limit);
        if (after !== undefined) {
          query = query.where((e) =>
            e.or([
              e('target', '>', after.target),
              e.and([e('target', '=', after.target), e('folder', '>', after.path)]),
            ]),
          );
        }
        return (await query.execute()).map(folderOfRow);
      },
    ),
  },
});

export default crawlerStore;
