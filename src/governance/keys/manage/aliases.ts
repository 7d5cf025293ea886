/** Aliases: names of keys that can be pointed at other keys. */
import type { RequestContext } from '../../../core/caller.ts';
import { authorizeIam } from '../authorize-iam.ts';
import { authorizeKey } from '../authorize-key.ts';
import { type KeyAlias, keyFailure, type KeyPage, type KeyPageRequest } from '../contract.ts';
import { KEY_QUOTAS, type KeyDeps, procedures } from '../key-deps.ts';
import { kmsArn } from '../key-ring.ts';
import { pageOf, readPage } from '../pages.ts';
import { assertNotDeleting } from './check-key.ts';

/** **Errors**: `InvalidAliasNameException`, `ValidationException`. */
function checkAlias(name: string): void {
  if (!/^alias\/[a-zA-Z0-9/_-]{1,250}$/.test(name)) {
    throw keyFailure(
      'InvalidAliasNameException',
      `The alias \`${name.slice(0, 300)}\` must be alias/ and up to 250 letters, digits, and /_-.`,
    );
  }
  if (name.startsWith('alias/aws/')) {
    throw keyFailure(
      'InvalidAliasNameException',
      `${name}: aliases under alias/aws/ belong to the services of the lake.`,
    );
  }
}

/** The key an alias shall name: by id or ARN. **Errors**: `NotFoundException`, `ValidationException`. */
async function target(deps: KeyDeps, context: RequestContext, name: string) {
  if (name.includes('alias/')) throw keyFailure('ValidationException', 'TargetKeyId must be a key, not an alias.');
  return deps.ring.find(context, name);
}

const authorizeAlias = (deps: KeyDeps, context: RequestContext, operation: string, alias: string) =>
  authorizeIam(deps, context, {
    action: `kms:${operation}`,
    resource: kmsArn(deps.region, context.accountId, alias),
    conditions: { 'kms:CallerAccount': context.accountId },
  });

/** Gives a key a name. */
export async function createAlias(deps: KeyDeps, context: RequestContext, alias: string, name: string): Promise<void> {
  checkAlias(alias);
  const key = await target(deps, context, name);
  await authorizeAlias(deps, context, 'CreateAlias', alias);
  await authorizeKey(deps, context, key, { operation: 'CreateAlias' });
  assertNotDeleting(deps, key);
  await deps.store.write(procedures.createAlias, {
    account: context.accountId,
    name: alias,
    keyId: key.info.keyId,
    quota: KEY_QUOTAS.aliasesPerKey,
  });
}

/** Points a name at another key of the same kind; what the old one encrypted still names the old one. */
export async function updateAlias(deps: KeyDeps, context: RequestContext, alias: string, name: string): Promise<void> {
  checkAlias(alias);
  const key = await target(deps, context, name);
  const before = await deps.ring.find(context, alias);
  await authorizeAlias(deps, context, 'UpdateAlias', alias);
  await authorizeKey(deps, context, before, { operation: 'UpdateAlias' });
  await authorizeKey(deps, context, key, { operation: 'UpdateAlias' });
  assertNotDeleting(deps, key);
  if (key.info.usage !== before.info.usage || kindOf(key.info.spec) !== kindOf(before.info.spec)) {
    throw keyFailure(
      'KMSInvalidStateException',
      `${alias} names a key for ${before.info.usage}; the new one must be of the same type.`,
    );
  }
  await deps.store.write(procedures.updateAlias, { account: context.accountId, name: alias, keyId: key.info.keyId });
}

const kindOf = (spec: string): string => spec.split('_')[0]!;

/** Takes a name away; the key stays. */
export async function deleteAlias(deps: KeyDeps, context: RequestContext, alias: string): Promise<void> {
  checkAlias(alias);
  const key = await deps.ring.find(context, alias);
  await authorizeAlias(deps, context, 'DeleteAlias', alias);
  await authorizeKey(deps, context, key, { operation: 'DeleteAlias' });
  await deps.store.write(procedures.deleteAlias, { account: context.accountId, name: alias });
}

/** The names of the account, or those of one key. */
export async function listAliases(
  deps: KeyDeps,
  context: RequestContext,
  name: string | undefined,
  page: KeyPageRequest,
): Promise<KeyPage<KeyAlias>> {
  const { after, limit } = readPage(page);
  await authorizeIam(deps, context, { action: 'kms:ListAliases', resource: '*' });
  const key = name === undefined ? undefined : await target(deps, context, name);
  const account = context.accountId;
  const found = await deps.store.read(procedures.aliases, {
    account,
    after,
    limit,
    ...(key === undefined ? {} : { keyId: key.info.keyId }),
  });
  const items = found.rows.map((row) => ({
    name: row.name,
    arn: kmsArn(deps.region, account, row.name),
    keyId: row.key_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }));
  return pageOf(items, found.more, (alias) => alias.name);
}
