/** Tags of keys. */
import type { RequestContext } from '../../../core/caller.ts';
import { authorizeKey } from '../authorize-key.ts';
import type { KeyPage, KeyPageRequest } from '../contract.ts';
import { KEY_QUOTAS, type KeyDeps, procedures } from '../key-deps.ts';
import { pageOfList } from '../pages.ts';
import { assertCustomerKey, assertNotDeleting, checkKeyTags } from './check-key.ts';

/** Adds tags, or replaces the values of those that are there. */
export async function tagKey(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  checkKeyTags(tags);
  const key = await deps.ring.find(context, name);
  const requested = Object.entries(tags).map(([tag, value]) => [`aws:RequestTag/${tag}`, value] as const);
  const conditions = { 'aws:TagKeys': Object.keys(tags), ...Object.fromEntries(requested) };
  await authorizeKey(deps, context, key, { operation: 'TagResource', conditions });
  assertCustomerKey(key);
  assertNotDeleting(deps, key);
  const { keyId } = key.info;
  await deps.store.write(procedures.tagKey, { keyId, set: { ...tags }, remove: [], quota: KEY_QUOTAS.tags });
}

/** Removes tags; names that are not there are passed over. */
export async function untagKey(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  names: readonly string[],
): Promise<void> {
  const key = await deps.ring.find(context, name);
  await authorizeKey(deps, context, key, { operation: 'UntagResource', conditions: { 'aws:TagKeys': names } });
  assertCustomerKey(key);
  assertNotDeleting(deps, key);
  const { keyId } = key.info;
  await deps.store.write(procedures.tagKey, { keyId, set: {}, remove: names, quota: KEY_QUOTAS.tags });
}

/** The tags of a key, by name. */
export async function listTags(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  page: KeyPageRequest,
): Promise<KeyPage<readonly [string, string]>> {
  const key = await deps.ring.find(context, name);
  await authorizeKey(deps, context, key, { operation: 'ListResourceTags' });
  const tags = Object.entries(key.info.tags).sort(([a], [b]) => (a < b ? -1 : 1));
  return pageOfList(tags, page, ([tag]) => tag);
}
