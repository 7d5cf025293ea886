/**
 * The messages S3 sends of changes, member by member.
 * **Source**: Amazon S3 User Guide, "Event message structure".
 */
import { s3Arn } from '../../core/arn.ts';
import type { StoredEvent } from '../../core/events.ts';
import { eventNameOf } from './event-names.ts';

/** What messages of one lake have in common. */
export interface MessageFacts {
  readonly region: string;
  readonly ownerId: string;
  readonly configurationId: string;
}

/** Where the event stands among those of its key: a later one has the greater text. */
export const sequencerOf = (sequence: number): string => sequence.toString(16).toUpperCase().padStart(18, '0');

/** S3 encodes keys in messages as forms do. */
const formEncoded = (key: string): string => encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/');

/** Events S3 added later carry a later version of the structure. */
const versionOf = (name: string): string =>
  /^s3:(ObjectCreated|ObjectRemoved|ReducedRedundancy)/.test(name) ? '2.1' : '2.3';

/** The message of a stored event, or undefined when S3 tells nothing of it. */
export function eventMessage(event: StoredEvent, facts: MessageFacts): string | undefined {
  const name = eventNameOf(event);
  if (name === undefined) return undefined;
  const payload = event.payload as {
    bucket: string;
    key: string;
    versionId: string;
    isNull?: true;
    size?: number;
    etag?: string;
    deleteMarker?: true;
    principal?: string;
    sourceIp?: string;
    requestId?: string;
    storageClass?: string;
    restoreUntil?: number;
  };
  const gone = payload.deleteMarker === true || name.includes(':Delete');
  const requestId = payload.requestId ?? '';
  const record = {
    eventVersion: versionOf(name),
    eventSource: 'aws:s3',
    awsRegion: facts.region,
    eventTime: new Date(event.at).toISOString(),
    eventName: name.slice('s3:'.length),
    userIdentity: { principalId: payload.principal ?? facts.ownerId },
    requestParameters: { sourceIPAddress: payload.sourceIp ?? '127.0.0.1' },
    responseElements: { 'x-amz-request-id': requestId, 'x-amz-id-2': requestId },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: facts.configurationId,
      bucket: {
        name: payload.bucket,
        ownerIdentity: { principalId: facts.ownerId },
        arn: s3Arn(payload.bucket),
      },
      object: {
        key: formEncoded(payload.key),
        ...(gone ? {} : { size: payload.size ?? 0 }),
        ...(payload.etag === undefined ? {} : { eTag: payload.etag.replaceAll('"', '') }),
        ...(payload.isNull === true ? {} : { versionId: payload.versionId }),
        sequencer: sequencerOf(event.sequence),
      },
    },
    ...(name === 's3:ObjectRestore:Completed' && payload.restoreUntil !== undefined
      ? {
          glacierEventData: {
            restoreEventData: {
              lifecycleRestorationExpiryTime: new Date(payload.restoreUntil).toISOString(),
              lifecycleRestoreStorageClass: payload.storageClass ?? 'GLACIER',
            },
          },
        }
      : {}),
    ...(name === 's3:LifecycleTransition' && payload.storageClass !== undefined
      ? { lifecycleEventData: { transitionEventData: { destinationStorageClass: payload.storageClass } } }
      : {}),
  };
  return JSON.stringify({ Records: [record] });
}

/** The message S3 sends when a configuration is set. */
export function testMessage(facts: {
  readonly bucket: string;
  readonly at: number;
  readonly requestId: string;
}): string {
  return JSON.stringify({
    Service: 'Amazon S3',
    Event: 's3:TestEvent',
    Time: new Date(facts.at).toISOString(),
    Bucket: facts.bucket,
    RequestId: facts.requestId,
    HostId: facts.requestId,
  });
}
