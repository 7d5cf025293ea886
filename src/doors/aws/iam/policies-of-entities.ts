/** The seven operations on the policies of an entity, which IAM has for users, groups and roles alike. */
import type { EntityKind, IdentityUseCases } from '../../../governance/contract.ts';
import type { AwsServiceDoor, OperationSpec } from '../service.ts';
import { encodedDocument, type PageInput, pageAnswer, pageRequest } from './shapes.ts';

/** The inputs of all seven: each operation has some of these members. */
interface PolicyInput extends PageInput {
  readonly UserName?: string;
  readonly GroupName?: string;
  readonly RoleName?: string;
  readonly PolicyName?: string;
  readonly PolicyArn?: string;
  readonly PolicyDocument?: string;
}

export function policiesOfEntities(identity: IdentityUseCases): AwsServiceDoor['operations'] {
  return { ...policiesOf(identity, 'user'), ...policiesOf(identity, 'group'), ...policiesOf(identity, 'role') };
}

function policiesOf(identity: IdentityUseCases, kind: EntityKind): Record<string, OperationSpec> {
  const Kind = kind === 'user' ? 'User' : kind === 'group' ? 'Group' : 'Role';
  const nameMember = `${Kind}Name` as const;
  const ref = (input: PolicyInput) => ({ kind, name: input[nameMember]! });
  return {
    [`Attach${Kind}Policy`]: {
      async run(context, input: PolicyInput) {
        await identity.attachPolicy(context, ref(input), input.PolicyArn!);
        return {};
      },
    },
    [`Detach${Kind}Policy`]: {
      async run(context, input: PolicyInput) {
        await identity.detachPolicy(context, ref(input), input.PolicyArn!);
        return {};
      },
    },
    [`ListAttached${Kind}Policies`]: {
      readOnly: true,
      async run(context, input: PolicyInput) {
        const page = await identity.listAttachedPolicies(context, ref(input), pageRequest(input));
        const attached = page.items.map(({ name, arn }) => ({ PolicyName: name, PolicyArn: arn }));
        return { AttachedPolicies: attached, ...pageAnswer(page) };
      },
    },
    [`Put${Kind}Policy`]: {
      async run(context, input: PolicyInput) {
        await identity.putInlinePolicy(context, ref(input), input.PolicyName!, input.PolicyDocument!);
        return {};
      },
    },
    [`Get${Kind}Policy`]: {
      readOnly: true,
      async run(context, input: PolicyInput) {
        const document = await identity.getInlinePolicy(context, ref(input), input.PolicyName!);
        return {
          [nameMember]: input[nameMember],
          PolicyName: input.PolicyName,
          PolicyDocument: encodedDocument(document),
        };
      },
    },
    [`Delete${Kind}Policy`]: {
      async run(context, input: PolicyInput) {
        await identity.deleteInlinePolicy(context, ref(input), input.PolicyName!);
        return {};
      },
    },
    [`List${Kind}Policies`]: {
      readOnly: true,
      async run(context, input: PolicyInput) {
        const page = await identity.listInlinePolicies(context, ref(input), pageRequest(input));
        return { PolicyNames: page.items, ...pageAnswer(page) };
      },
    },
  };
}
