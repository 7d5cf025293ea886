import type { Kysely } from 'kysely';
import { LochError } from '../../core/errors.ts';
import { defineStoreModule, type Migration, proceduresOver } from '../../metadata/contract.ts';
import type {
  RegistryRecord,
  SchemaCompatibility,
  SchemaDataFormat,
  SchemaMetadata,
  SchemaRecord,
  SchemaVersionRecord,
} from './contract.ts';

interface RegistryRow {
  name: string;
  description: string | null;
  created_at: number;
  updated_at: number;
}
interface SchemaRow extends RegistryRow {
  registry: string;
  format: string;
  compatibility: string;
  checkpoint: number;
  next: number;
}
interface VersionRow {
  id: string;
  registry: string;
  name: string;
  number: number;
  definition: string;
  hash: string;
  status: string;
  reason: string | null;
  created_at: number;
}
interface SchemaTables {
  catalog_registry: RegistryRow;
  catalog_schema: SchemaRow;
  catalog_schema_version: VersionRow;
  catalog_schema_metadata: { version_id: string; meta_key: string; meta_value: string; created_at: number };
}

const migrations: readonly Migration[] = [
  {
    number: 1,
    name: 'registries, schemas, versions and their metadata',
    statements: [
      `CREATE TABLE IF NOT EXISTS catalog_registry (
         name TEXT PRIMARY KEY, description TEXT, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL)`,
      `CREATE TABLE IF NOT EXISTS catalog_schema (
         registry TEXT NOT NULL, name TEXT NOT NULL, format TEXT NOT NULL, compatibility TEXT NOT NULL,
         description TEXT, checkpoint BIGINT NOT NULL, next BIGINT NOT NULL, created_at BIGINT NOT NULL,
         updated_at BIGINT NOT NULL, PRIMARY KEY (registry, name))`,
      `CREATE TABLE IF NOT EXISTS catalog_schema_version (
         id TEXT PRIMARY KEY, registry TEXT NOT NULL, name TEXT NOT NULL, number BIGINT NOT NULL,
         definition TEXT NOT NULL, hash TEXT NOT NULL, status TEXT NOT NULL, reason TEXT, created_at BIGINT NOT NULL)`,
      'CREATE UNIQUE INDEX IF NOT EXISTS catalog_schema_version_number ON catalog_schema_version (registry, name, number)',
      'CREATE INDEX IF NOT EXISTS catalog_schema_version_hash ON catalog_schema_version (registry, name, hash)',
      `CREATE TABLE IF NOT EXISTS catalog_schema_metadata (
         version_id TEXT NOT NULL, meta_key TEXT NOT NULL, meta_value TEXT NOT NULL, created_at BIGINT NOT NULL,
         PRIMARY KEY (version_id, meta_key, meta_value))`,
    ],
  },
];

const { read, write } = proceduresOver<SchemaTables>();
type Db = Kysely<SchemaTables>;

const MOST_METADATA = 10;
/** The registry that is there before anybody makes it. **Source**: AWS Glue. */
export const DEFAULT_REGISTRY = 'default-registry';

const registryOf = (row: RegistryRow): RegistryRecord => ({
  name: row.name,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  ...(row.description === null ? {} : { description: row.description }),
});

async function latestOf(db: Db, registry: string, name: string): Promise<number> {
  const row = await db
    .selectFrom('catalog_schema_version')
    .select('number')
    .where('registry', '=', registry)
    .where('name', '=', name)
    .where('status', '=', 'AVAILABLE')
    .orderBy('number', 'desc')
    .executeTakeFirst();
  return row?.number ?? 0;
}

async function schemaOf(db: Db, row: SchemaRow): Promise<SchemaRecord> {
  return {
    registry: row.registry,
    name: row.name,
    format: row.format as SchemaDataFormat,
    compatibility: row.compatibility as SchemaCompatibility,
    checkpoint: row.checkpoint,
    latest: await latestOf(db, row.registry, row.name),
    next: row.next,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    ...(row.description === null ? {} : { description: row.description }),
  };
}

const versionOf = (row: VersionRow, format: string): SchemaVersionRecord => ({
  id: row.id,
  registry: row.registry,
  schema: row.name,
  number: row.number,
  format: format as SchemaDataFormat,
  definition: row.definition,
  status: row.status as SchemaVersionRecord['status'],
  createdAt: row.created_at,
  ...(row.reason === null ? {} : { reason: row.reason }),
});

