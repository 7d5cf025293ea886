import { randomUUID } from 'node:crypto';
import type { RequestContext } from '../../../core/caller.ts';
import { authorizeIam } from '../authorize-iam.ts';
import { keepsControl } from '../authorize-key.ts';
import { keyFailure, type KeyInfo, type NewKey } from '../contract.ts';
import { newMaterial } from '../crypto/asymmetric.ts';
import { checkSpec } from '../crypto/specs.ts';
import { type KeyDeps, procedures } from '../key-deps.ts';
import { defaultPolicy, parseKeyPolicy } from '../key-policy.ts';
import { kmsArn, materialIdOf } from '../key-ring.ts';
import type { KeyRow, MaterialRow } from '../store/tables.ts';
import { checkDescription, checkKeyTags } from './check-key.ts';

/** Makes a key; with origin EXTERNAL one that waits for its material. */
export async function createKey(deps: KeyDeps, context: RequestContext, input: NewKey): Promise<KeyInfo> {
  const { spec, usage } = checkSpec(input.spec ?? 'SYMMETRIC_DEFAULT', input.usage);
  const origin = input.origin ?? 'AWS_KMS';
  if (origin !== 'AWS_KMS' && origin !== 'EXTERNAL') {
    throw keyFailure(
      'UnsupportedOperationException',
      `Origin ${origin as string} is not supported. Known: AWS_KMS, EXTERNAL.`,
    );
  }
  const tags = input.tags ?? {};
  checkKeyTags(tags);
  checkDescription(input.description ?? '');
  const policy = input.policy ?? defaultPolicy(context.accountId);
  const document = parseKeyPolicy(policy);
  const keyId = randomUUID();
  const arn = kmsArn(deps.region, context.accountId, `key/${keyId}`);
  await authorizeIam(deps, context, {
    action: 'kms:CreateKey',
    resource: '*',
    conditions: {
      'kms:KeySpec': spec,
      'kms:KeyUsage': usage,
      'kms:KeyOrigin': origin,
      'kms:BypassPolicyLockoutSafetyCheck': input.bypassLockoutCheck === true,
      'aws:TagKeys': Object.keys(tags),
      ...Object.fromEntries(Object.entries(tags).map(([name, value]) => [`aws:RequestTag/${name}`, value])),
    },
  });
  if (input.bypassLockoutCheck !== true && !(await keepsControl(deps, context, document, arn))) throw lockedOut();
  const row: KeyRow = {
    key_id: keyId,
    account_id: context.accountId,
    spec,
    usage,
    origin,
    manager: 'CUSTOMER',
    enabled: 1,
    description: input.description ?? '',
    policy,
    tags: JSON.stringify(tags),
    created_at: deps.clock.now(),
    deletion_at: null,
    rotation_days: null,
    rotation_next: null,
  };
  const material = origin === 'EXTERNAL' ? undefined : await firstMaterial(deps, row);
  await deps.store.write(procedures.createKey, { row, ...(material === undefined ? {} : { material }) });
  return deps.ring.infoOf((await deps.ring.byId(keyId))!);
}

/** The failure of a policy that its author could not change again. */
export const lockedOut = (): Error =>
  keyFailure(
    'MalformedPolicyDocumentException',
    'The new key policy will not allow you to update the key policy in the future.',
  );

/** New material for a row, sealed. */
export async function firstMaterial(deps: Pick<KeyDeps, 'ring' | 'clock'>, row: KeyRow): Promise<MaterialRow> {
  const made = await newMaterial(row.spec as KeyInfo['spec']);
  const materialId = materialIdOf(row.key_id, made.material);
  return {
    key_id: row.key_id,
    material_id: materialId,
    number: 1,
    sealed: deps.ring.seal(row.key_id, materialId, made.material),
    public_key: made.publicKey ?? null,
    created_at: deps.clock.now(),
    expires_at: null,
    cause: 'FIRST',
    current: 1,
  };
}
