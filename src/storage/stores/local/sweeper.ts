/**
 * Removes what nobody needs: versions replaced longer than the grace ago, segments without live records, leftovers of
 * writes that a crash cut short. The grace of a version counts from the transaction that dereferenced it; the age of a
 * file counts only where no transaction ever named it.
 */
import { opendir, readdir, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Clock } from '../../../core/clock.ts';
import type { MetadataStore } from '../../../metadata/contract.ts';
import { type ObjectFiles, removeFile } from './object-files.ts';
import { keyOfPath } from './object-path.ts';
import { type GarbageRow, headOf, keyText } from './rows.ts';
import { bytesOnDisk } from './sealed-file.ts';
import type { Segments } from './segments.ts';
import objectStore from './store.ts';

const { procedures } = objectStore;
const BATCH = 500;
/** A segment with a smaller share of live bytes is rewritten. */
const COMPACT_BELOW = 0.5;

export interface SweepDeps {
  readonly store: MetadataStore;
  readonly files: ObjectFiles;
  readonly segments: Segments;
  readonly clock: Clock;
  readonly graceMs: number;
  /** Removes the bytes of a version from the tier of that number. */
  readonly removeFromTier: (tier: number, versionId: string) => Promise<void>;
}

/** What a sweep removed. */
export interface SweepReport {
  readonly versions: number;
  readonly segments: number;
  readonly movedRecords: number;
  readonly leftovers: number;
}

/** One pass over garbage, segments and the folders of our own. Safe beside reads and writes; one at a time. */
export async function sweep(deps: SweepDeps): Promise<SweepReport> {
  const tiers = new TierSweep(deps.removeFromTier);
  const versions = await sweepVersions(deps, tiers);
  const { removed, moved } = await sweepSegments(deps);
  const leftovers = (await sweepTemporary(deps)) + (await sweepUploads(deps));
  tiers.tell();
  return { versions, segments: removed, movedRecords: moved, leftovers };
}

async function sweepVersions({ store, files, clock, graceMs }: SweepDeps, tiers: TierSweep): Promise<number> {
  let swept = 0;
  let after: GarbageRow | undefined;
  for (;;) {
    const page = { before: clock.now() - graceMs, ...(after === undefined ? {} : { after }), limit: BATCH };
    const rows = await store.read(procedures.garbage, page);
    const gone: GarbageRow[] = [];
    for (const row of rows) {
      // Bytes first: a crash in between only makes the sweeper look for a file that is gone.
      if (row.segment === null && row.place !== null) {
        if (!(await tiers.removed(row.place, row.version_id))) continue;
      } else if (row.segment === null) await files.remove(files.pathOf(row.bucket, keyText(row.key), row.version_id));
      gone.push(row);
    }
    if (gone.length > 0) await store.write(procedures.forget, { rows: gone });
    swept += gone.length;
    after = rows.at(-1);
    if (rows.length < BATCH) return swept;
  }
}

/** Removes from tiers. One that is away keeps its garbage until it is back, and holds up nothing else. */
export class TierSweep {
  readonly #remove: SweepDeps['removeFromTier'];
  readonly #away = new Map<number, unknown>();

  constructor(remove: SweepDeps['removeFromTier']) {
    this.#remove = remove;
  }

