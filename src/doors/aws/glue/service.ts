import type { Catalog, Crawlers } from '../../../catalog/contract.ts';
import type { AwsServiceDoor } from '../service.ts';
import { crawlerOperations } from './crawlers.ts';
import { databaseOperations } from './databases.ts';
import { glueErrors } from './errors.ts';
import { partitionOperations } from './partitions.ts';
import { searchOperations } from './search.ts';
import { tableOperations } from './tables.ts';

/** The Glue door: the data catalog and its crawlers in the shapes of the official SDK. */
export function glueService(useCases: { readonly catalog: Catalog; readonly crawlers: Crawlers }): AwsServiceDoor {
  return {
    name: 'glue',
    signingNames: ['glue'],
    targetPrefix: 'AWSGlue',
    schemas: () => import('@aws-sdk/client-glue'),
    errors: glueErrors,
    operations: {
      ...databaseOperations(useCases.catalog),
      ...tableOperations(useCases.catalog),
      ...partitionOperations(useCases.catalog),
      ...searchOperations(useCases.catalog),
      ...crawlerOperations(useCases.crawlers),
    },
  };
}
