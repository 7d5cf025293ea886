import type { IdentityUseCases } from '../../../governance/contract.ts';
import type { AwsServiceDoor } from '../service.ts';
import { accessKeyOperations } from './access-keys.ts';
import { groupOperations } from './groups.ts';
import { managedPolicyOperations } from './managed-policies.ts';
import { policiesOfEntities } from './policies-of-entities.ts';
import { roleOperations } from './roles.ts';
import { simulationOperations } from './simulations.ts';
import { userOperations } from './users.ts';

/** The IAM door: users, groups, roles, access keys and policies. */
export function iamService(identity: IdentityUseCases): AwsServiceDoor {
  return {
    name: 'iam',
    signingNames: ['iam'],
    schemas: () => import('@aws-sdk/client-iam'),
    operations: {
      ...userOperations(identity),
      ...groupOperations(identity),
      ...roleOperations(identity),
      ...accessKeyOperations(identity),
      ...managedPolicyOperations(identity),
      ...policiesOfEntities(identity),
      ...simulationOperations(identity),
    },
    errors: {
      not_found: 'NoSuchEntityException',
      already_exists: 'EntityAlreadyExistsException',
      limit_exceeded: 'LimitExceededException',
      malformed_policy: 'MalformedPolicyDocumentException',
      conflict: (error) =>
        error.context.reason === 'delete_conflict' ? 'DeleteConflictException' : 'ConcurrentModificationException',
    },
  };
}