  /** Whether the bytes are gone. */
  async removed(tier: number, versionId: string): Promise<boolean> {
    if (this.#away.has(tier)) return false;
    try {
      await this.#remove(tier, versionId);
      return true;
    } catch (error) {
      this.#away.set(tier, error);
      return false;
    }
  }

  /** **Errors**: why the first of the tiers that were away could not be asked. */
  tell(): void {
    for (const error of this.#away.values()) throw error;
  }
}

async function sweepSegments(deps: SweepDeps): Promise<{ removed: number; moved: number }> {
  let removed = 0;
  let moved = 0;
  for (const segment of await deps.segments.sealed()) {
    // A record written a moment ago may still wait for its transaction.
    if (segment.changedAt > deps.clock.now() - deps.graceMs) continue;
    const use = await deps.store.read(procedures.segmentUse, { segment: segment.number });
    if (use.records > 0 && use.live < segment.bytes * COMPACT_BELOW) moved += await moveRecords(deps, segment.number);
    if (use.records > 0 || use.waiting) continue;
    await deps.segments.remove(segment.number);
    removed++;
  }
  return { removed, moved };
}

/** Copies the live records of a segment to the current one. The old segment goes when the grace of its records ends. */
async function moveRecords(deps: SweepDeps, number: number): Promise<number> {
  let moved = 0;
  for (;;) {
    const rows = await deps.store.read(procedures.segmentRows, { segment: number, limit: BATCH });
    if (rows.length === 0) return moved;
    const moves = await Promise.all(
      rows.map(async (from) => {
        const size = bytesOnDisk(headOf(from));
        const bytes = await deps.segments.read({ segment: number, place: from.place! }, size, from.version_id);
        return { from, ...(await deps.segments.append(from.version_id, bytes)) };
      }),
    );
    try {
      await deps.store.write(procedures.moveRecords, { moves, at: deps.clock.now() });
    } finally {
      for (const move of moves) deps.segments.decided(move);
    }
    moved += rows.length;
  }
}

async function sweepTemporary({ files, clock, graceMs }: SweepDeps): Promise<number> {
  let removed = 0;
  for (const name of await readdir(files.temporary)) {
    const path = join(files.temporary, name);
    if (files.writing.has(path) || !(await isOlder(path, clock.now() - graceMs))) continue;
    await removeFile(path);
    removed++;
  }
  return removed;
}

/** Folders of uploads that were completed or aborted, or whose bucket went. */
async function sweepUploads({ store, files, clock, graceMs }: SweepDeps): Promise<number> {
  let removed = 0;
  const names = await readdir(files.uploads);
  for (let i = 0; i < names.length; i += BATCH) {
    const batch = names.slice(i, i + BATCH);
    const known = new Set(await store.read(procedures.knownUploads, { uploadIds: batch }));
    for (const name of batch) {
      const path = join(files.uploads, name);
      if (known.has(name) || !(await isOlder(path, clock.now() - graceMs))) continue;
      await rm(path, { recursive: true, force: true });
      removed++;
    }
  }
  return removed;
}

async function isOlder(path: string, time: number): Promise<boolean> {
  try {
    return (await stat(path)).ctimeMs < time;
  } catch {
    return false; // gone already
  }
}

/**
 * Removes files in the folders of buckets that no transaction ever named: a crash came between their last rename and
 * their commit. **Cost**: walks every file once; meant for the time after a start.
 */
export async function sweepUnreferenced(deps: SweepDeps, signal: AbortSignal): Promise<number> {
  let removed = 0;
  for (const bucket of await deps.files.bucketFolders()) {
    const folder = join(deps.files.root, bucket);
    let batch: Candidate[] = [];
    const flush = async () => {
      removed += await removeOrphans(deps, bucket, batch);
      batch = [];
    };
    for await (const path of filesBelow(folder)) {
      if (signal.aborted) return removed;
      const known = keyOfPath(relative(folder, path));
      if (known === undefined || deps.files.undecided.has(path)) continue;
      if (!(await isOlder(path, deps.clock.now() - deps.graceMs))) continue;
      batch.push({ path, ...known });
      if (batch.length >= BATCH) await flush();
    }
    await flush();
  }
  return removed;
}

interface Candidate {
  readonly path: string;
  readonly key: string;
  readonly versionId: string;
}

async function removeOrphans(deps: SweepDeps, bucket: string, batch: readonly Candidate[]): Promise<number> {
  if (batch.length === 0) return 0;
  const versions = batch.map(({ key, versionId }) => ({ bucket, key: Buffer.from(key), versionId }));
  const orphans = new Set(await deps.store.read(procedures.unreferenced, { versions }));
  let removed = 0;
  for (const { path, versionId } of batch) {
    if (!orphans.has(versionId) || deps.files.undecided.has(path)) continue;
    await deps.files.remove(path);
    removed++;
  }
  return removed;
}

async function* filesBelow(folder: string): AsyncGenerator<string> {
  let entries: Awaited<ReturnType<typeof opendir>>;
  try {
    entries = await opendir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return; // swept meanwhile
    throw error;
  }
  for await (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}
