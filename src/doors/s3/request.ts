import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { ObjectAccess } from '../../storage/contract.ts';
import type { BodySignature } from './request-body.ts';

/** One S3 request, taken apart. */
export interface S3Request {
  readonly context: RequestContext;
  readonly access: ObjectAccess;
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly signature: BodySignature | undefined;
  readonly region: string;
  readonly accountId: string;
}

/** An operation: writes its answer, or throws. */
export type S3Operation = (request: S3Request) => Promise<void>;

/** The first value of a header. */
export function header(request: S3Request, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** A whole number of the query within bounds. **Errors**: `invalid_argument` naming parameter and bounds. */
export function numberParameter(
  request: S3Request,
  name: string,
  bounds: { readonly min: number; readonly max: number },
  fallback: number,
): number {
  const text = request.query.get(name);
  if (text === null || text === '') return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < bounds.min) {
    throw new LochError(
      'invalid_argument',
      `\`${name}\` must be a whole number from ${bounds.min} to ${bounds.max}, not \`${text}\`.`,
      {
        context: { argument_name: name, argument_value: text },
      },
    );
  }
  return Math.min(value, bounds.max);
}

/** Bucket and key of a path-style path, percent-decoded. **Errors**: `invalid_argument` for bad escapes. */
export function parsePath(rawPath: string): { readonly bucket: string; readonly key: string } {
  const slash = rawPath.indexOf('/', 1);
  const bucket = slash === -1 ? rawPath.slice(1) : rawPath.slice(1, slash);
  const key = slash === -1 ? '' : rawPath.slice(slash + 1);
  try {
    return { bucket: decodeURIComponent(bucket), key: decodeURIComponent(key) };
  } catch (error) {
    throw new LochError(
      'invalid_argument',
      'The path holds an escape that is not UTF-8. Encode the key by percent escapes of its UTF-8 bytes.',
      {
        context: { s3_code: 'InvalidURI' },
        cause: error,
      },
    );
  }
}
