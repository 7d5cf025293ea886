/** Grants: standing permissions on one key. A grant works from the moment it is made; its token is its id's proof. */
import { randomBytes } from 'node:crypto';
import type { RequestContext } from '../../../core/caller.ts';
import { authorizeIam } from '../authorize-iam.ts';
import { authorizeKey } from '../authorize-key.ts';
import { type KeyGrant, keyFailure, type KeyPage, type KeyPageRequest, type NewGrant } from '../contract.ts';
import { KEY_QUOTAS, type KeyDeps, procedures } from '../key-deps.ts';
import { grantOf, kmsArn } from '../key-ring.ts';
import { pageOf, pageOfList, readPage } from '../pages.ts';
import { assertNotDeleting } from './check-key.ts';

/** Operations a grant can allow, with the usages of keys they are for; those without one are for all. */
const OPERATIONS: Readonly<Record<string, readonly string[] | undefined>> = {
  CreateGrant: undefined,
  RetireGrant: undefined,
  DescribeKey: undefined,
  Decrypt: ['ENCRYPT_DECRYPT'],
  Encrypt: ['ENCRYPT_DECRYPT'],
  GenerateDataKey: ['ENCRYPT_DECRYPT'],
  GenerateDataKeyWithoutPlaintext: ['ENCRYPT_DECRYPT'],
  GenerateDataKeyPair: ['ENCRYPT_DECRYPT'],
  GenerateDataKeyPairWithoutPlaintext: ['ENCRYPT_DECRYPT'],
  ReEncryptFrom: ['ENCRYPT_DECRYPT'],
  ReEncryptTo: ['ENCRYPT_DECRYPT'],
  Sign: ['SIGN_VERIFY'],
  Verify: ['SIGN_VERIFY'],
  GetPublicKey: ['SIGN_VERIFY', 'ENCRYPT_DECRYPT', 'KEY_AGREEMENT'],
  GenerateMac: ['GENERATE_VERIFY_MAC'],
  VerifyMac: ['GENERATE_VERIFY_MAC'],
  DeriveSharedSecret: ['KEY_AGREEMENT'],
};

/** The token of a grant: its id in another form, so that it names the grant without being one. */
export const grantToken = (grantId: string): string => Buffer.from(`grant:${grantId}`).toString('base64url');

/** The id in a token. **Errors**: `InvalidGrantTokenException`. */
function grantIdIn(token: string): string {
  const id = /^grant:([0-9a-f]{64})$/.exec(Buffer.from(token, 'base64url').toString('utf8'))?.[1];
  if (id === undefined) throw keyFailure('InvalidGrantTokenException', 'The grant token is none of this lake.');
  return id;
}

/** Makes a grant; the same one by name again is the first one. */
export async function createGrant(
  deps: KeyDeps,
  context: RequestContext,
  input: NewGrant,
): Promise<{ readonly grantId: string; readonly token: string }> {
  if (input.name !== undefined && !/^[a-zA-Z0-9:/_-]{1,256}$/.test(input.name)) {
    throw keyFailure('ValidationException', 'The name of a grant is 1 to 256 letters, digits and :/_-.');
  }
  for (const arn of [input.grantee, input.retiring]) {
    if (arn === undefined || /^arn:aws:(iam|sts)::\d{12}:.+/.test(arn)) continue;
    throw keyFailure('InvalidArnException', `\`${arn}\` is no ARN of a principal.`);
  }
  const key = await deps.ring.find(context, input.key);
  const operations = [...new Set(input.operations)].sort();
  if (operations.length === 0) throw keyFailure('ValidationException', 'A grant allows at least one operation.');
  for (const operation of operations) {
    if (!Object.hasOwn(OPERATIONS, operation)) {
      throw keyFailure(
        'ValidationException',
        `\`${operation}\` cannot be granted. Known: ${Object.keys(OPERATIONS).join(', ')}.`,
      );
    }
    if (OPERATIONS[operation]?.includes(key.info.usage) === false) {
      throw keyFailure('ValidationException', `${operation} is not for a key with usage ${key.info.usage}.`);
    }
  }
  const constraintTypes = [
    ...(input.constraints?.equals === undefined ? [] : ['EncryptionContextEquals']),
    ...(input.constraints?.subset === undefined ? [] : ['EncryptionContextSubset']),
  ];
  if (constraintTypes.length > 0 && key.info.spec !== 'SYMMETRIC_DEFAULT') {
    throw keyFailure('ValidationException', 'Grant constraints are for symmetric encryption keys only.');
  }
  const by = await authorizeKey(deps, context, key, {
    operation: 'CreateGrant',
    conditions: {
      'kms:GrantOperations': operations,
      'kms:GranteePrincipal': input.grantee,
      'kms:GrantConstraintType': constraintTypes,
      'kms:GrantIsForAWSResource': false,
      ...(input.retiring === undefined ? {} : { 'kms:RetiringPrincipal': input.retiring }),
    },
  });
  if (by === 'grant') refuseWidening(key.grants, context, operations);
  assertNotDeleting(deps, key);
  const row = {
    grant_id: randomBytes(32).toString('hex'),
    key_id: key.info.keyId,
    account_id: context.accountId,
    name: input.name ?? null,
    grantee: input.grantee,
    retiring: input.retiring ?? null,
    operations: JSON.stringify(operations),
    constraints: input.constraints === undefined ? null : JSON.stringify(input.constraints),
    issuer: context.principal.session?.roleArn ?? context.principal.arn,
    created_at: deps.clock.now(),
  };
  const grantId = await deps.store.write(procedures.createGrant, { row, quota: KEY_QUOTAS.grantsPerKey });
  return { grantId, token: grantToken(grantId) };
}

