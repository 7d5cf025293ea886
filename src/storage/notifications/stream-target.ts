/**
 * Delivery streams as targets of notifications: `arn:aws:firehose:REGION:ACCOUNT:deliverystream/NAME`, where S3 has a
 * queue. Storage stands below the streams, so they are given in.
 */
import type { RequestContext } from '../../core/caller.ts';

/** What notifications need of the streams of the lake. */
export interface StreamTargets {
  /** Whether the caller may append to the stream. **Errors**: `not_found`, `access_denied`. */
  assertWritable(context: RequestContext, arn: string): Promise<void>;
  /** Durable when it resolves, in order: at most 500 records and 4 MiB. **Errors**: as the stream's own. */
  append(context: RequestContext, arn: string, records: readonly Uint8Array[]): Promise<void>;
}

export const isStreamArn = (arn: string): boolean => /^arn:aws:firehose:[^:]*:\d{12}:deliverystream\/[^/]+$/.test(arn);
