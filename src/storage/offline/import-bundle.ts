/**
 * Brings the objects of a bundle into this lake.
 *
 * Invariants
 * - Nothing is stored before the manifest, the secret and every volume were verified.
 * - An object is stored only when the SHA-256 of its bytes is the one the exporter wrote behind them.
 * - An entry stands in a report after it is done. A repeated import passes over those, and recognizes by ETag and size
 *   what it stored without having told.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isLochError, LochError, toLochError } from '../../core/errors.ts';
import type { ObjectStore, ObjectVersion } from '../contract.ts';
import { openBundleKey } from './bundle-key.ts';
import type { BundleImport, BundleImportReport } from './contract-types.ts';
import { assertProof, fingerprintOf, readManifest, type SignedManifest, volumeFile } from './manifest.ts';
import { type BucketRecord, type EntryRecord, RecordReader } from './records.ts';
import { ReportFile, reportedEntries } from './report-file.ts';
import { countedUnlock } from './unlock-attempts.ts';
import { EntryBody, storeEntry } from './store-entry.ts';
import { assertVolume, readVolume } from './volume-cipher.ts';

export interface ImportDeps {
  readonly objects: ObjectStore;
  readonly region: string;
  readonly accountId: string;
  /** Where reports are when the request names no place. */
  readonly reportsFolder: string;
}

const COLUMNS = ['entry', 'key', 'version', 'bytes', 'outcome'];

/** Imports, or goes on with an import. */
export async function importBundle(
  deps: ImportDeps,
  request: BundleImport,
  signal: AbortSignal,
): Promise<BundleImportReport> {
  const { folder } = request;
  const manifest = await readManifest(folder);
  assertUsable(manifest, request);
  const unlock = () => openBundleKey(manifest.bundle, manifest.key, request.secret);
  const key = await countedUnlock(folder, manifest.bundle, unlock);
  assertProof(manifest, key);
  await verifyVolumes(manifest, folder, signal);

  const reportFolder = request.reportFolder ?? join(deps.reportsFolder, manifest.bundle);
  await mkdir(reportFolder, { recursive: true, mode: 0o700 });
  const done = await reportedEntries(join(reportFolder, 'import-success.csv'));
  const success = await ReportFile.open(join(reportFolder, 'import-success.csv'), COLUMNS);
  const failure = await ReportFile.open(join(reportFolder, 'import-failure.csv'), COLUMNS);
  const counts = { imported: 0, present: 0, failed: 0, bytes: 0 };
  const reader = new RecordReader(plainBytes(manifest, folder, key));
  try {
    const target = new Target(deps, request, done);
    for (let record = await reader.next(); record !== undefined; record = await reader.next()) {
      signal.throwIfAborted();
      if (record.kind === 'bucket') await target.prepare(record);
      else if (record.kind === 'entry') await oneEntry(target, reader, record, { success, failure }, counts);
      else throw new LochError('data_corrupt', `The bundle goes on with a ${record.kind} of no entry.`);
    }
  } finally {
    await reader.close();
    await success.close();
    await failure.close();
  }
  return { bundle: manifest.bundle, ...counts, signer: fingerprintOf(manifest.signer), reportFolder };
}

function assertUsable(manifest: SignedManifest, { folder, signer }: BundleImport): void {
  if (!manifest.complete) {
    throw new LochError(
      'conflict',
      `The export to ${folder} was cut short. Finish it where it was begun: repeat it there.`,
    );
  }
  const found = fingerprintOf(manifest.signer);
  if (signer === undefined || signer.toLowerCase() === found) return;
  throw new LochError('access_denied', `The bundle was signed by ${found}, not by ${signer}.`, { context: { found } });
}

/** Every volume is there, of this bundle, at its place, and byte for byte what was written. */
async function verifyVolumes({ bundle, volumes }: SignedManifest, folder: string, signal: AbortSignal): Promise<void> {
  const missing: string[] = [];
  for (const { number } of volumes) {
    const there = await stat(join(folder, volumeFile(number))).catch(() => undefined);
    if (there === undefined) missing.push(volumeFile(number));
  }
  if (missing.length > 0) {
    throw new LochError(
      'data_corrupt',
      `${folder} lacks ${missing.join(', ')}. Put all ${volumes.length} volumes together.`,
      {
        context: { missing },
      },
    );
  }
  for (const { number } of volumes) await assertVolume(join(folder, volumeFile(number)), { bundle, number });
  for (const { number, sha256 } of volumes) {
    const path = join(folder, volumeFile(number));
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
      signal.throwIfAborted();
      hash.update(chunk as Buffer);
    }
    if (hash.digest('hex') === sha256) continue;
    throw new LochError(
      'data_corrupt',
      `${path} is not the volume that the manifest names (SHA-256 differs): it was changed, or is of a try before. Copy it again.`,
      { context: { file: path } },
    );
  }
}

async function* plainBytes({ bundle, volumes }: SignedManifest, folder: string, key: Buffer): AsyncGenerator<Buffer> {
  for (const { number } of volumes) yield* readVolume(join(folder, volumeFile(number)), key, { bundle, number });
}

interface Counts {
  imported: number;
  present: number;
  failed: number;
  bytes: number;
}

