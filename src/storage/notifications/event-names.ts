/**
 * S3's event names, and which of them a stored event of Loch is.
 * **Source**: Amazon S3 User Guide, "Event notification types and destinations".
 */
import type { StoredEvent } from '../../core/events.ts';

/** Every name a configuration may ask for; `*` stands for all of its family. */
export const EVENT_NAMES = [
  's3:ReducedRedundancyLostObject',
  's3:ObjectCreated:*',
  's3:ObjectCreated:Put',
  's3:ObjectCreated:Post',
  's3:ObjectCreated:Copy',
  's3:ObjectCreated:CompleteMultipartUpload',
  's3:ObjectRemoved:*',
  's3:ObjectRemoved:Delete',
  's3:ObjectRemoved:DeleteMarkerCreated',
  's3:ObjectRestore:*',
  's3:ObjectRestore:Post',
  's3:ObjectRestore:Completed',
  's3:ObjectRestore:Delete',
  's3:Replication:*',
  's3:Replication:OperationFailedReplication',
  's3:Replication:OperationNotTracked',
  's3:Replication:OperationMissedThreshold',
  's3:Replication:OperationReplicatedAfterThreshold',
  's3:LifecycleExpiration:*',
  's3:LifecycleExpiration:Delete',
  's3:LifecycleExpiration:DeleteMarkerCreated',
  's3:LifecycleTransition',
  's3:IntelligentTiering',
  's3:ObjectTagging:*',
  's3:ObjectTagging:Put',
  's3:ObjectTagging:Delete',
  's3:ObjectAcl:Put',
] as const;

/** Whether what was asked for takes in this event. */
export const covers = (asked: string, name: string): boolean =>
  asked === name || (asked.endsWith('*') && name.startsWith(asked.slice(0, -1)));

/** Whether some event is taken in by both. */
export const overlap = (a: string, b: string): boolean => covers(a, b) || covers(b, a);

const CREATED: Readonly<Record<string, string>> = {
  CopyObject: 'Copy',
  PostObject: 'Post',
  CompleteMultipartUpload: 'CompleteMultipartUpload',
};

const CHANGED: Readonly<Record<string, string>> = {
  LifecycleTransition: 's3:LifecycleTransition',
  IntelligentTiering: 's3:IntelligentTiering',
  PutObjectAcl: 's3:ObjectAcl:Put',
  PutObjectTagging: 's3:ObjectTagging:Put',
  DeleteObjectTagging: 's3:ObjectTagging:Delete',
  RestoreObject: 's3:ObjectRestore:Post',
  RestoreCompleted: 's3:ObjectRestore:Completed',
  RestoreExpired: 's3:ObjectRestore:Delete',
  ReplicationFailed: 's3:Replication:OperationFailedReplication',
  ReplicatedAfterThreshold: 's3:Replication:OperationReplicatedAfterThreshold',
};

/** The S3 event that a stored event is, if it is one. */
export function eventNameOf(event: StoredEvent): string | undefined {
  switch (event.name) {
    case 'storageObjectCreated':
      return `s3:ObjectCreated:${CREATED[event.payload.operation] ?? 'Put'}`;
    case 'storageObjectDeleted': {
      const family = event.payload.operation === 'LifecycleExpiration' ? 'LifecycleExpiration' : 'ObjectRemoved';
      return `s3:${family}:${event.payload.deleteMarker === true ? 'DeleteMarkerCreated' : 'Delete'}`;
    }
    case 'storageObjectChanged':
      return CHANGED[event.payload.operation];
    default:
      return undefined;
  }
}
