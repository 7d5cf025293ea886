/**
 * Writes objects with all their versions to the volumes of a bundle.
 *
 * Invariants
 * - A volume holds whole records. When one is durable, the state says where the next begins: what a crash loses is the
 *   volume that was being written.
 * - The manifest that says complete is written last, by rename. Without it there is no bundle to import.
 */
import { createHash, randomBytes, type Hash } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { isLochError, LochError } from '../../core/errors.ts';
import type { ObjectStore, ObjectVersion } from '../contract.ts';
import { newBundleKey, newUnlockCode, openBundleKey, openText, sealText } from './bundle-key.ts';
import type { BundleExport, BundleExportReport } from './contract-types.ts';
import { writeDurably } from './durable-file.ts';
import {
  type BundleSigner,
  fingerprintOf,
  type Manifest,
  MANIFEST,
  readManifest,
  signManifest,
  volumeFile,
} from './manifest.ts';
import { formatHead } from './records.ts';
import { ReportFile } from './report-file.ts';
import { CHUNK_BYTES, VolumeWriter } from './volume-cipher.ts';

const STATE = 'state.sealed';

export interface ExportDeps {
  readonly objects: ObjectStore;
  /** Made with the first bundle. */
  readonly signer: () => BundleSigner;
  readonly now: () => number;
  /** The cost of a guess at the secret; smaller only for tests. */
  readonly scryptN?: number;
}

/** Where the next volume begins. */
interface State {
  readonly bucket: string;
  readonly prefix: string;
  readonly volumes: Manifest['volumes'];
  readonly entries: number;
  readonly failed: number;
  readonly bytes: number;
  /** Every version of this key and those before it is written. */
  readonly afterKey?: string;
  /** Versions of the key that comes then, up to this one, are written. */
  readonly afterVersion?: string;
  /** So many bytes of the version that comes then are written. */
  readonly offset: number;
  /** The version that they are of. */
  readonly partOf?: string;
}

/** Exports, or goes on with an export. */
export async function exportBundle(
  deps: ExportDeps,
  request: BundleExport,
  signal: AbortSignal,
): Promise<BundleExportReport> {
  if (!relative(request.folder, request.reportFolder).startsWith('..')) {
    throw new LochError('invalid_argument', 'The reports hold names of objects: keep them outside of the bundle.');
  }
  const bucket = await deps.objects.bucket(request.bucket);
  await mkdir(request.folder, { recursive: true, mode: 0o700 });
  await mkdir(request.reportFolder, { recursive: true, mode: 0o700 });
  const begun = await beginOrResume(deps, request);
  const run = new ExportRun(deps, request, begun, signal);
  await run.begin({
    kind: 'bucket',
    name: bucket.name,
    ...(bucket.versioning === undefined ? {} : { versioning: bucket.versioning }),
    ...(bucket.objectLock === undefined ? {} : { objectLock: true }),
  });
  try {
    await run.all();
    return await run.finish();
  } catch (error) {
    await run.abandon();
    throw error;
  }
}

interface Begun {
  readonly manifest: Manifest;
  readonly key: Buffer;
  readonly state: State;
  readonly unlockCode: string | undefined;
}

async function beginOrResume({ signer, now, scryptN }: ExportDeps, request: BundleExport): Promise<Begun> {
  const { folder, bucket, prefix } = request;
  const before = await readManifest(folder).catch((error: unknown) => {
    if (isLochError(error, 'not_found')) return undefined;
    throw error;
  });
  if (before === undefined) {
    const bundle = randomBytes(16).toString('hex');
    const code = request.secret === undefined ? newUnlockCode() : undefined;
    const secret = request.secret ?? { kind: 'unlock code' as const, secret: code! };
    const { key, wrapped } = await newBundleKey(bundle, secret, scryptN);
    const manifest: Manifest = {
      format: 1,
      bundle,
      startedAt: new Date(now()).toISOString(),
      complete: false,
      key: wrapped,
      volumes: [],
      entries: 0,
      bytes: 0,
    };
    await writeDurably(join(folder, MANIFEST), signManifest(manifest, key, signer()));
    const state = { bucket, prefix, volumes: [], entries: 0, failed: 0, bytes: 0, offset: 0 };
    return { manifest, key, state, unlockCode: code?.reveal() };
  }
  if (before.complete)
    throw new LochError('already_exists', `${folder} holds a finished bundle. Choose another folder.`);
  if (request.secret === undefined) {
    throw new LochError(
      'missing_argument',
      `The export to ${folder} was cut short. Give the ${before.key.opensBy} it was begun with.`,
    );
  }
  const key = await openBundleKey(before.bundle, before.key, request.secret.secret);
  const sealed = await readFile(join(folder, STATE)).catch(() => undefined);
  const state: State =
    sealed === undefined
      ? { bucket, prefix, volumes: [], entries: 0, failed: 0, bytes: 0, offset: 0 }
      : (JSON.parse(openText(key, sealed)) as State);
  if (state.bucket !== bucket || state.prefix !== prefix) {
    throw new LochError('conflict', `The export in ${folder} was begun of s3://${state.bucket}/${state.prefix}.`);
  }
  const { proof: _, signature: __, signer: ___, ...manifest } = before;
  return { manifest, key, state, unlockCode: undefined };
}

