import type { HeaderValues } from '../../kit/sigv4/index.ts';
import type { OperationModel, ServiceModel } from '../service-model.ts';
import type { WireError } from '../wire-error.ts';

export interface WireRequest {
  readonly method: string;
  readonly rawPath: string;
  readonly rawQuery: string;
  readonly headers: HeaderValues;
  readonly body: Buffer;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** The server side of one AWS protocol, driven by the SDK's schemas. */
export interface ServerProtocol {
  /** The operation's name as the request states it, or undefined when it states none. */
  identify(request: WireRequest, model: ServiceModel): string | undefined;
  /** The checked input. **Errors**: `malformed_request`, `missing_argument`. */
  read(request: WireRequest, operation: OperationModel): Promise<object>;
  write(operation: OperationModel, output: object, request: WireRequest, facts: AnswerFacts): WireAnswer;
  fail(error: WireError, request: WireRequest, facts: AnswerFacts): WireAnswer;
}

export interface AnswerFacts {
  readonly requestId: string;
  readonly xmlNamespace: string;
}

/** A request header's single value. */
export function headerOf(request: WireRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : value?.[0];
}
