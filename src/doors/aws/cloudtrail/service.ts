import type { LookupEventsRequest, LookupEventsResponse } from '@aws-sdk/client-cloudtrail';
import { LochError } from '../../../core/errors.ts';
import type { LookupQuery, Trail, TrailEvent } from '../../../governance/contract.ts';
import type { AwsServiceDoor, OperationHandler } from '../service.ts';

/** Error names by the argument that is at fault. */
const ERROR_NAMES: Readonly<Record<string, string>> = {
  LookupAttributes: 'InvalidLookupAttributesException',
  StartTime: 'InvalidTimeRangeException',
  MaxResults: 'InvalidMaxResultsException',
  NextToken: 'InvalidNextTokenException',
  EventCategory: 'InvalidEventCategoryException',
};

const lookupEvents =
  (trail: Trail): OperationHandler =>
  async (context, input: LookupEventsRequest): Promise<LookupEventsResponse> => {
    const { events, nextToken } = await trail.lookupEvents(context, queryOf(input));
    return { Events: events.map(eventShape), ...(nextToken === undefined ? {} : { NextToken: nextToken }) };
  };

function queryOf(input: LookupEventsRequest): LookupQuery {
  if (input.EventCategory !== undefined) {
    throw new LochError('invalid_argument', 'Insight events are not recorded. Leave EventCategory out.', {
      context: { argument: 'EventCategory' },
    });
  }
  const attributes = (input.LookupAttributes ?? []).map(({ AttributeKey, AttributeValue }) => ({
    key: AttributeKey ?? '',
    value: AttributeValue ?? '',
  }));
  if (attributes.length > 1) {
    throw new LochError('invalid_argument', 'Give at most one lookup attribute, as CloudTrail takes it.', {
      context: { argument: 'LookupAttributes', limit: 1 },
    });
  }
  return {
    attributes,
    ...(input.StartTime === undefined ? {} : { start: input.StartTime.getTime() }),
    // The wire counts whole seconds: the second named is part of the range.
    ...(input.EndTime === undefined ? {} : { end: Math.floor(input.EndTime.getTime() / 1000) * 1000 + 999 }),
    ...(input.MaxResults === undefined ? {} : { max: input.MaxResults }),
    ...(input.NextToken === undefined ? {} : { nextToken: input.NextToken }),
  };
}

function eventShape(event: TrailEvent): NonNullable<LookupEventsResponse['Events']>[number] {
  return {
    EventId: event.eventId,
    EventName: event.eventName,
    ReadOnly: String(event.readOnly),
    ...(event.accessKeyId === undefined ? {} : { AccessKeyId: event.accessKeyId }),
    EventTime: new Date(event.eventTime),
    EventSource: event.eventSource,
    Username: event.username,
    Resources: event.resources.map(({ type, name }) => ({ ResourceType: type, ResourceName: name })),
    CloudTrailEvent: event.body,
  };
}

/** The CloudTrail door: the event history. */
export function cloudtrailService(trail: Trail): AwsServiceDoor {
  return {
    name: 'cloudtrail',
    signingNames: ['cloudtrail'],
    targetPrefix: 'CloudTrail_20131101',
    schemas: () => import('@aws-sdk/client-cloudtrail'),
    operations: { LookupEvents: { run: lookupEvents(trail), readOnly: true } },
    errors: {
      invalid_argument: (error) => ERROR_NAMES[String(error.context.argument)] ?? 'InvalidParameterException',
    },
  };
}
