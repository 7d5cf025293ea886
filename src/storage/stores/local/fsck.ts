/**
 * Compares a stopped store's rows with what is on its disks, both ways.
 *
 * Invariants
 * - Nothing else has the store open. Without `repair` nothing is changed.
 * - Repair loses nothing of the hot place: what nothing names is moved to `lost+found`; what is damaged is marked, so
 *   that no read gives it, and mended where another place still holds it.
 */
import { mkdir, opendir, readdir, rename, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import type { Clock } from '../../../core/clock.ts';
import { isLochError } from '../../../core/errors.ts';
import type { MetadataStore } from '../../../metadata/contract.ts';
import type { TierPlace } from '../../tiers/contract-types.ts';
import { keyOfPath } from './object-path.ts';
import { repairVersion, type RepairPlaces } from './repair-version.ts';
import { keyText, type ObjectRow } from './rows.ts';
import type { ScrubPosition } from './scrub-procedures.ts';
import objectStore from './store.ts';
import { storedBytes, verifyVersion } from './verify-version.ts';

const { procedures } = objectStore;
const BATCH = 500;

/** Something that is not as it should be. */
export interface FsckFinding {
  readonly kind:
    | 'database'
    /** Acknowledged bytes that are wrong or gone. */
    | 'corrupt'
    | 'missing'
    /** A disk that is away: what lies there was not looked at. */
    | 'unavailable'
    /** A file that nothing names: it takes room, and nothing else. */
    | 'orphan';
  readonly what: string;
  readonly detail: string;
  readonly repaired: boolean;
}

export interface FsckReport {
  readonly versions: number;
  readonly bytes: number;
  /** Encrypted versions: their bytes are there, and only their keys tell whether they are right. */
  readonly sealed: number;
  readonly findings: readonly FsckFinding[];
}

export interface FsckDeps extends RepairPlaces {
  readonly store: MetadataStore;
  readonly clock: Clock;
  /** Tiers by number, to be looked at for what nothing names. */
  readonly tiers: ReadonlyMap<number, TierPlace>;
  readonly restored: TierPlace | undefined;
  /** Where repair puts what nothing names. */
  readonly lostAndFound: string;
}

export interface FsckOptions {
  readonly repair: boolean;
  /** Compares existence only, not every byte. */
  readonly quick: boolean;
  readonly onVersion?: (versions: number) => void;
}

/** Looks at everything. **Cost**: reads every byte unless `quick`. */
export async function fsck(deps: FsckDeps, options: FsckOptions): Promise<FsckReport> {
  const findings: FsckFinding[] = [];
  const database = await deps.store.read(procedures.checkDatabase, {});
  if (database !== 'ok') {
    findings.push({ kind: 'database', what: 'metadata/loch.db', detail: database, repaired: false });
  }
  const figures = await checkVersions(deps, options, findings);
  for await (const finding of orphans(deps, options)) findings.push(finding);
  return { ...figures, findings };
}

async function checkVersions(
  deps: FsckDeps,
  options: FsckOptions,
  findings: FsckFinding[],
): Promise<Pick<FsckReport, 'versions' | 'bytes' | 'sealed'>> {
  const figures = { versions: 0, bytes: 0, sealed: 0 };
  let after: ScrubPosition | null = null;
  for (;;) {
    const page: { rows: ObjectRow[]; last: ScrubPosition | null } = await deps.store.read(procedures.scrubPage, {
      after,
      limit: BATCH,
    });
    for (const row of page.rows) {
      figures.versions++;
      figures.bytes += row.size;
      const finding = await checkVersion(deps, options, row, figures);
      if (finding !== undefined) findings.push(finding);
      options.onVersion?.(figures.versions);
    }
    if (page.last === null) return figures;
    after = page.last;
  }
}

async function checkVersion(
  deps: FsckDeps,
  { repair, quick }: FsckOptions,
  row: ObjectRow,
  figures: { sealed: number },
): Promise<FsckFinding | undefined> {
  const what = `s3://${row.bucket}/${keyText(row.key)} (version ${row.version_id})`;
  try {
    const verdict = await verifyVersion(quick ? firstChunk(storedBytes(deps, row)) : storedBytes(deps, row), row);
    const sound = verdict.kind === 'sound' || verdict.kind === 'sealed';
    if (verdict.kind === 'sealed') figures.sealed++;
    // A first chunk tells that bytes are there, not that all of them are.
    if (sound || (quick && verdict.kind === 'corrupt' && /acknowledged/.test(verdict.detail))) {
      if (sound && !quick && repair && row.detail.includes('"damaged":')) {
        await deps.store.write(procedures.markSound, { row });
      }
      return undefined;
    }
    const { kind, detail } = verdict;
    let repaired = false;
    if (repair) {
      await deps.store.write(procedures.markDamaged, { row, kind, detail, at: deps.clock.now() });
      repaired = await repairVersion(deps, row);
      if (repaired) await deps.store.write(procedures.markSound, { row });
    }
    return { kind, what, detail, repaired };
  } catch (error) {
    if (!isLochError(error, 'unavailable')) throw error;
    return { kind: 'unavailable', what, detail: error.message, repaired: false };
  }
}

async function* firstChunk(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    yield chunk;
    return;
  }
}

