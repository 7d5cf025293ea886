import { LochError } from '../../core/errors.ts';
import { commitTable, commitTransaction, committedTable } from './commits.ts';
import { loadCredentials } from './delegation.ts';
import { listFunctions, loadFunction } from './functions.ts';
import {
  createdNamespace,
  createNamespace,
  dropNamespace,
  listNamespaces,
  loadNamespace,
  namespaceExists,
  updatedNamespaceProperties,
  updateNamespaceProperties,
} from './namespaces.ts';
import { cancelPlanning, fetchPlanningResult, fetchScanTasks, planTableScan } from './plans.ts';
import { reportMetrics } from './reports.ts';
import type { IcebergAnswer, IcebergRequest } from './request.ts';
import { signS3Uri, signTableRequest } from './sign.ts';
import {
  createdTable,
  createTable,
  dropTable,
  listTables,
  loadTable,
  registerTable,
  renameTable,
  tableExists,
  unregisterTable,
} from './tables.ts';
import {
  createdView,
  createView,
  dropView,
  listViews,
  loadView,
  registerView,
  renameView,
  replaceView,
  viewExists,
} from './views.ts';

type Handler = (request: IcebergRequest) => Promise<IcebergAnswer>;

/** One operation of the REST catalog: its route under `/v1`, its name in the audit trail, its handler. */
export interface IcebergOperation {
  readonly method: string;
  readonly route: string;
  readonly name: string;
  readonly readOnly: boolean;
  /** What a missing thing is called. */
  readonly noun: 'table' | 'tables' | 'view' | 'views' | 'namespace';
  readonly run: Handler;
  /** What a repeat under the same key is answered once the effect is there; no content when absent. */
  readonly replay?: Handler;
}

type Noun = IcebergOperation['noun'];

const read = (noun: Noun, method: string, route: string, name: string, run: Handler): IcebergOperation => ({
  method,
  route,
  name,
  readOnly: true,
  noun,
  run,
});
const write = (
  noun: Noun,
  method: string,
  route: string,
  name: string,
  run: Handler,
  replay?: Handler,
): IcebergOperation => ({
  method,
  route,
  name,
  readOnly: false,
  noun,
  run,
  ...(replay === undefined ? {} : { replay }),
});

const NAMESPACE = '/namespaces/{namespace}';
const TABLE = `${NAMESPACE}/tables/{table}`;
const VIEW = `${NAMESPACE}/views/{view}`;

