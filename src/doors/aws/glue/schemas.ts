import type {
  CheckSchemaVersionValidityInput,
  CheckSchemaVersionValidityResponse,
  CreateSchemaInput,
  CreateSchemaResponse,
  DeleteSchemaInput,
  DeleteSchemaResponse,
  DeleteSchemaVersionsInput,
  DeleteSchemaVersionsResponse,
  GetSchemaByDefinitionInput,
  GetSchemaByDefinitionResponse,
  GetSchemaInput,
  GetSchemaResponse,
  GetSchemaVersionInput,
  GetSchemaVersionResponse,
  GetSchemaVersionsDiffInput,
  GetSchemaVersionsDiffResponse,
  ListSchemasInput,
  ListSchemasResponse,
  ListSchemaVersionsInput,
  ListSchemaVersionsResponse,
  RegisterSchemaVersionInput,
  RegisterSchemaVersionResponse,
  UpdateSchemaInput,
  UpdateSchemaResponse,
} from '@aws-sdk/client-glue';
import type { CatalogTags, SchemaRecord, Schemas, SchemaVersionRecord } from '../../../catalog/contract.ts';
import { glueArn } from '../../../core/arn.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { OperationSpec } from '../service.ts';
import { errorDetail } from './errors.ts';
import { isCount, isText, pageSize, positionOf, tokenOf } from './pages.ts';
import { registryNameOf, schemaNameOf, versionChoiceOf, versionNumberOf } from './schema-names.ts';
import { withTags } from './tags.ts';

const PAGE = 100;
const MOST_DELETED = 100;

export const schemaArn = (context: RequestContext, registry: string, schema: string): string =>
  glueArn(context.region, context.accountId, `schema/${registry}/${schema}`);

const named = (context: RequestContext, record: SchemaRecord) => ({
  RegistryName: record.registry,
  SchemaName: record.name,
  SchemaArn: schemaArn(context, record.registry, record.name),
});

const timed = (record: { readonly createdAt: number; readonly updatedAt: number }) => ({
  CreatedTime: new Date(record.createdAt).toISOString(),
  UpdatedTime: new Date(record.updatedAt).toISOString(),
});

const fromSchema = (context: RequestContext, record: SchemaRecord) => ({
  ...named(context, record),
  RegistryArn: glueArn(context.region, context.accountId, `registry/${record.registry}`),
  ...(record.description === undefined ? {} : { Description: record.description }),
  DataFormat: record.format,
  Compatibility: record.compatibility,
  SchemaCheckpoint: record.checkpoint,
  LatestSchemaVersion: record.latest,
  NextSchemaVersion: record.next,
  SchemaStatus: 'AVAILABLE' as const,
});

const fromVersion = (context: RequestContext, version: SchemaVersionRecord) => ({
  SchemaVersionId: version.id,
  SchemaArn: schemaArn(context, version.registry, version.schema),
  VersionNumber: version.number,
  Status: version.status,
  CreatedTime: new Date(version.createdAt).toISOString(),
});

/** `3`, `5-8`, and lists of both. **Errors**: `invalid_argument`; `limit_exceeded`. */
function versionRange(text: string): readonly number[] {
  const numbers: number[] = [];
  for (const part of text.split(',')) {
    const [, from, to] = /^\s*(\d{1,9})\s*(?:-\s*(\d{1,9}))?\s*$/.exec(part) ?? [];
    const last = Number(to ?? from);
    if (from === undefined || last < Number(from)) {
      throw new LochError(
        'invalid_argument',
        `\`Versions\` is \`${text}\`; write a number or a range such as \`5-8\`.`,
      );
    }
    if (last - Number(from) >= MOST_DELETED || numbers.length >= MOST_DELETED) {
      throw new LochError('invalid_argument', `\`Versions\` names more than ${MOST_DELETED} versions.`);
    }
    for (let number = Number(from); number <= last; number++) numbers.push(number);
  }
  return numbers;
}

