import type { IncomingHttpHeaders } from 'node:http';
import type { Catalog } from '../../catalog/contract.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { EventBus } from '../../core/events.ts';
import type { Audit, TableDirectory } from '../../governance/contract.ts';
import { restFailure } from './errors.ts';
import { databaseOfLevels, levelsOf } from './namespace-name.ts';
import type { ScanPlans } from './plans.ts';

/** One decoded request, as operations receive it. */
export interface IcebergRequest {
  readonly context: RequestContext;
  readonly catalog: Catalog;
  readonly audit: Audit;
  readonly events: EventBus;
  readonly plans: ScanPlans;
  /** Values of the placeholders of the route, decoded. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The JSON body; undefined when there is none. Snapshot ids are text. */
  readonly body: unknown;
  readonly settings: IcebergSettings;
  /** The table whose folder a key lies in. */
  readonly tableAt: TableDirectory['tableAt'];
  /** **Units**: milliseconds since 1970 UTC. */
  readonly now: number;
}

/** What clients are told besides metadata. */
export interface IcebergSettings {
  readonly accountId: string;
  readonly region: string;
  /** The S3 endpoint that serves the files. */
  readonly s3Endpoint: () => string;
  /** How long lent credentials last. **Units**: seconds. */
  readonly loanSeconds: number;
}

export interface IcebergAnswer {
  readonly status: number;
  /** Written as JSON with snapshot ids as numbers; undefined for no body. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The name of the catalog, as warehouse and as prefix of routes. */
export const CATALOG = 'loch';

/** The database of the namespace in the path. */
export function databaseOf(request: IcebergRequest): string {
  return databaseOfLevels(levelsOf(request.path.namespace ?? ''));
}

/** The table of the path. */
export function tableOf(request: IcebergRequest): { readonly database: string; readonly table: string } {
  return { database: databaseOf(request), table: request.path.table ?? '' };
}

/** The name of a `TableIdentifier`. **Errors**: `invalid_argument`. */
export function identifierOf(value: unknown, member: string): { readonly database: string; readonly table: string } {
  const { namespace, name } = (value ?? {}) as { readonly namespace?: unknown; readonly name?: unknown };
  if (Array.isArray(namespace) && typeof name === 'string' && name !== '') {
    return { database: databaseOfLevels(namespace.map(String)), table: name };
  }
  throw new LochError('invalid_argument', `The member \`${member}\` must have \`namespace\` (a list) and \`name\`.`, {
    context: { member },
  });
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

/** A member that is a list of objects which each say what they are by `kind`; empty when absent. */
export function listMember<T>(body: Readonly<Record<string, unknown>>, name: string, kind: string): readonly T[] {
  const list = body[name] ?? [];
  const fits =
    Array.isArray(list) && list.every((entry) => typeof (entry as Record<string, unknown>)?.[kind] === 'string');
  if (fits) return list as T[];
  throw new LochError('invalid_argument', `The member \`${name}\` must be a list of objects with \`${kind}\`.`, {
    context: { member: name },
  });
}

const MAX_PAGE = 1_000;
const DEFAULT_PAGE = 100;

/** Page size and where the last page ended. Without `pageToken` a client wants everything at once. */
export function pageOf(request: IcebergRequest): { readonly limit?: number; readonly after?: string } {
  const token = request.query.get('pageToken');
  const size = request.query.get('pageSize');
  if (size !== null && !/^[1-9]\d{0,8}$/.test(size)) {
    throw restFailure(
      'BadRequestException',
      400,
      'invalid_argument',
      `\`pageSize\` is \`${size}\`; give a number from 1.`,
    );
  }
  if (token === null) return {};
  return {
    limit: Math.min(MAX_PAGE, Number(size ?? DEFAULT_PAGE)),
    ...(token === '' ? {} : { after: token }),
  };
}

/** The token of the page after a full one; null after the last, where pages were asked for. */
export function nextPage(
  page: { readonly limit?: number },
  entries: readonly { readonly name: string }[],
): { readonly 'next-page-token'?: string | null } {
  if (page.limit === undefined) return {};
  return { 'next-page-token': entries.length === page.limit ? entries.at(-1)!.name : null };
}