/** Who may grant by a grant alone may hand on only what that grant allows. */
function refuseWidening(grants: readonly KeyGrant[], context: RequestContext, operations: readonly string[]): void {
  const own = grants.filter(
    ({ grantee, operations: allowed }) => grantee === context.principal.arn && allowed.includes('CreateGrant'),
  );
  if (own.some((grant) => operations.every((operation) => grant.operations.includes(operation)))) return;
  throw keyFailure('ValidationException', 'A grant made by a grantee allows only what his own grant allows.');
}

/** The grants of a key. */
export async function listGrants(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  filter: { readonly grantId?: string; readonly grantee?: string },
  page: KeyPageRequest,
): Promise<KeyPage<KeyGrant>> {
  const key = await deps.ring.find(context, name);
  await authorizeKey(deps, context, key, { operation: 'ListGrants' });
  const found = key.grants.filter(
    (grant) =>
      (filter.grantId === undefined || grant.grantId === filter.grantId) &&
      (filter.grantee === undefined || grant.grantee === filter.grantee),
  );
  if (filter.grantId !== undefined && found.length === 0) {
    throw keyFailure('InvalidGrantIdException', `Grant ${filter.grantId} of ${key.info.arn} does not exist.`);
  }
  return pageOfList(found, page, (grant) => grant.grantId);
}

/** The grants a principal may retire. */
export async function listRetirableGrants(
  deps: KeyDeps,
  context: RequestContext,
  retiring: string,
  page: KeyPageRequest,
): Promise<KeyPage<KeyGrant>> {
  const { after, limit } = readPage(page);
  if (retiring !== context.principal.arn)
    await authorizeIam(deps, context, { action: 'kms:ListRetirableGrants', resource: '*' });
  const found = await deps.store.read(procedures.retirableGrants, { retiring, after, limit });
  const items = found.rows.map((row) => grantOf(row, kmsArn(deps.region, row.account_id, `key/${row.key_id}`)));
  return pageOf(items, found.more, (grant) => grant.grantId);
}

/** Gives a grant up: for its retiring principal, its grantee if it allows him, the account's root, and whom IAM allows. */
export async function retireGrant(
  deps: KeyDeps,
  context: RequestContext,
  asked: { readonly token?: string; readonly key?: string; readonly grantId?: string },
): Promise<void> {
  const grantId = asked.token === undefined ? asked.grantId : grantIdIn(asked.token);
  if (grantId === undefined || (asked.token === undefined && asked.key === undefined)) {
    throw keyFailure('ValidationException', 'Name the grant by GrantToken, or by KeyId and GrantId.');
  }
  const row = await deps.store.read(procedures.grant, { grantId });
  const key = row === undefined ? undefined : await deps.ring.byId(row.key_id);
  const named = asked.key === undefined ? key : await deps.ring.find(context, asked.key);
  if (row === undefined || key === undefined || named?.info.keyId !== row.key_id) {
    throw keyFailure(
      asked.token === undefined ? 'InvalidGrantIdException' : 'InvalidGrantTokenException',
      `Grant ${grantId} does not exist.`,
    );
  }
  const caller = context.principal.session?.roleArn ?? context.principal.arn;
  const grant = grantOf(row, key.info.arn);
  const own = grant.retiring === caller || (grant.grantee === caller && grant.operations.includes('RetireGrant'));
  if (!own) await authorizeKey(deps, context, key, { operation: 'RetireGrant' });
  await deps.store.write(procedures.removeGrant, { keyId: row.key_id, grantId });
}

/** Takes a grant away. */
export async function revokeGrant(
  deps: KeyDeps,
  context: RequestContext,
  name: string,
  grantId: string,
): Promise<void> {
  const key = await deps.ring.find(context, name);
  await authorizeKey(deps, context, key, { operation: 'RevokeGrant' });
  if (!key.grants.some((grant) => grant.grantId === grantId)) {
    throw keyFailure('InvalidGrantIdException', `Grant ${grantId} of ${key.info.arn} does not exist.`);
  }
  await deps.store.write(procedures.removeGrant, { keyId: key.info.keyId, grantId });
}
