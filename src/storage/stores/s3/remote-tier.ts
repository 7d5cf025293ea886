/**
 * A colder place of bytes in an S3-compatible service: frame files, `<prefix>versions/<last two digits of the id>/<id>`.
 *
 * Invariants
 * - `write` resolves when the service has acknowledged every byte with its MD5 and names the same checksum for the whole;
 *   where it names none (a service that encrypts by itself), the frames were read back and verified.
 * - Nothing is written or removed unless the place was seen to be claimed by this start a moment before: another lake, or a
 *   copy of this one, would take what it does not know for orphans.
 * - The service is asked for nothing before the first read or write, so that a lake starts while it is away.
 */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { LochError } from '../../../core/errors.ts';
import { newId } from '../../../core/ids.ts';
import { BoundedCache } from '../../tables/bounded-cache.ts';
import type { TierPlace, TierWriteOptions, TierWritten } from '../../tiers/contract-types.ts';
import {
  frameBytesFor,
  type FrameIndex,
  type FrameSource,
  readFrameIndex,
  readFrames,
  writeFrames,
} from '../../tiers/frame-file.ts';
import { type Claim, takeClaim } from './claim.ts';
import { digest, RemoteObjects, type RemoteOptions, type RemotePart } from './remote-objects.ts';

const MIB = 1024 * 1024;
const VERSIONS = 'versions/';
const ID = /^[0-9a-f]{8,64}$/;
const MAX_PARTS = 9_000;
/** Read with the footer: the index of a version of eight GiB is in it. */
const TAIL_BYTES = 64 * 1024;
const INDEX_BYTES = 8 * MIB;
/** Of one frame in memory, about. */
const ENTRY_BYTES = 64;
/** A claim that was seen held so long ago is looked at again before anything is changed. */
const HELD_MS = 30_000;

export interface RemoteTierOptions extends RemoteOptions {
  /** As the configuration names it: `cold`, `archive`. */
  readonly name: string;
  /** The id of the lake, by which the place knows it. */
  readonly lake: () => Promise<string>;
  /** Frames are gathered to parts of so many bytes. Default 8 MiB. */
  readonly partBytes?: number;
}

/** The place. */
export class RemoteTier implements TierPlace {
  readonly name: string;
  readonly location: string;
  readonly #objects: RemoteObjects;
  readonly #lake: () => Promise<string>;
  readonly #partBytes: number;
  readonly #start = newId();
  readonly #indexes = new BoundedCache<FrameIndex>(INDEX_BYTES);
  #begins = false;
  #claim: Promise<Claim> | undefined;
  #heldAt = 0;

  constructor(options: RemoteTierOptions) {
    this.#objects = new RemoteObjects(options);
    this.name = options.name;
    this.location = this.#objects.location;
    this.#lake = options.lake;
    this.#partBytes = options.partBytes ?? 8 * MIB;
  }

  /** Nothing is asked of the service: it may be away. */
  async begin(): Promise<void> {
    this.#begins = true;
  }

  /** **Errors**: `conflict` when the place is another's; `configuration` when it is not that of our versions; `unavailable`. */
  async #assertOurs(): Promise<void> {
    this.#claim ??= this.#take();
    const claim = await this.#claim;
    if (performance.now() - this.#heldAt < HELD_MS) return;
    await claim.assertHeld();
    this.#heldAt = performance.now();
  }

  async #take(): Promise<Claim> {
    try {
      const asked = { store: await this.#lake(), start: this.#start, begins: this.#begins };
      const claim = await takeClaim(this.#objects, asked);
      this.#heldAt = performance.now();
      return claim;
    } catch (error) {
      this.#claim = undefined; // the service may be there the next time
      throw error;
    }
  }

  #nameOf(id: string): string {
    if (!ID.test(id)) throw new LochError('invalid_argument', `\`${id}\` is no version id.`, { context: { id } });
    return `${VERSIONS}${id.slice(-2)}/${id}`;
  }

  async write(id: string, body: AsyncIterable<Uint8Array>, options: TierWriteOptions): Promise<TierWritten> {
    const name = this.#nameOf(id);
    await this.#assertOurs();
    this.#indexes.delete(id);
    const partBytes = Math.max(this.#partBytes, Math.ceil((options.size ?? 0) / MAX_PARTS));
    const sender = new PartSender(this.#objects, name, partBytes);
    try {
      const figures = await writeFrames(
        body,
        {
          frameBytes: frameBytesFor(options.size),
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        },
        (bytes) => sender.take(bytes),
      );
      const etag = await sender.finish();
      await this.#verify(id, name, figures, etag);
      return figures;
    } catch (error) {
      await sender.abort();
      throw error;
    }
  }

  /** The service holds what was sent: its own checksum says so, or the frames do when they are read again. */
  async #verify(id: string, name: string, { storedBytes, plainBytes }: TierWritten, etag: string): Promise<void> {
    const head = await this.#objects.head(name);
    if (head?.size !== storedBytes) throw this.#objects.strange(name, 'does not hold the bytes that it acknowledged');
    if (head.etag.replaceAll('"', '') === etag) return;
    let bytes = 0;
    for await (const frame of this.read(id)) bytes += frame.length;
    if (bytes !== plainBytes) throw this.#objects.strange(name, 'does not hold the bytes that it acknowledged');
  }

  async *read(id: string, range?: { readonly first: number; readonly last: number }): AsyncGenerator<Buffer> {
    const name = this.#nameOf(id);
    const source = this.#source(id, name);
    const index = this.#indexes.get(id) ?? (await readFrameIndex(source));
    this.#indexes.set(id, index, index.frames.length * ENTRY_BYTES);
    try {
      yield* readFrames(source, index, range);
    } catch (error) {
      this.#indexes.delete(id);
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw await this.#missing(id, error);
      throw error;
    }
  }

  #source(id: string, name: string): FrameSource {
    const objects = this.#objects;
    return {
      label: `${this.location}${name}`,
      end: async (atLeast) => {
        const found = await objects.readEnd(name, Math.max(atLeast, TAIL_BYTES));
        if (found === undefined) throw await this.#missing(id);
        return found;
      },
      async *pieces(position, lengths) {
        const bytes = lengths.reduce((sum, length) => sum + length, 0);
        if (bytes === 0) return;
        yield* cut(await objects.read(name, position, position + bytes - 1), lengths);
      },
    };
  }

