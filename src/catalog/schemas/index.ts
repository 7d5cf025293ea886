/**
 * The use-cases of the schema registry.
 *
 * Invariants
 * - A version is compared outside of the store and added only if no other came meanwhile; else it is compared again.
 * - Definitions that differ in layout alone are one version.
 */
import { createHash } from 'node:crypto';
import { glueArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError, toLochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import { storeCall } from '../../metadata/contract.ts';
import { glueAllows } from '../databases/access.ts';
import type { CatalogParts } from '../databases/parts.ts';
import { removeTags } from '../settings/tags.ts';
import { breaches, type EarlierVersion } from './compatibility.ts';
import type { SchemaName, SchemaRecord, Schemas, SchemaVersionChoice, SchemaVersionRecord } from './contract.ts';
import { followSchema } from './follow-schema.ts';
import { parseSchema } from './formats.ts';
import { jsonPatch } from './json-patch.ts';
import type { ParsedSchema } from './parsed-schema.ts';
import schemaStore, { DEFAULT_REGISTRY, type NewVersion, registryMissing } from './store.ts';

const NAME = /^[A-Za-z0-9\-_$#.]{1,255}$/;
const BATCH = 500;
const TRIES = 5;

type Parts = Pick<CatalogParts, 'store' | 'policy' | 'names' | 'clock' | 'accountId' | 'region'>;

const hashOf = (parsed: ParsedSchema): string => createHash('sha256').update(parsed.canonical).digest('hex');

function checkName(name: string, what: string): string {
  if (NAME.test(name)) return name;
  throw new LochError(
    'invalid_argument',
    `\`${name.slice(0, 255)}\` is not a name for a ${what}: 1 to 255 letters, digits and - _ $ # . are allowed.`,
  );
}

function checkDescription(description: string | undefined): void {
  if ((description?.length ?? 0) <= 2048) return;
  throw new LochError('invalid_argument', `\`Description\` has ${description!.length} characters; the limit is 2048.`);
}

/** Opens the use-cases. */
export function schemaUseCases(parts: Parts): Schemas {
  const { store, clock } = parts;
  const { procedures } = schemaStore;
  const arnOf = (resource: string) => glueArn(parts.region, parts.accountId, resource);
  const allow = async (context: RequestContext, action: string, registry: string, schema?: string) => {
    const resources = [`registry/${registry}`, ...(schema === undefined ? [] : [`schema/${registry}/${schema}`])];
    for (const resource of resources) {
      await parts.policy.authorize(context, { action: `glue:${action}`, resource: arnOf(resource) });
    }
  };
  const placeOf = ({ registry = DEFAULT_REGISTRY, schema }: SchemaName) => ({ registry, name: schema });
  const numberOf = async (place: { registry: string; name: string }, number: number | 'latest') => {
    if (number !== 'latest') return number;
    const { latest } = await store.read(procedures.schema, place);
    if (latest > 0) return latest;
    throw new LochError('not_found', `Schema \`${place.name}\` has no version that is available.`);
  };
  const find = async (context: RequestContext, action: string, choice: SchemaVersionChoice) => {
    const byId = 'id' in choice;
    const place = byId ? undefined : placeOf(choice);
    if (place !== undefined) await allow(context, action, place.registry, place.name);
    const version = await store.read(
      procedures.version,
      byId ? { id: choice.id } : { ...place!, number: await numberOf(place!, choice.number) },
    );
    if (version === undefined) {
      const what = byId ? `\`${choice.id}\`` : `${choice.number} of schema \`${choice.schema}\``;
      throw new LochError('not_found', `Schema version is not found. There is no ${what}.`);
    }
    if (byId) await allow(context, action, version.registry, version.schema);
    return version;
  };

  /** The versions a new one is compared with: available, from the checkpoint on. */
  const earlierVersions = async (schema: SchemaRecord): Promise<readonly EarlierVersion[]> => {
    const found: EarlierVersion[] = [];
    let after = schema.checkpoint - 1;
    for (;;) {
      const page = await store.read(procedures.versions, {
        registry: schema.registry,
        name: schema.name,
        after,
        limit: BATCH,
      });
      for (const version of page) {
        if (version.status !== 'AVAILABLE') continue;
        found.push({ number: version.number, schema: parseSchema(version.format, version.definition) });
      }
      if (page.length < BATCH) return found;
      after = page.at(-1)!.number;
    }
  };

  const register = async (
    context: RequestContext,
    place: { readonly registry: string; readonly name: string },
    definition: string,
  ): Promise<SchemaVersionRecord> => {
    for (let attempt = 1; ; attempt++) {
      const schema = await store.read(procedures.schema, place);
      const parsed = parseSchema(schema.format, definition);
      const hash = hashOf(parsed);
      const same = await store.read(procedures.versionByHash, { ...place, hash });
      if (same?.status === 'AVAILABLE') return same;
      const reasons = breaches(schema.compatibility, parsed, await earlierVersions(schema));
      const version: NewVersion = {
        id: newId(),
        definition,
        hash,
        status: reasons.length === 0 ? 'AVAILABLE' : 'FAILURE',
        ...(reasons.length === 0 ? {} : { reason: reasons.slice(0, 20).join('; ') }),
      };
      const arn = arnOf(`schema/${place.registry}/${place.name}`);
      const follow =
        reasons.length > 0
          ? []
          : await followSchema(parts, { ...place, arn }, () => parsed.columns(), context.principal.arn);
      try {
        const [made] = await store.transact([
          storeCall(procedures.insertVersion, { ...place, expectedNext: schema.next, version, at: clock.now() }),
          ...follow,
        ]);
        return made as SchemaVersionRecord;
      } catch (error) {
        if (!isLochError(error, 'conflict') || attempt >= TRIES) throw error;
      }
    }
  };

  return {
    async createRegistry(context, input) {
      const name = checkName(input.name, 'registry');
      checkDescription(input.description);
      await allow(context, 'CreateRegistry', name);
      const at = clock.now();
      return store.write(procedures.insertRegistry, {
        name,
        description: input.description ?? null,
        created_at: at,
        updated_at: at,
      });
    },
    async registry(context, given) {
      const name = given ?? DEFAULT_REGISTRY;
      await allow(context, 'GetRegistry', name);
      const found = await store.read(procedures.registry, { name });
      if (found !== undefined) return found;
      if (name !== DEFAULT_REGISTRY) throw registryMissing(name);
      return { name, createdAt: 0, updatedAt: 0 };
    },
    async registries(context, page) {
      await parts.policy.authorize(context, { action: 'glue:ListRegistries', resource: arnOf('registry/*') });
      return store.read(procedures.registries, page);
    },
    async updateRegistry(context, name, description) {
      checkDescription(description);
      await allow(context, 'UpdateRegistry', name);
      return store.write(procedures.changeRegistry, { name, description, at: clock.now() });
    },
    async deleteRegistry(context, name) {
      await allow(context, 'DeleteRegistry', name);
      await store.transact([storeCall(procedures.removeRegistry, { name }), removeTags(arnOf(`registry/${name}`))]);
    },

    async createSchema(context, input) {
      const { registry, name } = placeOf(input);
      checkName(name, 'schema');
      checkDescription(input.description);
      const parsed = input.definition === undefined ? undefined : parseSchema(input.format, input.definition);
      await allow(context, 'CreateSchema', registry, name);
      return store.write(procedures.insertSchema, {
        registry,
        name,
        format: input.format,
        compatibility: input.compatibility ?? 'BACKWARD',
        at: clock.now(),
        ...(input.description === undefined ? {} : { description: input.description }),
        ...(parsed === undefined
          ? {}
          : {
              version: {
                id: newId(),
                definition: input.definition!,
                hash: hashOf(parsed),
                status: 'AVAILABLE' as const,
              },
            }),
      });
    },
    async schema(context, given) {
      const place = placeOf(given);
      await allow(context, 'GetSchema', place.registry, place.name);
      return store.read(procedures.schema, place);
    },
    async schemas(context, query) {
      const scope = query.registry === undefined ? '*' : query.registry;
      await parts.policy.authorize(context, { action: 'glue:ListSchemas', resource: arnOf(`registry/${scope}`) });
      const found: SchemaRecord[] = [];
      const slash = query.after?.indexOf('/') ?? -1;
      let after: { readonly registry: string; readonly name: string } | undefined =
        slash === -1 ? undefined : { registry: query.after!.slice(0, slash), name: query.after!.slice(slash + 1) };
      for (;;) {
        const rows = await store.read(procedures.schemas, {
          limit: BATCH,
          ...(query.registry === undefined ? {} : { registry: query.registry }),
          ...(after === undefined ? {} : { after }),
        });
        for (const row of rows) {
          if (found.length >= query.limit) return found;
          if (await glueAllows(parts, context, 'ListSchemas', `schema/${row.registry}/${row.name}`)) found.push(row);
        }
        if (rows.length < BATCH) return found;
        after = rows.at(-1)!;
      }
    },
    async updateSchema(context, given, change) {
      const place = placeOf(given);
      checkDescription(change.description);
      await allow(context, 'UpdateSchema', place.registry, place.name);
      if (change.compatibility === undefined && change.checkpoint === undefined && change.description === undefined) {
        throw new LochError('invalid_argument', 'Give `Compatibility`, `SchemaVersionNumber` or `Description`.');
      }
      const wanted = change.checkpoint ?? (change.compatibility === undefined ? undefined : 'latest');
      const { latest } = await store.read(procedures.schema, place);
      const checkpoint = wanted === 'latest' ? Math.max(1, latest) : wanted;
      if (checkpoint !== undefined && change.checkpoint !== undefined) {
        const there = await store.read(procedures.version, { ...place, number: checkpoint });
        if (there?.status !== 'AVAILABLE') {
          throw new LochError(
            'not_found',
            `Schema \`${place.name}\` has no version ${checkpoint} to be its checkpoint.`,
          );
        }
      }
      return store.write(procedures.changeSchema, {
        ...place,
        at: clock.now(),
        ...(change.compatibility === undefined ? {} : { compatibility: change.compatibility }),
        ...(change.description === undefined ? {} : { description: change.description }),
        ...(checkpoint === undefined ? {} : { checkpoint }),
      });
    },
    async deleteSchema(context, given) {
      const place = placeOf(given);
      await allow(context, 'DeleteSchema', place.registry, place.name);
      await store.transact([
        storeCall(procedures.removeSchema, place),
        removeTags(arnOf(`schema/${place.registry}/${place.name}`)),
      ]);
    },

    async registerVersion(context, given, definition) {
      const place = placeOf(given);
      await allow(context, 'RegisterSchemaVersion', place.registry, place.name);
      return register(context, place, definition);
    },
    version: (context, choice) => find(context, 'GetSchemaVersion', choice),
    async versionByDefinition(context, given, definition) {
      const place = placeOf(given);
      await allow(context, 'GetSchemaByDefinition', place.registry, place.name);
      const schema = await store.read(procedures.schema, place);
      const hash = hashOf(parseSchema(schema.format, definition));
      const found = await store.read(procedures.versionByHash, { ...place, hash });
      if (found !== undefined) return found;
      // The words by which AWS's serialisers know that they may register one.
      throw new LochError(
        'not_found',
        `Schema version is not found. No version of schema \`${place.name}\` has that definition.`,
      );
    },
    async versions(context, given, page) {
      const place = placeOf(given);
      await allow(context, 'ListSchemaVersions', place.registry, place.name);
      return store.read(procedures.versions, { ...place, ...page });
    },
    async deleteVersions(context, given, numbers) {
      const place = placeOf(given);
      await allow(context, 'DeleteSchemaVersions', place.registry, place.name);
      await store.read(procedures.schema, place);
      const failed: { number: number; error: Error }[] = [];
      for (const number of numbers) {
        try {
          await store.write(procedures.removeVersion, { ...place, number });
        } catch (error) {
          if (!isLochError(error, 'not_found', 'invalid_argument')) throw error;
          failed.push({ number, error });
        }
      }
      return failed;
    },
    async difference(context, given, first, second) {
      const versions = [];
      for (const number of [first, second]) {
        versions.push(await find(context, 'GetSchemaVersionsDiff', { ...given, number }));
      }
      const [before, after] = versions.map((version) => parseSchema(version.format, version.definition).tree);
      return JSON.stringify(jsonPatch(before, after));
    },
    async invalidity(context, format, definition) {
      await parts.policy.authorize(context, { action: 'glue:CheckSchemaVersionValidity', resource: '*' });
      try {
        parseSchema(format, definition);
        return undefined;
      } catch (error) {
        if (isLochError(error, 'invalid_argument', 'unsupported')) return error.message;
        throw toLochError(error);
      }
    },
    async columns(context, choice) {
      const version = await find(context, 'GetSchemaVersion', choice);
      return parseSchema(version.format, version.definition).columns();
    },

    async putMetadata(context, choice, pair) {
      if (!/^.{1,128}$/s.test(pair.key) || !/^.{1,256}$/s.test(pair.value)) {
        throw new LochError('invalid_argument', 'A metadata key must have 1 to 128 characters, its value 1 to 256.');
      }
      const version = await find(context, 'PutSchemaVersionMetadata', choice);
      await store.write(procedures.putMetadata, { versionId: version.id, ...pair, at: clock.now() });
      return version;
    },
    async removeMetadata(context, choice, pair) {
      const version = await find(context, 'RemoveSchemaVersionMetadata', choice);
      await store.write(procedures.removeMetadata, { versionId: version.id, ...pair });
      return version;
    },
    async metadata(context, choice) {
      const version = await find(context, 'QuerySchemaVersionMetadata', choice);
      return { version, pairs: await store.read(procedures.metadata, { versionId: version.id }) };
    },
  };
}