/** **Errors**: it is the error, `not_found`. */
export const registryMissing = (name: string): LochError =>
  new LochError('not_found', `Registry \`${name}\` does not exist.`, { context: { registry: name } });

/** **Errors**: it is the error, `not_found`, in the words by which AWS's serialisers know that they may make one. */
export const schemaMissing = (registry: string, name: string): LochError =>
  new LochError('not_found', `Schema is not found. \`${name}\` of registry \`${registry}\` does not exist.`, {
    context: { registry, schema: name },
  });

async function requireSchema(db: Db, registry: string, name: string): Promise<SchemaRow> {
  const row = await db
    .selectFrom('catalog_schema')
    .selectAll()
    .where('registry', '=', registry)
    .where('name', '=', name)
    .executeTakeFirst();
  if (row === undefined) throw schemaMissing(registry, name);
  return row;
}

async function dropSchema(db: Db, registry: string, name: string): Promise<void> {
  const versions = db
    .selectFrom('catalog_schema_version')
    .select('id')
    .where('registry', '=', registry)
    .where('name', '=', name);
  await db.deleteFrom('catalog_schema_metadata').where('version_id', 'in', versions).execute();
  await db.deleteFrom('catalog_schema_version').where('registry', '=', registry).where('name', '=', name).execute();
  await db.deleteFrom('catalog_schema').where('registry', '=', registry).where('name', '=', name).execute();
}

export interface NewVersion {
  readonly id: string;
  readonly definition: string;
  readonly hash: string;
  readonly status: SchemaVersionRecord['status'];
  readonly reason?: string;
}

async function addVersion(db: Db, schema: SchemaRow, version: NewVersion, at: number): Promise<VersionRow> {
  const row: VersionRow = {
    id: version.id,
    registry: schema.registry,
    name: schema.name,
    number: schema.next,
    definition: version.definition,
    hash: version.hash,
    status: version.status,
    reason: version.reason ?? null,
    created_at: at,
  };
  // What failed before and is tried again stands once.
  await db
    .deleteFrom('catalog_schema_version')
    .where('registry', '=', schema.registry)
    .where('name', '=', schema.name)
    .where('hash', '=', version.hash)
    .where('status', '=', 'FAILURE')
    .execute();
  await db.insertInto('catalog_schema_version').values(row).execute();
  await db
    .updateTable('catalog_schema')
    .set({ next: schema.next + 1, updated_at: at })
    .where('registry', '=', schema.registry)
    .where('name', '=', schema.name)
    .execute();
  return row;
}

