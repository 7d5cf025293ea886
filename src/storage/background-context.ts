/** Work that goes on in somebody's name after his request: replication, batch jobs, notifications to streams. */
import type { Principal, RequestContext } from '../core/caller.ts';
import type { Clock } from '../core/clock.ts';
import { LochError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import type { Identities } from '../governance/contract.ts';

export interface BackgroundDeps {
  readonly identities: Pick<Identities, 'principal'>;
  readonly clock: Clock;
  readonly region: string;
}

/** The ARN under which a caller can be found again after his session: that of the role he took, or his own. */
export const lastingArn = ({ arn, session }: Principal): string => session?.roleArn ?? arn;

/**
 * A request of `service` in the name of the user or role `arn`, with the rights he has now.
 * **Errors**: `access_denied` when he is gone.
 */
export async function backgroundContext(
  deps: BackgroundDeps,
  arn: string,
  service: string,
  signal: AbortSignal,
): Promise<RequestContext> {
  const principal = await deps.identities.principal(arn);
  if (principal === undefined) {
    throw new LochError('access_denied', `\`${arn}\`, in whose name ${service} works, does not exist.`, {
      context: { principal: arn },
    });
  }
  return {
    requestId: newId(),
    principal,
    accountId: principal.accountId,
    region: deps.region,
    door: 'internal',
    sourceIp: '127.0.0.1',
    userAgent: `loch-${service}`,
    secure: true,
    signal,
    startedAt: deps.clock.now(),
  };
}
