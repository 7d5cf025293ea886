/**
 * Typed telemetry events, named `<layer><Noun><PastVerb>[Failed]`. One event becomes a log line, a metric and, where
 * a rule or workflow waits for it, a delivery. Payloads are plain JSON, without secrets and without row values.
 */
export interface EventPayloads {
  storageObjectCreated: {
    bucket: string;
    key: string;
    size: number;
    etag: string;
    versionId: string;
    operation: string;
    /** S3's null version. */
    isNull?: true;
  };
  /** A version is gone, or, with `deleteMarker`, only marked as deleted: then `versionId` is the marker's. */
  storageObjectDeleted: {
    bucket: string;
    key: string;
    versionId: string;
    operation?: string;
    isNull?: true;
    deleteMarker?: true;
    /** When the marker was put. **Units**: milliseconds since 1970 UTC. */
    markedAt?: number;
    /** What is gone was a marker. */
    wasMarker?: true;
    size?: number;
    etag?: string;
  };
  storageObjectChanged: {
    bucket: string;
    key: string;
    versionId: string;
    isNull?: true;
    size: number;
    etag: string;
    /** Members of its attributes that were set, and those that were removed. */
    set: string[];
    removed: string[];
    operation: string;
    storageClass?: string;
    /** Until when a restored copy is there. */
    restoreUntil?: number;
  };
  storageVersionDamaged: { bucket: string; key: string; versionId: string; damage: string; detail: string };
  storageVersionRepaired: { bucket: string; key: string; versionId: string };
  storageBucketCreated: { bucket: string };
  storageBucketChanged: { bucket: string; what: 'versioning' | 'objectLock' };
  storageBucketDeleted: { bucket: string };
  storageBucketSettingChanged: { bucket: string; kind: string; change: 'put' | 'removed' };
  catalogDatabaseChanged: { database: string; change: 'created' | 'updated' | 'deleted' };
  catalogTableChanged: {
    database: string;
    table: string;
    change: 'created' | 'updated' | 'deleted' | 'restored';
    id?: string;
    location?: string;
    createdAt?: number;
    /** Partition locations that are not under `location`. */
    outside?: string[];
  };
  catalogPartitionsChanged: {
    database: string;
    table: string;
    id: string;
    added: number;
    removed: number;
    /** Locations outside the table's that partitions gained or lost. */
    outside: string[];
    outsideRemoved: string[];
  };
  catalogTableCommitted: { database: string; table: string; snapshotId: string; operation: string; addedRows: number };
  catalogReportReceived: {
    database: string;
    table: string;
    kind: 'scan' | 'commit';
    snapshotId: string;
    principal: string;
    engine: string;
    files: number;
    bytes: number;
  };
  /** `flow` is the JSON of what was made from what. */
  catalogLineageRecorded: { job: string; runId: string; flow: string };
  catalogCrawlerRunChanged: { crawler: string; runId: string; state: string };
  processingJobRunChanged: { job: string; runId: string; state: string };
  processingWorkflowRunChanged: { workflow: string; runId: string; state: string };
  ingestionDeliveryFlushed: {
    stream: string;
    bucket: string;
    key: string;
    records: number;
    bytes: number;
    /** The folder under which all objects of the stream lie. */
    folder?: string;
  };
  ingestionReplicationChanged: { task: string; state: string; rows: number };
  /** `flows` is the JSON of what a statement read and into what, in the transaction of its end. */
  consumptionTablesRead: { queryId: string; flows: string };
  consumptionQueryChanged: { queryId: string; state: string; principal: string };
  governanceGrantChanged: { principal: string; resource: string; change: 'granted' | 'revoked' };
  governanceLakeChanged: { what: 'settings' | 'location' | 'filter'; name: string; database?: string; table?: string };
  governanceIdentityChanged: { kind: string; name: string; change: string };
  governanceKeyChanged: { keyId: string; change: string };
  governanceAccessDenied: { principal: string; action: string; resource: string };
  doorRequestFinished: {
    door: string;
    operation: string;
    status: number;
    ms: number;
    requestId: string;
    principal: string;
  };
  doorRequestFailed: { door: string; operation: string; code: string; requestId: string; message: string };
  platformStateChanged: { state: string; detail: string };
}

export type EventName = keyof EventPayloads;

export type LochEvent<N extends EventName = EventName> = {
  [K in N]: { readonly name: K; readonly payload: EventPayloads[K] };
}[N];

/** An event with where it stands in the outbox: sequence numbers grow in commit order. */
export type StoredEvent = LochEvent & { readonly sequence: number; readonly at: number };

export interface EventBus {
  /** Tells `event` to all subscribers, after the change it speaks of is durable. Never throws. */
  publish(event: LochEvent): void;
  /** Subscribes to one event, or to all by `*`. Returns the unsubscribe function. A subscriber that throws is logged. */
  subscribe<N extends EventName>(name: N, listener: (event: LochEvent<N>) => void): () => void;
  subscribe(name: '*', listener: (event: LochEvent) => void): () => void;
}

/** An in-process bus: subscribers run in order of subscription, each failure goes to `onFailure`. */
export function createEventBus(onFailure: (error: unknown, event: LochEvent) => void): EventBus {
  const listeners = new Map<string, Set<(event: LochEvent) => void>>();
  return {
    publish(event) {
      for (const key of [event.name, '*']) {
        for (const listener of listeners.get(key) ?? []) {
          try {
            listener(event);
          } catch (error) {
            onFailure(error, event);
          }
        }
      }
    },
    subscribe(name: string, listener: (event: never) => void) {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set);
      const entry = listener as (event: LochEvent) => void;
      set.add(entry);
      return () => set.delete(entry);
    },
  };
}
