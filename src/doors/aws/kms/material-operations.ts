import type {
  CreateGrantRequest,
  EnableKeyRotationRequest,
  GetParametersForImportRequest,
  ImportKeyMaterialRequest,
  ListGrantsRequest,
  ListKeyRotationsRequest,
  ListRetirableGrantsRequest,
  RetireGrantRequest,
  RevokeGrantRequest,
} from '@aws-sdk/client-kms';
import { keyFailure, type Keys } from '../../../governance/contract.ts';
import type { AwsServiceDoor } from '../service.ts';
import { grantEntry, type PageInput, pageAnswer, pageRequest, refuseMembers, rotationEntry } from './shapes.ts';

type KeyInput = { readonly KeyId: string };

/** Grants, rotation and imported material. */
export function materialOperations(keys: Keys): AwsServiceDoor['operations'] {
  return {
    CreateGrant: {
      redact: ['GrantToken'],
      async run(context, input: CreateGrantRequest) {
        refuseMembers(input, ['DryRun']);
        const { EncryptionContextSubset: subset, EncryptionContextEquals: equals } = input.Constraints ?? {};
        const grant = await keys.createGrant(context, {
          key: input.KeyId!,
          grantee: input.GranteePrincipal!,
          operations: input.Operations ?? [],
          ...(input.RetiringPrincipal === undefined ? {} : { retiring: input.RetiringPrincipal }),
          ...(input.Name === undefined ? {} : { name: input.Name }),
          ...(subset === undefined && equals === undefined
            ? {}
            : { constraints: { ...(subset && { subset }), ...(equals && { equals }) } }),
        });
        return { GrantId: grant.grantId, GrantToken: grant.token };
      },
    },
    ListGrants: {
      readOnly: true,
      async run(context, input: ListGrantsRequest) {
        const filter = {
          ...(input.GrantId === undefined ? {} : { grantId: input.GrantId }),
          ...(input.GranteePrincipal === undefined ? {} : { grantee: input.GranteePrincipal }),
        };
        const page = await keys.listGrants(context, input.KeyId!, filter, pageRequest(input as PageInput));
        return { Grants: page.items.map(grantEntry), ...pageAnswer(page) };
      },
    },
    ListRetirableGrants: {
      readOnly: true,
      async run(context, input: ListRetirableGrantsRequest) {
        const page = await keys.listRetirableGrants(context, input.RetiringPrincipal!, pageRequest(input as PageInput));
        return { Grants: page.items.map(grantEntry), ...pageAnswer(page) };
      },
    },
    RetireGrant: {
      redact: ['GrantToken'],
      async run(context, input: RetireGrantRequest) {
        refuseMembers(input, ['DryRun']);
        await keys.retireGrant(context, {
          ...(input.GrantToken === undefined ? {} : { token: input.GrantToken }),
          ...(input.KeyId === undefined ? {} : { key: input.KeyId }),
          ...(input.GrantId === undefined ? {} : { grantId: input.GrantId }),
        });
        return {};
      },
    },
    RevokeGrant: {
      async run(context, input: RevokeGrantRequest) {
        refuseMembers(input, ['DryRun']);
        await keys.revokeGrant(context, input.KeyId!, input.GrantId!);
        return {};
      },
    },
    EnableKeyRotation: {
      async run(context, input: EnableKeyRotationRequest) {
        await keys.setRotation(context, input.KeyId!, true, input.RotationPeriodInDays);
        return {};
      },
    },
    DisableKeyRotation: {
      async run(context, { KeyId }: KeyInput) {
        await keys.setRotation(context, KeyId, false);
        return {};
      },
    },
    GetKeyRotationStatus: {
      readOnly: true,
      async run(context, { KeyId }: KeyInput) {
        const { arn, rotation } = await keys.rotationStatus(context, KeyId);
        return {
          KeyId: arn,
          KeyRotationEnabled: rotation.enabled,
          ...(rotation.enabled ? { RotationPeriodInDays: rotation.periodDays } : {}),
          ...(rotation.nextAt === undefined ? {} : { NextRotationDate: new Date(rotation.nextAt) }),
        };
      },
    },
    RotateKeyOnDemand: {
      run: async (context, { KeyId }: KeyInput) => ({ KeyId: (await keys.rotateOnDemand(context, KeyId)).arn }),
    },
    ListKeyRotations: {
      readOnly: true,
      async run(context, input: ListKeyRotationsRequest) {
        const include = input.IncludeKeyMaterial ?? 'ROTATIONS_ONLY';
        const page = await keys.listRotations(context, input.KeyId!, include, pageRequest(input as PageInput));
        return { Rotations: page.items.map(rotationEntry(page.keyArn)), ...pageAnswer(page) };
      },
    },
    GetParametersForImport: {
      readOnly: true,
      async run(context, input: GetParametersForImportRequest) {
        const { keyArn, publicKey, token, validTo } = await keys.importParameters(
          context,
          input.KeyId!,
          input.WrappingAlgorithm!,
          input.WrappingKeySpec!,
        );
        return { KeyId: keyArn, PublicKey: publicKey, ImportToken: token, ParametersValidTo: new Date(validTo) };
      },
    },
    ImportKeyMaterial: {
      async run(context, input: ImportKeyMaterialRequest) {
        refuseMembers(input, ['KeyMaterialDescription']);
        const expires = input.ExpirationModel ?? 'KEY_MATERIAL_EXPIRES';
        if ((expires === 'KEY_MATERIAL_EXPIRES') !== (input.ValidTo !== undefined)) {
          throw keyFailure(
            'ValidationException',
            'Give ValidTo with KEY_MATERIAL_EXPIRES (the default), and only then.',
          );
        }
        const made = await keys.importMaterial(context, {
          key: input.KeyId!,
          token: input.ImportToken!,
          wrapped: input.EncryptedKeyMaterial!,
          ...(input.ValidTo === undefined ? {} : { expiresAt: input.ValidTo.getTime() }),
          ...(input.KeyMaterialId === undefined ? {} : { materialId: input.KeyMaterialId }),
          isNew: input.ImportType === 'NEW_KEY_MATERIAL',
        });
        return { KeyId: made.keyArn, KeyMaterialId: made.materialId };
      },
    },
    DeleteImportedKeyMaterial: {
      async run(context, input: KeyInput & { KeyMaterialId?: string }) {
        const key = await keys.deleteImportedMaterial(context, input.KeyId, input.KeyMaterialId);
        return { KeyId: key.arn, ...(key.materialId === undefined ? {} : { KeyMaterialId: key.materialId }) };
      },
    },
  };
}
