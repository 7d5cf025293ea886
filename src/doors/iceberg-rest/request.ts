import type { IncomingHttpHeaders } from 'node:http';
import type { Catalog } from '../../catalog/contract.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';

/** One decoded request, as operations receive it. */
export interface IcebergRequest {
  readonly context: RequestContext;
  readonly catalog: Catalog;
  /** Values of the placeholders of the route, decoded. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The JSON body; undefined when there is none. Snapshot ids are text. */
  readonly body: unknown;
  readonly settings: IcebergSettings;
}

/** What clients are told besides metadata. */
export interface IcebergSettings {
  readonly accountId: string;
  readonly region: string;
  /** The S3 endpoint that serves the files. */
  readonly s3Endpoint: () => string;
}

export interface IcebergAnswer {
  readonly status: number;
  /** Written as JSON with snapshot ids as numbers; undefined for no body. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The database of a namespace in a path: one level, the separator `%1F` may not occur. */
export function databaseOf(request: IcebergRequest): string {
  return databaseOfLevels((request.path.namespace ?? '').split('\u001f'));
}

/** **Errors**: `database_not_found` for nested namespaces, which there are none of. */
export function databaseOfLevels(levels: readonly string[]): string {
  const [database] = levels;
  if (levels.length === 1 && database !== undefined && database !== '') return database;
  throw new LochError(
    'database_not_found',
    `Namespace \`${levels.join('.')}\` does not exist: namespaces are databases and have one level.`,
    { context: { namespace: levels.join('.') } },
  );
}

/** The body as an object. **Errors**: `malformed_request`. */
export function bodyObject(request: IcebergRequest): Record<string, unknown> {
  const { body } = request;
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new LochError('malformed_request', 'The request needs a JSON object as its body.');
}

/** A member of the body that must be a non-empty text. */
export function textMember(body: Readonly<Record<string, unknown>>, name: string): string {
  const value = body[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new LochError('missing_argument', `The member \`${name}\` is missing or not a text.`, {
    context: { member: name },
  });
}

/** A member that is a map of texts; empty when absent. */
export function textMap(body: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, string>> {
  const value = body[name] ?? {};
  const fits =
    typeof value === 'object' &&
    !Array.isArray(value) &&
    Object.values(value!).every((entry) => typeof entry === 'string');
  if (fits) return value as Record<string, string>;
  throw new LochError('invalid_argument', `The member \`${name}\` must map names to texts.`, {
    context: { member: name },
  });
}

/** Page size and where the last page ended. Without `pageToken` a client wants everything at once. */
export function pageOf(request: IcebergRequest): { readonly limit?: number; readonly after?: string } {
  const token = request.query.get('pageToken');
  const size = Number(request.query.get('pageSize') ?? 100);
  if (token === null) return {};
  return {
    limit: Math.min(1000, Math.max(1, Number.isInteger(size) ? size : 100)),
    ...(token === '' ? {} : { after: token }),
  };
}
