import type {
  ContextEntry,
  GetAccessKeyLastUsedRequest,
  GetContextKeysForCustomPolicyRequest,
  GetContextKeysForPrincipalPolicyRequest,
  SimulateCustomPolicyRequest,
  SimulatePrincipalPolicyRequest,
} from '@aws-sdk/client-iam';
import { LochError } from '../../../core/errors.ts';
import type { IdentityUseCases, SimulatedDecision, Simulation } from '../../../governance/contract.ts';
import type { AwsServiceDoor } from '../service.ts';

/** Members that change the answer must not be passed over in silence. */
const UNSUPPORTED = ['ResourcePolicy', 'ResourceOwner', 'ResourceHandlingOption', 'CallerArn'];

const partial = `${UNSUPPORTED.join(', ')} are refused by name; all results come on one page`;

const valuesOf = (entries: readonly ContextEntry[] | undefined): Record<string, readonly string[]> =>
  Object.fromEntries((entries ?? []).map((entry) => [entry.ContextKeyName ?? '', entry.ContextKeyValues ?? []]));

function simulationOf(input: SimulatePrincipalPolicyRequest | SimulateCustomPolicyRequest): Simulation {
  for (const name of UNSUPPORTED) {
    if ((input as unknown as Record<string, unknown>)[name] === undefined) continue;
    throw new LochError('unsupported', `\`${name}\` is not supported yet. Leave it out.`, {
      context: { member: name },
    });
  }
  return {
    actions: input.ActionNames ?? [],
    resources: input.ResourceArns,
    policies: input.PolicyInputList,
    boundaries: input.PermissionsBoundaryPolicyInputList,
    values: valuesOf(input.ContextEntries),
  };
}

const resultShape = (decision: SimulatedDecision) => ({
  EvalActionName: decision.action,
  EvalResourceName: decision.resource,
  EvalDecision: decision.decision,
  MatchedStatements: decision.matched.map((statement) => ({
    SourcePolicyId: statement.policyId,
    SourcePolicyType: 'IAM Policy',
    StartPosition: { Line: statement.start.line, Column: statement.start.column },
    EndPosition: { Line: statement.end.line, Column: statement.end.column },
  })),
  MissingContextValues: decision.missing,
});

/** The operations that ask what policies would decide, and what keys were used for. */
export function simulationOperations(identity: IdentityUseCases): AwsServiceDoor['operations'] {
  return {
    SimulatePrincipalPolicy: {
      readOnly: true,
      async run(context, input: SimulatePrincipalPolicyRequest) {
        const decisions = await identity.simulatePrincipal(context, input.PolicySourceArn!, simulationOf(input));
        return { EvaluationResults: decisions.map(resultShape), IsTruncated: false };
      },
      partial,
    },
    SimulateCustomPolicy: {
      readOnly: true,
      async run(context, input: SimulateCustomPolicyRequest) {
        const decisions = await identity.simulateCustom(context, simulationOf(input));
        return { EvaluationResults: decisions.map(resultShape), IsTruncated: false };
      },
      partial,
    },
    GetContextKeysForCustomPolicy: {
      readOnly: true,
      run: async (context, input: GetContextKeysForCustomPolicyRequest) => ({
        ContextKeyNames: await identity.contextKeys(context, input.PolicyInputList ?? []),
      }),
    },
    GetContextKeysForPrincipalPolicy: {
      readOnly: true,
      run: async (context, input: GetContextKeysForPrincipalPolicyRequest) => ({
        ContextKeyNames: await identity.contextKeys(context, input.PolicyInputList ?? [], input.PolicySourceArn),
      }),
    },
    GetAccessKeyLastUsed: {
      readOnly: true,
      async run(context, input: GetAccessKeyLastUsedRequest) {
        const { userName, last } = await identity.accessKeyLastUsed(context, input.AccessKeyId!);
        const used =
          last === undefined
            ? { ServiceName: 'N/A', Region: 'N/A' }
            : { LastUsedDate: new Date(last.at), ServiceName: last.service, Region: last.region };
        return { UserName: userName, AccessKeyLastUsed: used };
      },
    },
  };
}
