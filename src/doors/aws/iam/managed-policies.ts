import type {
  CreatePolicyRequest,
  CreatePolicyVersionRequest,
  DeletePolicyRequest,
  DeletePolicyVersionRequest,
  GetPolicyRequest,
  GetPolicyVersionRequest,
  ListEntitiesForPolicyRequest,
  ListPoliciesRequest,
  ListPolicyVersionsRequest,
  ListPolicyTagsRequest,
  SetDefaultPolicyVersionRequest,
  TagPolicyRequest,
  UntagPolicyRequest,
} from '@aws-sdk/client-iam';
import type { IdentityUseCases } from '../../../governance/contract.ts';
import type { AwsServiceDoor } from '../service.ts';
import { type PageInput, pageAnswer, pageRequest, policyShape, tagList, tagsOf, versionShape } from './shapes.ts';

/** The operations on managed policies and their versions. */
export function managedPolicyOperations(identity: IdentityUseCases): AwsServiceDoor['operations'] {
  return {
    CreatePolicy: {
      run: async (context, input: CreatePolicyRequest) => ({
        Policy: policyShape(
          await identity.createPolicy(context, {
            name: input.PolicyName!,
            document: input.PolicyDocument!,
            path: input.Path,
            description: input.Description,
            tags: tagsOf(input.Tags),
          }),
        ),
      }),
    },
    GetPolicy: {
      readOnly: true,
      run: async (context, input: GetPolicyRequest) => ({
        Policy: policyShape(await identity.getPolicy(context, input.PolicyArn!)),
      }),
    },
    ListPolicies: {
      readOnly: true,
      async run(context, input: ListPoliciesRequest) {
        const page = await identity.listPolicies(context, {
          ...pageRequest(input as PageInput),
          scope: input.Scope,
          onlyAttached: input.OnlyAttached,
        });
        return { Policies: page.items.map(policyShape), ...pageAnswer(page) };
      },
    },
    DeletePolicy: {
      async run(context, input: DeletePolicyRequest) {
        await identity.deletePolicy(context, input.PolicyArn!);
        return {};
      },
    },
    CreatePolicyVersion: {
      async run(context, input: CreatePolicyVersionRequest) {
        const version = await identity.createPolicyVersion(context, {
          arn: input.PolicyArn!,
          document: input.PolicyDocument!,
          setAsDefault: input.SetAsDefault ?? false,
        });
        return { PolicyVersion: versionShape(version, false) };
      },
    },
    GetPolicyVersion: {
      readOnly: true,
      async run(context, input: GetPolicyVersionRequest) {
        const version = await identity.getPolicyVersion(context, input.PolicyArn!, input.VersionId!);
        return { PolicyVersion: versionShape(version, true) };
      },
    },
    ListPolicyVersions: {
      readOnly: true,
      async run(context, input: ListPolicyVersionsRequest) {
        const page = await identity.listPolicyVersions(context, input.PolicyArn!, pageRequest(input as PageInput));
        return { Versions: page.items.map((version) => versionShape(version, false)), ...pageAnswer(page) };
      },
    },
    SetDefaultPolicyVersion: {
      async run(context, input: SetDefaultPolicyVersionRequest) {
        await identity.setDefaultPolicyVersion(context, input.PolicyArn!, input.VersionId!);
        return {};
      },
    },
    DeletePolicyVersion: {
      async run(context, input: DeletePolicyVersionRequest) {
        await identity.deletePolicyVersion(context, input.PolicyArn!, input.VersionId!);
        return {};
      },
    },
    TagPolicy: {
      async run(context, input: TagPolicyRequest) {
        await identity.tagPolicy(context, input.PolicyArn!, tagsOf(input.Tags) ?? {});
        return {};
      },
    },
    UntagPolicy: {
      async run(context, input: UntagPolicyRequest) {
        await identity.untagPolicy(context, input.PolicyArn!, input.TagKeys ?? []);
        return {};
      },
    },
    ListPolicyTags: {
      readOnly: true,
      async run(context, input: ListPolicyTagsRequest) {
        const { tags } = await identity.getPolicy(context, input.PolicyArn!);
        return { Tags: tagList(tags), IsTruncated: false };
      },
      partial: 'asks for iam:GetPolicy instead of iam:ListPolicyTags',
    },
    ListEntitiesForPolicy: {
      readOnly: true,
      async run(context, input: ListEntitiesForPolicyRequest) {
        const entities = await identity.listEntitiesForPolicy(context, input.PolicyArn!);
        const of = (kind: string) => entities.filter((entity) => entity.kind === kind);
        return {
          PolicyUsers: of('user').map(({ name, id }) => ({ UserName: name, UserId: id })),
          PolicyGroups: of('group').map(({ name, id }) => ({ GroupName: name, GroupId: id })),
          PolicyRoles: of('role').map(({ name, id }) => ({ RoleName: name, RoleId: id })),
          IsTruncated: false,
        };
      },
      partial: 'filters are passed over and all come on one page',
    },
  };
}
