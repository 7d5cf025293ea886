import type { ObjectStore } from '../../storage/contract.ts';

/** The whole text of an object. */
export async function objectText(objects: ObjectStore, bucket: string, key: string): Promise<string> {
  const { body } = await objects.get(bucket, key);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString('utf8');
}
