import type { DoorName, RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { Identities } from '../../governance/contract.ts';
import type { CallerRecord } from './records.ts';

/** What of `context` a run keeps. */
export function callerOf(context: RequestContext): CallerRecord {
  return {
    principalArn: context.principal.arn,
    requestId: context.requestId,
    door: context.door,
    sourceIp: context.sourceIp,
    userAgent: context.userAgent,
    secure: context.secure,
  };
}

/**
 * The context of long work in its caller's name, as of now: a user who is gone or changed counts as he is now.
 * **Errors**: `access_denied` when the principal is gone.
 */
export async function resumedContext(
  identities: Identities,
  caller: CallerRecord,
  place: { readonly region: string; readonly startedAt: number; readonly signal: AbortSignal },
): Promise<RequestContext> {
  const principal = await identities.principal(caller.principalArn);
  if (principal === undefined) {
    throw new LochError(
      'access_denied',
      `\`${caller.principalArn}\`, in whose name this runs, is gone. Start it again as someone who may.`,
      { context: { principal: caller.principalArn } },
    );
  }
  return {
    requestId: caller.requestId,
    principal,
    accountId: principal.accountId,
    region: place.region,
    door: caller.door as DoorName,
    sourceIp: caller.sourceIp,
    userAgent: caller.userAgent,
    secure: caller.secure,
    signal: place.signal,
    startedAt: place.startedAt,
  };
}
