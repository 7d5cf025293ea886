import { newId } from '../../core/ids.ts';
import type { TableMetadata } from './contract-types.ts';
import { ENTRY_ADDED, ENTRY_DELETED, encodeManifest, type ManifestEntry, type ManifestFile } from './manifest.ts';
import { bindSpec, summarize } from './partition-tuple.ts';
import type { TableFiles } from './table-files.ts';
import { currentSchema, specById } from './table-metadata.ts';

/** Entries of one manifest. With statistics an entry is 200 to 800 bytes packed, so a manifest stays near 8 MiB. */
const ENTRIES_PER_MANIFEST = 20_000;

/** The manifests one attempt makes: encoded at once (their length stands in the list), written together at the end. */
export class ManifestWriter {
  readonly snapshotId: string;
  readonly #sequenceNumber: number;
  readonly #files: TableFiles;
  readonly #base: TableMetadata;
  readonly #attempt = newId();
  readonly #pending: {
    readonly location: string;
    readonly bytes: Buffer;
    readonly entries: readonly ManifestEntry[];
  }[] = [];

  constructor(files: TableFiles, base: TableMetadata, snapshotId: string, sequenceNumber: number) {
    this.#files = files;
    this.#base = base;
    this.snapshotId = snapshotId;
    this.#sequenceNumber = sequenceNumber;
  }

  get locations(): readonly string[] {
    return this.#pending.map((manifest) => manifest.location);
  }

  /** Encodes entries of one spec and content; returns how the manifest list describes them. */
  async write(
    entries: readonly ManifestEntry[],
    kind: { readonly specId: number; readonly content: 'data' | 'deletes' },
  ): Promise<readonly ManifestFile[]> {
    const manifests: ManifestFile[] = [];
    for (let at = 0; at < entries.length; at += ENTRIES_PER_MANIFEST) {
      manifests.push(await this.#writeOne(entries.slice(at, at + ENTRIES_PER_MANIFEST), kind));
    }
    return manifests;
  }

  async #writeOne(
    entries: readonly ManifestEntry[],
    { specId, content }: { readonly specId: number; readonly content: 'data' | 'deletes' },
  ): Promise<ManifestFile> {
    const spec = specById(this.#base, specId);
    const tuple = bindSpec(this.#base, spec);
    const bytes = await encodeManifest({
      schema: currentSchema(this.#base),
      spec,
      tuple,
      content,
      entries,
      version: this.#base['format-version'],
    });
    const location = `${this.#base.location}/metadata/${this.#attempt}-m${this.#pending.length}.avro`;
    this.#pending.push({ location, bytes, entries });
    const tally = (status: (value: number) => boolean) => {
      const chosen = entries.filter((entry) => status(entry.status));
      return { files: chosen.length, rows: chosen.reduce((sum, entry) => sum + entry.data_file.record_count, 0) };
    };
    const added = tally((status) => status === ENTRY_ADDED);
    const deleted = tally((status) => status === ENTRY_DELETED);
    const existing = tally((status) => status !== ENTRY_ADDED && status !== ENTRY_DELETED);
    const live = entries.filter((entry) => entry.status !== ENTRY_DELETED);
    return {
      manifest_path: location,
      manifest_length: bytes.length,
      partition_spec_id: specId,
      content: content === 'data' ? 0 : 1,
      sequence_number: this.#sequenceNumber,
      min_sequence_number: live.reduce(
        (least, entry) => Math.min(least, entry.sequence_number ?? this.#sequenceNumber),
        this.#sequenceNumber,
      ),
      added_snapshot_id: BigInt(this.snapshotId),
      added_files_count: added.files,
      existing_files_count: existing.files,
      deleted_files_count: deleted.files,
      added_rows_count: added.rows,
      existing_rows_count: existing.rows,
      deleted_rows_count: deleted.rows,
      partitions: summarize(
        tuple,
        entries.map((entry) => entry.data_file),
      ),
      key_metadata: null,
    };
  }

  /** A manifest of an earlier attempt, listed under this attempt's sequence number. */
  renumbered(manifest: ManifestFile): ManifestFile {
    const explicit = (manifest.min_sequence_number ?? 0) < (manifest.sequence_number ?? 0);
    // Row ids given to a lost attempt may be another's by now.
    const { first_row_id: _lost, ...rest } = manifest;
    return {
      ...rest,
      sequence_number: this.#sequenceNumber,
      min_sequence_number: explicit ? (manifest.min_sequence_number ?? 0) : this.#sequenceNumber,
    };
  }

  async flush(): Promise<void> {
    const outcomes = await Promise.allSettled(
      this.#pending.map(({ location, bytes, entries }) => this.#files.writeManifest(location, bytes, entries)),
    );
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }
}