  /** The version is gone, or the whole place is not what it was. */
  async #missing(id: string, cause?: unknown): Promise<LochError> {
    const context = { place: this.name, versionId: id };
    if ((await this.#objects.getSmall('claim.json')) === undefined) {
      return new LochError(
        'unavailable',
        `The place \`${this.name}\` is not at ${this.location}. Check \`${this.#objects.settings}\`.`,
        { context, cause },
      );
    }
    return new LochError(
      'data_corrupt',
      `The place \`${this.name}\` (${this.location}) does not hold version ${id}. Restore it from a backup.`,
      { context, cause },
    );
  }

  async remove(id: string): Promise<void> {
    await this.#assertOurs();
    this.#indexes.delete(id);
    await this.#objects.remove(this.#nameOf(id));
  }

  async holds(id: string): Promise<boolean> {
    return (await this.#objects.head(this.#nameOf(id))) !== undefined;
  }

  async *entries(): AsyncGenerator<{ id: string; storedBytes: number; changedAt: number }> {
    for await (const { name, size, writtenAt } of this.#objects.list(VERSIONS)) {
      const id = name.slice(VERSIONS.length + 3);
      if (ID.test(id)) yield { id, storedBytes: size, changedAt: writtenAt };
    }
  }

  async removeParts(): Promise<number> {
    await this.#assertOurs();
    let removed = 0;
    for await (const { name, uploadId } of this.#objects.uploads(VERSIONS)) {
      await this.#objects.abort(name, uploadId);
      removed++;
    }
    return removed;
  }

  async check() {
    try {
      await this.#assertOurs();
      return { name: this.name, ok: true, detail: this.location };
    } catch (error) {
      return { name: this.name, ok: false, detail: `${this.location}: ${(error as Error).message}` };
    }
  }

  async close(): Promise<void> {
    this.#objects.close();
  }
}

/** Sends bytes as one object: at once up to a part, else in parts, one under way while the next is gathered. */
class PartSender {
  readonly #objects: RemoteObjects;
  readonly #name: string;
  readonly #partBytes: number;
  #held: Buffer[] = [];
  #bytes = 0;
  #uploadId: string | undefined;
  #sent = 0;
  #under: Promise<RemotePart> | undefined;
  readonly #parts: RemotePart[] = [];
  readonly #md5s = createHash('md5');

  constructor(objects: RemoteObjects, name: string, partBytes: number) {
    this.#objects = objects;
    this.#name = name;
    this.#partBytes = partBytes;
  }

  async take(bytes: Uint8Array): Promise<void> {
    this.#held.push(Buffer.from(bytes)); // its owner writes over it
    this.#bytes += bytes.length;
    if (this.#bytes >= this.#partBytes) await this.#flush();
  }

  async #flush(): Promise<void> {
    const bytes = this.#drain();
    const md5 = digest(bytes);
    this.#md5s.update(md5);
    this.#uploadId ??= await this.#objects.begin(this.#name);
    if (this.#under !== undefined) this.#parts.push(await this.#under);
    const part = { size: bytes.length, md5, open: () => bytes };
    this.#under = this.#objects.putPart(this.#name, this.#uploadId, ++this.#sent, part);
    this.#under.catch(() => undefined); // told where it is awaited
  }

  #drain(): Buffer {
    const bytes = Buffer.concat(this.#held);
    this.#held = [];
    this.#bytes = 0;
    return bytes;
  }

  /** The ETag that a service gives to these bytes when it keeps them as they are. */
  async finish(): Promise<string> {
    if (this.#uploadId === undefined) {
      const bytes = this.#drain();
      const md5 = digest(bytes);
      await this.#objects.put(this.#name, bytes, md5);
      return md5.toString('hex');
    }
    if (this.#bytes > 0) await this.#flush();
    if (this.#under !== undefined) this.#parts.push(await this.#under);
    await this.#objects.complete(this.#name, this.#uploadId, this.#parts);
    this.#uploadId = undefined;
    return `${this.#md5s.digest('hex')}-${this.#parts.length}`;
  }

  /** Leaves no upload behind, if the service can be asked; else the sweep finds it. */
  async abort(): Promise<void> {
    if (this.#uploadId === undefined) return;
    await this.#objects.abort(this.#name, this.#uploadId).catch(() => undefined); // the sweep tries again
  }
}

/** A stream in pieces of these lengths; undefined for the one at which it ends early. */
async function* cut(body: Readable, lengths: readonly number[]): AsyncGenerator<Buffer | undefined> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let held: Buffer[] = [];
  let bytes = 0;
  try {
    for (const length of lengths) {
      while (bytes < length) {
        const next = await chunks.next();
        if (next.done === true) {
          yield undefined;
          return;
        }
        held.push(next.value);
        bytes += next.value.length;
      }
      const all = held.length === 1 ? held[0]! : Buffer.concat(held);
      yield all.subarray(0, length);
      held = [all.subarray(length)];
      bytes -= length;
    }
  } finally {
    body.destroy();
  }
}
