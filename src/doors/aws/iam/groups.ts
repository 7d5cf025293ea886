import type {
  AddUserToGroupRequest,
  CreateGroupRequest,
  DeleteGroupRequest,
  GetGroupRequest,
  ListGroupsForUserRequest,
  RemoveUserFromGroupRequest,
  UpdateGroupRequest,
} from '@aws-sdk/client-iam';
import type { IdentityUseCases } from '../../../governance/contract.ts';
import type { AwsServiceDoor } from '../service.ts';
import { groupShape, type PageInput, pageAnswer, pageRequest, userShape } from './shapes.ts';

const group = (name: string | undefined) => ({ kind: 'group' as const, name: name! });

/** The operations on groups and their members. */
export function groupOperations(identity: IdentityUseCases): AwsServiceDoor['operations'] {
  return {
    CreateGroup: {
      run: async (context, input: CreateGroupRequest) => ({
        Group: groupShape(await identity.createEntity(context, 'group', { name: input.GroupName!, path: input.Path })),
      }),
    },
    GetGroup: {
      readOnly: true,
      async run(context, input: GetGroupRequest) {
        const page = await identity.listUsersOfGroup(context, input.GroupName!, pageRequest(input as PageInput));
        const found = await identity.getEntity(context, 'group', input.GroupName!);
        return { Group: groupShape(found), Users: page.items.map(userShape), ...pageAnswer(page) };
      },
    },
    ListGroups: {
      readOnly: true,
      async run(context, input: PageInput) {
        const page = await identity.listEntities(context, 'group', pageRequest(input));
        return { Groups: page.items.map(groupShape), ...pageAnswer(page) };
      },
    },
    UpdateGroup: {
      async run(context, input: UpdateGroupRequest) {
        const change = { operation: 'UpdateGroup', name: input.NewGroupName, path: input.NewPath };
        await identity.updateEntity(context, group(input.GroupName), change);
        return {};
      },
    },
    DeleteGroup: {
      async run(context, input: DeleteGroupRequest) {
        await identity.deleteEntity(context, group(input.GroupName));
        return {};
      },
    },
    AddUserToGroup: {
      async run(context, input: AddUserToGroupRequest) {
        await identity.addUserToGroup(context, input.GroupName!, input.UserName!);
        return {};
      },
    },
    RemoveUserFromGroup: {
      async run(context, input: RemoveUserFromGroupRequest) {
        await identity.removeUserFromGroup(context, input.GroupName!, input.UserName!);
        return {};
      },
    },
    ListGroupsForUser: {
      readOnly: true,
      async run(context, input: ListGroupsForUserRequest) {
        const page = await identity.listGroupsOfUser(context, input.UserName!, pageRequest(input as PageInput));
        return { Groups: page.items.map(groupShape), ...pageAnswer(page) };
      },
    },
  };
}
