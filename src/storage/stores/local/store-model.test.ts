/**
 * Random histories of a bucket against a model: writes, overwrites, deletes, uploads, versions, with faults of which the
 * caller learns nothing certain, restarts and sweeps in between.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixedClock } from '../../../core/clock.ts';
import { isLochError } from '../../../core/errors.ts';
import type { MetadataStore } from '../../../metadata/contract.ts';
import { openSqliteStore } from '../../../metadata/sqlite/store.ts';
import { faulty } from '../../../testing/faults/faulty.ts';
import {
  afterDelete,
  afterPut,
  afterRemoval,
  afterTagging,
  currentOf,
  EMPTY,
  type Model,
  observed,
} from '../../../testing/faults/version-model.ts';
import type { ObjectStore } from '../../contract.ts';
import { type LocalObjectStore, localStoreModule, openLocalStore } from './index.ts';

const RUNS = 500;
const GRACE_MS = 1000;
/** Larger bodies are files. */
const SEGMENT_LIMIT = 64;
const KEYS = ['k', 'k/1', 'l'];

type Step =
  | { readonly do: 'put' | 'copy' | 'upload'; readonly key: string; readonly size: number }
  | { readonly do: 'delete'; readonly key: string }
  | { readonly do: 'remove' | 'tag'; readonly key: string; readonly index: number }
  | { readonly do: 'versioning'; readonly state: 'Enabled' | 'Suspended' }
  | { readonly do: 'restart' | 'sweep' };

const key = fc.constantFrom(...KEYS);
const size = fc.oneof(fc.integer({ min: 1, max: SEGMENT_LIMIT }), fc.integer({ min: SEGMENT_LIMIT + 1, max: 300 }));
const index = fc.nat(3);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('put' as const), key, size }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('copy' as const, 'upload' as const), key, size }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('remove' as const, 'tag' as const), key, index }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('versioning' as const),
      state: fc.constantFrom('Enabled' as const, 'Suspended' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'sweep' as const) }) },
);

let directory: string;
let metadata: MetadataStore;
let local: LocalObjectStore;
let runs = 0;
const clock = fixedClock(Date.now());

async function open(): Promise<void> {
  local = await openLocalStore({
    store: metadata,
    directory: join(directory, 'objects'),
    clock,
    minPartBytes: 1,
    segmentLimit: SEGMENT_LIMIT,
    segmentRollBytes: 2000,
    graceMs: GRACE_MS,
    sweepEveryMs: 0,
  });
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'loch-store-model-'));
  metadata = await openSqliteStore({ file: join(directory, 'metadata.db'), modules: [localStoreModule] });
  await open();
});
afterAll(async () => {
  await local.close();
  await metadata.close();
  await rm(directory, { recursive: true, force: true });
});

