import type { RequestContext } from '../core/caller.ts';
import { LochError } from '../core/errors.ts';
import type { EventBus } from '../core/events.ts';
import type { Audit } from './contract.ts';

/** A refused action, with why in words and the ids that decided. */
export interface Refusal {
  readonly action: string;
  readonly resource: string;
  readonly why: string;
  readonly by: readonly string[];
}

/** Records a refusal, durably, and answers the `access_denied` to throw. */
export type Refuse = (context: RequestContext, refusal: Refusal) => Promise<LochError>;

const READ_ONLY = /^(?:Get|List|Describe|Head|Search|Lookup|BatchGet|Simulate|SELECT|DESCRIBE)/;

/** The one place refusals are recorded: a management event with `AccessDenied`, and an event for metrics. */
export function createRefusals(audit: Audit, events: EventBus): Refuse {
  return async (context, { action, resource, why, by }) => {
    const { arn } = context.principal;
    const message = `${arn} is not authorized to perform ${action} on ${resource}: ${why}`;
    const [service, operation] = (context.operation ?? action).split(':') as [string, string | undefined];
    await audit.recordManagement(context, {
      eventSource: `${service}.amazonaws.com`,
      eventName: operation ?? service,
      readOnly: READ_ONLY.test(operation ?? ''),
      requestParameters: { action, resource },
      errorCode: 'AccessDenied',
      errorMessage: message,
      resources: [{ type: typeOf(resource), name: resource }],
      additionalEventData: { decidedBy: by },
    });
    events.publish({ name: 'governanceAccessDenied', payload: { principal: arn, action, resource } });
    return new LochError('access_denied', message, { context: { principal: arn, action, resource } });
  };
}

/** The resource type of an ARN as LookupEvents searches by it. */
function typeOf(resource: string): string {
  const [, service, kind] = /^arn:aws[a-z-]*:([a-z0-9-]+):[^:]*:[^:]*:([^/:]*)/.exec(resource) ?? [];
  if (service === 's3') return resource.includes('/') ? 'AWS::S3::Object' : 'AWS::S3::Bucket';
  if (service === 'glue' && kind === 'table') return 'AWS::Glue::Table';
  if (service === 'glue' && kind === 'database') return 'AWS::Glue::Database';
  return `AWS::${service ?? 'Loch'}::Resource`;
}
