import type {
  BatchDeleteConnectionRequest,
  BatchDeleteConnectionResponse,
  Connection,
  CreateConnectionRequest,
  CreateConnectionResponse,
  DeleteConnectionRequest,
  ConnectionInput as GlueConnectionInput,
  GetConnectionRequest,
  GetConnectionResponse,
  GetConnectionsRequest,
  GetConnectionsResponse,
  TestConnectionRequest,
  UpdateConnectionRequest,
} from '@aws-sdk/client-glue';
import type { CatalogTags, ConnectionInput, ConnectionRecord, Connections } from '../../../catalog/contract.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { isLochError, LochError } from '../../../core/errors.ts';
import type { OperationSpec } from '../service.ts';
import { errorDetail } from './errors.ts';
import { checkBatch, checkCatalog, isText, pageSize, positionOf, tokenOf } from './pages.ts';
import { withTags } from './tags.ts';

const PAGE = 100;
/** Members that may hold secrets under any name. */
const REDACT = [
  'ConnectionProperties',
  'SparkProperties',
  'AthenaProperties',
  'PythonProperties',
  'AuthenticationConfiguration',
];

function refuseUnheeded(given: GlueConnectionInput): void {
  const authentication = given.AuthenticationConfiguration;
  for (const member of ['OAuth2Properties', 'CustomAuthenticationCredentials', 'SecretArn', 'KmsKeyArn'] as const) {
    if (authentication?.[member] === undefined) continue;
    throw new LochError(
      'unsupported',
      `\`AuthenticationConfiguration.${member}\` is not supported. Give USERNAME and PASSWORD, or BASIC credentials.`,
    );
  }
  if (authentication?.AuthenticationType !== undefined && authentication.AuthenticationType !== 'BASIC') {
    throw new LochError(
      'unsupported',
      `The authentication type \`${authentication.AuthenticationType}\` is not supported. Use BASIC.`,
    );
  }
  if (given.ValidateForComputeEnvironments !== undefined) {
    throw new LochError('unsupported', '`ValidateForComputeEnvironments` is not supported. Leave it out.');
  }
}

function toConnection(given: GlueConnectionInput): ConnectionInput {
  refuseUnheeded(given);
  const login = given.AuthenticationConfiguration?.BasicAuthenticationCredentials;
  const properties = {
    ...given.ConnectionProperties,
    ...(login?.Username === undefined ? {} : { USERNAME: login.Username }),
    ...(login?.Password === undefined ? {} : { PASSWORD: login.Password }),
  };
  const { PhysicalConnectionRequirements } = given;
  return {
    name: given.Name ?? '',
    type: given.ConnectionType!,
    properties,
    ...(given.Description === undefined ? {} : { description: given.Description }),
    ...(given.MatchCriteria === undefined ? {} : { matchCriteria: given.MatchCriteria }),
    ...(given.SparkProperties === undefined ? {} : { sparkProperties: given.SparkProperties }),
    ...(given.AthenaProperties === undefined ? {} : { athenaProperties: given.AthenaProperties }),
    ...(given.PythonProperties === undefined ? {} : { pythonProperties: given.PythonProperties }),
    ...(PhysicalConnectionRequirements === undefined ? {} : { foreign: { PhysicalConnectionRequirements } }),
  };
}

function fromConnection(record: ConnectionRecord): Connection {
  return {
    Name: record.name,
    ...(record.description === undefined ? {} : { Description: record.description }),
    ConnectionType: record.type as NonNullable<Connection['ConnectionType']>,
    ...(record.matchCriteria === undefined ? {} : { MatchCriteria: [...record.matchCriteria] }),
    ConnectionProperties: { ...record.properties },
    ...(record.sparkProperties === undefined ? {} : { SparkProperties: { ...record.sparkProperties } }),
    ...(record.athenaProperties === undefined ? {} : { AthenaProperties: { ...record.athenaProperties } }),
    ...(record.pythonProperties === undefined ? {} : { PythonProperties: { ...record.pythonProperties } }),
    ...record.foreign,
    CreationTime: new Date(record.createdAt),
    LastUpdatedTime: new Date(record.updatedAt),
    LastUpdatedBy: record.updatedBy,
    Status: 'READY',
    ConnectionSchemaVersion: 1,
  };
}

