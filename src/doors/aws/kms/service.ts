import type { LochError } from '../../../core/errors.ts';
import { keyFailureName, type Keys } from '../../../governance/contract.ts';
import type { AwsServiceDoor, OperationSpec } from '../service.ts';
import { keyOperations } from './key-operations.ts';
import { materialOperations } from './material-operations.ts';
import { cryptoOperations } from './crypto-operations.ts';

/** KMS's own name of a failure, or what the code is called in every service. */
const nameOr = (usual: string) => (error: LochError) => keyFailureName(error) ?? usual;

/** The key a call was about: what the answer says, or what was asked for. */
const resources: NonNullable<OperationSpec['resources']> = (input, output) => {
  const name: unknown =
    output?.KeyMetadata?.Arn ?? output?.KeyId ?? input?.KeyId ?? input?.TargetKeyId ?? input?.DestinationKeyId;
  return typeof name === 'string' ? [{ type: 'AWS::KMS::Key', name }] : [];
};

/** The KMS door: keys and their uses. Every call is in the audit trail, with the key it was about. */
export function kmsService(keys: Keys): AwsServiceDoor {
  const operations = { ...keyOperations(keys), ...materialOperations(keys), ...cryptoOperations(keys) };
  return {
    name: 'kms',
    signingNames: ['kms'],
    targetPrefix: 'TrentService',
    schemas: () => import('@aws-sdk/client-kms'),
    operations: Object.fromEntries(Object.entries(operations).map(([name, spec]) => [name, { ...spec, resources }])),
    errors: {
      key_unusable: nameOr('KMSInvalidStateException'),
      invalid_argument: nameOr('ValidationException'),
      already_exists: 'AlreadyExistsException',
      not_found: 'NotFoundException',
      limit_exceeded: nameOr('LimitExceededException'),
      malformed_policy: 'MalformedPolicyDocumentException',
      conflict: nameOr('ConflictException'),
      unsupported: 'UnsupportedOperationException',
    },
  };
}
