/**
 * Changes of objects in the form in which EventBridge tells of them.
 * **Source**: Amazon S3 User Guide, "EventBridge event message structure" and "Using EventBridge".
 */
import { s3Arn } from '../../core/arn.ts';
import type { StoredEvent } from '../../core/events.ts';
import { sequencerOf } from './event-message.ts';

/** An event as a rule of EventBridge would be given it. */
export interface BridgeEvent {
  readonly version: '0';
  readonly id: string;
  readonly 'detail-type': string;
  readonly source: 'aws.s3';
  readonly account: string;
  /** ISO 8601, whole seconds. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

const CHANGED: Readonly<Record<string, string>> = {
  PutObjectTagging: 'Object Tags Added',
  DeleteObjectTagging: 'Object Tags Deleted',
  PutObjectAcl: 'Object ACL Updated',
  RestoreObject: 'Object Restore Initiated',
  RestoreCompleted: 'Object Restore Completed',
  RestoreExpired: 'Object Restore Expired',
  LifecycleTransition: 'Object Storage Class Changed',
  IntelligentTiering: 'Object Access Tier Changed',
};

/** Every `detail-type` there is. */
export const DETAIL_TYPES: readonly string[] = ['Object Created', 'Object Deleted', ...Object.values(CHANGED)];

/** The `detail-type` of a stored event, or undefined when EventBridge tells nothing of it. */
export function detailTypeOf(event: StoredEvent): string | undefined {
  if (event.name === 'storageObjectCreated') return 'Object Created';
  if (event.name === 'storageObjectDeleted') return 'Object Deleted';
  return event.name === 'storageObjectChanged' ? CHANGED[event.payload.operation] : undefined;
}

/**
 * The event, or undefined when EventBridge tells nothing of it. Its id follows from its place in the outbox: told
 * again it has the same.
 */
export function bridgeEvent(
  event: StoredEvent,
  facts: { readonly region: string; readonly accountId: string },
): BridgeEvent | undefined {
  const type = detailTypeOf(event);
  if (type === undefined) return undefined;
  const payload = event.payload as {
    bucket: string;
    key: string;
    versionId: string;
    isNull?: true;
    size?: number;
    etag?: string;
    deleteMarker?: true;
    operation?: string;
    storageClass?: string;
    restoreUntil?: number;
  };
  const gone = event.name === 'storageObjectDeleted';
  const sequencer = sequencerOf(event.sequence);
  return {
    version: '0',
    id: uuidOf(event.sequence, event.at),
    'detail-type': type,
    source: 'aws.s3',
    account: facts.accountId,
    time: `${new Date(event.at).toISOString().slice(0, 19)}Z`,
    region: facts.region,
    resources: [s3Arn(payload.bucket)],
    detail: {
      version: '0',
      bucket: { name: payload.bucket },
      object: {
        key: payload.key,
        ...(gone || payload.size === undefined ? {} : { size: payload.size }),
        ...(payload.etag === undefined ? {} : { etag: payload.etag.replaceAll('"', '') }),
        ...(payload.isNull === true ? {} : { 'version-id': payload.versionId }),
        sequencer,
      },
      'request-id': sequencer,
      requester: facts.accountId,
      ...(event.name === 'storageObjectChanged' ? {} : { reason: reasonOf(payload.operation, gone) }),
      ...(gone
        ? { 'deletion-type': payload.deleteMarker === true ? 'Delete Marker Created' : 'Permanently Deleted' }
        : {}),
      ...(type === 'Object Restore Completed' && payload.restoreUntil !== undefined
        ? {
            'restore-expiry-time': new Date(payload.restoreUntil).toISOString(),
            'source-storage-class': payload.storageClass ?? 'GLACIER',
          }
        : {}),
      ...(type === 'Object Storage Class Changed' ? { 'destination-storage-class': payload.storageClass } : {}),
    },
  };
}

function reasonOf(operation: string | undefined, gone: boolean): string {
  if (gone) return operation === 'LifecycleExpiration' ? 'Lifecycle Expiration' : 'DeleteObject';
  if (operation === 'PostObject') return 'POST Object';
  return operation === 'CopyObject' || operation === 'CompleteMultipartUpload' ? operation : 'PutObject';
}

/** Time and sequence as a UUID. */
function uuidOf(sequence: number, at: number): string {
  const hex = at.toString(16).padStart(16, '0') + sequence.toString(16).padStart(16, '0');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
