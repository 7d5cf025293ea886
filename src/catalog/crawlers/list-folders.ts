/**
 * LISTING: every object of the targets, gathered by folder. What was listed is kept every few thousand objects with the
 * key to go on from, so that a restart lists nothing twice but the last stretch, which gives the same.
 */
import { s3Arn } from '../../core/arn.ts';
import type { CrawlerTarget } from '../contract.ts';
import { authorizeLocation } from '../databases/authorize-location.ts';
import { type Crawl, type CrawlerParts, checkGoing, placeOf, type TargetPlace } from './crawler-parts.ts';
import { exclusionTest } from '../databases/exclusions.ts';
import { extensionOf, type Folder, type FolderKind, type FolderObjects, folderOfKey } from './folder.ts';
import { arrivedFolders, isIncremental, newFolders } from './incremental.ts';
import crawlerStore from './store.ts';

const PAGE = 1000;
const SAVE_EVERY_PAGES = 10;
const FOLDER_PAGE = 2000;
/** How many files of a folder are read when the target does not say. */
const DEFAULT_SAMPLES = 5;
const MOST_EXTENSIONS = 16;

/** A folder while it grows. */
interface Growing {
  kind: FolderKind;
  readonly byExtension: Map<string, { objects: number; bytes: number; samples: { key: string; size: number }[] }>;
}

/** The rights of whom the crawler acts as. **Errors**: `access_denied` naming action and bucket. */
async function authorizeTarget(parts: CrawlerParts, crawl: Crawl, place: TargetPlace): Promise<void> {
  const prefix = place.key ?? place.root;
  await parts.policy.authorize(crawl.context, {
    action: 's3:ListBucket',
    resource: s3Arn(place.bucket),
    conditions: { 's3:prefix': prefix },
  });
  await authorizeLocation(parts, crawl.context, `s3://${place.bucket}/${prefix}`);
}

/** Folders saved so far, for a run that goes on. */
export async function savedFolders(parts: CrawlerParts, runId: string): Promise<Folder[]> {
  const folders: Folder[] = [];
  for (;;) {
    const last = folders.at(-1);
    const page = await parts.store.read(crawlerStore.procedures.folders, {
      id: runId,
      limit: FOLDER_PAGE,
      ...(last === undefined ? {} : { after: { target: last.target, path: last.path } }),
    });
    folders.push(...page);
    if (page.length < FOLDER_PAGE) return folders;
  }
}

class FolderGatherer {
  readonly #target: number;
  readonly #samples: number;
  readonly #folders = new Map<string, Growing>();
  #touched = new Set<string>();

  constructor(target: number, samples: number, saved: readonly Folder[]) {
    this.#target = target;
    this.#samples = samples;
    for (const folder of saved) {
      this.#folders.set(folder.path, {
        kind: folder.kind,
        byExtension: new Map(
          Object.entries(folder.byExtension).map(([extension, of]) => [extension, { ...of, samples: [...of.samples] }]),
        ),
      });
    }
  }

  /** Takes one object; returns whether it is data. `root` is the target's prefix. */
  take(object: { readonly key: string; readonly size: number }, root: string): boolean {
    const relative = object.key.slice(root.length);
    const log = /^(.*\/)?(_delta_log|\.hoodie)\//s.exec(relative);
    if (log !== null) this.#mark(`${root}${log[1] ?? ''}`, log[2] === '.hoodie' ? 'hudi' : 'delta');
    const metadata = /^(.*\/)?metadata\/[^/]+\.metadata\.json(?:\.gz)?$/s.exec(relative);
    if (metadata !== null) this.#mark(`${root}${metadata[1] ?? ''}`, 'iceberg');
    if (
      object.size === 0 ||
      relative.split('/').some((segment) => segment.startsWith('_') || segment.startsWith('.'))
    ) {
      return false;
    }
    this.add(folderOfKey(object.key), object);
    return true;
  }

  /** Notes a folder, though it may hold nothing any more. */
  touch(path: string): void {
    this.#at(path);
  }

  add(path: string, object: { readonly key: string; readonly size: number }): void {
    const folder = this.#at(path);
    const extension = extensionOf(object.key);
    const name = folder.byExtension.has(extension) || folder.byExtension.size < MOST_EXTENSIONS ? extension : '';
    const group = folder.byExtension.get(name) ?? { objects: 0, bytes: 0, samples: [] };
    folder.byExtension.set(name, group);
    group.objects++;
    group.bytes += object.size;
    const sample = { key: object.key, size: object.size };
    if (group.samples.length < this.#samples) group.samples.push(sample);
    else group.samples[group.samples.length - 1] = sample;
  }

  /** What changed since it was asked last. */
  changed(): Folder[] {
    const touched = [...this.#touched];
    this.#touched = new Set();
    return touched.map((path) => {
      const folder = this.#folders.get(path)!;
      const byExtension: Record<string, FolderObjects> = Object.fromEntries(folder.byExtension);
      return { target: this.#target, path, kind: folder.kind, byExtension };
    });
  }

  get size(): number {
    return this.#folders.size;
  }

  #mark(path: string, kind: FolderKind): void {
    const folder = this.#at(path);
    // A Delta log may stand beside an Iceberg table, for other readers: the table is Iceberg's.
    if (folder.kind !== 'iceberg') folder.kind = kind;
  }

  #at(path: string): Growing {
    const known = this.#folders.get(path) ?? { kind: 'data' as const, byExtension: new Map() };
    this.#folders.set(path, known);
    this.#touched.add(path);
    return known;
  }
}

