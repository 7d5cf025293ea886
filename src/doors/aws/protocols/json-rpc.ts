import type { ServerProtocol, WireRequest } from './protocol.ts';
import { headerOf } from './protocol.ts';
import { readJsonBody, writeJsonBody } from './json-body.ts';

/** The answer speaks the version of the request: 1.0 and 1.1 differ in nothing else here. */
function contentType(request: WireRequest): string {
  const stated = headerOf(request, 'content-type') ?? '';
  return stated.startsWith('application/x-amz-json-1.0') ? 'application/x-amz-json-1.0' : 'application/x-amz-json-1.1';
}

/** AWS JSON 1.0 and 1.1. **Source**: Smithy 2.0, "AWS JSON 1.1 protocol". */
export const jsonRpcProtocol: ServerProtocol = {
  identify: (request) => headerOf(request, 'x-amz-target')?.split('.').at(-1),
  read: async (request, operation) => readJsonBody(operation.input, request.body, 'rpc'),
  write: (operation, output, request, facts) => ({
    status: 200,
    headers: { 'content-type': contentType(request), 'x-amzn-requestid': facts.requestId },
    body: writeJsonBody(operation.output, output, 'rpc'),
  }),
  fail: (error, request, facts) => ({
    status: error.status,
    headers: {
      'content-type': contentType(request),
      'x-amzn-requestid': facts.requestId,
      'x-amzn-errortype': error.name,
    },
    body: JSON.stringify({ __type: error.name, [error.messageMember]: error.message, ...error.members }),
  }),
};
