import type { RegistryId, SchemaId, SchemaVersionNumber } from '@aws-sdk/client-glue';
import type { SchemaName, SchemaVersionChoice } from '../../../catalog/contract.ts';
import { parseArn } from '../../../core/arn.ts';
import { LochError } from '../../../core/errors.ts';

function resourceOf(arn: string, kind: string): readonly string[] {
  const [found, ...rest] = parseArn(arn).resource.split('/');
  if (found === kind) return rest;
  throw new LochError('invalid_argument', `\`${arn}\` is not the ARN of a ${kind}.`);
}

/** The registry's name, or undefined for the default one. **Errors**: `invalid_argument`. */
export function registryNameOf(id: RegistryId | undefined): string | undefined {
  if (id?.RegistryArn !== undefined) return resourceOf(id.RegistryArn, 'registry')[0];
  return id?.RegistryName;
}

/** **Errors**: `invalid_argument` without an ARN and without a name. */
export function schemaNameOf(id: SchemaId | undefined): SchemaName {
  if (id?.SchemaArn !== undefined) {
    const [registry, schema] = resourceOf(id.SchemaArn, 'schema');
    if (registry !== undefined && schema !== undefined) return { registry, schema };
  } else if (id?.SchemaName !== undefined) {
    return { schema: id.SchemaName, ...(id.RegistryName === undefined ? {} : { registry: id.RegistryName }) };
  }
  throw new LochError('invalid_argument', '`SchemaId` needs a `SchemaArn`, or a `SchemaName` and `RegistryName`.');
}

/** **Errors**: `invalid_argument` unless exactly one of number and latest is given. */
export function versionNumberOf(number: SchemaVersionNumber | undefined): number | 'latest' {
  if (number?.VersionNumber !== undefined && number.LatestVersion !== true) return number.VersionNumber;
  if (number?.LatestVersion === true && number.VersionNumber === undefined) return 'latest';
  throw new LochError('invalid_argument', '`SchemaVersionNumber` needs either `VersionNumber` or `LatestVersion`.');
}

/** **Errors**: `invalid_argument` when neither an id nor a schema is given, or both. */
export function versionChoiceOf(input: {
  readonly SchemaId?: SchemaId | undefined;
  readonly SchemaVersionId?: string | undefined;
  readonly SchemaVersionNumber?: SchemaVersionNumber | undefined;
}): SchemaVersionChoice {
  if ((input.SchemaVersionId === undefined) === (input.SchemaId === undefined)) {
    throw new LochError('invalid_argument', 'Give either `SchemaVersionId`, or `SchemaId` and `SchemaVersionNumber`.');
  }
  if (input.SchemaVersionId !== undefined) return { id: input.SchemaVersionId };
  return { ...schemaNameOf(input.SchemaId), number: versionNumberOf(input.SchemaVersionNumber) };
}
