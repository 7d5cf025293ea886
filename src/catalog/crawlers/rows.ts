/** The crawlers' tables in the metadata store, and rows as records and back. */
import type { CrawlerInput, CrawlerRecord, CrawlerRun, CrawlerSchedule } from '../contract.ts';
import type { Folder } from './folder.ts';

export interface CrawlerTables {
  catalog_crawler: {
    name: string;
    definition: string;
    acts_as: string;
    version: number;
    created_at: number;
    created_by: string;
    updated_at: number;
  };
  catalog_classifier: {
    name: string;
    definition: string;
    version: number;
    created_at: number;
    updated_at: number;
  };
  /** Folders in which objects arrived or went since the last crawl of a crawler by events. */
  catalog_crawler_arrival: { crawler: string; folder: string; at: number; last_at: number };
  catalog_crawler_run: {
    id: string;
    crawler: string;
    state: CrawlerRun['state'];
    phase: CrawlerRun['phase'];
    stopping: number;
    caller: string;
    definition: string;
    position: string;
    counts: string;
    messages: string;
    error: string | null;
    started_at: number;
    ended_at: number | null;
  };
  catalog_crawler_folder: {
    run_id: string;
    target: number;
    folder: string;
    kind: string;
    content: string;
    finding: string | null;
  };
}

export type RunRow = CrawlerTables['catalog_crawler_run'];

/** A crawler's definition with nothing left out. */
export type CrawlerDefinition = Required<
  Pick<CrawlerInput, 'name' | 'role' | 'database' | 'targets' | 'tablePrefix' | 'schemaChange' | 'recrawl'>
> &
  Pick<CrawlerInput, 'description' | 'configuration' | 'classifiers' | 'foreign'> & {
    readonly schedule?: CrawlerSchedule;
  };

/** What counts grow while a run goes on. */
export type RunCounts = Pick<
  CrawlerRun,
  'objects' | 'folders' | 'bytesRead' | 'tablesCreated' | 'tablesUpdated' | 'tablesDeleted' | 'partitionsAdded'
>;

export const NO_COUNTS: RunCounts = {
  objects: 0,
  folders: 0,
  bytesRead: 0,
  tablesCreated: 0,
  tablesUpdated: 0,
  tablesDeleted: 0,
  partitionsAdded: 0,
};

/** Where the listing stands: the target, and the key after which it goes on. */
export interface ListingPosition {
  readonly target: number;
  readonly after?: string;
}

/** Who started a run, kept so that a restart goes on in his name. */
export interface RunCaller {
  readonly actsAs: string;
  readonly requestId: string;
  readonly sourceIp: string;
}

/** A run as the driver needs it. */
export interface StoredRun {
  readonly run: CrawlerRun;
  readonly stopping: boolean;
  readonly caller: RunCaller;
  readonly definition: CrawlerDefinition;
  readonly position: ListingPosition;
}

/** A run as its callers see it. */
export function runOf(row: RunRow): CrawlerRun {
  return {
    id: row.id,
    crawler: row.crawler,
    state: row.state,
    phase: row.phase,
    startedAt: row.started_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    ...(JSON.parse(row.counts) as RunCounts),
    messages: JSON.parse(row.messages) as string[],
    ...(row.error === null ? {} : { error: row.error }),
  };
}

export const storedRunOf = (row: RunRow): StoredRun => ({
  run: runOf(row),
  stopping: row.stopping === 1,
  caller: JSON.parse(row.caller) as RunCaller,
  definition: JSON.parse(row.definition) as CrawlerDefinition,
  position: JSON.parse(row.position) as ListingPosition,
});

/** A crawler with its state, from its row and those of its running and last runs. */
export function crawlerOf(
  row: CrawlerTables['catalog_crawler'],
  running: RunRow | undefined,
  last: RunRow | undefined,
): CrawlerRecord {
  return {
    ...(JSON.parse(row.definition) as CrawlerDefinition),
    actsAs: row.acts_as,
    state: running === undefined ? 'READY' : running.stopping === 1 ? 'STOPPING' : 'RUNNING',
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    version: row.version,
    ...(last === undefined ? {} : { lastRun: runOf(last) }),
  };
}

/** A folder as the phases of a run know it. */
export function folderOfRow(row: CrawlerTables['catalog_crawler_folder']): Folder {
  return {
    target: row.target,
    path: row.folder,
    kind: row.kind as Folder['kind'],
    byExtension: JSON.parse(row.content) as Folder['byExtension'],
    ...(row.finding === null ? {} : { finding: JSON.parse(row.finding) as NonNullable<Folder['finding']> }),
  };
}
