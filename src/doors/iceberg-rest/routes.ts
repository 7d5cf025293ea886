import { LochError } from '../../core/errors.ts';
import {
  createNamespace,
  dropNamespace,
  listNamespaces,
  loadNamespace,
  namespaceExists,
  updateNamespaceProperties,
} from './namespaces.ts';
import type { IcebergAnswer, IcebergRequest } from './request.ts';
import {
  commitTable,
  createTable,
  dropTable,
  listTables,
  loadCredentials,
  loadTable,
  registerTable,
  reportMetrics,
  tableExists,
} from './tables.ts';

/** One operation of the REST catalog: its route under `/v1`, its name in the audit trail, its handler. */
export interface IcebergOperation {
  readonly method: string;
  readonly route: string;
  readonly name: string;
  readonly readOnly: boolean;
  readonly run: (request: IcebergRequest) => Promise<IcebergAnswer>;
}

const read = (method: string, route: string, name: string, run: IcebergOperation['run']): IcebergOperation => ({
  method,
  route,
  name,
  readOnly: true,
  run,
});
const write = (method: string, route: string, name: string, run: IcebergOperation['run']): IcebergOperation => ({
  method,
  route,
  name,
  readOnly: false,
  run,
});

const NAMESPACE = '/namespaces/{namespace}';
const TABLE = `${NAMESPACE}/tables/{table}`;

/** What the door answers; `GET /v1/config` tells clients the same list. */
export const OPERATIONS: readonly IcebergOperation[] = [
  read('GET', '/namespaces', 'ListNamespaces', listNamespaces),
  write('POST', '/namespaces', 'CreateNamespace', createNamespace),
  read('GET', NAMESPACE, 'LoadNamespaceMetadata', loadNamespace),
  read('HEAD', NAMESPACE, 'NamespaceExists', namespaceExists),
  write('DELETE', NAMESPACE, 'DropNamespace', dropNamespace),
  write('POST', `${NAMESPACE}/properties`, 'UpdateNamespaceProperties', updateNamespaceProperties),
  read('GET', `${NAMESPACE}/tables`, 'ListTables', listTables),
  write('POST', `${NAMESPACE}/tables`, 'CreateTable', createTable),
  write('POST', `${NAMESPACE}/register`, 'RegisterTable', registerTable),
  read('GET', TABLE, 'LoadTable', loadTable),
  read('HEAD', TABLE, 'TableExists', tableExists),
  write('POST', TABLE, 'UpdateTable', commitTable),
  write('DELETE', TABLE, 'DropTable', dropTable),
  read('GET', `${TABLE}/credentials`, 'LoadCredentials', loadCredentials),
  read('POST', `${TABLE}/metrics`, 'ReportMetrics', reportMetrics),
];

/** The routes as `GET /v1/config` lists them. */
export const ENDPOINTS: readonly string[] = OPERATIONS.map(({ method, route }) => `${method} /v1/{prefix}${route}`);

/**
 * The operation of a path below `/v1`, with the values of its placeholders.
 * **Errors**: `unknown_operation` naming the route; `malformed_request` for a path that cannot be decoded.
 */
export function findIcebergOperation(
  method: string,
  path: string,
): { readonly operation: IcebergOperation; readonly values: Readonly<Record<string, string>> } {
  const parts = path.split('/').filter((part) => part !== '');
  for (const operation of OPERATIONS) {
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
