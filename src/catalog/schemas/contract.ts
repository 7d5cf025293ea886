/** The schema registry: registries of schemas, each with versions that follow its compatibility mode. */
import type { RequestContext } from '../../core/caller.ts';
import type { CatalogColumn } from '../contract.ts';

export type SchemaDataFormat = 'AVRO' | 'JSON' | 'PROTOBUF';
export type SchemaCompatibility =
  | 'NONE'
  | 'DISABLED'
  | 'BACKWARD'
  | 'BACKWARD_ALL'
  | 'FORWARD'
  | 'FORWARD_ALL'
  | 'FULL'
  | 'FULL_ALL';

export interface RegistryRecord {
  readonly name: string;
  readonly description?: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A schema by name; without a registry in the default one. */
export interface SchemaName {
  readonly registry?: string;
  readonly schema: string;
}

export interface SchemaRecord {
  readonly registry: string;
  readonly name: string;
  readonly format: SchemaDataFormat;
  readonly compatibility: SchemaCompatibility;
  readonly description?: string;
  /** The version from which on later ones are compared: the last one when the mode was set. */
  readonly checkpoint: number;
  /** The last version that is available; 0 when there is none. */
  readonly latest: number;
  readonly next: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface SchemaVersionRecord {
  readonly id: string;
  readonly registry: string;
  readonly schema: string;
  readonly number: number;
  readonly format: SchemaDataFormat;
  readonly definition: string;
  /** `FAILURE`: it did not follow the mode; `reason` says where. Nobody should write by it. */
  readonly status: 'AVAILABLE' | 'FAILURE';
  readonly reason?: string;
  readonly createdAt: number;
}

/** Which version: by its id, or of a schema by number or the latest. */
export type SchemaVersionChoice = { readonly id: string } | (SchemaName & { readonly number: number | 'latest' });

export interface SchemaMetadata {
  readonly key: string;
  readonly value: string;
  readonly createdAt: number;
}

export interface Page {
  readonly after?: string;
  readonly limit: number;
}

export interface Schemas {
  /** **Errors**: `already_exists`; `invalid_argument`. */
  createRegistry(
    context: RequestContext,
    input: { readonly name: string; readonly description?: string },
  ): Promise<RegistryRecord>;
  /** Without a name the default registry, which is there before it is made. */
  registry(context: RequestContext, name: string | undefined): Promise<RegistryRecord>;
  registries(context: RequestContext, page: Page): Promise<readonly RegistryRecord[]>;
  updateRegistry(context: RequestContext, name: string, description: string): Promise<RegistryRecord>;
  /** With its schemas. */
  deleteRegistry(context: RequestContext, name: string): Promise<void>;

  /** With a definition its first version too. **Errors**: `already_exists`, `invalid_argument`. */
  createSchema(
    context: RequestContext,
    input: SchemaName & {
      readonly format: SchemaDataFormat;
      readonly compatibility?: SchemaCompatibility;
      readonly description?: string;
      readonly definition?: string;
    },
  ): Promise<{ readonly schema: SchemaRecord; readonly version?: SchemaVersionRecord }>;
  schema(context: RequestContext, name: SchemaName): Promise<SchemaRecord>;
  /** Of one registry, or of all. `after` is `registry/schema`. */
  schemas(context: RequestContext, query: Page & { readonly registry?: string }): Promise<readonly SchemaRecord[]>;
  /** A new mode is followed from the version given on. */
  updateSchema(
    context: RequestContext,
    name: SchemaName,
    change: {
      readonly compatibility?: SchemaCompatibility;
      readonly description?: string;
      readonly checkpoint?: number | 'latest';
    },
  ): Promise<SchemaRecord>;
  deleteSchema(context: RequestContext, name: SchemaName): Promise<void>;

  /**
   * Registers a definition; the same one again answers its version. One that does not follow the mode is kept as
   * `FAILURE`. Tables that follow the schema take its columns in the same transaction.
   * **Errors**: `invalid_argument` for one that cannot be read.
   */
  registerVersion(context: RequestContext, name: SchemaName, definition: string): Promise<SchemaVersionRecord>;
  version(context: RequestContext, choice: SchemaVersionChoice): Promise<SchemaVersionRecord>;
  /** **Errors**: `not_found` when no version of the schema says that. */
  versionByDefinition(context: RequestContext, name: SchemaName, definition: string): Promise<SchemaVersionRecord>;
  /** Oldest first. */
  versions(
    context: RequestContext,
    name: SchemaName,
    page: { readonly after?: number; readonly limit: number },
  ): Promise<readonly SchemaVersionRecord[]>;
  /** Deletes versions; those that could not be are answered with the reason. */
  deleteVersions(
    context: RequestContext,
    name: SchemaName,
    numbers: readonly number[],
  ): Promise<readonly { readonly number: number; readonly error: Error }[]>;
  /** What changed from one version to another, as JSON Patch. **Source**: RFC 6902. */
  difference(
    context: RequestContext,
    name: SchemaName,
    first: number | 'latest',
    second: number | 'latest',
  ): Promise<string>;
  /** Why a definition cannot be read; undefined when it can. */
  invalidity(context: RequestContext, format: SchemaDataFormat, definition: string): Promise<string | undefined>;
  /** The columns that a table over the schema has. */
  columns(context: RequestContext, choice: SchemaVersionChoice): Promise<readonly CatalogColumn[]>;

  /** **Errors**: `already_exists` for a pair that is there; `limit_exceeded` over 10. */
  putMetadata(
    context: RequestContext,
    choice: SchemaVersionChoice,
    pair: { readonly key: string; readonly value: string },
  ): Promise<SchemaVersionRecord>;
  removeMetadata(
    context: RequestContext,
    choice: SchemaVersionChoice,
    pair: { readonly key: string; readonly value: string },
  ): Promise<SchemaVersionRecord>;
  metadata(
    context: RequestContext,
    choice: SchemaVersionChoice,
  ): Promise<{ readonly version: SchemaVersionRecord; readonly pairs: readonly SchemaMetadata[] }>;
}
