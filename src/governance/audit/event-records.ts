/** Events as the store keeps them. **Source**: CloudTrail user guide, "CloudTrail record contents", version 1.11. */
import type { Principal, RequestContext } from '../../core/caller.ts';
import { newId } from '../../core/ids.ts';
import type { DataEvent, ManagementEvent } from '../contract.ts';
import type { DataEventRecord, TrailEvent } from './contract.ts';
import { scrub } from './scrub.ts';
import type { DataRow, ManagementRow } from './store.ts';

function userIdentity(principal: Principal): object {
  const common = {
    principalId: principal.id,
    arn: principal.arn,
    accountId: principal.accountId,
    ...(principal.accessKeyId === undefined ? {} : { accessKeyId: principal.accessKeyId }),
  };
  switch (principal.kind) {
    case 'root':
      return { type: 'Root', ...common };
    case 'user':
      return { type: 'IAMUser', ...common, userName: principal.name };
    case 'role':
      return { type: 'AssumedRole', ...common };
    case 'service':
      return { type: 'AWSService', ...common, invokedBy: principal.name };
    case 'anonymous':
      return { type: 'AWSAccount', principalId: '', accountId: 'anonymous' };
  }
}

/** A management event of a request at `now` (ms). */
export function managementRow(context: RequestContext, event: ManagementEvent, now: number): ManagementRow {
  const eventId = newId();
  const { principal } = context;
  const body = {
    eventVersion: '1.11',
    userIdentity: userIdentity(principal),
    eventTime: `${new Date(now).toISOString().slice(0, 19)}Z`,
    eventSource: event.eventSource,
    eventName: event.eventName,
    awsRegion: context.region,
    sourceIPAddress: context.sourceIp,
    userAgent: context.userAgent,
    ...(event.errorCode === undefined ? {} : { errorCode: event.errorCode }),
    ...(event.errorMessage === undefined ? {} : { errorMessage: event.errorMessage }),
    requestParameters: scrub(event.requestParameters, 'requestParameters'),
    responseElements: scrub(event.responseElements, 'responseElements'),
    ...(event.additionalEventData === undefined
      ? {}
      : { additionalEventData: scrub(event.additionalEventData, 'additionalEventData') }),
    requestID: context.requestId,
    eventID: eventId,
    readOnly: event.readOnly,
    ...(event.resources === undefined || event.resources.length === 0
      ? {}
      : {
          resources: event.resources.map(({ type, name }) => ({ accountId: context.accountId, type, ARN: name })),
        }),
    eventType: 'AwsApiCall',
    managementEvent: true,
    recipientAccountId: context.accountId,
    eventCategory: 'Management',
    sessionCredentialFromConsole: context.door === 'console' ? 'true' : undefined,
  };
  return {
    event_id: eventId,
    at: now,
    name: event.eventName,
    source: event.eventSource,
    username: principal.name,
    access_key: principal.accessKeyId ?? null,
    read_only: event.readOnly ? 1 : 0,
    error_code: event.errorCode ?? null,
    request_id: context.requestId,
    principal: principal.arn,
    resources: JSON.stringify((event.resources ?? []).map(({ type, name }) => ({ type, name }))),
    body: JSON.stringify(body),
  };
}

/** A data event of a request at `now` (ms). */
export function dataRow(context: RequestContext, event: DataEvent, now: number): DataRow {
  const { principal } = context;
  return {
    event_id: newId(),
    at: now,
    request_id: context.requestId,
    principal: principal.arn,
    username: principal.name,
    access_key: principal.accessKeyId ?? null,
    account_id: context.accountId,
    door: context.door,
    source_ip: context.sourceIp,
    source: event.eventSource,
    name: event.eventName,
    resource: event.resource,
    columns: event.columns === undefined ? null : JSON.stringify(event.columns),
    grants: event.appliedGrants === undefined ? null : JSON.stringify(event.appliedGrants),
    query_id: event.queryId ?? null,
    snapshot_id: event.snapshotId ?? null,
    row_count: event.rows ?? null,
    byte_count: event.bytes ?? null,
    error_code: event.errorCode ?? null,
  };
}

/** A stored management row as the trail shows it. */
export function trailEvent(row: ManagementRow & { readonly sequence: number }): TrailEvent {
  return {
    sequence: row.sequence,
    eventId: row.event_id,
    eventName: row.name,
    eventSource: row.source,
    eventTime: row.at,
    readOnly: row.read_only === 1,
    username: row.username,
    ...(row.access_key === null ? {} : { accessKeyId: row.access_key }),
    ...(row.error_code === null ? {} : { errorCode: row.error_code }),
    requestId: row.request_id,
    resources: JSON.parse(row.resources),
    body: row.body,
  };
}

/** A stored data row as the trail shows it. */
export function dataEventRecord(row: DataRow & { readonly sequence: number }): DataEventRecord {
  return {
    sequence: row.sequence,
    eventId: row.event_id,
    eventTime: row.at,
    requestId: row.request_id,
    principal: row.principal,
    username: row.username,
    ...(row.access_key === null ? {} : { accessKeyId: row.access_key }),
    accountId: row.account_id,
    door: row.door,
    sourceIp: row.source_ip,
    eventSource: row.source,
    eventName: row.name,
    resource: row.resource,
    columns: row.columns === null ? [] : JSON.parse(row.columns),
    appliedGrants: row.grants === null ? [] : JSON.parse(row.grants),
    ...(row.query_id === null ? {} : { queryId: row.query_id }),
    ...(row.snapshot_id === null ? {} : { snapshotId: row.snapshot_id }),
    ...(row.row_count === null ? {} : { rows: row.row_count }),
    ...(row.byte_count === null ? {} : { bytes: row.byte_count }),
    ...(row.error_code === null ? {} : { errorCode: row.error_code }),
  };
}
