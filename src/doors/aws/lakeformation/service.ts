import type { LakeFormation } from '../../../governance/contract.ts';
import type { AwsServiceDoor } from '../service.ts';
import { filterOperations } from './filters.ts';
import { grantOperations } from './grants.ts';
import { settingsOperations } from './settings.ts';

/** The Lake Formation door: settings, locations, grants and data cells filters. */
export function lakeformationService(lake: LakeFormation): AwsServiceDoor {
  return {
    name: 'lakeformation',
    signingNames: ['lakeformation'],
    schemas: () => import('@aws-sdk/client-lakeformation'),
    operations: { ...settingsOperations(lake), ...grantOperations(lake), ...filterOperations(lake) },
    errors: {
      invalid_argument: 'InvalidInputException',
      missing_argument: 'InvalidInputException',
      syntax_error: 'InvalidInputException',
      type_mismatch: 'InvalidInputException',
      column_not_found: 'InvalidInputException',
      not_found: 'EntityNotFoundException',
      limit_exceeded: (error) =>
        error.context.length === undefined ? 'ResourceNumberLimitExceededException' : 'InvalidInputException',
      conflict: 'ConcurrentModificationException',
    },
  };
}
