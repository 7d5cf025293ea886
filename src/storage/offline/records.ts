/**
 * What a bundle says, as one stream over its volumes: a record is the length of its head (4 bytes), the head as JSON, and
 * as many bytes of body as the head tells.
 */
import { LochError } from '../../core/errors.ts';
import type { ObjectVersion } from '../contract.ts';

/** A bucket, before its objects. */
export interface BucketRecord {
  readonly kind: 'bucket';
  readonly name: string;
  readonly versioning?: 'Enabled' | 'Suspended';
  readonly objectLock?: true;
}

/** A version or delete marker; the pieces of its body follow. Versions of a key stand oldest first. */
export interface EntryRecord {
  readonly kind: 'entry';
  readonly entry: number;
  readonly object: ObjectVersion;
}

/** Some bytes of the entry before it. */
export interface PieceRecord {
  readonly kind: 'piece';
  readonly bytes: number;
}

/** The entry is complete; SHA-256 in hex of all its bytes. `failed`: the exporter could not read it. */
export interface EndRecord {
  readonly kind: 'end';
  readonly entry: number;
  readonly sha256: string;
  readonly failed?: string;
}

export type BundleRecord = BucketRecord | EntryRecord | PieceRecord | EndRecord;

const MAX_HEAD = 4 * 1024 * 1024;

/** A record without its body. */
export function formatHead(record: BundleRecord): Buffer {
  const head = Buffer.from(JSON.stringify(record));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  return Buffer.concat([length, head]);
}

/** Reads records from the plain bytes of volumes. */
export class RecordReader {
  readonly #source: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);
  /** Bytes of the body of the last piece that nobody has taken. */
  #left = 0;

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next record, or undefined at the end. What was not taken of a piece's body is passed over. */
  async next(): Promise<BundleRecord | undefined> {
    for await (const _ of this.#rest());
    if (!(await this.#fill(1))) return undefined;
    const length = (await this.#take(4)).readUInt32BE();
    if (length > MAX_HEAD) throw new LochError('data_corrupt', 'The bundle holds a record that no export writes.');
    const record = JSON.parse((await this.#take(length)).toString('utf8')) as BundleRecord;
    this.#left = record.kind === 'piece' ? record.bytes : 0;
    return record;
  }

  /** The body of the piece that `next` returned. */
  body(): AsyncGenerator<Buffer> {
    return this.#rest();
  }

  async *#rest(): AsyncGenerator<Buffer> {
    while (this.#left > 0) {
      if (!(await this.#fill(1))) throw ended();
      const chunk = this.#held.subarray(0, this.#left);
      this.#held = this.#held.subarray(chunk.length);
      this.#left -= chunk.length;
      yield chunk;
    }
  }

  /** Lets go of the volumes. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #take(bytes: number): Promise<Buffer> {
    if (!(await this.#fill(bytes))) throw ended();
    const taken = this.#held.subarray(0, bytes);
    this.#held = this.#held.subarray(bytes);
    return taken;
  }

  async #fill(bytes: number): Promise<boolean> {
    while (this.#held.length < bytes) {
      const next = await this.#source.next();
      if (next.done === true) return false;
      this.#held = this.#held.length === 0 ? next.value : Buffer.concat([this.#held, next.value]);
    }
    return true;
  }
}

const ended = () => new LochError('data_corrupt', 'The bundle ends in the middle of a record.');
