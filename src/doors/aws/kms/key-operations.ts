import type {
  CreateAliasRequest,
  CreateKeyRequest,
  DeleteAliasRequest,
  ListAliasesRequest,
  PutKeyPolicyRequest,
  ScheduleKeyDeletionRequest,
  TagResourceRequest,
  UntagResourceRequest,
  UpdateKeyDescriptionRequest,
} from '@aws-sdk/client-kms';
import { keyFailure, type Keys, type KeyUsage } from '../../../governance/contract.ts';
import type { AwsServiceDoor } from '../service.ts';
import { aliasEntry, keyMetadata, type PageInput, pageAnswer, pageRequest, refuseMembers } from './shapes.ts';

type KeyInput = { readonly KeyId: string };

const tagsOf = (tags: readonly { TagKey?: string | undefined; TagValue?: string | undefined }[] | undefined) =>
  Object.fromEntries((tags ?? []).map(({ TagKey, TagValue }) => [TagKey ?? '', TagValue ?? '']));

function assertDefaultPolicy(name: string | undefined): void {
  if (name === undefined || name === 'default') return;
  throw keyFailure('NotFoundException', `No such policy exists: ${name}. A key has one, \`default\`.`);
}

/** The life of keys: made, described, named, tagged, governed, deleted. */
export function keyOperations(keys: Keys): AwsServiceDoor['operations'] {
  return {
    CreateKey: {
      async run(context, input: CreateKeyRequest) {
        refuseMembers(input, ['CustomKeyStoreId', 'XksKeyId', 'MultiRegion']);
        const key = await keys.createKey(context, {
          ...(input.KeySpec === undefined && input.CustomerMasterKeySpec === undefined
            ? {}
            : { spec: (input.KeySpec ?? input.CustomerMasterKeySpec) as never }),
          ...(input.KeyUsage === undefined ? {} : { usage: input.KeyUsage as KeyUsage }),
          ...(input.Origin === undefined ? {} : { origin: input.Origin as 'AWS_KMS' | 'EXTERNAL' }),
          ...(input.Description === undefined ? {} : { description: input.Description }),
          ...(input.Policy === undefined ? {} : { policy: input.Policy }),
          tags: tagsOf(input.Tags),
          bypassLockoutCheck: input.BypassPolicyLockoutSafetyCheck ?? false,
        });
        return { KeyMetadata: keyMetadata(key) };
      },
      partial: 'single-region keys of Loch; custom key stores, ML-DSA, ML-KEM and SM2 keys are refused by name',
    },
    DescribeKey: {
      readOnly: true,
      run: async (context, { KeyId }: KeyInput) => ({
        KeyMetadata: keyMetadata(await keys.describeKey(context, KeyId)),
      }),
    },
    ListKeys: {
      readOnly: true,
      async run(context, input: PageInput) {
        const page = await keys.listKeys(context, pageRequest(input));
        return { Keys: page.items.map(({ keyId, arn }) => ({ KeyId: keyId, KeyArn: arn })), ...pageAnswer(page) };
      },
    },
    UpdateKeyDescription: {
      async run(context, input: UpdateKeyDescriptionRequest) {
        await keys.updateDescription(context, input.KeyId!, input.Description!);
        return {};
      },
    },
    EnableKey: {
      async run(context, { KeyId }: KeyInput) {
        await keys.setEnabled(context, KeyId, true);
        return {};
      },
    },
    DisableKey: {
      async run(context, { KeyId }: KeyInput) {
        await keys.setEnabled(context, KeyId, false);
        return {};
      },
    },
    ScheduleKeyDeletion: {
      async run(context, input: ScheduleKeyDeletionRequest) {
        const days = input.PendingWindowInDays ?? 30;
        const key = await keys.scheduleDeletion(context, input.KeyId!, days);
        const DeletionDate = new Date(key.deletionAt!);
        return { KeyId: key.arn, DeletionDate, KeyState: key.state, PendingWindowInDays: days };
      },
    },
    CancelKeyDeletion: {
      run: async (context, { KeyId }: KeyInput) => ({ KeyId: (await keys.cancelDeletion(context, KeyId)).arn }),
    },
    GetKeyLastUsage: {
      readOnly: true,
      async run(context, { KeyId }: KeyInput) {
        const key = await keys.lastUsage(context, KeyId);
        return {
          KeyId: key.arn,
          KeyCreationDate: new Date(key.createdAt),
          TrackingStartDate: new Date(key.createdAt),
          ...(key.lastUsedAt === undefined
            ? {}
            : { KeyLastUsage: { Operation: key.lastUsedFor, Timestamp: new Date(key.lastUsedAt) } }),
        };
      },
      partial: 'to the minute; without the id of the audit event',
    },
    CreateAlias: {
      async run(context, input: CreateAliasRequest) {
        await keys.createAlias(context, input.AliasName!, input.TargetKeyId!);
        return {};
      },
    },
    UpdateAlias: {
      async run(context, input: CreateAliasRequest) {
        await keys.updateAlias(context, input.AliasName!, input.TargetKeyId!);
        return {};
      },
    },
    DeleteAlias: {
      async run(context, input: DeleteAliasRequest) {
        await keys.deleteAlias(context, input.AliasName!);
        return {};
      },
    },
    ListAliases: {
      readOnly: true,
      async run(context, input: ListAliasesRequest) {
        const page = await keys.listAliases(context, input.KeyId, pageRequest(input as PageInput));
        return { Aliases: page.items.map(aliasEntry), ...pageAnswer(page) };
      },
    },
    TagResource: {
      async run(context, input: TagResourceRequest) {
        await keys.tagKey(context, input.KeyId!, tagsOf(input.Tags));
        return {};
      },
    },
    UntagResource: {
      async run(context, input: UntagResourceRequest) {
        await keys.untagKey(context, input.KeyId!, input.TagKeys ?? []);
        return {};
      },
    },
    ListResourceTags: {
      readOnly: true,
      async run(context, input: KeyInput & PageInput) {
        const page = await keys.listTags(context, input.KeyId, pageRequest(input));
        return { Tags: page.items.map(([TagKey, TagValue]) => ({ TagKey, TagValue })), ...pageAnswer(page) };
      },
    },
    GetKeyPolicy: {
      readOnly: true,
      async run(context, input: KeyInput & { PolicyName?: string }) {
        assertDefaultPolicy(input.PolicyName);
        return { Policy: await keys.getPolicy(context, input.KeyId), PolicyName: 'default' };
      },
    },
    PutKeyPolicy: {
      async run(context, input: PutKeyPolicyRequest) {
        assertDefaultPolicy(input.PolicyName);
        await keys.putPolicy(context, input.KeyId!, input.Policy!, input.BypassPolicyLockoutSafetyCheck ?? false);
        return {};
      },
    },
    ListKeyPolicies: {
      readOnly: true,
      async run(context, { KeyId }: KeyInput) {
        return { PolicyNames: [...(await keys.listPolicies(context, KeyId))], Truncated: false };
      },
    },
  };
}
