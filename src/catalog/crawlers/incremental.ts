/**
 * Crawls that look at new folders only: those that no table of the crawler has yet (CRAWL_NEW_FOLDERS_ONLY), or those in
 * which objects arrived or went since the last crawl (CRAWL_EVENT_MODE). The first crawl of a crawler sees everything.
 */
import databaseStore from '../databases/store.ts';
import { folderOf } from '../databases/rows.ts';
import { isOutside } from '../databases/rows.ts';
import type { TableRecord } from '../contract.ts';
import type { Crawl, CrawlerParts, TargetPlace } from './crawler-parts.ts';
import { UPDATED_BY } from './describe-table.ts';
import { partitionsOf } from './write-partitions.ts';
import crawlerStore from './store.ts';

const NAMES_AT_ONCE = 500;
const PAGE = 1_000;

/** Whether a run looks at new folders only: its policy says so, and a crawl was completed before. */
export async function isIncremental(parts: CrawlerParts, crawl: Crawl): Promise<boolean> {
  const { definition, run } = crawl.stored;
  if (definition.recrawl === 'CRAWL_EVERYTHING') return false;
  const runs = await parts.store.read(crawlerStore.procedures.runs, { crawler: definition.name });
  return runs.some((other) => other.id !== run.id && other.state === 'COMPLETED');
}

/** The tables that this crawler keeps. */
export async function ownTables(parts: CrawlerParts, crawl: Crawl): Promise<TableRecord[]> {
  const { definition } = crawl.stored;
  const database = definition.database.toLowerCase();
  const names = parts.names.tables(database);
  const own: TableRecord[] = [];
  for (let start = 0; start < names.length; start += NAMES_AT_ONCE) {
    const page = { database, names: names.slice(start, start + NAMES_AT_ONCE) };
    for (const table of await parts.store.read(databaseStore.procedures.tables, page)) {
      if (table.parameters[UPDATED_BY] === definition.name) own.push(table);
    }
  }
  return own;
}

/** Folders that tables or their partitions have, without slash at their end. */
async function knownFolders(parts: CrawlerParts, crawl: Crawl): Promise<Set<string>> {
  const known = new Set<string>();
  for (const table of await ownTables(parts, crawl)) {
    if (table.partitionKeys.length === 0) known.add(folderOf(table.storage.location));
    else for (const partition of (await partitionsOf(parts, table)).values()) known.add(folderOf(partition.location));
  }
  return known;
}

/** Where a crawl by new folders lists: the prefixes below a target that no table has, by one listing a level. */
export async function newFolders(parts: CrawlerParts, crawl: Crawl, place: TargetPlace): Promise<string[]> {
  const known = await knownFolders(parts, crawl);
  const found: string[] = [];
  const visit = async (prefix: string): Promise<void> => {
    let startAfter: string | undefined;
    const below: string[] = [];
    let files = false;
    do {
      const page = await parts.objects.list(place.bucket, {
        prefix,
        delimiter: '/',
        maxKeys: PAGE,
        ...(startAfter === undefined ? {} : { startAfter }),
      });
      below.push(...page.commonPrefixes);
      files ||= page.objects.some(({ key, size }) => size > 0 && !/^[_.]/.test(key.slice(prefix.length)));
      startAfter = page.next;
    } while (startAfter !== undefined);
    if (files) found.push(prefix);
    for (const folder of below) {
      const name = folder.slice(prefix.length);
      if (!/^[_.]/.test(name) && !known.has(folderOf(`s3://${place.bucket}/${folder}`))) await visit(folder);
    }
  };
  await visit(place.root);
  return found;
}

/** The folders of a target in which objects arrived or went before the run began. */
export async function arrivedFolders(parts: CrawlerParts, crawl: Crawl, place: TargetPlace): Promise<string[]> {
  const { definition, run } = crawl.stored;
  const args = { crawler: definition.name, until: run.startedAt };
  const root = `s3://${place.bucket}/${place.root}`;
  const folders = await parts.store.read(crawlerStore.procedures.arrivals, args);
  return folders
    .filter((folder) => folder === root || !isOutside(folder, root))
    .map((folder) => folder.slice(`s3://${place.bucket}/`.length));
}
