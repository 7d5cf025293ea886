import { ANONYMOUS_USER_ID, canonicalUserId } from '../../core/canonical-user.ts';
import type { ObjectHead } from '../../storage/contract.ts';
import type { S3Request } from './request.ts';
import type { XmlRecord } from './xml.ts';

/** How accounts are shown as owners, and owners of objects: theirs, or the bucket's. */
export interface Owners {
  account(accountId: string): XmlRecord;
  object(object: Pick<ObjectHead, 'attributes'>): XmlRecord;
}

/** The owners a request may have to show. */
export async function ownersFor(request: Pick<S3Request, 'accounts' | 'settings' | 'bucket'>): Promise<Owners> {
  const names = new Map((await request.accounts.list()).map(({ accountId, name }) => [accountId, name]));
  const bucketAccount = request.bucket === '' ? undefined : await request.settings.ownerOf(request.bucket);
  const account = (accountId: string): XmlRecord => {
    const name = names.get(accountId);
    if (!/^\d{12}$/.test(accountId)) return { ID: ANONYMOUS_USER_ID };
    return { ID: canonicalUserId(accountId), ...(name === undefined ? {} : { DisplayName: name }) };
  };
  return {
    account,
    object: ({ attributes }) => account(attributes.ownerAccountId ?? bucketAccount ?? ''),
  };
}
