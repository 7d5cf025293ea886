import { text } from 'node:stream/consumers';
import type { ObjectStore } from '../../storage/contract.ts';

/** The text of an object. */
export async function objectText(objects: Pick<ObjectStore, 'get'>, bucket: string, key: string): Promise<string> {
  return text((await objects.get(bucket, key)).body);
}
