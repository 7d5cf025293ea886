/**
 * What a door of one AWS service is: a table of operation name → use-case, typed by the SDK's own types. The wire form
 * (json-1.0, json-1.1, query, rest-json, RPC-v2-CBOR) comes from the service's published SDK schemas.
 */
import type { RequestContext } from '../../core/caller.ts';
import type { ErrorCode, LochError } from '../../core/errors.ts';

/** Input is what the SDK's codec read; shapes are checked by the handler (the codecs validate nothing). */
// biome-ignore lint/suspicious/noExplicitAny: each service narrows input and output by its SDK command types.
export type OperationHandler = (context: RequestContext, input: any) => Promise<object>;

export interface OperationSpec {
  readonly run: OperationHandler;
  /** Read-only operations are marked so in the audit trail. */
  readonly readOnly?: boolean;
  /** False for high-volume data-plane calls whose record is a data event made by the use-case. Default true. */
  readonly management?: boolean;
  /** Parts of the input that must never be recorded. */
  readonly redact?: readonly string[];
  /** What the call was about, as the audit trail is searched by. `output` is undefined when it failed. */
  // biome-ignore lint/suspicious/noExplicitAny: as of the handler.
  readonly resources?: (input: any, output?: any) => readonly { readonly type: string; readonly name: string }[];
  /** Known gaps, for the operation table in the docs. */
  readonly partial?: string;
}

export interface AwsServiceDoor {
  /** The name in ARNs and audit (`glue` → `glue.amazonaws.com`). */
  readonly name: string;
  /** Credential-scope names that route here. */
  readonly signingNames: readonly string[];
  /** `X-Amz-Target` prefix for JSON services: `AWSGlue`, `AmazonAthena`, `Firehose_20150804` … */
  readonly targetPrefix?: string;
  /** Loads the SDK's package with the schemas (`GetTable$` …), on the first request. */
  readonly schemas: () => Promise<Readonly<Record<string, unknown>>>;
  readonly operations: Readonly<Record<string, OperationSpec>>;
  /** The service's error name for a code: `{ table_not_found: 'EntityNotFoundException' }`. The rest has defaults. */
  readonly errors: Partial<Record<ErrorCode, string | ((error: LochError) => string)>>;
}
