import type {
  CreateUserRequest,
  DeleteUserPermissionsBoundaryRequest,
  DeleteUserRequest,
  GetUserRequest,
  ListUserTagsRequest,
  PutUserPermissionsBoundaryRequest,
  TagUserRequest,
  UntagUserRequest,
  UpdateUserRequest,
} from '@aws-sdk/client-iam';
import { iamArn } from '../../../core/arn.ts';
import type { IdentityUseCases } from '../../../governance/contract.ts';
import type { AwsServiceDoor } from '../service.ts';
import { type PageInput, pageAnswer, pageRequest, tagList, tagsOf, userShape } from './shapes.ts';

const user = (name: string | undefined) => ({ kind: 'user' as const, name: name! });

/** The operations on users. */
export function userOperations(identity: IdentityUseCases): AwsServiceDoor['operations'] {
  return {
    CreateUser: {
      run: async (context, input: CreateUserRequest) => ({
        User: userShape(
          await identity.createEntity(context, 'user', {
            name: input.UserName!,
            path: input.Path,
            tags: tagsOf(input.Tags),
            boundary: input.PermissionsBoundary,
          }),
        ),
      }),
    },
    GetUser: {
      readOnly: true,
      async run(context, input: GetUserRequest) {
        const { principal } = context;
        if (input.UserName === undefined && principal.kind === 'root') {
          // Root is no user, yet asks for himself the same way; AWS answers with the account, as old as its first key.
          const keys = await identity.listAccessKeys(context, undefined, {});
          const createdAt = Math.min(...keys.items.map((key) => key.createdAt));
          const Arn = iamArn(principal.accountId, 'root');
          return { User: { Path: '/', UserName: 'root', UserId: principal.id, Arn, CreateDate: new Date(createdAt) } };
        }
        return { User: userShape(await identity.getEntity(context, 'user', input.UserName)) };
      },
    },
    ListUsers: {
      readOnly: true,
      async run(context, input: PageInput) {
        const page = await identity.listEntities(context, 'user', pageRequest(input));
        return { Users: page.items.map(userShape), ...pageAnswer(page) };
      },
    },
    GetAccountSummary: {
      readOnly: true,
      async run(context) {
        const { quotas, ...found } = await identity.accountSummary(context);
        return {
          SummaryMap: {
            Users: found.users,
            UsersQuota: quotas.users,
            Groups: found.groups,
            GroupsQuota: quotas.groups,
            Roles: found.roles,
            RolesQuota: quotas.roles,
            Policies: found.managedPolicies,
            PoliciesQuota: quotas.managedPolicies,
            AccountAccessKeysPresent: found.rootAccessKeys > 0 ? 1 : 0,
            AccessKeysPerUserQuota: quotas.accessKeysPerUser,
            AttachedPoliciesPerUserQuota: quotas.attachedPolicies,
            AttachedPoliciesPerGroupQuota: quotas.attachedPolicies,
            AttachedPoliciesPerRoleQuota: quotas.attachedPolicies,
            GroupsPerUserQuota: quotas.groupsPerUser,
            VersionsPerPolicyQuota: quotas.policyVersions,
            PolicySizeQuota: quotas.managedPolicyCharacters,
            UserPolicySizeQuota: quotas.inlineCharacters.user,
            GroupPolicySizeQuota: quotas.inlineCharacters.group,
          },
        };
      },
      partial: 'without what Loch does not have: MFA devices, certificates, instance profiles, providers',
    },
    UpdateUser: {
      async run(context, input: UpdateUserRequest) {
        const change = { operation: 'UpdateUser', name: input.NewUserName, path: input.NewPath };
        await identity.updateEntity(context, user(input.UserName), change);
        return {};
      },
    },
    DeleteUser: {
      async run(context, input: DeleteUserRequest) {
        await identity.deleteEntity(context, user(input.UserName));
        return {};
      },
    },
    TagUser: {
      async run(context, input: TagUserRequest) {
        await identity.tagEntity(context, user(input.UserName), tagsOf(input.Tags) ?? {});
        return {};
      },
    },
    UntagUser: {
      async run(context, input: UntagUserRequest) {
        await identity.untagEntity(context, user(input.UserName), input.TagKeys ?? []);
        return {};
      },
    },
    ListUserTags: {
      readOnly: true,
      async run(context, input: ListUserTagsRequest) {
        const { tags } = await identity.getEntity(context, 'user', input.UserName!, 'ListUserTags');
        return { Tags: tagList(tags), IsTruncated: false };
      },
    },
    PutUserPermissionsBoundary: {
      async run(context, input: PutUserPermissionsBoundaryRequest) {
        const change = { operation: 'PutUserPermissionsBoundary', boundary: input.PermissionsBoundary! };
        await identity.updateEntity(context, user(input.UserName), change);
        return {};
      },
    },
    DeleteUserPermissionsBoundary: {
      async run(context, input: DeleteUserPermissionsBoundaryRequest) {
        const change = { operation: 'DeleteUserPermissionsBoundary', boundary: null };
        await identity.updateEntity(context, user(input.UserName), change);
        return {};
      },
    },
  };
}
