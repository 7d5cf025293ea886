/**
 * One consistent point of a running lake in a repository of points, of which only what is new is written.
 *
 * Order is what makes it consistent, as in `take-backup.ts`: undelivered records, then the metadata in one read
 * transaction, then the files that metadata may name, none of which is swept while the point is taken.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { LochError } from '../../../core/errors.ts';
import type { BackupPoint, PointRetention } from '../../contract.ts';
import { syncDirectory } from '../manifest.ts';
import type { BackupSources } from '../take-backup.ts';
import { BlockStore } from './block-store.ts';
import { comparePaths, listPoints, type PointEntry, PointWriter, readPoint, removePoint } from './point-file.ts';

export const REPOSITORY = 'repository.json';
const MIB = 1024 * 1024;
/** A block of metadata is smaller: pages change here and there. */
const METADATA_BLOCK = MIB;
const FILE_BLOCK = 8 * MIB;
/** What was being written when it was read, and is named by nothing. */
const HALF_WRITTEN = /^objects\/\.temporary\//;
const DAY_MS = 24 * 3_600_000;

/** Takes a point. **Errors**: `conflict` when another is being taken there, `already_exists` for a folder of something else. */
export async function takePoint(
  sources: BackupSources,
  repository: string,
  options: { readonly now: number; readonly retention?: PointRetention; readonly signal: AbortSignal },
): Promise<BackupPoint> {
  if (!relative(sources.dataDirectory, repository).startsWith('..')) {
    throw new LochError(
      'invalid_argument',
      `${repository} lies inside the data directory. Choose a place outside of it, best on another disk.`,
    );
  }
  await openRepository(repository);
  const release = await lock(repository);
  try {
    const work = () => takeUnderLock(sources, repository, options);
    const point = await (sources.undisturbed?.(work) ?? work());
    if (options.retention !== undefined) await retain(repository, options.retention, options.now);
    return point;
  } finally {
    await release();
  }
}

async function openRepository(repository: string): Promise<void> {
  if (existsSync(join(repository, REPOSITORY))) return;
  if (existsSync(repository) && (await readdir(repository)).length > 0) {
    throw new LochError('already_exists', `${repository} is not empty and holds no points. Choose another directory.`, {
      context: { directory: repository },
    });
  }
  await mkdir(join(repository, 'blocks'), { recursive: true, mode: 0o700 });
  await mkdir(join(repository, 'points'), { recursive: true, mode: 0o700 });
  const file = await open(join(repository, REPOSITORY), 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify({ format: 1 })}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncDirectory(repository);
  await syncDirectory(dirname(repository));
}

