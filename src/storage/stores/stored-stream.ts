/** Reads of encrypted versions from places where each request costs a round trip: one stream instead of many reads. */
import { Readable } from 'node:stream';
import { type ReadStored, type SealedLayout, sealedSize } from '../encryption/body-cipher.ts';
import type { ObjectHead } from '../contract.ts';
import { layoutOf, openVersion } from './local/sealed-file.ts';
import type { ServedRange } from './ranges.ts';

/** Stored bytes `first` to `last`, inclusive. */
export type StoredRange = (first: number, last: number) => AsyncIterable<Buffer>;

/** Shorter reads (headers and trailers of bodies) are asked for by themselves. */
const SHORT = 1024;
/** Bytes that are passed over rather than asked for anew. */
const SKIP_BYTES = 256 * 1024;
/** What is stored in so few bytes is asked for once. */
const AT_ONCE = 256 * 1024;

/** The plain bytes of a range of a version whose stored bytes are at `stored`. **Errors**: `data_corrupt`; those of `stored`. */
export async function* openStored(
  key: Uint8Array,
  head: ObjectHead,
  range: ServedRange,
  stored: StoredRange,
): AsyncGenerator<Buffer> {
  const reading = new StoredStream(stored, storedEnd(layoutOf(head), range.last));
  try {
    yield* openVersion(key, head, range, reading.read);
  } finally {
    await reading.close();
  }
}

/** A stream whose first bytes were verified before an answer begins. */
export async function begunStream(source: AsyncIterable<Buffer>): Promise<Readable> {
  const chunks = source[Symbol.asyncIterator]();
  const first = await chunks.next();
  async function* all() {
    try {
      if (first.done !== true) yield first.value;
      for (;;) {
        const next = await chunks.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await chunks.return?.();
    }
  }
  return Readable.from(all(), { objectMode: false });
}

/** Where the stored bytes end of the body in which a plain byte lies. */
function storedEnd({ size, partSizes }: SealedLayout, last: number): number {
  let plain = 0;
  let stored = 0;
  for (const [each, count] of partSizes ?? [[size, 1] as const]) {
    const bodies = each === 0 ? count : Math.min(count, Math.floor((last - plain) / each) + 1);
    plain += each * bodies;
    stored += sealedSize(each) * bodies;
    if (bodies < count || plain > last) return stored;
  }
  return stored;
}

/** Answers reads that go forward from one stream. */
class StoredStream {
  readonly #open: StoredRange;
  readonly #end: number;
  #chunks: AsyncIterator<Buffer> | undefined;
  #at = 0;
  #held: Buffer = Buffer.alloc(0);
  #turn: Promise<unknown> = Promise.resolve();

  constructor(open: StoredRange, end: number) {
    this.#open = open;
    this.#end = end;
  }

  readonly read: ReadStored = (position, length) => {
    const mine = this.#turn.then(() => this.#read(position, length));
    this.#turn = mine.catch(() => undefined); // told to whoever asked for it
    return mine;
  };

  async #read(position: number, length: number): Promise<Buffer> {
    const all = this.#end <= AT_ONCE;
    const ahead = position - this.#at;
    const follows = this.#chunks !== undefined && ahead >= 0 && ahead <= SKIP_BYTES;
    if (all && this.#chunks === undefined) {
      await this.#begin(0);
      this.#held = await this.#take(this.#end);
    }
    if (all) return this.#held.subarray(position, position + length);
    if (length <= SHORT && !follows) return wholeOf(this.#open(position, position + length - 1));
    if (!follows) await this.#begin(position);
    else if (ahead > 0) await this.#take(ahead);
    return this.#take(length);
  }

  async #begin(position: number): Promise<void> {
    await this.close();
    this.#chunks = this.#open(position, this.#end - 1)[Symbol.asyncIterator]();
    this.#at = position;
    this.#held = Buffer.alloc(0);
  }

  /** The next bytes; fewer only at the end. */
  async #take(length: number): Promise<Buffer> {
    const taken: Buffer[] = [this.#held];
    let bytes = this.#held.length;
    while (bytes < length) {
      const next = await this.#chunks!.next();
      if (next.done === true) break;
      taken.push(next.value);
      bytes += next.value.length;
    }
    const found = Buffer.concat(taken);
    this.#held = found.subarray(length);
    this.#at += Math.min(length, found.length);
    return found.subarray(0, length);
  }

  async close(): Promise<void> {
    await this.#chunks?.return?.();
    this.#chunks = undefined;
  }
}

async function wholeOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