/** One run over what is left. */
class ExportRun {
  readonly #deps: ExportDeps;
  readonly #request: BundleExport;
  readonly #begun: Begun;
  readonly #signal: AbortSignal;
  readonly #volumes: Manifest['volumes'];
  #state: State;
  #writer: VolumeWriter | undefined;
  #first: Buffer = Buffer.alloc(0);
  #success: ReportFile | undefined;
  #failure: ReportFile | undefined;

  constructor(deps: ExportDeps, request: BundleExport, begun: Begun, signal: AbortSignal) {
    this.#deps = deps;
    this.#request = request;
    this.#begun = begun;
    this.#signal = signal;
    this.#state = begun.state;
    this.#volumes = [...begun.state.volumes];
  }

  async begin(record: Parameters<typeof formatHead>[0]): Promise<void> {
    const { reportFolder } = this.#request;
    const columns = ['entry', 'key', 'version', 'bytes', 'sha256_or_reason'];
    const { entries } = this.#state;
    this.#success = await ReportFile.open(join(reportFolder, 'export-success.csv'), columns, entries);
    this.#failure = await ReportFile.open(join(reportFolder, 'export-failure.csv'), columns, entries);
    if (this.#volumes.length === 0) this.#first = formatHead(record);
  }

  async all(): Promise<void> {
    for await (const versions of versionsByKey(this.#deps.objects, this.#state)) {
      const { afterVersion } = this.#state;
      const known = versions.findIndex(({ versionId }) => versionId === afterVersion);
      for (const version of versions.slice(known + 1)) {
        if (this.#state.offset > 0 && this.#state.partOf !== version.versionId) await this.#lost();
        await this.#entry(version);
        this.#state = { ...this.#state, afterVersion: version.versionId, offset: 0 };
        await this.#rotate();
      }
      const { afterVersion: _, ...rest } = this.#state;
      this.#state = { ...rest, afterKey: versions[0]!.key };
    }
  }

  /** The version that a try before was in the middle of is gone. */
  async #lost(): Promise<void> {
    const { entries, failed } = this.#state;
    await this.#write(formatHead({ kind: 'end', entry: entries, sha256: '', failed: 'removed during the export' }));
    this.#state = { ...this.#state, entries: entries + 1, failed: failed + 1, offset: 0 };
    await this.#failure!.add([entries, '', this.#state.partOf ?? '', 0, 'removed during the export']);
  }

  async #entry(object: ObjectVersion): Promise<void> {
    const entry = this.#state.entries;
    const hash = createHash('sha256');
    let failed: string | undefined;
    if (this.#state.offset === 0) await this.#write(formatHead({ kind: 'entry', entry, object }));
    try {
      if (object.deleteMarker !== true) await this.#body(object, hash);
    } catch (error) {
      if (!isLochError(error) || error.retryable) throw error;
      failed = error.message;
    }
    const sha256 = hash.digest('hex');
    await this.#write(formatHead({ kind: 'end', entry, sha256, ...(failed === undefined ? {} : { failed }) }));
    const { entries, failed: before, bytes } = this.#state;
    this.#state = {
      ...this.#state,
      entries: entries + 1,
      failed: before + (failed === undefined ? 0 : 1),
      bytes: bytes + (failed === undefined ? object.size : 0),
    };
    const report = failed === undefined ? this.#success! : this.#failure!;
    await report.add([entry, object.key, object.versionId, object.size, failed ?? sha256]);
  }

  /** Bytes that a volume before holds are read again only for their hash. */
  async #body({ bucket, key, versionId, size }: ObjectVersion, hash: Hash): Promise<void> {
    if (size === 0) return;
    const { body } = await this.#deps.objects.get(bucket, key, { versionId });
    let at = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      this.#signal.throwIfAborted();
      hash.update(chunk);
      const skipped = Math.max(0, Math.min(chunk.length, this.#state.offset - at));
      at += chunk.length;
      for (let rest = chunk.subarray(skipped); rest.length > 0; ) {
        const piece = rest.subarray(0, CHUNK_BYTES);
        rest = rest.subarray(piece.length);
        await this.#write(formatHead({ kind: 'piece', bytes: piece.length }), piece);
        this.#state = { ...this.#state, offset: at - rest.length, partOf: versionId };
        await this.#rotate();
      }
    }
    if (at !== size) throw new LochError('data_corrupt', `s3://${bucket}/${key} has ${at} bytes, not ${size}.`);
  }

  async #write(...buffers: readonly Buffer[]): Promise<void> {
    if (this.#writer === undefined) {
      const number = this.#volumes.length + 1;
      const name = { bundle: this.#begun.manifest.bundle, number };
      this.#writer = await VolumeWriter.create(this.#path(number), this.#begun.key, name);
      await this.#writer.write(this.#first);
      this.#first = Buffer.alloc(0);
    }
    for (const buffer of buffers) await this.#writer.write(buffer);
  }

  #path(number: number): string {
    return join(this.#request.folder, volumeFile(number));
  }

  async #rotate(): Promise<void> {
    if (this.#writer !== undefined && this.#writer.bytes >= this.#request.volumeBytes) await this.#endVolume();
  }

  async #endVolume(): Promise<void> {
    const ended = await this.#writer!.end();
    this.#writer = undefined;
    this.#volumes.push({ number: this.#volumes.length + 1, ...ended });
    this.#state = { ...this.#state, volumes: [...this.#volumes] };
    await writeDurably(join(this.#request.folder, STATE), sealText(this.#begun.key, JSON.stringify(this.#state)));
  }

  async finish(): Promise<BundleExportReport> {
    if (this.#state.offset > 0) await this.#lost();
    await this.#write(); // a bundle of nothing has a volume as well
    await this.#endVolume();
    const { entries, failed, bytes, volumes } = this.#state;
    const manifest = { ...this.#begun.manifest, complete: true, volumes: [...volumes], entries, bytes };
    const { folder } = this.#request;
    const text = signManifest(manifest, this.#begun.key, this.#deps.signer());
    await this.#closeReports();
    await writeDurably(join(folder, MANIFEST), text); // the commit point
    await rm(join(folder, STATE), { force: true });
    return {
      bundle: manifest.bundle,
      entries,
      failed,
      bytes,
      volumes: volumes.length,
      signer: fingerprintOf(this.#deps.signer().publicKey),
      ...(this.#begun.unlockCode === undefined ? {} : { unlockCode: this.#begun.unlockCode }),
    };
  }

  async #closeReports(): Promise<void> {
    await this.#success?.close();
    await this.#failure?.close();
  }

  async abandon(): Promise<void> {
    await this.#writer?.abandon().catch(() => undefined); // ended already
    await this.#closeReports().catch(() => undefined);
  }
}

/** The versions of each key after where the state is, oldest first. */
async function* versionsByKey(objects: ObjectStore, state: State): AsyncGenerator<ObjectVersion[]> {
  let held: ObjectVersion[] = [];
  let after: { key: string; versionId?: string } | undefined =
    state.afterKey === undefined ? undefined : { key: state.afterKey };
  for (;;) {
    const { prefix } = state;
    const page = await objects.listVersions(state.bucket, { prefix, ...(after === undefined ? {} : { after }) });
    for (const version of page.versions) {
      if (held.length > 0 && held[0]!.key !== version.key) {
        yield held.reverse();
        held = [];
      }
      held.push(version);
    }
    if (page.next === undefined) break;
    after = page.next;
  }
  if (held.length > 0) yield held.reverse();
}