const schemaStore = defineStoreModule('catalogSchemas', {
  migrations,
  procedures: {
    insertRegistry: write(async (db, row: RegistryRow): Promise<RegistryRecord> => {
      const added = await db
        .insertInto('catalog_registry')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      if (Number(added.numInsertedOrUpdatedRows) > 0) return registryOf(row);
      throw new LochError('already_exists', `Registry \`${row.name}\` exists already. Choose another name.`, {
        context: { registry: row.name },
      });
    }),
    registry: read(async (db, args: { name: string }): Promise<RegistryRecord | undefined> => {
      const row = await db.selectFrom('catalog_registry').selectAll().where('name', '=', args.name).executeTakeFirst();
      return row === undefined ? undefined : registryOf(row);
    }),
    registries: read(async (db, args: { after?: string; limit: number }): Promise<RegistryRecord[]> => {
      let query = db.selectFrom('catalog_registry').selectAll().orderBy('name').limit(args.limit);
      if (args.after !== undefined) query = query.where('name', '>', args.after);
      return (await query.execute()).map(registryOf);
    }),
    changeRegistry: write(
      async (db, args: { name: string; description: string; at: number }): Promise<RegistryRecord> => {
        await db
          .updateTable('catalog_registry')
          .set({ description: args.description, updated_at: args.at })
          .where('name', '=', args.name)
          .execute();
        const row = await db
          .selectFrom('catalog_registry')
          .selectAll()
          .where('name', '=', args.name)
          .executeTakeFirst();
        if (row === undefined) throw registryMissing(args.name);
        return registryOf(row);
      },
    ),
    removeRegistry: write(async (db, args: { name: string }): Promise<void> => {
      for (const { name } of await db
        .selectFrom('catalog_schema')
        .select('name')
        .where('registry', '=', args.name)
        .execute()) {
        await dropSchema(db, args.name, name);
      }
      const result = await db.deleteFrom('catalog_registry').where('name', '=', args.name).executeTakeFirst();
      if (Number(result.numDeletedRows) === 0) throw registryMissing(args.name);
    }),

    insertSchema: write(
      async (
        db,
        args: {
          registry: string;
          name: string;
          format: SchemaDataFormat;
          compatibility: SchemaCompatibility;
          description?: string;
          version?: NewVersion;
          at: number;
        },
      ): Promise<{ schema: SchemaRecord; version?: SchemaVersionRecord }> => {
        const home = await db
          .selectFrom('catalog_registry')
          .select('name')
          .where('name', '=', args.registry)
          .executeTakeFirst();
        if (home === undefined && args.registry !== DEFAULT_REGISTRY) throw registryMissing(args.registry);
        if (home === undefined) {
          await db
            .insertInto('catalog_registry')
            .values({ name: args.registry, description: null, created_at: args.at, updated_at: args.at })
            .execute();
        }
        const row: SchemaRow = {
          registry: args.registry,
          name: args.name,
          format: args.format,
          compatibility: args.compatibility,
          description: args.description ?? null,
          checkpoint: 1,
          next: 1,
          created_at: args.at,
          updated_at: args.at,
        };
        const added = await db
          .insertInto('catalog_schema')
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        if (Number(added.numInsertedOrUpdatedRows) === 0) {
          throw new LochError(
            'already_exists',
            `Schema \`${args.name}\` of registry \`${args.registry}\` exists already. Register a version of it.`,
            { context: { registry: args.registry, schema: args.name } },
          );
        }
        if (args.version === undefined) return { schema: await schemaOf(db, row) };
        const version = await addVersion(db, row, args.version, args.at);
        return { schema: await schemaOf(db, { ...row, next: 2 }), version: versionOf(version, row.format) };
      },
    ),
    schema: read(
      async (db, args: { registry: string; name: string }): Promise<SchemaRecord> =>
        schemaOf(db, await requireSchema(db, args.registry, args.name)),
    ),
    schemas: read(
      async (
        db,
        args: { registry?: string; after?: { registry: string; name: string }; limit: number },
      ): Promise<SchemaRecord[]> => {
        let query = db.selectFrom('catalog_schema').selectAll().orderBy('registry').orderBy('name').limit(args.limit);
        if (args.registry !== undefined) query = query.where('registry', '=', args.registry);
        const { after } = args;
        if (after !== undefined) {
          query = query.where((e) =>
            e.or([
              e('registry', '>', after.registry),
              e.and([e('registry', '=', after.registry), e('name', '>', after.name)]),
            ]),
          );
        }
        const rows = await query.execute();
        const records: SchemaRecord[] = [];
        for (const row of rows) records.push(await schemaOf(db, row));
        return records;
      },
    ),
    changeSchema: write(
      async (
        db,
        args: {
          registry: string;
          name: string;
          compatibility?: SchemaCompatibility;
          description?: string;
          checkpoint?: number;
          at: number;
        },
      ): Promise<SchemaRecord> => {
        const row = await requireSchema(db, args.registry, args.name);
        const changed = {
          ...row,
          ...(args.compatibility === undefined ? {} : { compatibility: args.compatibility }),
          ...(args.description === undefined ? {} : { description: args.description }),
          ...(args.checkpoint === undefined ? {} : { checkpoint: args.checkpoint }),
          updated_at: args.at,
        };
        await db
          .updateTable('catalog_schema')
          .set(changed)
          .where('registry', '=', args.registry)
          .where('name', '=', args.name)
          .execute();
        return schemaOf(db, changed);
      },
    ),
    removeSchema: write(async (db, args: { registry: string; name: string }): Promise<void> => {
      await requireSchema(db, args.registry, args.name);
      await dropSchema(db, args.registry, args.name);
    }),

    /** Adds a version that was compared while `expectedNext` was the next number. **Errors**: `conflict`. */
    insertVersion: write(
      async (
        db,
        args: { registry: string; name: string; expectedNext: number; version: NewVersion; at: number },
      ): Promise<SchemaVersionRecord> => {
        const schema = await requireSchema(db, args.registry, args.name);
        if (schema.next !== args.expectedNext) {
          throw new LochError('conflict', `Schema \`${args.name}\` got another version meanwhile. Register again.`);
        }
        return versionOf(await addVersion(db, schema, args.version, args.at), schema.format);
      },
    ),
    /** By id, or by schema and number. */
    version: read(
      async (
        db,
        args: { id: string } | { registry: string; name: string; number: number },
      ): Promise<SchemaVersionRecord | undefined> => {
        let query = db.selectFrom('catalog_schema_version').selectAll();
        query =
          'id' in args
            ? query.where('id', '=', args.id)
            : query
                .where('registry', '=', args.registry)
                .where('name', '=', args.name)
                .where('number', '=', args.number);
        const row = await query.executeTakeFirst();
        if (row === undefined) return undefined;
        return versionOf(row, (await requireSchema(db, row.registry, row.name)).format);
      },
    ),
    versionByHash: read(
      async (db, args: { registry: string; name: string; hash: string }): Promise<SchemaVersionRecord | undefined> => {
        const schema = await requireSchema(db, args.registry, args.name);
        const row = await db
          .selectFrom('catalog_schema_version')
          .selectAll()
          .where('registry', '=', args.registry)
          .where('name', '=', args.name)
          .where('hash', '=', args.hash)
          .orderBy('status') // AVAILABLE before FAILURE
          .executeTakeFirst();
        return row === undefined ? undefined : versionOf(row, schema.format);
      },
    ),
    versions: read(
      async (
        db,
        args: { registry: string; name: string; after?: number; limit: number },
      ): Promise<SchemaVersionRecord[]> => {
        const schema = await requireSchema(db, args.registry, args.name);
        const rows = await db
          .selectFrom('catalog_schema_version')
          .selectAll()
          .where('registry', '=', args.registry)
          .where('name', '=', args.name)
          .where('number', '>', args.after ?? 0)
          .orderBy('number')
          .limit(args.limit)
          .execute();
        return rows.map((row) => versionOf(row, schema.format));
      },
    ),
    removeVersion: write(async (db, args: { registry: string; name: string; number: number }): Promise<void> => {
      const schema = await requireSchema(db, args.registry, args.name);
      const row = await db
        .selectFrom('catalog_schema_version')
        .select('id')
        .where('registry', '=', args.registry)
        .where('name', '=', args.name)
        .where('number', '=', args.number)
        .executeTakeFirst();
      if (row === undefined) {
        throw new LochError('not_found', `Schema \`${args.name}\` has no version ${args.number}.`);
      }
      if (schema.checkpoint === args.number) {
        throw new LochError(
          'invalid_argument',
          `Version ${args.number} is the checkpoint of schema \`${args.name}\` and cannot be deleted. Set another one first.`,
        );
      }
      await db.deleteFrom('catalog_schema_metadata').where('version_id', '=', row.id).execute();
      await db.deleteFrom('catalog_schema_version').where('id', '=', row.id).execute();
    }),

    putMetadata: write(
      async (db, args: { versionId: string; key: string; value: string; at: number }): Promise<void> => {
        const added = await db
          .insertInto('catalog_schema_metadata')
          .values({ version_id: args.versionId, meta_key: args.key, meta_value: args.value, created_at: args.at })
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        if (Number(added.numInsertedOrUpdatedRows) === 0) {
          throw new LochError('already_exists', `The version has \`${args.key}\` = \`${args.value}\` already.`);
        }
        const all = await db
          .selectFrom('catalog_schema_metadata')
          .select('meta_key')
          .where('version_id', '=', args.versionId)
          .execute();
        if (all.length <= MOST_METADATA) return;
        throw new LochError(
          'limit_exceeded',
          `A version may have ${MOST_METADATA} pairs of metadata. Remove one first.`,
          { context: { limit: MOST_METADATA } },
        );
      },
    ),
    removeMetadata: write(async (db, args: { versionId: string; key: string; value: string }): Promise<void> => {
      const result = await db
        .deleteFrom('catalog_schema_metadata')
        .where('version_id', '=', args.versionId)
        .where('meta_key', '=', args.key)
        .where('meta_value', '=', args.value)
        .executeTakeFirst();
      if (Number(result.numDeletedRows) > 0) return;
      throw new LochError('not_found', `The version has no \`${args.key}\` = \`${args.value}\`.`);
    }),
    metadata: read(async (db, args: { versionId: string }): Promise<SchemaMetadata[]> => {
      const rows = await db
        .selectFrom('catalog_schema_metadata')
        .selectAll()
        .where('version_id', '=', args.versionId)
        .orderBy('meta_key')
        .orderBy('created_at', 'desc')
        .execute();
      return rows.map((row) => ({ key: row.meta_key, value: row.meta_value, createdAt: row.created_at }));
    }),
  },
});

export default schemaStore;
