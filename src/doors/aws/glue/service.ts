import type {
  Catalog,
  CatalogSettings,
  CatalogTags,
  Classifiers,
  Connections,
  Crawlers,
  Schemas,
} from '../../../catalog/contract.ts';
import type { Jobs, StatisticsRuns, TableMaintenance, Workflows } from '../../../processing/contract.ts';
import type { AwsServiceDoor } from '../service.ts';
import { classifierOperations } from './classifiers.ts';
import { connectionOperations } from './connections.ts';
import { crawlerOperations } from './crawlers.ts';
import { databaseOperations } from './databases.ts';
import { glueErrors } from './errors.ts';
import { functionOperations } from './functions.ts';
import { jobOperations } from './jobs.ts';
import { optimizerOperations } from './optimizers.ts';
import { partitionOperations } from './partitions.ts';
import { registryOperations } from './registries.ts';
import { schemaOperations } from './schemas.ts';
import { searchOperations } from './search.ts';
import { settingsOperations } from './settings.ts';
import { statisticsRunOperations } from './statistics-runs.ts';
import { statisticsOperations } from './statistics.ts';
import { tableOperations } from './tables.ts';
import { tagOperations } from './tags.ts';
import { workflowOperations } from './workflows.ts';

/** The Glue door: the data catalog, its crawlers, jobs and workflows in the shapes of the official SDK. */
export function glueService(useCases: {
  readonly catalog: Catalog;
  readonly crawlers: Crawlers;
  /** What is absent is not supported. */
  readonly classifiers?: Classifiers;
  readonly settings?: CatalogSettings;
  readonly schemas?: Schemas;
  readonly tags?: CatalogTags;
  readonly connections?: Connections | undefined;
  readonly jobs?: Jobs;
  readonly workflows?: Workflows;
  readonly maintenance?: TableMaintenance;
  readonly statistics?: StatisticsRuns;
}): AwsServiceDoor {
  const { jobs, workflows, connections, schemas, settings, tags, maintenance, statistics } = useCases;
  return {
    name: 'glue',
    signingNames: ['glue'],
    targetPrefix: 'AWSGlue',
    schemas: () => import('@aws-sdk/client-glue'),
    errors: glueErrors,
    operations: {
      ...databaseOperations(useCases.catalog, tags),
      ...tableOperations(useCases.catalog, schemas),
      ...partitionOperations(useCases.catalog),
      ...searchOperations(useCases.catalog),
      ...statisticsOperations(useCases.catalog),
      ...functionOperations(useCases.catalog),
      ...(schemas === undefined ? {} : { ...registryOperations(schemas, tags), ...schemaOperations(schemas, tags) }),
      ...(settings === undefined ? {} : settingsOperations(settings)),
      ...(tags === undefined ? {} : tagOperations(tags)),
      ...(connections === undefined ? {} : connectionOperations(connections, tags)),
      ...(statistics === undefined ? {} : statisticsRunOperations(statistics)),
      ...(maintenance === undefined ? {} : optimizerOperations(maintenance)),
      ...crawlerOperations(useCases.crawlers),
      ...(useCases.classifiers === undefined ? {} : classifierOperations(useCases.classifiers)),
      ...(jobs === undefined ? {} : jobOperations(jobs)),
      ...(jobs === undefined || workflows === undefined ? {} : workflowOperations(workflows, jobs)),
    },
  };
}