function versionOperations(schemas: Schemas): Record<string, OperationSpec> {
  return {
    RegisterSchemaVersion: {
      async run(context: RequestContext, input: RegisterSchemaVersionInput): Promise<RegisterSchemaVersionResponse> {
        const version = await schemas.registerVersion(context, schemaNameOf(input.SchemaId), input.SchemaDefinition!);
        return { SchemaVersionId: version.id, VersionNumber: version.number, Status: version.status };
      },
    },
    GetSchemaVersion: {
      readOnly: true,
      async run(context: RequestContext, input: GetSchemaVersionInput): Promise<GetSchemaVersionResponse> {
        const version = await schemas.version(context, versionChoiceOf(input));
        return {
          ...fromVersion(context, version),
          SchemaDefinition: version.definition,
          DataFormat: version.format,
        };
      },
    },
    GetSchemaByDefinition: {
      readOnly: true,
      async run(context: RequestContext, input: GetSchemaByDefinitionInput): Promise<GetSchemaByDefinitionResponse> {
        const name = schemaNameOf(input.SchemaId);
        const version = await schemas.versionByDefinition(context, name, input.SchemaDefinition!);
        const { VersionNumber: _, ...shown } = fromVersion(context, version);
        return { ...shown, DataFormat: version.format };
      },
    },
    ListSchemaVersions: {
      readOnly: true,
      async run(context: RequestContext, input: ListSchemaVersionsInput): Promise<ListSchemaVersionsResponse> {
        const limit = pageSize(input.MaxResults, PAGE);
        const after = positionOf(input.NextToken, isCount);
        const found = await schemas.versions(context, schemaNameOf(input.SchemaId), {
          limit: limit + 1,
          ...(after === undefined ? {} : { after }),
        });
        const page = found.slice(0, limit);
        return {
          Schemas: page.map((version) => fromVersion(context, version)),
          ...(found.length > limit ? { NextToken: tokenOf(page.at(-1)!.number) } : {}),
        };
      },
    },
    DeleteSchemaVersions: {
      async run(context: RequestContext, input: DeleteSchemaVersionsInput): Promise<DeleteSchemaVersionsResponse> {
        const numbers = versionRange(input.Versions ?? '');
        const failed = await schemas.deleteVersions(context, schemaNameOf(input.SchemaId), numbers);
        return {
          SchemaVersionErrors: failed.map(({ number, error }) => ({
            VersionNumber: number,
            ErrorDetails: errorDetail(error),
          })),
        };
      },
    },
    GetSchemaVersionsDiff: {
      readOnly: true,
      async run(context: RequestContext, input: GetSchemaVersionsDiffInput): Promise<GetSchemaVersionsDiffResponse> {
        if (input.SchemaDiffType !== 'SYNTAX_DIFF') {
          throw new LochError(
            'invalid_argument',
            `\`SchemaDiffType\` is \`${input.SchemaDiffType}\`; use SYNTAX_DIFF.`,
          );
        }
        const Diff = await schemas.difference(
          context,
          schemaNameOf(input.SchemaId),
          versionNumberOf(input.FirstSchemaVersionNumber),
          versionNumberOf(input.SecondSchemaVersionNumber),
        );
        return { Diff };
      },
    },
    CheckSchemaVersionValidity: {
      readOnly: true,
      async run(
        context: RequestContext,
        input: CheckSchemaVersionValidityInput,
      ): Promise<CheckSchemaVersionValidityResponse> {
        const problem = await schemas.invalidity(context, input.DataFormat!, input.SchemaDefinition!);
        return problem === undefined ? { Valid: true } : { Valid: false, Error: problem };
      },
    },
  };
}

/** Operations on schemas and their versions. */
export function schemaOperations(schemas: Schemas, tags: CatalogTags | undefined): Record<string, OperationSpec> {
  return {
    ...versionOperations(schemas),
    CreateSchema: {
      async run(context: RequestContext, input: CreateSchemaInput): Promise<CreateSchemaResponse> {
        const registry = registryNameOf(input.RegistryId);
        const make = () =>
          schemas.createSchema(context, {
            schema: input.SchemaName!,
            format: input.DataFormat!,
            ...(registry === undefined ? {} : { registry }),
            ...(input.Compatibility === undefined ? {} : { compatibility: input.Compatibility }),
            ...(input.Description === undefined ? {} : { description: input.Description }),
            ...(input.SchemaDefinition === undefined ? {} : { definition: input.SchemaDefinition }),
          });
        const { schema, version } = await withTags(
          tags,
          context,
          input.Tags,
          make,
          (made) => `schema/${made.schema.registry}/${made.schema.name}`,
        );
        return {
          ...fromSchema(context, schema),
          ...(input.Tags === undefined ? {} : { Tags: input.Tags }),
          ...(version === undefined ? {} : { SchemaVersionId: version.id, SchemaVersionStatus: version.status }),
        };
      },
    },
    GetSchema: {
      readOnly: true,
      async run(context: RequestContext, input: GetSchemaInput): Promise<GetSchemaResponse> {
        const schema = await schemas.schema(context, schemaNameOf(input.SchemaId));
        return { ...fromSchema(context, schema), ...timed(schema) };
      },
    },
    ListSchemas: {
      readOnly: true,
      async run(context: RequestContext, input: ListSchemasInput): Promise<ListSchemasResponse> {
        const limit = pageSize(input.MaxResults, PAGE);
        const after = positionOf(input.NextToken, isText);
        const registry = registryNameOf(input.RegistryId);
        const found = await schemas.schemas(context, {
          limit: limit + 1,
          ...(registry === undefined ? {} : { registry }),
          ...(after === undefined ? {} : { after }),
        });
        const page = found.slice(0, limit);
        const last = page.at(-1);
        return {
          Schemas: page.map((schema) => ({
            ...named(context, schema),
            ...(schema.description === undefined ? {} : { Description: schema.description }),
            SchemaStatus: 'AVAILABLE',
            ...timed(schema),
          })),
          ...(found.length > limit && last !== undefined
            ? { NextToken: tokenOf(`${last.registry}/${last.name}`) }
            : {}),
        };
      },
    },
    UpdateSchema: {
      async run(context: RequestContext, input: UpdateSchemaInput): Promise<UpdateSchemaResponse> {
        const { SchemaVersionNumber } = input;
        const schema = await schemas.updateSchema(context, schemaNameOf(input.SchemaId), {
          ...(input.Compatibility === undefined ? {} : { compatibility: input.Compatibility }),
          ...(input.Description === undefined ? {} : { description: input.Description }),
          ...(SchemaVersionNumber === undefined ? {} : { checkpoint: versionNumberOf(SchemaVersionNumber) }),
        });
        return named(context, schema);
      },
    },
    DeleteSchema: {
      async run(context: RequestContext, input: DeleteSchemaInput): Promise<DeleteSchemaResponse> {
        const name = schemaNameOf(input.SchemaId);
        const { registry, name: schema } = await schemas.schema(context, name);
        await schemas.deleteSchema(context, name);
        return { SchemaName: schema, SchemaArn: schemaArn(context, registry, schema), Status: 'DELETING' };
      },
    },
  };
}