/** What the door answers; `GET /v1/config` tells clients the same list. */
export const OPERATIONS: readonly IcebergOperation[] = [
  read('namespace', 'GET', '/namespaces', 'ListNamespaces', listNamespaces),
  write('namespace', 'POST', '/namespaces', 'CreateNamespace', createNamespace, createdNamespace),
  read('namespace', 'GET', NAMESPACE, 'LoadNamespaceMetadata', loadNamespace),
  read('namespace', 'HEAD', NAMESPACE, 'NamespaceExists', namespaceExists),
  write('namespace', 'DELETE', NAMESPACE, 'DropNamespace', dropNamespace),
  write(
    'namespace',
    'POST',
    `${NAMESPACE}/properties`,
    'UpdateNamespaceProperties',
    updateNamespaceProperties,
    updatedNamespaceProperties,
  ),
  read('tables', 'GET', `${NAMESPACE}/tables`, 'ListTables', listTables),
  write('tables', 'POST', `${NAMESPACE}/tables`, 'CreateTable', createTable, createdTable),
  write('tables', 'POST', `${NAMESPACE}/register`, 'RegisterTable', registerTable, createdTable),
  read('table', 'GET', TABLE, 'LoadTable', loadTable),
  read('table', 'HEAD', TABLE, 'TableExists', tableExists),
  write('table', 'POST', TABLE, 'UpdateTable', commitTable, committedTable),
  write('table', 'DELETE', TABLE, 'DropTable', dropTable),
  write('table', 'POST', `${TABLE}/unregister`, 'UnregisterTable', unregisterTable),
  write('tables', 'POST', '/tables/rename', 'RenameTable', renameTable),
  write('table', 'POST', '/transactions/commit', 'CommitTransaction', commitTransaction),
  read('table', 'GET', `${TABLE}/credentials`, 'LoadCredentials', loadCredentials),
  read('table', 'POST', `${TABLE}/sign`, 'SignRequest', signTableRequest),
  read('table', 'POST', `${TABLE}/metrics`, 'ReportMetrics', reportMetrics),
  read('table', 'POST', `${TABLE}/plan`, 'PlanTableScan', planTableScan),
  read('table', 'GET', `${TABLE}/plan/{plan-id}`, 'FetchPlanningResult', fetchPlanningResult),
  read('table', 'DELETE', `${TABLE}/plan/{plan-id}`, 'CancelPlanning', cancelPlanning),
  read('table', 'POST', `${TABLE}/tasks`, 'FetchScanTasks', fetchScanTasks),
  read('views', 'GET', `${NAMESPACE}/views`, 'ListViews', listViews),
  write('views', 'POST', `${NAMESPACE}/views`, 'CreateView', createView, createdView),
  write('views', 'POST', `${NAMESPACE}/register-view`, 'RegisterView', registerView, createdView),
  read('view', 'GET', VIEW, 'LoadView', loadView),
  read('view', 'HEAD', VIEW, 'ViewExists', viewExists),
  write('view', 'POST', VIEW, 'ReplaceView', replaceView, loadView),
  write('view', 'DELETE', VIEW, 'DropView', dropView),
  write('views', 'POST', '/views/rename', 'RenameView', renameView),
  read('namespace', 'GET', `${NAMESPACE}/functions`, 'ListFunctions', listFunctions),
  read('namespace', 'GET', `${NAMESPACE}/functions/{function}`, 'LoadFunction', loadFunction),
];

/** The signer's older route, of a specification of its own: it is no endpoint of the catalog's list. */
const OLD_SIGNER = read('table', 'POST', '/aws/s3/sign', 'SignRequest', signS3Uri);

/** The routes as `GET /v1/config` lists them. */
export const ENDPOINTS: readonly string[] = OPERATIONS.map(({ method, route }) => `${method} /v1/{prefix}${route}`);

/**
 * The operation of a path below `/v1`, with the values of its placeholders. The prefix may be there or not.
 * **Errors**: `unknown_operation` naming the route; `malformed_request` for a path that cannot be decoded.
 */
export function findIcebergOperation(
  method: string,
  path: string,
  prefixes: readonly string[] = [],
): { readonly operation: IcebergOperation; readonly values: Readonly<Record<string, string>> } {
  const parts = path.split('/').filter((part) => part !== '');
  if (prefixes.includes(decode(parts[0] ?? ''))) parts.shift();
  for (const operation of [...OPERATIONS, OLD_SIGNER]) {
    if (operation.method !== method) continue;
    const values = match(
      operation.route.split('/').filter((part) => part !== ''),
      parts,
    );
    if (values !== undefined) return { operation, values };
  }
  throw new LochError(
    'unknown_operation',
    `\`${method} /v1${path}\` is not supported. GET /v1/config lists the routes that are.`,
    { context: { method, path } },
  );
}

function match(route: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (route.length !== parts.length) return undefined;
  const values: Record<string, string> = {};
  for (const [i, step] of route.entries()) {
    const part = parts[i]!;
    if (step.startsWith('{')) values[step.slice(1, -1)] = decode(part);
    else if (step !== part) return undefined;
  }
  return values;
}

function decode(part: string): string {
  try {
    // Java's clients write a space as `+`, as in a form.
    return decodeURIComponent(part.replaceAll('+', ' '));
  } catch (cause) {
    throw new LochError('malformed_request', `\`${part}\` in the path is not valid percent-encoding.`, { cause });
  }
}
