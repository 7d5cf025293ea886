/** Connections: how to reach databases and other systems, with their secrets sealed. */
import type { RequestContext } from '../../core/caller.ts';
import type { Secret } from '../../core/secret.ts';

/** What a caller gives to create or change a connection. Properties bear Glue's names (`JDBC_CONNECTION_URL` …). */
export interface ConnectionInput {
  readonly name: string;
  readonly description?: string;
  /** Glue's word: `JDBC`, `KAFKA`, `NETWORK` … */
  readonly type: string;
  readonly matchCriteria?: readonly string[];
  readonly properties: Readonly<Record<string, string>>;
  readonly sparkProperties?: Readonly<Record<string, string>>;
  readonly athenaProperties?: Readonly<Record<string, string>>;
  readonly pythonProperties?: Readonly<Record<string, string>>;
  /** What one door knows and keeps, as plain JSON under that door's names. */
  readonly foreign?: Readonly<Record<string, unknown>>;
}

export interface ConnectionRecord extends ConnectionInput {
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly updatedBy: string;
}

/** A connection as work that uses it needs it: `url` holds user and password. */
export interface OpenedConnection {
  readonly record: ConnectionRecord;
  /** `postgres://user:password@host:port/database`, `mysql://…`. */
  readonly url: Secret;
  readonly engine: 'postgresql' | 'mysql';
}

export interface Connections {
  /** **Errors**: `already_exists`; `invalid_argument` naming the field. */
  create(context: RequestContext, input: ConnectionInput): Promise<ConnectionRecord>;
  /** Replaces the definition; a secret that is not given again stays as it is. */
  update(context: RequestContext, name: string, input: ConnectionInput): Promise<void>;
  delete(context: RequestContext, name: string): Promise<void>;
  /** Secrets are left out with `hideSecrets`. */
  get(context: RequestContext, name: string, options: { readonly hideSecrets: boolean }): Promise<ConnectionRecord>;
  /** By name, those that IAM shows. */
  list(
    context: RequestContext,
    query: {
      readonly type?: string;
      readonly matchCriteria?: readonly string[];
      readonly hideSecrets: boolean;
      readonly after?: string;
      readonly limit: number;
    },
  ): Promise<readonly ConnectionRecord[]>;
  /** For work in the caller's name, who needs `glue:GetConnection`. **Errors**: `unsupported` naming the type. */
  open(context: RequestContext, name: string): Promise<OpenedConnection>;
  /** Connects and asks for nothing. **Errors**: `source_failed` with the source's own reason; `unsupported`. */
  test(context: RequestContext, connection: { readonly name: string } | ConnectionInput): Promise<void>;
}

/** Whether a source answers: given in by who has the drivers. **Errors**: `source_failed`, `unsupported`. */
export type ConnectionProbe = (
  connection: Pick<OpenedConnection, 'engine' | 'url'>,
  signal: AbortSignal,
) => Promise<void>;
