import { LochError } from '../../core/errors.ts';
import type { Trail } from './contract.ts';
import { dataEventRecord, trailEvent } from './event-records.ts';
import auditModule from './store.ts';
import type { TrailDeps } from './trail-deps.ts';

const MOST_EVENTS = 10_000;

/** The use-case that tells everything recorded about a request id. */
export function explainRequest(deps: TrailDeps): Trail['explain'] {
  return async (context, requestId) => {
    const found = await deps.store.read(auditModule.procedures.ofRequest, { requestId, limit: MOST_EVENTS });
    const callers = [...found.management, ...found.data].map((row) => row.principal);
    const own = callers.length > 0 && callers.every((arn) => arn === context.principal.arn);
    // Asked before the answer differs: who may not look learns nothing of whether the id exists.
    if (!own) await deps.authorize(context, { action: 'cloudtrail:LookupEvents', resource: '*' });
    if (callers.length === 0) {
      throw new LochError(
        'not_found',
        `Nothing is recorded under the request id \`${requestId}\`. Events are kept for 90 days; anonymous reads of public data leave none.`,
        { context: { requestId } },
      );
    }
    return { requestId, management: found.management.map(trailEvent), data: found.data.map(dataEventRecord) };
  };
}
