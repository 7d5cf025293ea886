import { createHash } from 'node:crypto';
import { LochError } from '../../core/errors.ts';
import type { ChecksumAlgorithm, ObjectAttributes, ObjectStore, ObjectVersion, PutOptions } from '../contract.ts';
import type { EndRecord, RecordReader } from './records.ts';

/** The bytes of one entry, which end only when their hash was found right. */
export class EntryBody {
  readonly #reader: RecordReader;
  readonly #entry: number;
  #ended: EndRecord | undefined;

  constructor(reader: RecordReader, entry: number) {
    this.#reader = reader;
    this.#entry = entry;
  }

  /** **Errors**: `data_corrupt` for another hash, `not_found` when the exporter could not read the object. */
  async *bytes(): AsyncGenerator<Buffer> {
    const hash = createHash('sha256');
    for (;;) {
      const record = await this.#next();
      if (record.kind === 'end') {
        if (record.failed !== undefined) {
          throw new LochError('not_found', `It could not be exported: ${record.failed}`);
        }
        if (record.sha256 === hash.digest('hex')) return;
        throw new LochError('data_corrupt', 'Its bytes are not those that were exported (SHA-256 differs).');
      }
      for await (const chunk of this.#reader.body()) {
        hash.update(chunk);
        yield chunk;
      }
    }
  }

  /** Passes over what is left of it. */
  async skip(): Promise<EndRecord> {
    while (this.#ended === undefined) await this.#next();
    return this.#ended;
  }

  async #next() {
    const record = await this.#reader.next();
    if (record?.kind === 'piece') return record;
    if (record?.kind === 'end' && record.entry === this.#entry) {
      this.#ended = record;
      return record;
    }
    throw new LochError('data_corrupt', `The bundle does not go on with entry ${this.#entry}, as its export wrote it.`);
  }
}

/** What of an object's attributes means the same in another lake: encryption, owners and access lists do not. */
function carried({ tags, retention, legalHold, storageClass }: ObjectAttributes): ObjectAttributes {
  return {
    ...(tags === undefined ? {} : { tags }),
    ...(retention === undefined ? {} : { retention }),
    ...(legalHold === undefined ? {} : { legalHold }),
    ...(storageClass === undefined ? {} : { storageClass }),
  };
}

const isComposite = (checksum: string): boolean => /-\d+$/.test(checksum);

/** Stores one version, in parts of the same sizes when it was made of parts, so that its ETag stays. */
export async function storeEntry(
  objects: ObjectStore,
  bucket: string,
  object: ObjectVersion,
  body: AsyncGenerator<Buffer>,
): Promise<string | undefined> {
  const { key, contentType, metadata, headers, checksums, partSizes } = object;
  const options: PutOptions = {
    contentType,
    metadata,
    headers,
    attributes: carried(object.attributes),
    operation: 'ImportBundle',
  };
  if (partSizes === undefined) {
    const kept = Object.entries(checksums).filter(([, value]) => !isComposite(value));
    const put = { ...options, contentLength: object.size, checksums: Object.fromEntries(kept) };
    return (await objects.put(bucket, key, body, put)).versionId;
  }
  const checksumAlgorithms = Object.keys(checksums) as ChecksumAlgorithm[];
  const checksumType = Object.values(checksums).some(isComposite) ? 'COMPOSITE' : 'FULL_OBJECT';
  const upload = await objects.createUpload(bucket, key, { ...options, checksumAlgorithms, checksumType });
  try {
    const split = new PartSplitter(body);
    const parts = [];
    for (const size of partSizes.flatMap(([bytes, count]) => Array<number>(count).fill(bytes))) {
      parts.push(await objects.putPart(upload, parts.length + 1, split.take(size), { contentLength: size }));
    }
    await split.assertEnd(); // where the hash is verified
    return (await objects.completeUpload(upload, parts, { operation: 'ImportBundle' })).versionId;
  } catch (error) {
    await objects.abortUpload(upload);
    throw error;
  }
}

/** A stream of bytes as pieces of stated lengths. */
class PartSplitter {
  readonly #source: AsyncGenerator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncGenerator<Buffer>) {
    this.#source = source;
  }

  async *take(size: number): AsyncGenerator<Buffer> {
    for (let left = size; left > 0; ) {
      if (this.#held.length === 0) {
        const next = await this.#source.next();
        if (next.done === true) return;
        this.#held = next.value;
      }
      const piece = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  async assertEnd(): Promise<void> {
    if (this.#held.length === 0 && (await this.#source.next()).done === true) return;
    throw new LochError('data_corrupt', 'It has more bytes than its parts tell.');
  }
}
