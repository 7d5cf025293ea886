/** What is asked of a remote store's rows before it is known whether there is one: without its client. */
import { LochError } from '../../../core/errors.ts';
import { newId } from '../../../core/ids.ts';
import type { MetadataStore } from '../../../metadata/contract.ts';
import remoteStore from './store.ts';

const { procedures } = remoteStore;

/** The store module to load into the metadata store, after that of the local store. */
export const remoteStoreModule = new URL('./store.ts', import.meta.url);

/** **Errors**: `configuration` when the lake has its objects in a remote store. */
export async function assertOnDisk(store: MetadataStore): Promise<void> {
  const { id } = await store.read(procedures.identity, {});
  if (id === undefined) return;
  throw new LochError(
    'configuration',
    'This lake has its objects in a remote store. Set `storage.store` to s3, with the `storage.s3` settings it was begun with.',
    { context: { setting: 'storage.store' } },
  );
}

/**
 * The id of the lake as the remote store knows it, made with the first start, and whether it has objects already.
 * **Errors**: `configuration` when they are on the disk.
 */
export async function remoteIdentity(
  store: MetadataStore,
): Promise<{ readonly id: string; readonly hasObjects: boolean }> {
  const { id, hasObjects } = await store.read(procedures.identity, {});
  if (id !== undefined) return { id, hasObjects };
  if (hasObjects) {
    throw new LochError(
      'configuration',
      'This lake has its objects on the local disk. Set `storage.store` to local, or begin a new lake in the remote store and copy the objects over by any S3 client.',
      { context: { setting: 'storage.store' } },
    );
  }
  const made = newId();
  await store.write(procedures.become, { id: made });
  return { id: made, hasObjects };
}
