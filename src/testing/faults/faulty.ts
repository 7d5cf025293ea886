import { Readable } from 'node:stream';
import { LochError } from '../../core/errors.ts';
import type { ObjectRead, ObjectStore } from '../../storage/contract.ts';
import { seededRandom } from './prng.ts';

/** Shares of calls that go wrong, each from 0 to 1. */
export interface StoreFaults {
  /** Decides which calls; the same seed and calls give the same faults. */
  readonly seed: number;
  /** A write fails before anything has happened. */
  readonly putFails?: number;
  /** A write has happened, but its caller is told that it failed. */
  readonly replyLost?: number;
  /** A read, head or listing fails. */
  readonly readFails?: number;
  /** The body of a read ends with an error half way. */
  readonly bodyBreaks?: number;
}

/** What was injected so far. */
export interface InjectedFaults {
  putFails: number;
  replyLost: number;
  readFails: number;
  bodyBreaks: number;
}

const failed = (what: string) =>
  new LochError('unavailable', `Injected fault: ${what}. Send the request again.`, { context: { injected: true } });

/**
 * `store` with faults. Every fault is the retryable error `unavailable`; buckets are made and removed without faults, so
 * that a test can set its stage. `injected` counts what went wrong.
 */
export function faulty(store: ObjectStore, faults: StoreFaults): ObjectStore & { readonly injected: InjectedFaults } {
  const random = seededRandom(faults.seed);
  const injected: InjectedFaults = { putFails: 0, replyLost: 0, readFails: 0, bodyBreaks: 0 };
  const strikes = (kind: keyof InjectedFaults): boolean => {
    const hit = random() < (faults[kind] ?? 0);
    if (hit) injected[kind]++;
    return hit;
  };

  const write =
    <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      if (strikes('putFails')) throw failed('the write did not happen');
      const result = await call(...args);
      if (strikes('replyLost')) throw failed('the write happened, its reply is lost');
      return result;
    };
  const read =
    <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      if (strikes('readFails')) throw failed('the read did not happen');
      return call(...args);
    };

  return {
    injected,
    createBucket: (...args) => store.createBucket(...args),
    deleteBucket: (...args) => store.deleteBucket(...args),
    bucket: read((name) => store.bucket(name)),
    buckets: read(() => store.buckets()),
    setVersioning: (...args) => store.setVersioning(...args),
    enableObjectLock: (...args) => store.enableObjectLock(...args),
    put: write((...args) => store.put(...args)),
    get: read(async (...args) => {
      const found = await store.get(...args);
      return strikes('bodyBreaks') ? broken(found) : found;
    }),
    head: read((...args) => store.head(...args)),
    list: read((...args) => store.list(...args)),
    listVersions: read((...args) => store.listVersions(...args)),
    objectParts: read((...args) => store.objectParts(...args)),
    updateAttributes: write((...args) => store.updateAttributes(...args)),
    delete: write((...args) => store.delete(...args)),
    deleteMany: write((...args) => store.deleteMany(...args)),
    copy: write((...args) => store.copy(...args)),
    createUpload: write((...args) => store.createUpload(...args)),
    putPart: write((...args) => store.putPart(...args)),
    parts: read((...args) => store.parts(...args)),
    completeUpload: write((...args) => store.completeUpload(...args)),
    abortUpload: write((...args) => store.abortUpload(...args)),
    uploads: read((...args) => store.uploads(...args)),
    openFiles: read((...args) => store.openFiles(...args)),
    close: () => store.close(),
  };
}

/** The same read, whose body fails after half of its bytes. */
function broken(found: ObjectRead): ObjectRead {
  const length = found.range === undefined ? found.head.size : found.range.last - found.range.first + 1;
  const half = async function* () {
    let left = Math.floor(length / 2);
    for await (const chunk of found.body as AsyncIterable<Buffer>) {
      if (chunk.length >= left) {
        yield chunk.subarray(0, left);
        break;
      }
      left -= chunk.length;
      yield chunk;
    }
    throw failed('the body broke off');
  };
  return { ...found, body: Readable.from(half(), { objectMode: false }) };
}
