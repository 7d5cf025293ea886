/** What the catalog does for engines that bring their own Iceberg library, and for SQL over Iceberg. Part of its contract. */
import type { RequestContext, StorageVerb } from '../core/caller.ts';
import type { Secret } from '../core/secret.ts';
import type { TableName } from '../governance/contract.ts';
import type {
  IcebergSchema,
  MetadataTable,
  MetadataTableName,
  ScanRequest,
  ScanTaskRequest,
  ScanTasks,
  TableRequirement,
  TableUpdate,
} from '../storage/contract.ts';
import type { CommitOutcome, ResolvedTable, TableRecord, TableUpdates } from './contract.ts';

/** A statement of a view in one SQL dialect. */
export interface ViewRepresentation {
  readonly type: string;
  readonly sql: string;
  readonly dialect: string;
}

/** A version of a view. **Source**: Iceberg view specification, "Versions". */
export interface ViewVersion {
  readonly 'version-id': number;
  readonly 'timestamp-ms': number;
  readonly 'schema-id': number;
  readonly summary: Readonly<Record<string, string>>;
  readonly representations: readonly ViewRepresentation[];
  readonly 'default-catalog'?: string;
  readonly 'default-namespace': readonly string[];
}

/** The metadata of a view. **Source**: Iceberg view specification, version 1. */
export interface ViewMetadata {
  readonly 'view-uuid': string;
  readonly 'format-version': number;
  readonly location: string;
  readonly schemas: readonly IcebergSchema[];
  readonly 'current-version-id': number;
  readonly versions: readonly ViewVersion[];
  readonly 'version-log': readonly { readonly 'version-id': number; readonly 'timestamp-ms': number }[];
  readonly properties: Readonly<Record<string, string>>;
}

/** A view as its record holds it: the metadata, and the file it was written to. */
export interface StoredView {
  readonly metadata: ViewMetadata;
  readonly metadataLocation: string;
}

/** A view with its record. */
export interface LoadedView extends StoredView {
  readonly record: TableRecord;
}

/** What a caller gives to create a view. */
export interface ViewSpec {
  readonly name: string;
  readonly location?: string;
  readonly schema: IcebergSchema;
  readonly version: ViewVersion;
  readonly properties: Readonly<Record<string, string>>;
}

/** Changes of a view as the Iceberg REST catalog spells them. */
export interface ViewUpdates {
  readonly requirements: readonly TableRequirement[];
  readonly updates: readonly TableUpdate[];
}

/** A change of branches, tags or the current snapshot. */
export type ReferenceChange =
  | {
      readonly kind: 'branch' | 'tag';
      readonly name: string;
      /** Default: the current snapshot. */
      readonly snapshotId?: string;
      readonly maxRefAgeMs?: number;
      /** Branches only. */
      readonly maxSnapshotAgeMs?: number;
      readonly minSnapshotsToKeep?: number;
      /** Moves one that is there; without it that is `already_exists`. */
      readonly replace?: boolean;
    }
  | { readonly kind: 'drop'; readonly name: string }
  /** Moves `name` (`main` by default) to where `to` is, which must descend from it. */
  | { readonly kind: 'fast_forward'; readonly name?: string; readonly to: string };

/** Credentials for the files of one table. */
export interface LentAccess {
  readonly accessKeyId: string;
  readonly secret: Secret;
  readonly sessionToken: Secret;
  readonly expiresAt: number;
  readonly bucket: string;
  /** Key prefix, with a slash at the end. */
  readonly prefix: string;
  readonly verbs: readonly StorageVerb[];
}

/** An answer that was given to a request with an idempotency key. `body` is absent when only the effect is known. */
export interface KeptAnswer {
  readonly fingerprint: string;
  readonly status?: number;
  readonly body?: string;
}