/** One history in a bucket of its own. */
class History {
  readonly #bucket = `run-${++runs}`;
  readonly #seed: number;
  #model: Model = EMPTY;
  #store: ObjectStore;
  #steps = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#store = this.#wrapped();
  }

  #wrapped(): ObjectStore {
    return faulty(local, { seed: this.#seed + this.#steps, putFails: 0.15, replyLost: 0.15 });
  }

  async run(steps: readonly Step[]): Promise<void> {
    await local.createBucket(this.#bucket, { region: 'us-east-1', ownerAccountId: '000000000000' });
    for (const one of steps) {
      this.#steps++;
      clock.advance(1);
      await this.#take(one);
    }
    await this.#sweep();
    expect(await observed(local, this.#bucket)).toEqual(this.#model);
    expect(await this.#files()).toBe(await this.#largeVersions());
  }

  async #take(one: Step): Promise<void> {
    const bucket = this.#bucket;
    switch (one.do) {
      case 'put': {
        const body = this.#body(one.size);
        return this.#attempt(this.#store.put(bucket, one.key, Buffer.from(body)), afterPut(this.#model, one.key, body));
      }
      case 'upload':
        return this.#upload(one.key, this.#body(one.size));
      case 'copy':
        return this.#copy(one.key);
      case 'delete':
        return this.#attempt(this.#store.delete(bucket, one.key), afterDelete(this.#model, one.key));
      case 'remove':
      case 'tag':
        return this.#touch(one.do, one.key, one.index);
      case 'versioning':
        await local.setVersioning(bucket, one.state);
        this.#model = { ...this.#model, versioning: one.state };
        return;
      case 'restart':
        await local.close();
        await open();
        this.#store = this.#wrapped();
        return;
      case 'sweep':
        return this.#sweep();
    }
  }

  #body(length: number): string {
    return `${this.#bucket} ${this.#steps} `.padEnd(length, 'x');
  }

  /** After work that failed without saying whether it was done, the bucket is as before or as after, never between. */
  async #attempt(work: Promise<unknown>, after: Model): Promise<void> {
    try {
      await work;
      this.#model = after;
    } catch (error) {
      if (!isLochError(error, 'unavailable')) throw error;
      const found = await observed(local, this.#bucket);
      expect([this.#model, after]).toContainEqual(found);
      this.#model = found;
    }
  }

  async #upload(name: string, body: string): Promise<void> {
    const upload = await local.createUpload(this.#bucket, name);
    const bytes = Buffer.from(body);
    const cut = Math.ceil(bytes.length / 2);
    const parts = [];
    for (const [i, part] of [bytes.subarray(0, cut), bytes.subarray(cut)].entries()) {
      parts.push(await retried(() => this.#store.putPart(upload, i + 1, part)));
    }
    await this.#attempt(this.#store.completeUpload(upload, parts), afterPut(this.#model, name, body));
  }

  async #copy(to: string): Promise<void> {
    const from = KEYS.find((name) => currentOf(this.#model, name) !== undefined);
    if (from === undefined) return;
    const { body, tags } = currentOf(this.#model, from)!;
    const work = this.#store.copy({ bucket: this.#bucket, key: from }, { bucket: this.#bucket, key: to });
    await this.#attempt(work, afterPut(this.#model, to, body!, tags));
  }

  /** Removes or tags a version by its id, as a listing tells it. */
  async #touch(what: 'remove' | 'tag', name: string, wanted: number): Promise<void> {
    const { versions } = await local.listVersions(this.#bucket, { prefix: name });
    const own = versions.filter((version) => version.key === name);
    const at = wanted % Math.max(1, own.length);
    const version = own[at];
    if (version === undefined || (what === 'tag' && version.deleteMarker === true)) return;
    const { versionId } = version;
    if (what === 'remove') {
      const work = this.#store.delete(this.#bucket, name, { versionId });
      return this.#attempt(work, afterRemoval(this.#model, name, at));
    }
    const tags = String(this.#steps);
    const work = this.#store.updateAttributes({ bucket: this.#bucket, key: name, versionId }, { tags: { t: tags } });
    return this.#attempt(work, afterTagging(this.#model, name, at, tags));
  }

  async #sweep(): Promise<void> {
    clock.advance(2 * GRACE_MS);
    await local.sweep();
  }

  async #files(): Promise<number> {
    const folder = join(directory, 'objects', this.#bucket);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    return entries.filter((entry) => entry.isFile()).length;
  }

  async #largeVersions(): Promise<number> {
    const { versions } = await local.listVersions(this.#bucket);
    const isFile = (version: (typeof versions)[number]) =>
      version.deleteMarker !== true && (version.size > SEGMENT_LIMIT || version.partSizes !== undefined);
    return versions.filter(isFile).length;
  }
}

async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isLochError(error, 'unavailable')) throw error;
    }
  }
}

it(`holds what ${RUNS} random histories with faults and restarts left it, and no file beside`, async () => {
  const histories = fc.asyncProperty(fc.nat(), fc.array(step, { minLength: 5, maxLength: 12 }), (seed, steps) =>
    new History(seed).run(steps),
  );
  await fc.assert(histories, { numRuns: RUNS });
}, 240_000);
