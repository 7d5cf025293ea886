import type { MetadataStore } from '../../metadata/contract.ts';
import type { ObjectStore } from '../../storage/contract.ts';
import type { CleanDefinition } from './clean-plan.ts';
import { isVisibleKey } from '../rules/visible-key.ts';
import type { PinnedObject } from './records.ts';
import { jobProcedures } from './store.ts';

export interface PinDeps {
  readonly store: MetadataStore;
  readonly objects: ObjectStore;
}

const PAGE = 1000;

/**
 * What a run reads: the objects under the prefix whose current version the last committed run has not read. Fixed in the
 * store before the first byte is read, so that a run that goes on after a crash reads the same.
 */
export async function pinObjects(
  deps: PinDeps,
  runId: string,
  definition: CleanDefinition,
): Promise<readonly PinnedObject[]> {
  const { bucket, prefix } = definition.source;
  const pinned: PinnedObject[] = [];
  let startAfter: string | undefined;
  do {
    const page = await deps.objects.list(bucket, {
      prefix,
      maxKeys: PAGE,
      ...(startAfter === undefined ? {} : { startAfter }),
    });
    const listed = page.objects
      .filter((object) => object.size > 0 && isVisibleKey(object.key, prefix) && !isQuarantine(definition, object.key))
      .map(({ key, versionId, size }) => ({ bucket, key, versionId, size }));
    pinned.push(...(await deps.store.read(jobProcedures.unread, { job: definition.name, bucket, objects: listed })));
    startAfter = page.next;
  } while (startAfter !== undefined);
  await deps.store.write(jobProcedures.pin, { id: runId, objects: pinned });
  return pinned;
}

function isQuarantine(definition: CleanDefinition, key: string): boolean {
  const { bucket, prefix } = definition.quarantine;
  return bucket === definition.source.bucket && key.startsWith(`${prefix}${definition.name}/run=`);
}

/** Pinned objects whose current version is another now, or gone. */
export async function changedObjects(
  objects: ObjectStore,
  definition: CleanDefinition,
  pinned: readonly PinnedObject[],
): Promise<readonly string[]> {
  const { bucket, prefix } = definition.source;
  const waiting = new Map(pinned.map((object) => [object.key, object.versionId]));
  let startAfter: string | undefined;
  do {
    const page = await objects.list(bucket, {
      prefix,
      maxKeys: PAGE,
      ...(startAfter === undefined ? {} : { startAfter }),
    });
    for (const object of page.objects) {
      if (waiting.get(object.key) === object.versionId) waiting.delete(object.key);
    }
    startAfter = page.next;
  } while (startAfter !== undefined && waiting.size > 0);
  return [...waiting.keys()];
}
