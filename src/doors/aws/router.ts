import { LochError } from '../../core/errors.ts';
import { headerOf, type WireRequest } from './protocols/protocol.ts';
import type { AwsServiceDoor } from './service.ts';
import { loadServiceModel, type ServiceModel } from './service-model.ts';

export interface Router {
  /** The service a request is for. **Errors**: `unsupported` naming the known services. */
  route(request: WireRequest): { readonly service: AwsServiceDoor };
  /** The service's model, loaded on its first request. */
  model(service: AwsServiceDoor): Promise<ServiceModel>;
}

/** Routes by the prefix of `X-Amz-Target`, then by the service in the credential's scope. */
export function createRouter(services: readonly AwsServiceDoor[]): Router {
  const byTarget = new Map<string, AwsServiceDoor>();
  const bySigningName = new Map<string, AwsServiceDoor>();
  for (const service of services) {
    if (service.targetPrefix !== undefined) byTarget.set(service.targetPrefix, service);
    for (const name of service.signingNames) bySigningName.set(name, service);
  }
  const known = services
    .map((service) => service.name)
    .sort()
    .join(', ');
  const models = new Map<AwsServiceDoor, Promise<ServiceModel>>();
  return {
    route(request) {
      const target = headerOf(request, 'x-amz-target');
      const prefix = target?.slice(0, target.lastIndexOf('.'));
      const signingName = signingNameOf(request);
      // Some clients write the prefix with its package: `com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101`.
      const service =
        prefix === undefined
          ? bySigningName.get(signingName ?? '')
          : (byTarget.get(prefix) ?? byTarget.get(prefix.slice(prefix.lastIndexOf('.') + 1)));
      if (service !== undefined) return { service };
      const stated = prefix ?? signingName;
      if (stated === undefined) {
        throw new LochError(
          'missing_credentials',
          `The request carries neither a signature nor \`X-Amz-Target\`, so it is for no service. Sign it. Known services: ${known}.`,
        );
      }
      throw new LochError('unsupported', `The service \`${stated}\` is not supported. Known: ${known}.`, {
        context: { service: stated },
      });
    },
    model(service) {
      let model = models.get(service);
      if (model === undefined) {
        model = loadServiceModel(service);
        models.set(service, model);
        model.catch(() => models.delete(service));
      }
      return model;
    },
  };
}

/** The service name in the credential scope, as stated; it is verified with the signature later. */
function signingNameOf(request: WireRequest): string | undefined {
  const header = headerOf(request, 'authorization');
  const inHeader = header && /Credential=[^,\s]*\/([^/,\s]+)\/aws4_request/.exec(header)?.[1];
  if (inHeader) return inHeader;
  return /X-Amz-Credential=[^&]*(?:%2F|\/)([^&/%]+)(?:%2F|\/)aws4_request/i.exec(request.rawQuery)?.[1];
}
