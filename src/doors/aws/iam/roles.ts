import type {
  CreateRoleRequest,
  DeleteRolePermissionsBoundaryRequest,
  DeleteRoleRequest,
  GetRoleRequest,
  ListRoleTagsRequest,
  PutRolePermissionsBoundaryRequest,
  TagRoleRequest,
  UntagRoleRequest,
  UpdateAssumeRolePolicyRequest,
  UpdateRoleRequest,
} from '@aws-sdk/client-iam';
import type { IdentityUseCases } from '../../../governance/contract.ts';
import type { AwsServiceDoor } from '../service.ts';
import { type PageInput, pageAnswer, pageRequest, roleShape, tagList, tagsOf } from './shapes.ts';

const role = (name: string | undefined) => ({ kind: 'role' as const, name: name! });

/** The operations on roles. */
export function roleOperations(identity: IdentityUseCases): AwsServiceDoor['operations'] {
  return {
    CreateRole: {
      run: async (context, input: CreateRoleRequest) => ({
        Role: roleShape(
          await identity.createEntity(context, 'role', {
            name: input.RoleName!,
            path: input.Path,
            trustPolicy: input.AssumeRolePolicyDocument,
            description: input.Description,
            maxSessionSeconds: input.MaxSessionDuration,
            boundary: input.PermissionsBoundary,
            tags: tagsOf(input.Tags),
          }),
        ),
      }),
    },
    GetRole: {
      readOnly: true,
      run: async (context, input: GetRoleRequest) => ({
        Role: roleShape(await identity.getEntity(context, 'role', input.RoleName!)),
      }),
      partial: 'without RoleLastUsed',
    },
    ListRoles: {
      readOnly: true,
      async run(context, input: PageInput) {
        const page = await identity.listEntities(context, 'role', pageRequest(input));
        return { Roles: page.items.map(roleShape), ...pageAnswer(page) };
      },
    },
    UpdateRole: {
      async run(context, input: UpdateRoleRequest) {
        await identity.updateEntity(context, role(input.RoleName), {
          operation: 'UpdateRole',
          description: input.Description,
          maxSessionSeconds: input.MaxSessionDuration,
        });
        return {};
      },
    },
    UpdateAssumeRolePolicy: {
      async run(context, input: UpdateAssumeRolePolicyRequest) {
        const change = { operation: 'UpdateAssumeRolePolicy', trustPolicy: input.PolicyDocument };
        await identity.updateEntity(context, role(input.RoleName), change);
        return {};
      },
    },
    DeleteRole: {
      async run(context, input: DeleteRoleRequest) {
        await identity.deleteEntity(context, role(input.RoleName));
        return {};
      },
    },
    TagRole: {
      async run(context, input: TagRoleRequest) {
        await identity.tagEntity(context, role(input.RoleName), tagsOf(input.Tags) ?? {});
        return {};
      },
    },
    UntagRole: {
      async run(context, input: UntagRoleRequest) {
        await identity.untagEntity(context, role(input.RoleName), input.TagKeys ?? []);
        return {};
      },
    },
    ListRoleTags: {
      readOnly: true,
      async run(context, input: ListRoleTagsRequest) {
        const { tags } = await identity.getEntity(context, 'role', input.RoleName!, 'ListRoleTags');
        return { Tags: tagList(tags), IsTruncated: false };
      },
    },
    PutRolePermissionsBoundary: {
      async run(context, input: PutRolePermissionsBoundaryRequest) {
        const change = { operation: 'PutRolePermissionsBoundary', boundary: input.PermissionsBoundary! };
        await identity.updateEntity(context, role(input.RoleName), change);
        return {};
      },
    },
    DeleteRolePermissionsBoundary: {
      async run(context, input: DeleteRolePermissionsBoundaryRequest) {
        const change = { operation: 'DeleteRolePermissionsBoundary', boundary: null };
        await identity.updateEntity(context, role(input.RoleName), change);
        return {};
      },
    },
  };
}