async function batchDelete(
  connections: Connections,
  context: RequestContext,
  input: BatchDeleteConnectionRequest,
): Promise<BatchDeleteConnectionResponse> {
  checkCatalog(context, input.CatalogId);
  checkBatch(input.ConnectionNameList, 25, 'ConnectionNameList');
  const Succeeded: string[] = [];
  const Errors: NonNullable<BatchDeleteConnectionResponse['Errors']> = {};
  for (const name of input.ConnectionNameList ?? []) {
    try {
      await connections.delete(context, name);
      Succeeded.push(name);
    } catch (error) {
      if (!isLochError(error, 'not_found', 'access_denied')) throw error;
      Errors[name] = errorDetail(error);
    }
  }
  return { Succeeded, Errors };
}

/** Operations on connections. */
export function connectionOperations(
  connections: Connections,
  tags: CatalogTags | undefined,
): Record<string, OperationSpec> {
  return {
    CreateConnection: {
      redact: REDACT,
      partial: 'USERNAME and PASSWORD or BASIC authentication; no OAuth2, no secrets of Secrets Manager',
      async run(context: RequestContext, input: CreateConnectionRequest): Promise<CreateConnectionResponse> {
        checkCatalog(context, input.CatalogId);
        const connection = toConnection(input.ConnectionInput!);
        if (input.ConnectionInput?.ValidateCredentials === true) await connections.test(context, connection);
        const make = () => connections.create(context, connection);
        await withTags(tags, context, input.Tags, make, ({ name }) => `connection/${name}`);
        return { CreateConnectionStatus: 'READY' };
      },
    },
    UpdateConnection: {
      redact: REDACT,
      partial: 'as CreateConnection',
      async run(context: RequestContext, input: UpdateConnectionRequest) {
        checkCatalog(context, input.CatalogId);
        const connection = toConnection(input.ConnectionInput!);
        if (connection.name !== input.Name) {
          throw new LochError(
            'invalid_argument',
            `Connection \`${input.Name}\` cannot be renamed to \`${connection.name}\`.`,
          );
        }
        await connections.update(context, input.Name!, connection);
        return {};
      },
    },
    DeleteConnection: {
      async run(context: RequestContext, input: DeleteConnectionRequest) {
        checkCatalog(context, input.CatalogId);
        await connections.delete(context, input.ConnectionName!);
        return {};
      },
    },
    BatchDeleteConnection: {
      run: (context, input: BatchDeleteConnectionRequest) => batchDelete(connections, context, input),
    },
    GetConnection: {
      readOnly: true,
      redact: REDACT,
      async run(context: RequestContext, input: GetConnectionRequest): Promise<GetConnectionResponse> {
        checkCatalog(context, input.CatalogId);
        const hideSecrets = input.HidePassword === true;
        return { Connection: fromConnection(await connections.get(context, input.Name!, { hideSecrets })) };
      },
    },
    GetConnections: {
      readOnly: true,
      redact: REDACT,
      async run(context: RequestContext, input: GetConnectionsRequest): Promise<GetConnectionsResponse> {
        checkCatalog(context, input.CatalogId);
        const limit = pageSize(input.MaxResults, PAGE);
        const after = positionOf(input.NextToken, isText);
        const { ConnectionType, MatchCriteria } = input.Filter ?? {};
        const found = await connections.list(context, {
          hideSecrets: input.HidePassword === true,
          limit: limit + 1,
          ...(ConnectionType === undefined ? {} : { type: ConnectionType }),
          ...(MatchCriteria === undefined ? {} : { matchCriteria: MatchCriteria }),
          ...(after === undefined ? {} : { after }),
        });
        const page = found.slice(0, limit);
        return {
          ConnectionList: page.map(fromConnection),
          ...(found.length > limit ? { NextToken: tokenOf(page.at(-1)!.name) } : {}),
        };
      },
    },
    TestConnection: {
      redact: REDACT,
      partial: 'JDBC connections to PostgreSQL; others answer by name that there is no driver',
      async run(context: RequestContext, input: TestConnectionRequest) {
        checkCatalog(context, input.CatalogId);
        const given = input.TestConnectionInput;
        if ((given === undefined) === (input.ConnectionName === undefined)) {
          throw new LochError('invalid_argument', 'Give either `ConnectionName` or `TestConnectionInput`.');
        }
        if (given === undefined) await connections.test(context, { name: input.ConnectionName! });
        else await connections.test(context, toConnection({ Name: 'test', ...given }));
        return {};
      },
    },
  };
}
