/** What a call of the own API is called in the audit trail: the AWS operation that does the same, where there is one. */

const NAMES: Readonly<Record<string, readonly [source: string, name: string]>> = {
  'POST users': ['iam', 'CreateUser'],
  'POST users/keys': ['iam', 'CreateAccessKey'],
  'DELETE users/keys': ['iam', 'DeleteAccessKey'],
  'POST accounts': ['organizations', 'CreateAccount'],
  'POST grants': ['lakeformation', 'GrantPermissions'],
  'POST grants/revoke': ['lakeformation', 'RevokePermissions'],
  'POST filters': ['lakeformation', 'CreateDataCellsFilter'],
  'DELETE filters': ['lakeformation', 'DeleteDataCellsFilter'],
  'DELETE tables': ['glue', 'DeleteTable'],
  'POST crawlers': ['glue', 'CreateCrawler'],
  'POST crawlers/stop': ['glue', 'StopCrawler'],
  'POST crawlers/start': ['glue', 'StartCrawler'],
  'PUT tables/words': ['glue', 'UpdateTable'],
  'PUT terms': ['datazone', 'CreateGlossaryTerm'],
  'DELETE terms': ['datazone', 'DeleteGlossaryTerm'],
  'POST v1/lineage': ['datazone', 'PostLineageEvent'],
  'PUT jobs': ['glue', 'CreateJob'],
  'DELETE jobs': ['glue', 'DeleteJob'],
  'POST jobs/start': ['glue', 'StartJobRun'],
  'POST job-runs/stop': ['glue', 'BatchStopJobRun'],
  'PUT workflows': ['glue', 'CreateWorkflow'],
  'DELETE workflows': ['glue', 'DeleteWorkflow'],
  'POST workflows/start': ['glue', 'StartWorkflowRun'],
  'POST workflow-runs/stop': ['glue', 'StopWorkflowRun'],
  'POST buckets': ['s3', 'CreateBucket'],
  'DELETE buckets': ['s3', 'DeleteBucket'],
  'PUT buckets/versioning': ['s3', 'PutBucketVersioning'],
  'PUT buckets/policy': ['s3', 'PutBucketPolicy'],
  'DELETE buckets/policy': ['s3', 'DeleteBucketPolicy'],
  'PUT buckets/publicAccessBlock': ['s3', 'PutBucketPublicAccessBlock'],
  'DELETE buckets/publicAccessBlock': ['s3', 'DeleteBucketPublicAccessBlock'],
  'PUT buckets/ownership': ['s3', 'PutBucketOwnershipControls'],
  'DELETE buckets/ownership': ['s3', 'DeleteBucketOwnershipControls'],
  'PUT buckets/lifecycle': ['s3', 'PutBucketLifecycleConfiguration'],
  'DELETE buckets/lifecycle': ['s3', 'DeleteBucketLifecycle'],
  'PUT buckets/encryption': ['s3', 'PutBucketEncryption'],
  'DELETE buckets/encryption': ['s3', 'DeleteBucketEncryption'],
  'PUT buckets/tagging': ['s3', 'PutBucketTagging'],
  'DELETE buckets/tagging': ['s3', 'DeleteBucketTagging'],
  'DELETE object': ['s3', 'DeleteObject'],
  'POST object/restore': ['s3', 'CopyObject'],
  'PUT object/tags': ['s3', 'PutObjectTagging'],
  'PUT uploads': ['s3', 'PutObject'],
  'POST queries': ['athena', 'StartQueryExecution'],
  'POST queries/stop': ['athena', 'StopQueryExecution'],
};

/** Source and name of the audit event of a route, given as method and the fixed parts of its path. */
export function auditedOperation(route: string): { readonly eventSource: string; readonly eventName: string } {
  const known = NAMES[route];
  return known === undefined
    ? { eventSource: 'console.loch', eventName: route }
    : { eventSource: `${known[0]}.amazonaws.com`, eventName: known[1] };
}
