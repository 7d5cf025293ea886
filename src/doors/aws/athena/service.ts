/** The Athena door (json-1.1): statements, their results, the one work group, and the catalog as Athena shows it. */
import type { Catalog } from '../../../catalog/contract.ts';
import type { Queries } from '../../../consumption/contract.ts';
import type { AwsServiceDoor } from '../service.ts';
import { catalogOperations } from './catalog-operations.ts';
import { preparedOperations } from './prepared-operations.ts';
import { queryOperations } from './query-operations.ts';
import { workgroupOperations } from './workgroup-operations.ts';

/** What the door calls. */
export interface AthenaUseCases {
  readonly queries: Queries;
  readonly catalog: Catalog;
}

/** Operations of Athena. */
export function athenaService(useCases: AthenaUseCases): AwsServiceDoor {
  return {
    name: 'athena',
    signingNames: ['athena'],
    targetPrefix: 'AmazonAthena',
    schemas: () => import('@aws-sdk/client-athena'),
    errors: {
      invalid_argument: 'InvalidRequestException',
      missing_argument: 'InvalidRequestException',
      malformed_request: 'InvalidRequestException',
      limit_exceeded: 'InvalidRequestException',
      syntax_error: 'InvalidRequestException',
      statement_refused: 'InvalidRequestException',
      unsupported: 'InvalidRequestException',
      not_found: 'InvalidRequestException',
      conflict: 'InvalidRequestException',
      bucket_not_found: 'InvalidRequestException',
      database_not_found: 'MetadataException',
      table_not_found: 'MetadataException',
      throttled: 'TooManyRequestsException',
      resource_exhausted: 'TooManyRequestsException',
      column_not_found: 'InvalidRequestException',
      internal: 'InternalServerException',
      data_corrupt: 'InternalServerException',
    },
    operations: {
      ...queryOperations(useCases.queries),
      ...preparedOperations(() => useCases.queries.prepared),
      ...workgroupOperations(useCases.queries),
      ...catalogOperations(useCases.catalog),
    },
  };
}
