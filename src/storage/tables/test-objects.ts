import { Readable } from 'node:stream';
import { LochError } from '../../core/errors.ts';
import type { ObjectHead } from '../contract.ts';
import type { TableObjects } from './table-files.ts';

/** Objects in a map, by `bucket/key`. For tests of the table core until they run over the memory store. */
export function mapObjects(): TableObjects & { readonly held: Map<string, Buffer> } {
  const held = new Map<string, Buffer>();
  const head = (bucket: string, key: string, size: number): ObjectHead => ({
    bucket,
    key,
    size,
    versionId: '1',
    etag: '""',
    lastModified: 0,
    contentType: '',
    metadata: {},
    headers: {},
    checksums: {},
  });
  return {
    held,
    async put(bucket, key, body) {
      const bytes = Buffer.from(body as Uint8Array);
      held.set(`${bucket}/${key}`, bytes);
      return head(bucket, key, bytes.length);
    },
    async get(bucket, key) {
      const bytes = held.get(`${bucket}/${key}`);
      if (bytes === undefined) throw new LochError('object_not_found', `No object \`${key}\`.`);
      return { head: head(bucket, key, bytes.length), body: Readable.from([bytes]) };
    },
    async delete(bucket, key) {
      held.delete(`${bucket}/${key}`);
    },
  };
}
