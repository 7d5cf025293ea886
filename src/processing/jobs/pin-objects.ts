import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import { s3Arn } from '../../core/arn.ts';
import type { Audit, Policy, TableDirectory } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { formatS3Uri, type ObjectStore } from '../../storage/contract.ts';
import type { CleanDefinition } from './clean-plan.ts';
import { isVisibleKey } from '../rules/visible-key.ts';
import type { PinnedObject } from './records.ts';
import { jobProcedures } from './store.ts';

export interface PinDeps {
  readonly store: MetadataStore;
  readonly objects: ObjectStore;
  readonly policy: Policy;
  readonly audit: Audit;
  readonly directory: TableDirectory;
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

/**
 * Whether the run's principal may read its sources as objects: `s3:GetObject` on each, and where a table owns the place,
 * every row and column of that table. **Errors**: `access_denied`.
 */
export async function authorizeSources(
  deps: PinDeps,
  context: RequestContext,
  pinned: readonly PinnedObject[],
): Promise<void> {
  const seen = new Set<string>();
  for (const { bucket, key } of pinned) {
    await deps.policy.authorize(context, { action: 's3:GetObject', resource: s3Arn(bucket, key) });
    if ((await deps.policy.registeredLocation(bucket, key)) === undefined) continue;
    const owner = await deps.directory.tableAt(bucket, key);
    if (owner === undefined || seen.has(`${owner.database}.${owner.table}`)) continue;
    seen.add(`${owner.database}.${owner.table}`);
    const shape = await deps.policy.tableShape(context, owner, (await deps.directory.tableColumns(owner)) ?? []);
    if (shape.kind !== 'full') {
      throw new LochError(
        'access_denied',
        `${formatS3Uri({ bucket, key })} belongs to \`${owner.database}.${owner.table}\`, of which ${context.principal.arn} sees only a part. Grant unfiltered SELECT on the table.`,
        { context: { principal: context.principal.arn, table: `${owner.database}.${owner.table}` } },
      );
    }
  }
  await deps.audit.recordData(
    context,
    pinned.map(({ bucket, key, size }) => ({
      eventSource: 's3.amazonaws.com',
      eventName: 'GetObject',
      resource: s3Arn(bucket, key),
      bytes: size,
    })),
  );
}
