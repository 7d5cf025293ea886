import type { RequestContext } from '../../../core/caller.ts';
import { newSecretKey, newUniqueId } from '../../../core/ids.ts';
import { Secret } from '../../../core/secret.ts';
import type { NewAccessKey } from '../contract.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { accessKeyOf, authorizedOwner, keyPurpose } from './key-owner.ts';

/** Makes an access key for a user. The secret leaves here once; at rest it is sealed. */
export async function createAccessKey(
  deps: IdentityDeps,
  context: RequestContext,
  userName: string | undefined,
): Promise<NewAccessKey> {
  const owner = await authorizedOwner(deps, context, userName, 'CreateAccessKey');
  const { key, secret } = newSealedKey(deps);
  const quota = deps.quotas.accessKeysPerUser;
  const made = await deps.store.write(procedures.createAccessKey, { ...owner, key, quota });
  return { ...accessKeyOf(made.row, made.owner), secret };
}

/** A fresh key id with its secret, open and sealed. */
export function newSealedKey(deps: Pick<IdentityDeps, 'sealer'>) {
  const accessKeyId = newUniqueId('AKIA');
  const secret = new Secret(newSecretKey());
  return { secret, key: { accessKeyId, sealed: deps.sealer.seal(secret, keyPurpose(accessKeyId)) } };
}
