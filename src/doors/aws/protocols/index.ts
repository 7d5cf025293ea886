import type { ProtocolName, ServiceModel } from '../service-model.ts';
import { jsonRpcProtocol } from './json-rpc.ts';
import { headerOf, type ServerProtocol, type WireRequest } from './protocol.ts';
import { queryProtocol } from './query.ts';
import { restJsonProtocol } from './rest-json.ts';
import { restXmlProtocol } from './rest-xml.ts';

const PROTOCOLS: Readonly<Record<ProtocolName, ServerProtocol>> = {
  json: jsonRpcProtocol,
  query: queryProtocol,
  'rest-json': restJsonProtocol,
  'rest-xml': restXmlProtocol,
};

/** The protocol a request speaks: what it shows itself, else what the service's model declares. */
export function protocolOf(request: WireRequest, model: ServiceModel | undefined): ServerProtocol {
  if (headerOf(request, 'x-amz-target') !== undefined) return PROTOCOLS.json;
  const contentType = headerOf(request, 'content-type') ?? '';
  if (contentType.startsWith('application/x-www-form-urlencoded')) return PROTOCOLS.query;
  return PROTOCOLS[model?.protocol ?? 'query'];
}
