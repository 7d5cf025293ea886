import type {
  CreateRegistryInput,
  CreateRegistryResponse,
  DeleteRegistryInput,
  DeleteRegistryResponse,
  GetRegistryInput,
  GetRegistryResponse,
  ListRegistriesInput,
  ListRegistriesResponse,
  PutSchemaVersionMetadataInput,
  PutSchemaVersionMetadataResponse,
  QuerySchemaVersionMetadataInput,
  QuerySchemaVersionMetadataResponse,
  RemoveSchemaVersionMetadataInput,
  RemoveSchemaVersionMetadataResponse,
  UpdateRegistryInput,
  UpdateRegistryResponse,
} from '@aws-sdk/client-glue';
import type { CatalogTags, RegistryRecord, Schemas, SchemaVersionRecord } from '../../../catalog/contract.ts';
import { glueArn } from '../../../core/arn.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { OperationSpec } from '../service.ts';
import { isText, pageSize, positionOf, tokenOf } from './pages.ts';
import { registryNameOf, versionChoiceOf } from './schema-names.ts';
import { schemaArn } from './schemas.ts';
import { withTags } from './tags.ts';

const PAGE = 100;

const named = (context: RequestContext, name: string) => ({
  RegistryName: name,
  RegistryArn: glueArn(context.region, context.accountId, `registry/${name}`),
});

const fromRegistry = (context: RequestContext, record: RegistryRecord) => ({
  ...named(context, record.name),
  ...(record.description === undefined ? {} : { Description: record.description }),
  Status: 'AVAILABLE' as const,
  CreatedTime: new Date(record.createdAt).toISOString(),
  UpdatedTime: new Date(record.updatedAt).toISOString(),
});

/** The pair and its version, as both calls that change metadata answer. */
const changed = (
  context: RequestContext,
  version: SchemaVersionRecord,
  pair: { readonly key: string; readonly value: string },
) => ({
  SchemaArn: schemaArn(context, version.registry, version.schema),
  SchemaName: version.schema,
  RegistryName: version.registry,
  VersionNumber: version.number,
  SchemaVersionId: version.id,
  MetadataKey: pair.key,
  MetadataValue: pair.value,
});

const pairOf = (input: PutSchemaVersionMetadataInput) => ({
  key: input.MetadataKeyValue?.MetadataKey ?? '',
  value: input.MetadataKeyValue?.MetadataValue ?? '',
});

async function query(
  schemas: Schemas,
  context: RequestContext,
  input: QuerySchemaVersionMetadataInput,
): Promise<QuerySchemaVersionMetadataResponse> {
  const { version, pairs } = await schemas.metadata(context, versionChoiceOf(input));
  const wanted = input.MetadataList ?? [];
  const MetadataInfoMap: NonNullable<QuerySchemaVersionMetadataResponse['MetadataInfoMap']> = {};
  for (const pair of pairs) {
    const asked = ({ MetadataKey, MetadataValue }: (typeof wanted)[number]) =>
      (MetadataKey === undefined || MetadataKey === pair.key) &&
      (MetadataValue === undefined || MetadataValue === pair.value);
    if (wanted.length > 0 && !wanted.some(asked)) continue;
    const one = { MetadataValue: pair.value, CreatedTime: new Date(pair.createdAt).toISOString() };
    const there = MetadataInfoMap[pair.key];
    if (there === undefined) MetadataInfoMap[pair.key] = one;
    else there.OtherMetadataValueList = [...(there.OtherMetadataValueList ?? []), one];
  }
  return { MetadataInfoMap, SchemaVersionId: version.id };
}

/** Operations on registries, and on the metadata of schema versions. */
export function registryOperations(schemas: Schemas, tags: CatalogTags | undefined): Record<string, OperationSpec> {
  return {
    CreateRegistry: {
      async run(context: RequestContext, input: CreateRegistryInput): Promise<CreateRegistryResponse> {
        const make = () =>
          schemas.createRegistry(context, {
            name: input.RegistryName ?? '',
            ...(input.Description === undefined ? {} : { description: input.Description }),
          });
        const made = await withTags(tags, context, input.Tags, make, ({ name }) => `registry/${name}`);
        return {
          ...named(context, made.name),
          ...(made.description === undefined ? {} : { Description: made.description }),
          ...(input.Tags === undefined ? {} : { Tags: input.Tags }),
        };
      },
    },
    GetRegistry: {
      readOnly: true,
      async run(context: RequestContext, input: GetRegistryInput): Promise<GetRegistryResponse> {
        return fromRegistry(context, await schemas.registry(context, registryNameOf(input.RegistryId)));
      },
    },
    ListRegistries: {
      readOnly: true,
      async run(context: RequestContext, input: ListRegistriesInput): Promise<ListRegistriesResponse> {
        const limit = pageSize(input.MaxResults, PAGE);
        const after = positionOf(input.NextToken, isText);
        const found = await schemas.registries(context, {
          limit: limit + 1,
          ...(after === undefined ? {} : { after }),
        });
        const page = found.slice(0, limit);
        return {
          Registries: page.map((record) => fromRegistry(context, record)),
          ...(found.length > limit ? { NextToken: tokenOf(page.at(-1)!.name) } : {}),
        };
      },
    },
    UpdateRegistry: {
      async run(context: RequestContext, input: UpdateRegistryInput): Promise<UpdateRegistryResponse> {
        const name = registryNameOf(input.RegistryId) ?? '';
        const { name: changedName } = await schemas.updateRegistry(context, name, input.Description ?? '');
        return named(context, changedName);
      },
    },
    DeleteRegistry: {
      async run(context: RequestContext, input: DeleteRegistryInput): Promise<DeleteRegistryResponse> {
        const name = registryNameOf(input.RegistryId);
        if (name === undefined) throw new LochError('missing_argument', '`RegistryId` names no registry.');
        await schemas.deleteRegistry(context, name);
        return { ...named(context, name), Status: 'DELETING' };
      },
    },
    PutSchemaVersionMetadata: {
      async run(
        context: RequestContext,
        input: PutSchemaVersionMetadataInput,
      ): Promise<PutSchemaVersionMetadataResponse> {
        const pair = pairOf(input);
        return changed(context, await schemas.putMetadata(context, versionChoiceOf(input), pair), pair);
      },
    },
    RemoveSchemaVersionMetadata: {
      async run(
        context: RequestContext,
        input: RemoveSchemaVersionMetadataInput,
      ): Promise<RemoveSchemaVersionMetadataResponse> {
        const pair = pairOf(input);
        return changed(context, await schemas.removeMetadata(context, versionChoiceOf(input), pair), pair);
      },
    },
    QuerySchemaVersionMetadata: {
      readOnly: true,
      partial: 'all on one page: a version has up to 10 pairs',
      run: (context, input: QuerySchemaVersionMetadataInput) => query(schemas, context, input),
    },
  };
}
