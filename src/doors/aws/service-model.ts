/**
 * What the published SDK schemas of a service say: its protocol, and its operations with their input, output and
 * error shapes. Nothing of it is written by hand.
 */
import { NormalizedSchema } from '@smithy/core/schema';
import { LochError } from '../../core/errors.ts';
import type { AwsServiceDoor } from './service.ts';

export type ProtocolName = 'json' | 'query' | 'rest-json' | 'rest-xml';

export interface OperationModel {
  readonly name: string;
  readonly input: NormalizedSchema;
  readonly output: NormalizedSchema;
  /** Method, path template and status of a REST operation. */
  readonly http: { readonly method: string; readonly path: string; readonly status: number } | undefined;
}

export interface ErrorModel {
  /** The shape's name: `NoSuchEntityException`. */
  readonly name: string;
  /** The code on the wire of the query protocol, where it differs: `NoSuchEntity`. */
  readonly queryCode: string;
  readonly status: number | undefined;
  readonly schema: NormalizedSchema;
}

export interface ServiceModel {
  readonly protocol: ProtocolName;
  readonly xmlNamespace: string;
  readonly operations: ReadonlyMap<string, OperationModel>;
  /** An error shape by its name or its query code. */
  error(name: string): ErrorModel | undefined;
}

type SchemaRef = Parameters<typeof NormalizedSchema.of>[0];
type OperationSchema = readonly [9, string, string, number | Record<string, unknown>, SchemaRef, SchemaRef];
type ErrorSchema = readonly [-3, string, string, number | Record<string, unknown>, ...unknown[]];

interface SdkProtocol {
  getShapeId(): string;
}
interface SdkConfig {
  readonly protocol: SdkProtocol;
  readonly protocolSettings: { readonly xmlNamespace?: string };
}
type SdkClient = new (options: object) => { readonly config: SdkConfig; destroy(): void };

const PROTOCOLS: Readonly<Record<string, ProtocolName>> = {
  'aws.protocols#awsJson1_0': 'json',
  'aws.protocols#awsJson1_1': 'json',
  'aws.protocols#awsQuery': 'query',
  'aws.protocols#restJson1': 'rest-json',
  'aws.protocols#restXml': 'rest-xml',
};

/** Reads the model out of an SDK package. **Errors**: `internal` when the package has another form than expected. */
export async function loadServiceModel(door: AwsServiceDoor): Promise<ServiceModel> {
  const exported = await door.schemas();
  const config = sdkConfig(door.name, exported);
  const protocol = PROTOCOLS[config.protocol.getShapeId()];
  if (protocol === undefined) {
    throw new LochError('internal', `The protocol ${config.protocol.getShapeId()} of ${door.name} is not known.`);
  }
  const operations = new Map<string, OperationModel>();
  const errors = new Map<string, ErrorModel>();
  for (const [name, schema] of Object.entries(exported)) {
    if (!name.endsWith('$') || !Array.isArray(schema)) continue;
    if (schema[0] === 9) {
      const operation = operationModel(schema as unknown as OperationSchema);
      operations.set(operation.name, operation);
    } else if (schema[0] === -3) {
      const error = errorModel(schema as unknown as ErrorSchema);
      errors.set(error.name, error);
      errors.set(error.queryCode, error);
    }
  }
  return {
    protocol,
    xmlNamespace: config.protocolSettings.xmlNamespace ?? '',
    operations,
    error: (name) => errors.get(name),
  };
}

/** The client class is the only place where a package states its protocol; it is made, asked and thrown away. */
function sdkConfig(service: string, exported: Readonly<Record<string, unknown>>): SdkConfig {
  const name = Object.keys(exported).find((key) => /^[A-Z].*Client$/.test(key));
  if (name === undefined) throw new LochError('internal', `The SDK package of ${service} exports no client.`);
  const client = new (exported[name] as SdkClient)({
    region: 'us-east-1',
    credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
  });
  client.destroy();
  return client.config;
}

function operationModel(schema: OperationSchema): OperationModel {
  const http = traitsOf(schema[3]).http as readonly [string, string, number] | undefined;
  return {
    name: schema[2],
    input: NormalizedSchema.of(schema[4]),
    output: NormalizedSchema.of(schema[5]),
    http: http === undefined ? undefined : { method: http[0], path: http[1], status: http[2] },
  };
}

function errorModel(schema: ErrorSchema): ErrorModel {
  const traits = traitsOf(schema[3]);
  const query = traits.awsQueryError as readonly [string, number] | undefined;
  return {
    name: schema[2],
    queryCode: query?.[0] ?? schema[2],
    status: query?.[1] ?? (traits.httpError as number | undefined),
    schema: NormalizedSchema.of(schema as unknown as SchemaRef),
  };
}

const traitsOf = (traits: number | Record<string, unknown>): Record<string, unknown> =>
  typeof traits === 'object' ? traits : {};

/** Names of the members a structure requires: the SDK lists them first and counts them. */
export function requiredMembers(schema: NormalizedSchema): readonly string[] {
  const raw = schema.getSchema() as unknown as readonly [number, string, string, unknown, string[], unknown, number?];
  return Array.isArray(raw) ? raw[4].slice(0, raw[6] ?? 0) : [];
}
