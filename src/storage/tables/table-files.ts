/**
 * Metadata files, manifest lists and manifests on the object store. All are written once and never changed, so what was
 * read or written is kept by location in a bounded cache.
 */
import { gunzipSync } from 'node:zlib';
import { isLochError, LochError } from '../../core/errors.ts';
import type { ObjectStore } from '../contract.ts';
import { parseS3Uri } from '../s3-uri.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { TableMetadata } from './contract-types.ts';
import { decodeManifest, decodeManifestList, type ManifestEntry, type ManifestFile } from './manifest.ts';
import { parseLosslessJson } from './lossless-json.ts';
import { formatTableMetadata, parseTableMetadata } from './metadata-file.ts';

/** The part of an object store that tables use. */
export type TableObjects = Pick<ObjectStore, 'get' | 'put' | 'delete'>;

/** What decoded records take in memory, as measured. **Units**: bytes. */
const ENTRY_BYTES = 600;
const STATISTIC_BYTES = 100;
const MANIFEST_FILE_BYTES = 1200;
const JSON_FACTOR = 4;

type Cached =
  | { readonly kind: 'metadata'; readonly value: TableMetadata }
  | { readonly kind: 'list'; readonly value: readonly ManifestFile[] }
  | { readonly kind: 'manifest'; readonly value: readonly ManifestEntry[] };

/** Reads and writes the files of tables, with what was decoded kept by location. **Errors**: `data_corrupt` when one is gone. */
export class TableFiles {
  readonly #objects: TableObjects;
  readonly #cache: BoundedCache<Cached>;
  /** What is being written: commits of one group build on each other before any of it is on disk. */
  readonly #writing = new Map<string, Cached>();

  constructor(objects: TableObjects, cacheBytes: number) {
    this.#objects = objects;
    this.#cache = new BoundedCache(cacheBytes);
  }

  async readMetadata(location: string): Promise<TableMetadata> {
    const cached = this.#cache.get(location);
    if (cached?.kind === 'metadata') return cached.value;
    const bytes = await this.#read(location);
    const text = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
    const value = parseTableMetadata(text.toString('utf8'), location);
    this.#cache.set(location, { kind: 'metadata', value }, text.length * JSON_FACTOR);
    return value;
  }

  async writeMetadata(location: string, metadata: TableMetadata): Promise<void> {
    const bytes = Buffer.from(formatTableMetadata(metadata), 'utf8');
    await this.write(location, bytes);
    this.#cache.set(location, { kind: 'metadata', value: metadata }, bytes.length * JSON_FACTOR);
  }

  async readManifestList(location: string): Promise<readonly ManifestFile[]> {
    const cached = this.#known(location);
    if (cached?.kind === 'list') return cached.value;
    const bytes = await this.#read(location);
    const value = await decodeManifestList(bytes, location);
    this.#cache.set(location, { kind: 'list', value }, value.length * MANIFEST_FILE_BYTES);
    return value;
  }

  async readManifest(location: string): Promise<readonly ManifestEntry[]> {
    const cached = this.#known(location);
    if (cached?.kind === 'manifest') return cached.value;
    const bytes = await this.#read(location);
    const value = await decodeManifest(bytes, location);
    this.#cache.set(location, { kind: 'manifest', value }, entriesWeight(value));
    return value;
  }

  async writeManifestList(location: string, bytes: Buffer, value: readonly ManifestFile[]): Promise<void> {
    await this.#writeKnown(location, bytes, { kind: 'list', value }, value.length * MANIFEST_FILE_BYTES);
  }

  async writeManifest(location: string, bytes: Buffer, value: readonly ManifestEntry[]): Promise<void> {
    await this.#writeKnown(location, bytes, { kind: 'manifest', value }, entriesWeight(value));
  }

  #known(location: string): Cached | undefined {
    return this.#cache.get(location) ?? this.#writing.get(location);
  }

  async #writeKnown(location: string, bytes: Buffer, value: Cached, weight: number): Promise<void> {
    this.#writing.set(location, value);
    try {
      await this.write(location, bytes);
      this.#cache.set(location, value, weight);
    } finally {
      this.#writing.delete(location);
    }
  }

  async readDocument(location: string): Promise<unknown> {
    const bytes = await this.#read(location);
    try {
      return parseLosslessJson(bytes.toString('utf8'));
    } catch (cause) {
      throw new LochError('data_corrupt', `\`${location}\` is not JSON: ${(cause as Error).message}.`, {
        context: { file: location },
        cause,
      });
    }
  }

  async write(location: string, bytes: Buffer): Promise<void> {
    const { bucket, key } = parseS3Uri(location);
    await this.#objects.put(bucket, key, bytes, { contentLength: bytes.length, operation: 'TableCommit' });
  }

  /** Removes files of an attempt that was given up. What cannot be removed is an orphan for maintenance. */
  async discard(locations: readonly string[]): Promise<void> {
    await Promise.allSettled(
      locations.map(async (location) => {
        this.#cache.delete(location);
        const { bucket, key } = parseS3Uri(location);
        await this.#objects.delete(bucket, key);
      }),
    );
  }

  async #read(location: string): Promise<Buffer> {
    const { bucket, key } = parseS3Uri(location);
    try {
      const { body } = await this.#objects.get(bucket, key);
      return Buffer.concat(await body.toArray());
    } catch (error) {
      if (!isLochError(error, 'object_not_found')) throw error;
      throw new LochError('data_corrupt', `The table file \`${location}\` is not there. Restore it from a backup.`, {
        context: { file: location },
        cause: error,
      });
    }
  }
}

/** The first entry stands for all: files of one manifest have the same columns. */
function entriesWeight(entries: readonly ManifestEntry[]): number {
  const file = entries[0]?.data_file;
  const statistics = [
    file?.column_sizes,
    file?.value_counts,
    file?.null_value_counts,
    file?.nan_value_counts,
    file?.lower_bounds,
    file?.upper_bounds,
  ].reduce((sum, pairs) => sum + (pairs?.length ?? 0), 0);
  return entries.length * (ENTRY_BYTES + statistics * STATISTIC_BYTES);
}

/** Runs `work` over `items`, at most `limit` at a time; results in order of the items. */
export async function mapLimited<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i]!);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  return results;
}
