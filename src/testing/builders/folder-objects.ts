import { createReadStream } from 'node:fs';
import { link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { ListPage, ObjectHead, ObjectStore } from '../../storage/contract.ts';

async function allBytes(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

type FolderObjects = Pick<ObjectStore, 'put' | 'get' | 'head' | 'list' | 'delete' | 'deleteMany' | 'openFiles'>;

/** Objects as files of a folder, their names in memory: enough of an object store for tests of what reads files. */
export function folderObjects(directory: string): ObjectStore {
  const held = new Map<string, { readonly file: string; readonly head: ObjectHead }>();
  const find = (bucket: string, key: string) => {
    const found = held.get(`${bucket}/${key}`);
    if (found === undefined) throw new LochError('object_not_found', `No object \`${key}\` in \`${bucket}\`.`);
    return found;
  };
  const store: FolderObjects = {
    async put(bucket, key, body, options = {}) {
      await mkdir(directory, { recursive: true });
      const file = join(directory, `${newId()}${/(\.[a-z0-9]+){0,2}$/.exec(key)?.[0] ?? ''}`);
      if ('adoptFile' in body) await rename(body.adoptFile, file);
      else if (body instanceof Uint8Array) await writeFile(file, body);
      else await writeFile(file, await allBytes(body));
      const head: ObjectHead = {
        bucket,
        key,
        size: (await stat(file)).size,
        versionId: '1',
        etag: '"0"',
        lastModified: 0,
        contentType: options.contentType ?? '',
        metadata: {},
        headers: {},
        checksums: {},
      };
      held.set(`${bucket}/${key}`, { file, head });
      return head;
    },
    async get(bucket, key, options = {}) {
      const { file, head } = find(bucket, key);
      const { range } = options;
      const first = range === undefined ? 0 : 'suffix' in range ? Math.max(0, head.size - range.suffix) : range.first;
      const last = range === undefined || 'suffix' in range ? head.size - 1 : (range.last ?? head.size - 1);
      const body: Readable = createReadStream(file, { start: first, end: Math.max(last, 0) });
      return { head, body };
    },
    head: async (bucket, key) => find(bucket, key).head,
    async list(bucket, options = {}): Promise<ListPage> {
      const { prefix = '', startAfter = '', maxKeys = 1000 } = options;
      const keys = [...held.values()]
        .map(({ head }) => head)
        .filter((head) => head.bucket === bucket && head.key.startsWith(prefix) && head.key > startAfter)
        .sort((a, b) => (a.key < b.key ? -1 : 1));
      const objects = keys.slice(0, maxKeys);
      return { objects, commonPrefixes: [], ...(keys.length > maxKeys ? { next: objects.at(-1)!.key } : {}) };
    },
    async delete(bucket, key) {
      held.delete(`${bucket}/${key}`);
    },
    async deleteMany(bucket, keys) {
      for (const key of keys) held.delete(`${bucket}/${key}`);
    },
    async openFiles(refs, folder) {
      return Promise.all(
        refs.map(async ({ bucket, key }, i) => {
          const { file } = find(bucket, key);
          const path = join(folder, `${i}${/(\.[a-z0-9]+){0,2}$/.exec(key)?.[0] ?? ''}`);
          await link(file, path);
          return path;
        }),
      );
    },
  };
  const buckets = new Set<string>();
  const whole: Partial<ObjectStore> = {
    ...store,
    async createBucket(name, options) {
      buckets.add(name);
      return { name, createdAt: 0, ...options };
    },
    async bucket(name) {
      if (!buckets.has(name)) throw new LochError('bucket_not_found', `No bucket \`${name}\`.`);
      return { name, createdAt: 0, region: '', ownerAccountId: '' };
    },
    async close() {
      await rm(directory, { recursive: true, force: true });
    },
  };
  return whole as ObjectStore;
}

/** The whole text of an object. */
export async function objectText(objects: ObjectStore, bucket: string, key: string): Promise<string> {
  const { body } = await objects.get(bucket, key);
  return (await allBytes(body)).toString('utf8');
}

/** Puts a local file in as an object, leaving the file. */
export async function putFile(objects: ObjectStore, bucket: string, key: string, path: string): Promise<void> {
  await objects.put(bucket, key, await readFile(path));
}
