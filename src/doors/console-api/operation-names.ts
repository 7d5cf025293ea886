/** What a call of the own API is called in the audit trail: the AWS operation that does the same, where there is one. */

const NAMES: Readonly<Record<string, readonly [source: string, name: string]>> = {
  'POST users': ['iam', 'CreateUser'],
  'POST users/keys': ['iam', 'CreateAccessKey'],
  'DELETE users/keys': ['iam', 'DeleteAccessKey'],
  'POST grants': ['lakeformation', 'GrantPermissions'],
  'POST grants/revoke': ['lakeformation', 'RevokePermissions'],
  'POST filters': ['lakeformation', 'CreateDataCellsFilter'],
  'DELETE filters': ['lakeformation', 'DeleteDataCellsFilter'],
  'DELETE tables': ['glue', 'DeleteTable'],
  'POST crawlers': ['glue', 'CreateCrawler'],
  'POST crawlers/start': ['glue', 'StartCrawler'],
  'PUT jobs': ['glue', 'CreateJob'],
  'DELETE jobs': ['glue', 'DeleteJob'],
  'POST jobs/start': ['glue', 'StartJobRun'],
  'POST job-runs/stop': ['glue', 'BatchStopJobRun'],
  'PUT workflows': ['glue', 'CreateWorkflow'],
  'DELETE workflows': ['glue', 'DeleteWorkflow'],
  'POST workflows/start': ['glue', 'StartWorkflowRun'],
  'POST workflow-runs/stop': ['glue', 'StopWorkflowRun'],
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
