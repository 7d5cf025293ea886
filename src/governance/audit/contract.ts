/** The audit trail as use-cases: what doors, the console and the command line may ask about recorded events. */
import type { RequestContext } from '../../core/caller.ts';

/** What LookupEvents can search by. **Source**: CloudTrail API, `LookupAttribute`. */
export const LOOKUP_ATTRIBUTE_KEYS = [
  'EventId',
  'EventName',
  'ReadOnly',
  'Username',
  'ResourceType',
  'ResourceName',
  'EventSource',
  'AccessKeyId',
] as const;

export type LookupAttributeKey = (typeof LOOKUP_ATTRIBUTE_KEYS)[number];

export interface LookupAttribute {
  readonly key: string;
  readonly value: string;
}

/** **Units**: times in milliseconds since 1970 UTC, both ends included. */
export interface LookupQuery {
  /** All must match. */
  readonly attributes?: readonly LookupAttribute[];
  readonly start?: number;
  readonly end?: number;
  /** 1 to 50; 50 when left out. */
  readonly max?: number;
  readonly nextToken?: string;
}

/** A management event as recorded; `body` is the CloudTrail event (version 1.11) as JSON. */
export interface TrailEvent {
  readonly sequence: number;
  readonly eventId: string;
  readonly eventName: string;
  readonly eventSource: string;
  readonly eventTime: number;
  readonly readOnly: boolean;
  readonly username: string;
  readonly accessKeyId?: string;
  readonly errorCode?: string;
  readonly requestId: string;
  readonly resources: readonly { readonly type: string; readonly name: string }[];
  readonly body: string;
}

/** A data event as recorded, flat, as it also stands in the table `audit.events`. */
export interface DataEventRecord {
  /** Grows in commit order; never reused. */
  readonly sequence: number;
  readonly eventId: string;
  readonly eventTime: number;
  readonly requestId: string;
  readonly principal: string;
  readonly username: string;
  readonly accessKeyId?: string;
  readonly accountId: string;
  readonly door: string;
  readonly sourceIp: string;
  readonly eventSource: string;
  readonly eventName: string;
  readonly resource: string;
  readonly columns: readonly string[];
  readonly appliedGrants: readonly string[];
  readonly queryId?: string;
  readonly snapshotId?: string;
  readonly rows?: number;
  readonly bytes?: number;
  readonly errorCode?: string;
}

export interface DataEventQuery {
  /** ARN of who did it. */
  readonly principal?: string;
  readonly resource?: string;
  readonly requestId?: string;
  readonly queryId?: string;
  /** Only events that name this column. */
  readonly column?: string;
  readonly start?: number;
  readonly end?: number;
  /** 1 to 1,000; 100 when left out. */
  readonly max?: number;
  readonly nextToken?: string;
}

/** Everything recorded about one request, oldest first. */
export interface RequestTrace {
  readonly requestId: string;
  readonly management: readonly TrailEvent[];
  readonly data: readonly DataEventRecord[];
}

export interface Trail {
  /**
   * Management events, newest first, of the last 90 days. Requires `cloudtrail:LookupEvents`.
   * **Errors**: `invalid_argument` for an unknown attribute, a time range turned round, a bad page size or token.
   */
  lookupEvents(context: RequestContext, query: LookupQuery): Promise<TrailPage<TrailEvent>>;
  /** Data events, newest first. Requires `cloudtrail:LookupEvents`. */
  listDataEvents(context: RequestContext, query: DataEventQuery): Promise<TrailPage<DataEventRecord>>;
  /**
   * Everything about a request id. A caller sees his own requests; those of others need `cloudtrail:LookupEvents`.
   * **Errors**: `not_found` when nothing is recorded under the id.
   */
  explain(context: RequestContext, requestId: string): Promise<RequestTrace>;
  /** Data events after a sequence number, oldest first, for the platform to append to `audit.events`. */
  exportDataEvents(after: number, limit: number): Promise<readonly DataEventRecord[]>;
  /** Recomputes the hash chains. `brokenAt` names the first sequence whose hash does not follow from the one before. */
  verify(): Promise<ChainReport>;
}

export interface TrailPage<Event> {
  readonly events: readonly Event[];
  readonly nextToken?: string;
}

export interface ChainReport {
  readonly management: ChainState;
  readonly data: ChainState;
}

export interface ChainState {
  readonly events: number;
  /** SHA-256 over the last event and the hash before it, hex. */
  readonly head: string;
  readonly brokenAt?: number;
}