async function oneEntry(
  target: Target,
  reader: RecordReader,
  { entry, object }: EntryRecord,
  reports: { readonly success: ReportFile; readonly failure: ReportFile },
  counts: Counts,
): Promise<void> {
  const body = new EntryBody(reader, entry);
  if (target.done.has(entry)) {
    await target.passOver(object);
    await body.skip();
    counts.present++;
    return;
  }
  let outcome: string;
  try {
    outcome = await target.store(object, body);
  } catch (error) {
    const failure = toLochError(error);
    // A lake that takes nothing ends the import, which can be repeated; an object that it refuses does not.
    const refused = failure.code === 'data_corrupt' || (failure.kind === 'user' && !failure.retryable);
    if (!refused) throw error;
    await body.skip();
    await reports.failure.add([entry, object.key, object.versionId, object.size, failure.message]);
    counts.failed++;
    return;
  }
  await body.skip();
  await reports.success.add([entry, object.key, object.versionId, object.size, outcome]);
  if (outcome === 'present') counts.present++;
  else {
    counts.imported++;
    counts.bytes += object.size;
  }
}

/** The bucket that is filled. */
class Target {
  readonly done: ReadonlySet<number>;
  readonly #deps: ImportDeps;
  readonly #request: BundleImport;
  #bucket = '';
  #versioned = false;
  #key: KeyState | undefined;

  constructor(deps: ImportDeps, request: BundleImport, done: ReadonlySet<number>) {
    this.#deps = deps;
    this.#request = request;
    this.done = done;
  }

  /** **Errors**: `conflict` when the bundle has versions and the bucket keeps none. */
  async prepare({ name, versioning, objectLock }: BucketRecord): Promise<void> {
    const { objects, region, accountId } = this.#deps;
    this.#bucket = this.#request.bucket ?? name;
    const found = await objects.bucket(this.#bucket).catch((error: unknown) => {
      if (isLochError(error, 'bucket_not_found')) return undefined;
      throw error;
    });
    if (found === undefined) {
      await objects.createBucket(this.#bucket, {
        region,
        ownerAccountId: accountId,
        ...(objectLock === undefined ? {} : { objectLock }),
      });
      if (versioning !== undefined && objectLock === undefined) await objects.setVersioning(this.#bucket, versioning);
    }
    this.#versioned = (await objects.bucket(this.#bucket)).versioning === 'Enabled';
    if (versioning === 'Enabled' && !this.#versioned) {
      throw new LochError(
        'conflict',
        `The bundle holds versions, and \`${this.#bucket}\` keeps none. Enable its versioning, or name another bucket.`,
        { context: { bucket: this.#bucket } },
      );
    }
  }

  /** Stores one version; `imported`, or `present` when it is there. **Errors**: `already_exists`, those of the store. */
  async store(object: ObjectVersion, body: EntryBody): Promise<'imported' | 'present'> {
    const { objects } = this.#deps;
    const at = await this.#at(object.key);
    if (at.matches(object)) return 'present';
    if (at.foreign && !this.#request.overwrite) {
      throw new LochError('already_exists', `s3://${this.#bucket}/${object.key} is there already and differs.`);
    }
    if (object.deleteMarker === true) await objects.delete(this.#bucket, object.key, { operation: 'ImportBundle' });
    else await storeEntry(objects, this.#bucket, object, body.bytes());
    at.foreign = false;
    return 'imported';
  }

  /** An entry that is done: what of its key is there came from this import. */
  async passOver(object: ObjectVersion): Promise<void> {
    const at = await this.#at(object.key);
    at.matches(object);
    at.foreign = false;
  }

  /** What was under a key before this run came to it; entries of a key follow each other. */
  async #at(name: string): Promise<KeyState> {
    if (this.#key?.name === name) return this.#key;
    const there: ObjectVersion[] = [];
    let after: { key: string; versionId?: string } | undefined;
    do {
      const more: { after?: { key: string; versionId?: string } } = after === undefined ? {} : { after };
      const page = await this.#deps.objects.listVersions(this.#bucket, { prefix: name, ...more });
      there.push(...page.versions.filter(({ key }) => key === name));
      after = page.versions.at(-1)?.key === name ? page.next : undefined;
    } while (after !== undefined);
    this.#key = new KeyState(name, there.reverse());
    return this.#key;
  }
}

/** The versions of a key as a run found them, oldest first. */
class KeyState {
  readonly name: string;
  /** There are versions, and none is known to have come from this bundle. */
  foreign: boolean;
  readonly #there: readonly ObjectVersion[];
  #next = 0;

  constructor(name: string, there: readonly ObjectVersion[]) {
    this.name = name;
    this.#there = there;
    this.foreign = there.length > 0;
  }

  /** Whether a version that is there is this one; each counts once and in order, so that A, B, A are three. */
  matches(object: ObjectVersion): boolean {
    const marker = object.deleteMarker === true;
    const at = this.#there.findIndex(
      (version, i) =>
        i >= this.#next &&
        (version.deleteMarker === true) === marker &&
        (marker || (version.etag === object.etag && version.size === object.size)),
    );
    if (at === -1) return false;
    this.#next = at + 1;
    this.foreign = false;
    return true;
  }
}