async function* orphans(deps: FsckDeps, options: FsckOptions): AsyncGenerator<FsckFinding> {
  const { files } = deps;
  const found = async (path: string, detail: string): Promise<FsckFinding> => {
    const repaired = options.repair && (await toLostAndFound(deps.lostAndFound, path));
    return { kind: 'orphan', what: path, detail, repaired };
  };
  for (const bucket of await files.bucketFolders()) {
    for await (const path of orphanFiles(deps, bucket)) yield await found(path, 'No version has this file.');
  }
  for (const name of await readdir(files.temporary)) {
    yield await found(join(files.temporary, name), 'Left by a write that a crash cut short.');
  }
  const uploads = await readdir(files.uploads);
  const known = new Set(await deps.store.read(procedures.knownUploads, { uploadIds: uploads }));
  for (const name of uploads) {
    if (!known.has(name)) yield await found(join(files.uploads, name), 'Parts of an upload that is no more.');
  }
  for (const { number } of await deps.segments.sealed()) {
    const use = await deps.store.read(procedures.segmentUse, { segment: number });
    const name = `${String(number).padStart(10, '0')}.seg`;
    if (use.records === 0 && !use.waiting)
      yield await found(join(files.segments, name), 'No version has a record in it.');
  }
  for (const [place, tier] of deps.tiers) {
    yield* tierOrphans(tier, options, (versionIds) => deps.store.read(procedures.tierOrphans, { place, versionIds }));
  }
  if (deps.restored !== undefined) {
    yield* tierOrphans(deps.restored, options, (versionIds) =>
      deps.store.read(procedures.restoreOrphans, { versionIds }),
    );
  }
}

async function* orphanFiles(deps: FsckDeps, bucket: string): AsyncGenerator<string> {
  const folder = join(deps.files.root, bucket);
  let batch: { path: string; key: string; versionId: string }[] = [];
  const flush = async (): Promise<string[]> => {
    const versions = batch.map(({ key, versionId }) => ({ bucket, key: Buffer.from(key), versionId }));
    const ids = new Set(await deps.store.read(procedures.unreferenced, { versions }));
    const paths = batch.filter(({ versionId }) => ids.has(versionId)).map(({ path }) => path);
    batch = [];
    return paths;
  };
  for await (const path of filesBelow(folder)) {
    const known = keyOfPath(relative(folder, path));
    // The answer is by id: two files that claim one are asked about one after the other.
    const claimed = batch.some(({ versionId }) => versionId === known?.versionId);
    if (claimed || batch.length >= BATCH) yield* await flush();
    if (known === undefined) yield path;
    else batch.push({ path, ...known });
  }
  yield* await flush();
}

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for await (const entry of await opendir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}

/** What lies in a tier under ids that nothing names. There, repair removes them: their place is not this disk. */
async function* tierOrphans(
  tier: TierPlace,
  { repair }: FsckOptions,
  orphansOf: (ids: string[]) => Promise<string[]>,
): AsyncGenerator<FsckFinding> {
  let batch: string[] = [];
  const told = async (): Promise<FsckFinding[]> => {
    const ids = await orphansOf(batch);
    batch = [];
    if (repair) for (const id of ids) await tier.remove(id);
    const detail = 'No version has these bytes.';
    return ids.map((id) => ({ kind: 'orphan', what: `${tier.location}: ${id}`, detail, repaired: repair }));
  };
  try {
    for await (const { id } of tier.entries()) {
      batch.push(id);
      if (batch.length >= BATCH) yield* await told();
    }
    yield* await told();
  } catch (error) {
    if (!isLochError(error, 'unavailable')) throw error;
    yield { kind: 'unavailable', what: tier.location, detail: error.message, repaired: false };
  }
}

/** Moves a file or folder aside, under a name that tells where it was. */
async function toLostAndFound(folder: string, path: string): Promise<boolean> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (let attempt = 0; attempt < 100; attempt++) {
    const target = join(folder, `${basename(path)}${attempt === 0 ? '' : `.${attempt}`}`);
    if (await exists(target)) continue;
    await rename(path, target);
    return true;
  }
  return false;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false; // whatever the reason, the name is free to be tried
  }
}
