/** Objects in a map; to be replaced by the memory store. */
import { Readable } from 'node:stream';
import { LochError } from '../core/errors.ts';
import type { ObjectHead, ObjectStore, PutOptions } from '../storage/contract.ts';

export interface TestObjects extends ObjectStore {
  readonly held: Map<string, { head: ObjectHead; bytes: Buffer }>;
  /** Called before each put; may throw. */
  beforePut: (key: string) => void | Promise<void>;
  afterPut: (key: string) => void | Promise<void>;
}

export function testObjects(): TestObjects {
  const held: TestObjects['held'] = new Map();
  const store = {
    held,
    beforePut: (_key: string) => {},
    afterPut: (_key: string) => {},
    async bucket(name: string) {
      if (name !== 'raw') throw new LochError('bucket_not_found', `No bucket ${name}.`);
      return { name, createdAt: 0, region: '', ownerAccountId: '' };
    },
    async put(bucket: string, key: string, body: Uint8Array | AsyncIterable<Uint8Array>, options: PutOptions = {}) {
      await store.beforePut(key);
      const parts: Uint8Array[] = [];
      for await (const part of body instanceof Uint8Array ? [body] : body) parts.push(part);
      options.signal?.throwIfAborted();
      const bytes = Buffer.concat(parts);
      if (options.ifNoneMatch === '*' && held.has(`${bucket}/${key}`)) {
        throw new LochError('precondition_failed', 'There.');
      }
      const head = { bucket, key, size: bytes.length, metadata: options.metadata ?? {}, etag: '"e"' } as ObjectHead;
      held.set(`${bucket}/${key}`, { head, bytes });
      await store.afterPut(key);
      return head;
    },
    async head(bucket: string, key: string) {
      const found = held.get(`${bucket}/${key}`);
      if (found === undefined) throw new LochError('object_not_found', key);
      return found.head;
    },
    async get(bucket: string, key: string) {
      const found = held.get(`${bucket}/${key}`);
      if (found === undefined) throw new LochError('object_not_found', key);
      return { head: found.head, body: Readable.from([found.bytes]) };
    },
    async deleteMany(bucket: string, keys: readonly string[]) {
      for (const key of keys) held.delete(`${bucket}/${key}`);
    },
    async close() {},
  };
  return store as unknown as TestObjects;
}
