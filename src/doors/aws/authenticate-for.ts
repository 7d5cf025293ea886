import type { Principal } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import { authenticate, type SigningKeys } from '../kit/sigv4/index.ts';
import type { AwsDoorDeps } from './index.ts';
import type { WireRequest } from './protocols/protocol.ts';
import type { AwsServiceDoor } from './service.ts';

/**
 * Who signed the request, for this service.
 * **Errors**: as `authenticate`; `missing_credentials` when nobody did; `signature_mismatch` when it was signed for
 * another service.
 */
export async function authenticateFor(
  service: AwsServiceDoor,
  request: WireRequest,
  deps: Pick<AwsDoorDeps, 'identities' | 'clock'>,
  signingKeys: SigningKeys,
): Promise<Principal> {
  const result = await authenticate(request, { identities: deps.identities, now: deps.clock.now(), signingKeys });
  if (result.anonymous) {
    throw new LochError('missing_credentials', 'The request is not signed. Sign it with an access key.');
  }
  if (!service.signingNames.includes(result.service)) {
    throw new LochError(
      'signature_mismatch',
      `The credential should be scoped to the service \`${service.signingNames.join('` or `')}\`, not \`${result.service}\`.`,
    );
  }
  return result.principal;
}
