import type { LochError } from '../../../core/errors.ts';
import { toLochError } from '../../../core/errors.ts';
import type { AwsServiceDoor } from '../service.ts';

/** Glue's names for the codes. **Source**: AWS Glue API reference, "Exceptions". */
export const glueErrors: AwsServiceDoor['errors'] = {
  not_found: 'EntityNotFoundException',
  database_not_found: 'EntityNotFoundException',
  table_not_found: 'EntityNotFoundException',
  partition_not_found: 'EntityNotFoundException',
  already_exists: 'AlreadyExistsException',
  invalid_argument: 'InvalidInputException',
  missing_argument: 'InvalidInputException',
  column_not_found: 'InvalidInputException',
  bucket_not_found: 'InvalidInputException',
  unsupported: 'OperationNotSupportedException',
  access_denied: 'AccessDeniedException',
  limit_exceeded: 'ResourceNumberLimitExceededException',
  concurrent_run(error) {
    if (error.context.statisticsRun !== undefined) return 'ColumnStatisticsTaskRunningException';
    return error.context.crawler === undefined ? 'ConcurrentRunsExceededException' : 'CrawlerRunningException';
  },
  conflict(error) {
    if (error.context.statisticsRun !== undefined) return 'ColumnStatisticsTaskNotRunningException';
    if (error.context.schedule === 'SCHEDULED') return 'SchedulerRunningException';
    if (error.context.schedule === 'NOT_SCHEDULED') return 'SchedulerNotRunningException';
    if (error.context.crawler !== undefined) return 'CrawlerNotRunningException';
    return error.context.runId === undefined ? 'ConcurrentModificationException' : 'IllegalWorkflowStateException';
  },
  commit_conflict: 'ConcurrentModificationException',
  precondition_failed: 'ConditionCheckFailureException',
  malformed_policy: 'InvalidInputException',
  source_failed: 'FederationSourceException',
  timeout: 'OperationTimeoutException',
  internal: 'InternalServiceException',
};

function nameOf(error: LochError): string {
  const known = glueErrors[error.code];
  if (typeof known === 'function') return known(error);
  return known ?? 'InternalServiceException';
}

/** An error of one item of a batch. */
export function errorDetail(cause: unknown): { ErrorCode: string; ErrorMessage: string } {
  const error = toLochError(cause);
  return { ErrorCode: nameOf(error), ErrorMessage: error.message };
}
