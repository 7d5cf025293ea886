/**
 * Carries out one task of replication, in the name of the role of the configuration: governance decides of the source
 * and, where the destination is a bucket here, of the destination as well.
 *
 * Invariants
 * - Repeating a task changes nothing: a replica bears the version id of its source, and a destination that has it keeps
 *   what it has.
 * - Bytes of encrypted objects are opened and sealed with keys that the role may use.
 * **Source**: S3 User Guide, "Setting up permissions for live replication", "What does Amazon S3 replicate?".
 */
import type { RequestContext } from '../../core/caller.ts';
import { canonicalUserId } from '../../core/canonical-user.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import { type BackgroundDeps, backgroundContext } from '../background-context.ts';
import { ownershipOf } from '../buckets/bucket-side.ts';
import type { ObjectHead, ObjectName } from '../contract.ts';
import { authorizeRead, authorizeWrite } from '../objects/authorize.ts';
import type { ObjectDeps } from '../objects/object-deps.ts';
import { recorded } from '../objects/record.ts';
import type { AttributeChange, ObjectAttributes } from '../versions.ts';
import type { ReplicationRule } from './configuration.ts';
import type { OpenRemoteService } from './contract-types.ts';
import { parseDestination } from './destination.ts';
import type { Carried, CarryOut } from './replicator.ts';
import type { RemoteReplicas } from '../stores/s3/remote-replicas.ts';
import type { WaitingTask } from './store.ts';

export interface CarryOutDeps extends ObjectDeps, BackgroundDeps {
  /** Other S3 services; without it none is reached. */
  readonly remotes?: OpenRemoteService;
}

/** Carries tasks out; `close` leaves the services it reached. */
export function createCarryOut(deps: CarryOutDeps): { readonly carryOut: CarryOut; close(): Promise<void> } {
  const services = new Map<string, Promise<RemoteReplicas>>();

  const remoteOf = async (context: RequestContext, connection: string): Promise<RemoteReplicas> => {
    if (deps.remotes === undefined) throw new LochError('unsupported', 'No other S3 service can be reached from here.');
    const service = await deps.remotes(context, connection); // asked each time: the role may have lost it
    const key = JSON.stringify([connection, service.endpoint, service.region, service.accessKeyId, service.pathStyle]);
    const { openRemoteReplicas } = await import('../stores/s3/remote-replicas.ts');
    const known = services.get(key) ?? openRemoteReplicas(service);
    services.set(key, known);
    known.catch(() => services.delete(key));
    return known;
  };

  const carryOut: CarryOut = async (task, carried, signal) => {
    const context = await backgroundContext(deps, carried.role, 'replication', signal);
    const destination = parseDestination(carried.rule.destination.bucket);
    if (destination.kind === 'bucket') {
      await toBucket(deps, context, task, carried.rule, destination.bucket);
      return undefined;
    }
    const remote = await remoteOf(context, destination.connection);
    return toRemote(deps, context, task, carried, { remote, bucket: destination.bucket });
  };

  return {
    carryOut,
    async close() {
      for (const service of services.values()) (await service.catch(() => undefined))?.close();
    },
  };
}

/** The source, for the role that may read it for replication. */
async function sourceOf(deps: CarryOutDeps, context: RequestContext, task: WaitingTask): Promise<ObjectHead> {
  const { bucket, key, versionId } = task;
  const name = { bucket, key, versionId };
  await authorizeRead(deps, context, name, 's3:GetObjectVersionForReplication');
  const head = await deps.objects.head(bucket, key, { versionId });
  if (Object.keys(head.attributes.tags ?? {}).length > 0) {
    await authorizeRead(deps, context, name, 's3:GetObjectVersionTagging');
  }
  return head;
}

async function toBucket(
  deps: CarryOutDeps,
  context: RequestContext,
  task: WaitingTask,
  rule: ReplicationRule,
  bucket: string,
): Promise<void> {
  const to = { bucket, key: task.key };
  const replica = { versionId: task.versionId };
  if (task.kind === 'marker') {
    await recorded(deps, context, 'ReplicateDelete', to, async () => {
      await authorizeWrite(deps, context, to, 's3:ReplicateDelete');
      await deps.objects.delete(bucket, task.key, {
        operation: 'ReplicateDelete',
        replica: { ...replica, modifiedAt: task.queuedAt },
      });
    });
    return;
  }
  const head = await sourceOf(deps, context, task);
  await authorizeWrite(deps, context, to, 's3:ReplicateObject');
  const attributes = await replicaAttributes(deps, context, head, rule, to);
  if (task.kind === 'attributes' && (await changeReplica(deps, context, to, task.versionId, attributes))) return;
  await recorded(
    deps,
    context,
    'ReplicateObject',
    to,
    () =>
      deps.objects.copy({ bucket: task.bucket, key: task.key, versionId: task.versionId }, to, {
        operation: 'ReplicateObject',
        caller: context,
        source: { caller: context },
        replica: { ...replica, modifiedAt: head.lastModified },
        attributes,
        ...(head.attributes.encryption?.algorithm.startsWith('aws:kms') === true &&
        rule.destination.kmsKeyId !== undefined
          ? { encryption: { algorithm: 'aws:kms', key: rule.destination.kmsKeyId } }
          : {}),
        ...(head.attributes.encryption?.algorithm === 'AES256' ? { encryption: { algorithm: 'AES256' } } : {}),
        signal: context.signal,
      }),
    () => head.size,
  );
}