/** One at a time. A lock whose process is dead is nobody's. */
async function lock(repository: string): Promise<() => Promise<void>> {
  const path = join(repository, 'lock');
  for (let attempt = 1; ; attempt++) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(String(process.pid));
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = Number(await readFile(path, 'utf8').catch(() => '0'));
      if (attempt > 1 || isAlive(holder)) {
        throw new LochError('conflict', `Process ${holder} is taking a backup to ${repository}. Wait for it.`, {
          context: { directory: repository, pid: holder },
        });
      }
      await rm(path, { force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function takeUnderLock(
  sources: BackupSources,
  repository: string,
  { now, signal }: { readonly now: number; readonly signal: AbortSignal },
): Promise<BackupPoint> {
  const last = (await listPoints(repository)).at(-1);
  const before = new Before(last === undefined ? undefined : readPoint(repository, last.id));
  const writer = await PointWriter.create(repository, new Date(now));
  const blocks = new BlockStore(repository);
  let added = 0;
  const addFile = async (section: number, path: string, from: string, blockBytes: number): Promise<void> => {
    signal.throwIfAborted();
    const facts = await stat(from).catch(gone);
    if (facts === undefined) return;
    const key = { section, path, bytes: facts.size, changedAt: facts.mtimeMs };
    const known = await before.find(key);
    if (known !== undefined) return writer.add(known);
    const stored = await storeFile(blocks, from, facts.size, blockBytes);
    if (stored === undefined) return;
    added += stored.added;
    await writer.add({ ...key, blocks: stored.hashes });
  };
  const addFolder = async (section: number, folder: string) => {
    for await (const path of walk(sources.dataDirectory, folder)) {
      if (!HALF_WRITTEN.test(path)) await addFile(section, path, join(sources.dataDirectory, path), FILE_BLOCK);
    }
  };
  try {
    let section = 0;
    for (const folder of sources.before) await addFolder(section++, folder);
    const copy = join(repository, `metadata-${randomBytes(4).toString('hex')}.tmp`);
    try {
      await sources.store.backup(copy);
      await addFile(section++, 'metadata/loch.db', copy, METADATA_BLOCK);
    } finally {
      await rm(copy, { force: true });
    }
    for (const folder of sources.after) await addFolder(section++, folder);
    await addFile(section, 'VERSION', join(sources.dataDirectory, 'VERSION'), FILE_BLOCK);
    await blocks.sync();
    return await writer.commit(added);
  } catch (error) {
    await writer.abandon();
    throw error;
  } finally {
    await before.close();
  }
}

/** A file that is gone meanwhile was named by nobody. */
function gone(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw error;
}

async function storeFile(
  blocks: BlockStore,
  path: string,
  size: number,
  blockBytes: number,
): Promise<{ hashes: string[]; added: number } | undefined> {
  const file = await open(path, 'r').catch(gone);
  if (file === undefined) return undefined;
  const hashes: string[] = [];
  let added = 0;
  try {
    for (let at = 0; at < size; at += blockBytes) {
      const block = Buffer.alloc(Math.min(blockBytes, size - at));
      for (let done = 0; done < block.length; ) {
        const { bytesRead } = await file.read(block, done, block.length - done, at + done);
        if (bytesRead === 0) return undefined; // cut meanwhile: only files that nothing names are
        done += bytesRead;
      }
      const stored = await blocks.put(block);
      hashes.push(stored.hash);
      added += stored.added;
    }
    return { hashes, added };
  } finally {
    await file.close();
  }
}

/** The files below a folder, in the order of `comparePaths`. */
async function* walk(root: string, folder: string): AsyncGenerator<string> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(gone);
  const sorted = (entries ?? []).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of sorted) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* walk(root, path);
    else if (entry.isFile()) yield path;
  }
}

/** The last point, asked for one path after the other. */
class Before {
  readonly #entries: AsyncGenerator<PointEntry, unknown> | undefined;
  #next: PointEntry | undefined;
  #begun = false;

  constructor(entries: AsyncGenerator<PointEntry, unknown> | undefined) {
    this.#entries = entries;
  }

  /** Its entry of a file that has not changed since. The database's copy is new each time, whatever its time says. */
  async find(file: Omit<PointEntry, 'blocks'>): Promise<PointEntry | undefined> {
    if (!this.#begun) await this.#advance();
    while (this.#next !== undefined && comparePaths(this.#next, file) < 0) await this.#advance();
    const found = this.#next;
    if (found === undefined || comparePaths(found, file) !== 0) return undefined;
    return found.bytes === file.bytes && found.changedAt === file.changedAt ? found : undefined;
  }

  async #advance(): Promise<void> {
    this.#begun = true;
    // A point before that was damaged only costs reading: everything is looked at anew.
    const step = await this.#entries?.next().catch(() => undefined);
    this.#next = step === undefined || step.done === true ? undefined : step.value;
  }

  async close(): Promise<void> {
    await this.#entries?.return(undefined);
  }
}

/** Forgets points beyond the retention, never the newest, and the blocks that no point names any more. */
async function retain(repository: string, retention: PointRetention, now: number): Promise<void> {
  const points = await listPoints(repository);
  const oldest = now - retention.days * DAY_MS;
  const surplus = points.filter((point, i) => {
    const newer = points.length - 1 - i;
    return newer >= 1 && (newer >= retention.points || Date.parse(point.takenAt) < oldest);
  });
  if (surplus.length === 0) return;
  for (const { id } of surplus) await removePoint(repository, id);
  const kept = await listPoints(repository);
  await new BlockStore(repository).removeUnnamed(async function* () {
    for (const { id } of kept) for await (const entry of readPoint(repository, id)) yield* entry.blocks;
  });
}
