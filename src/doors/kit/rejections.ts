import type { IncomingMessage } from 'node:http';
import type { RequestContext } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { type ErrorCode, type LochError, toLochError } from '../../core/errors.ts';
import type { Audit } from '../../governance/contract.ts';

/** Why a request may be turned away before anybody is known to have sent it. */
const UNPROVEN: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'signature_mismatch',
  'unknown_access_key',
  'missing_credentials',
  'request_expired',
  'expired_token',
  'clock_skew',
]);
/** Who cannot sign must not be able to fill the trail: so many at once, and so many per second. */
const BURST = 200;
const PER_SECOND = 20;

/** A request that was turned away at the door. */
export interface Rejected {
  readonly request: IncomingMessage;
  /** Anonymous: a claim that was not proven names nobody. */
  readonly context: RequestContext;
  readonly failure: LochError;
  readonly eventSource: string;
  /** The operation asked for, when it can be told. */
  readonly eventName: string;
  /** The failure's name on the wire. */
  readonly errorCode: string;
}

/**
 * Puts a rejection in the trail before it is answered. Returns the failure to answer: the rejection, or why it could
 * not be recorded. Failures that are no rejection pass unrecorded.
 */
export type RecordRejection = (rejected: Rejected) => Promise<LochError>;

/** Records rejections, at most so many per second; those that were left out are counted in the next record. */
export function createRejections(audit: Audit, clock: Clock): RecordRejection {
  let tokens = BURST;
  let filledAt = clock.now();
  let leftOut = 0;
  return async ({ request, context, failure, ...event }) => {
    if (!UNPROVEN.has(failure.code) || context.principal.kind !== 'anonymous') return failure;
    const now = clock.now();
    tokens = Math.min(BURST, tokens + ((now - filledAt) / 1000) * PER_SECOND);
    filledAt = now;
    if (tokens < 1) {
      leftOut += 1;
      return failure;
    }
    tokens -= 1;
    const claimedAccessKeyId = claimedKey(request);
    const additionalEventData = {
      ...(claimedAccessKeyId === undefined ? {} : { claimedAccessKeyId }),
      ...(leftOut === 0 ? {} : { rejectionsLeftOutBefore: leftOut }),
    };
    leftOut = 0;
    try {
      await audit.recordManagement(context, {
        ...event,
        readOnly: /^(Get|List|Head|Describe|Search|Lookup|Batch)/.test(event.eventName),
        errorMessage: failure.message,
        additionalEventData,
      });
      return failure;
    } catch (error) {
      return toLochError(error);
    }
  };
}

/** The access key that a request says it was signed with, in its header or its query. */
function claimedKey(request: IncomingMessage): string | undefined {
  const stated = `${request.headers.authorization ?? ''} ${request.url ?? ''}`;
  return /Credential=([A-Za-z0-9]{1,128})(?:\/|%2[fF])/.exec(stated)?.[1];
}
