/** Keys in the shapes of the KMS API. */
import type { AliasListEntry, GrantListEntry, KeyMetadata, RotationsListEntry } from '@aws-sdk/client-kms';
import type {
  KeyAlias,
  KeyGrant,
  KeyInfo,
  KeyPage,
  KeyPageRequest,
  KeyRotation,
} from '../../../governance/contract.ts';
import { LochError } from '../../../core/errors.ts';

/** `ListX` input. */
export interface PageInput {
  readonly Limit?: number;
  readonly Marker?: string;
}

export const pageRequest = (input: PageInput): KeyPageRequest => ({
  ...(input.Limit === undefined ? {} : { limit: input.Limit }),
  ...(input.Marker === undefined ? {} : { marker: input.Marker }),
});

export const pageAnswer = (page: KeyPage<unknown>) => ({
  Truncated: page.marker !== undefined,
  ...(page.marker === undefined ? {} : { NextMarker: page.marker }),
});

/** Algorithms under the member of their usage. */
export function algorithmMembers(key: KeyInfo) {
  const member = {
    ENCRYPT_DECRYPT: 'EncryptionAlgorithms',
    SIGN_VERIFY: 'SigningAlgorithms',
    GENERATE_VERIFY_MAC: 'MacAlgorithms',
    KEY_AGREEMENT: 'KeyAgreementAlgorithms',
  }[key.usage];
  return { [member]: [...key.algorithms] };
}

/** A key as DescribeKey tells it. */
export function keyMetadata(key: KeyInfo): KeyMetadata {
  return {
    AWSAccountId: key.accountId,
    KeyId: key.keyId,
    Arn: key.arn,
    CreationDate: new Date(key.createdAt),
    Enabled: key.state === 'Enabled',
    Description: key.description,
    KeyUsage: key.usage,
    KeyState: key.state,
    Origin: key.origin,
    KeyManager: key.manager,
    CustomerMasterKeySpec: key.spec as KeyMetadata['CustomerMasterKeySpec'],
    KeySpec: key.spec,
    MultiRegion: false,
    ...algorithmMembers(key),
    ...(key.deletionAt === undefined ? {} : { DeletionDate: new Date(key.deletionAt) }),
    ...(key.origin === 'EXTERNAL' && key.state !== 'PendingImport'
      ? { ExpirationModel: key.expiresAt === undefined ? 'KEY_MATERIAL_DOES_NOT_EXPIRE' : 'KEY_MATERIAL_EXPIRES' }
      : {}),
    ...(key.expiresAt === undefined ? {} : { ValidTo: new Date(key.expiresAt) }),
    ...(key.materialId === undefined || key.spec !== 'SYMMETRIC_DEFAULT'
      ? {}
      : { CurrentKeyMaterialId: key.materialId }),
  };
}

export const aliasEntry = (alias: KeyAlias): AliasListEntry => ({
  AliasName: alias.name,
  AliasArn: alias.arn,
  TargetKeyId: alias.keyId,
  CreationDate: new Date(alias.createdAt),
  LastUpdatedDate: new Date(alias.updatedAt),
});

export const grantEntry = (grant: KeyGrant): GrantListEntry => ({
  KeyId: grant.keyArn,
  GrantId: grant.grantId,
  Name: grant.name ?? '',
  CreationDate: new Date(grant.createdAt),
  GranteePrincipal: grant.grantee,
  ...(grant.retiring === undefined ? {} : { RetiringPrincipal: grant.retiring }),
  IssuingAccount: grant.issuer,
  Operations: [...grant.operations] as GrantListEntry['Operations'],
  ...(grant.constraints === undefined
    ? {}
    : {
        Constraints: {
          ...(grant.constraints.subset === undefined
            ? {}
            : { EncryptionContextSubset: { ...grant.constraints.subset } }),
          ...(grant.constraints.equals === undefined
            ? {}
            : { EncryptionContextEquals: { ...grant.constraints.equals } }),
        },
      }),
});

export const rotationEntry =
  (keyArn: string) =>
  (rotation: KeyRotation): RotationsListEntry => ({
    KeyId: keyArn,
    KeyMaterialId: rotation.materialId,
    KeyMaterialState: rotation.current ? 'CURRENT' : 'NON_CURRENT',
    RotationDate: new Date(rotation.at),
    ...(rotation.type === undefined ? {} : { RotationType: rotation.type }),
    ...(rotation.expiresAt === undefined ? {} : { ValidTo: new Date(rotation.expiresAt) }),
  });

/** Members that change what is asked for must not be passed over in silence. **Errors**: `unsupported`. */
export function refuseMembers(input: object, names: readonly string[]): void {
  for (const name of names) {
    const value = (input as Record<string, unknown>)[name];
    if (value === undefined || value === false) continue;
    throw new LochError('unsupported', `\`${name}\` is not supported. Leave it out.`, { context: { member: name } });
  }
}