/** The Iceberg part of the catalog. Every operation asks policy as the others do. */
export interface IcebergCatalog {
  /**
   * Commits to several tables in one transaction: all or nothing. With `assert-create` a table is made.
   * **Errors**: `commit_conflict` naming table and requirement; `commit_state_unknown`; `invalid_argument`.
   */
  commitTransaction(
    context: RequestContext,
    changes: readonly (TableUpdates & { readonly name: TableName })[],
  ): Promise<readonly ResolvedTable[]>;
  /** Moves a table or view to another name or database, with its grants. **Errors**: `already_exists`. */
  renameTable(context: RequestContext, from: TableName, to: TableName, kind: 'table' | 'view'): Promise<void>;
  /** Registers a metadata file as a table; with `overwrite` in the place of one that is there. */
  registerIcebergTable(
    context: RequestContext,
    name: TableName,
    metadataLocation: string,
    options: { readonly overwrite: boolean },
  ): Promise<ResolvedTable>;
  /** Takes a table out of the catalog for good and leaves its files; returns what it was. Needs DROP. */
  unregisterIcebergTable(context: RequestContext, name: TableName): Promise<ResolvedTable>;
  /**
   * Drops an Iceberg table and removes its files: there is no way back. Needs DROP and DELETE.
   * **Errors**: `unsupported` when the table says `gc.enabled=false`.
   */
  purgeIcebergTable(context: RequestContext, name: TableName): Promise<void>;
  /** Creates, moves or drops branches and tags. Needs INSERT, and DELETE where rows may go. */
  changeReferences(context: RequestContext, name: TableName, change: ReferenceChange): Promise<CommitOutcome>;
  /**
   * Publishes what a snapshot appended that is not among the table's rows: staged (`wap.id`), or of another branch.
   * Needs INSERT. **Errors**: `not_found`; `conflict` when it is published already; `invalid_argument` for a snapshot
   * that did more than append.
   */
  cherryPick(context: RequestContext, name: TableName, snapshotId: string): Promise<CommitOutcome>;
  /**
   * Rows about a table. **Errors**: `access_denied` naming the metadata table for who does not see every row and column
   * clear, where it tells of files; `unsupported` for other formats.
   */
  metadataTable(
    context: RequestContext,
    name: TableName,
    kind: MetadataTableName,
    request?: ScanRequest,
  ): Promise<MetadataTable>;
  /** The manifests an engine's scan must read. **Errors**: as of `openForEngine`. */
  scanManifests(
    context: RequestContext,
    name: TableName,
    request: ScanTaskRequest,
  ): Promise<readonly { readonly path: string; readonly files: number }[]>;
  scanTasks(context: RequestContext, name: TableName, request: ScanTaskRequest): Promise<ScanTasks>;
  /**
   * Credentials for the files of a table in the caller's name: to read with SELECT on all of it, to write with INSERT,
   * to delete with DELETE; of these only `verbs`, where they are given. `location` lends for a table that
   * `draftIcebergTable` has just drafted there, `within` for a folder in the table's own. Of Iceberg tables alone, but
   * with `anyFormat`.
   * **Errors**: `access_denied` for a filtered table (with `filtered` in its context), and without any of these;
   * `invalid_argument` for a folder elsewhere.
   */
  lendAccess(
    context: RequestContext,
    name: TableName,
    options: {
      readonly seconds: number;
      readonly location?: string;
      readonly verbs?: readonly StorageVerb[];
      readonly within?: string;
      readonly anyFormat?: true;
    },
  ): Promise<LentAccess>;
  createView(context: RequestContext, database: string, spec: ViewSpec): Promise<LoadedView>;
  /** A view with its metadata, made up for one that another door made. **Errors**: `table_not_found`. */
  openView(context: RequestContext, name: TableName): Promise<LoadedView>;
  replaceView(context: RequestContext, name: TableName, change: ViewUpdates): Promise<LoadedView>;
  registerView(context: RequestContext, name: TableName, metadataLocation: string): Promise<LoadedView>;
  /** Drops a view. **Errors**: `table_not_found` for what is no view. */
  dropView(context: RequestContext, name: TableName): Promise<void>;
  /** What was answered under a key, if anything. */
  keptAnswer(context: RequestContext, key: string): Promise<KeptAnswer | undefined>;
  /** Keeps a final answer under a key; one that is kept already stays. */
  keepAnswer(context: RequestContext, key: string, answer: KeptAnswer): Promise<void>;
  /** The context of a request whose change carries its key in the same transaction. */
  withKey(context: RequestContext, key: string, fingerprint: string): RequestContext;
}
