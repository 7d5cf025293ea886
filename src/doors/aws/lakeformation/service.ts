import type { LakeFormation } from '../../../governance/contract.ts';
import type { AwsServiceDoor } from '../service.ts';
import { filterOperations } from './filters.ts';
import { grantOperations } from './grants.ts';
import { type Loans, loanOperations } from './loans.ts';
import { settingsOperations } from './settings.ts';

/** The Lake Formation door: settings, locations, grants, data cells filters and credentials lent for a table, which none are without `loans`. */
export function lakeformationService(lake: LakeFormation, loans?: Loans): AwsServiceDoor {
  return {
    name: 'lakeformation',
    signingNames: ['lakeformation'],
    schemas: () => import('@aws-sdk/client-lakeformation'),
    operations: {
      ...settingsOperations(lake),
      ...grantOperations(lake),
      ...filterOperations(lake),
      ...(loans === undefined ? {} : loanOperations(loans)),
    },
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
      database_not_found: 'EntityNotFoundException',
      table_not_found: 'EntityNotFoundException',
      access_denied: (error) =>
        error.context.filtered === true ? 'PermissionTypeMismatchException' : 'AccessDeniedException',
    },
  };
}
