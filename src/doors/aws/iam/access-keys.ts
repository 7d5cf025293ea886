import type {
  CreateAccessKeyRequest,
  DeleteAccessKeyRequest,
  ListAccessKeysRequest,
  UpdateAccessKeyRequest,
} from '@aws-sdk/client-iam';
import type { AccessKeyRecord, IdentityUseCases } from '../../../governance/contract.ts';
import type { AwsServiceDoor } from '../service.ts';
import { type PageInput, pageAnswer, pageRequest } from './shapes.ts';

const keyShape = (key: AccessKeyRecord) => ({
  UserName: key.userName,
  AccessKeyId: key.accessKeyId,
  Status: key.status,
  CreateDate: new Date(key.createdAt),
});

/** The operations on access keys. */
export function accessKeyOperations(identity: IdentityUseCases): AwsServiceDoor['operations'] {
  return {
    CreateAccessKey: {
      redact: ['SecretAccessKey'],
      async run(context, input: CreateAccessKeyRequest) {
        const key = await identity.createAccessKey(context, input.UserName);
        return { AccessKey: { ...keyShape(key), SecretAccessKey: key.secret.reveal() } };
      },
    },
    ListAccessKeys: {
      readOnly: true,
      async run(context, input: ListAccessKeysRequest) {
        const page = await identity.listAccessKeys(context, input.UserName, pageRequest(input as PageInput));
        return { AccessKeyMetadata: page.items.map(keyShape), ...pageAnswer(page) };
      },
    },
    UpdateAccessKey: {
      async run(context, input: UpdateAccessKeyRequest) {
        const status = input.Status as 'Active' | 'Inactive';
        await identity.updateAccessKey(context, input.UserName, input.AccessKeyId!, status);
        return {};
      },
    },
    DeleteAccessKey: {
      async run(context, input: DeleteAccessKeyRequest) {
        await identity.deleteAccessKey(context, input.UserName, input.AccessKeyId!);
        return {};
      },
    },
  };
}