async function listTarget(
  parts: CrawlerParts,
  crawl: Crawl,
  target: CrawlerTarget,
  number: number,
  from: string | undefined,
  saved: readonly Folder[],
): Promise<void> {
  const { id } = crawl.stored.run;
  const place = placeOf(target);
  const excluded = exclusionTest(target.exclusions);
  const gatherer = new FolderGatherer(number, target.sampleSize ?? DEFAULT_SAMPLES, saved);
  let objects = 0;
  let folders = gatherer.size;
  let after = from;
  const save = async () => {
    const position = { target: number, ...(after === undefined ? {} : { after }) };
    const counts = { objects, folders: gatherer.size - folders };
    await parts.store.write(crawlerStore.procedures.saveListing, {
      id,
      position,
      folders: gatherer.changed(),
      counts,
    });
    objects = 0;
    folders = gatherer.size;
  };
  if (place.key !== undefined && from === undefined) {
    const { objects: exact } = await parts.objects.list(place.bucket, { prefix: place.key, maxKeys: 1 });
    const [first] = exact;
    if (first?.key === place.key && first.size > 0) {
      gatherer.add(first.key, first); // a path without a slash at its end is the file itself
      objects++;
    }
  }
  const incremental = from === undefined && (await isIncremental(parts, crawl));
  if (incremental) {
    const byEvents = crawl.stored.definition.recrawl === 'CRAWL_EVENT_MODE';
    const paths = await (byEvents ? arrivedFolders : newFolders)(parts, crawl, place);
    for (const path of paths) {
      checkGoing(crawl);
      gatherer.touch(path);
      objects += await listOne(parts, place, path, { excluded, gatherer });
    }
    await save();
    return;
  }
  for (let pages = 1; ; pages++) {
    checkGoing(crawl);
    const page = await parts.objects.list(place.bucket, {
      prefix: place.root,
      maxKeys: PAGE,
      ...(after === undefined ? {} : { startAfter: after }),
    });
    for (const object of page.objects) {
      if (!excluded(object.key.slice(place.root.length)) && gatherer.take(object, place.root)) objects++;
    }
    after = page.objects.at(-1)?.key ?? after;
    if (page.next === undefined) break;
    if (pages % SAVE_EVERY_PAGES === 0) await save();
  }
  await save();
}

/** Gathers the objects of one folder, not of those below it. */
async function listOne(
  parts: CrawlerParts,
  place: TargetPlace,
  path: string,
  into: { readonly excluded: (path: string) => boolean; readonly gatherer: FolderGatherer },
): Promise<number> {
  let objects = 0;
  let startAfter: string | undefined;
  do {
    const page = await parts.objects.list(place.bucket, {
      prefix: path,
      delimiter: '/',
      maxKeys: PAGE,
      ...(startAfter === undefined ? {} : { startAfter }),
    });
    for (const object of page.objects) {
      if (!into.excluded(object.key.slice(place.root.length)) && into.gatherer.take(object, place.root)) objects++;
    }
    startAfter = page.next;
  } while (startAfter !== undefined);
  return objects;
}

/** Lists all targets from where the run stands. */
export async function listFolders(parts: CrawlerParts, crawl: Crawl): Promise<void> {
  const { definition, position, run } = crawl.stored;
  const onFiles = (target: CrawlerTarget) => target.kind !== 'jdbc' && target.kind !== 'catalog';
  for (const target of definition.targets) if (onFiles(target)) await authorizeTarget(parts, crawl, placeOf(target));
  const saved = await savedFolders(parts, run.id);
  for (let number = position.target; number < definition.targets.length; number++) {
    if (!onFiles(definition.targets[number]!)) continue;
    const mine = saved.filter((folder) => folder.target === number);
    const after = number === position.target ? position.after : undefined;
    await listTarget(parts, crawl, definition.targets[number]!, number, after, mine);
  }
}
