import { LochError } from '../../core/errors.ts';
import { nearestNames } from '../../core/suggest.ts';
import type { WireRequest } from './protocols/protocol.ts';
import type { AwsServiceDoor, OperationSpec } from './service.ts';
import type { OperationModel, ServiceModel } from './service-model.ts';

/**
 * The operation a request states, with its handler.
 * **Errors**: `unknown_operation` for a name the service does not have, `unsupported` for one Loch does not have yet.
 */
export function findOperation(
  service: AwsServiceDoor,
  model: ServiceModel,
  stated: string | undefined,
  request: WireRequest,
): { readonly operation: OperationModel; readonly spec: OperationSpec } {
  const operation = stated === undefined ? undefined : model.operations.get(stated);
  if (operation === undefined) throw unknownOperation(service, model, stated ?? `${request.method} ${request.rawPath}`);
  const spec = Object.hasOwn(service.operations, operation.name) ? service.operations[operation.name] : undefined;
  if (spec === undefined) {
    throw new LochError(
      'unsupported',
      `${service.name}:${operation.name} is not supported yet (${Object.keys(service.operations).length} of ${model.operations.size} operations are). See docs/reference/aws-operations.md.`,
      { context: { operation: operation.name } },
    );
  }
  return { operation, spec };
}

function unknownOperation(service: AwsServiceDoor, model: ServiceModel, stated: string): LochError {
  const near = nearestNames(stated, model.operations.keys());
  const hint = near.length === 0 ? '' : ` Did you mean ${near.join(' or ')}?`;
  return new LochError(
    'unknown_operation',
    `The service ${service.name} has no operation \`${stated}\` (it has ${model.operations.size}).${hint}`,
    { context: { operation: stated } },
  );
}
