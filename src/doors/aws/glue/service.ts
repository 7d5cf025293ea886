import type { Catalog, Crawlers } from '../../../catalog/contract.ts';
import type { Jobs, Workflows } from '../../../processing/contract.ts';
import type { AwsServiceDoor } from '../service.ts';
import { crawlerOperations } from './crawlers.ts';
import { databaseOperations } from './databases.ts';
import { glueErrors } from './errors.ts';
import { jobOperations } from './jobs.ts';
import { partitionOperations } from './partitions.ts';
import { searchOperations } from './search.ts';
import { tableOperations } from './tables.ts';
import { workflowOperations } from './workflows.ts';

/** The Glue door: the data catalog, its crawlers, jobs and workflows in the shapes of the official SDK. */
export function glueService(useCases: {
  readonly catalog: Catalog;
  readonly crawlers: Crawlers;
  /** Without jobs and workflows their operations are not supported. */
  readonly jobs?: Jobs;
  readonly workflows?: Workflows;
}): AwsServiceDoor {
  const { jobs, workflows } = useCases;
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
      ...(jobs === undefined ? {} : jobOperations(jobs)),
      ...(jobs === undefined || workflows === undefined ? {} : workflowOperations(workflows, jobs)),
    },
  };
}