/** What the replica has of what may change of a version. */
async function replicaAttributes(
  deps: CarryOutDeps,
  context: RequestContext,
  head: ObjectHead,
  rule: ReplicationRule,
  to: ObjectName,
): Promise<ObjectAttributes> {
  const { tags = {}, retention, legalHold, storageClass, acl, ownerAccountId } = head.attributes;
  if (Object.keys(tags).length > 0) await authorizeWrite(deps, context, to, 's3:ReplicateTags');
  if (rule.destination.ownerOverride === true) {
    await authorizeWrite(deps, context, to, 's3:ObjectOwnerOverrideToBucketOwner');
  }
  const asked = rule.destination.storageClass ?? storageClass;
  const bucketAccount = await deps.settings.ownerOf(to.bucket);
  const owner = ownerAccountId ?? (await deps.settings.ownerOf(head.bucket)) ?? context.accountId;
  const keepsOwner =
    rule.destination.ownerOverride !== true && (await ownershipOf(deps, to.bucket)) !== 'BucketOwnerEnforced';
  return {
    tags,
    replicationStatus: 'REPLICA',
    ...(retention === undefined ? {} : { retention }),
    ...(legalHold === undefined ? {} : { legalHold }),
    ...(asked === undefined || asked === 'STANDARD' ? {} : { storageClass: asked }),
    ...(keepsOwner && owner !== bucketAccount ? { ownerAccountId: owner } : {}),
    ...(keepsOwner && acl !== undefined && acl.owner === canonicalUserId(owner) ? { acl } : {}),
  };
}

/** Brings a replica up to its source. False when the destination has none: then it is made. */
async function changeReplica(
  deps: CarryOutDeps,
  context: RequestContext,
  to: ObjectName,
  versionId: string,
  attributes: ObjectAttributes,
): Promise<boolean> {
  const change: AttributeChange = {
    tags: attributes.tags ?? null,
    ...(attributes.retention === undefined ? {} : { retention: attributes.retention }),
    ...(attributes.legalHold === undefined ? {} : { legalHold: attributes.legalHold }),
    ...(attributes.acl === undefined ? {} : { acl: attributes.acl }),
  };
  try {
    await recorded(deps, context, 'ReplicateTags', to, () =>
      deps.objects.updateAttributes({ ...to, versionId }, change, { operation: 'ReplicateTags' }),
    );
    return true;
  } catch (error) {
    if (isLochError(error, 'object_not_found', 'version_not_found')) return false;
    throw error;
  }
}

async function toRemote(
  deps: CarryOutDeps,
  context: RequestContext,
  task: WaitingTask,
  carried: Carried,
  to: { readonly remote: RemoteReplicas; readonly bucket: string },
): Promise<string | undefined> {
  const { remote, bucket } = to;
  const at = { bucket, key: task.key, versionId: task.versionId };
  const { remoteVersion } = carried;
  if (task.kind === 'marker') return remote.mark({ ...at, modifiedAt: task.queuedAt, remoteVersion }, context.signal);
  const head = await sourceOf(deps, context, task);
  const asked = carried.rule.destination.storageClass;
  const shown = asked === undefined ? head : { ...head, attributes: { ...head.attributes, storageClass: asked } };
  if (task.kind === 'attributes' && (await remote.change(at, shown, remoteVersion, context.signal)))
    return remoteVersion;
  // A second copy under another name is what a repeat would make where version ids are not ours to give.
  if (remoteVersion !== undefined && (await remote.has({ ...at, remoteVersion }, context.signal))) return remoteVersion;
  const read = async (range?: { readonly first: number; readonly last: number }) => {
    const { body } = await deps.objects.get(task.bucket, task.key, {
      versionId: task.versionId,
      caller: context,
      signal: context.signal,
      ...(range === undefined ? {} : { range }),
    });
    return body;
  };
  const kmsKeyId = carried.rule.destination.kmsKeyId;
  return remote.put({ ...at, ...(kmsKeyId === undefined ? {} : { kmsKeyId }) }, shown, read, context.signal);
}
