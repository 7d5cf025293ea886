/**
 * Lines of access logs and names of their objects, field by field.
 * **Source**: Amazon S3 User Guide, "Amazon S3 server access log format".
 */
import type { LoggingConfiguration } from './configuration.ts';

/** One request to a bucket. **Units**: milliseconds, bytes. */
export interface AccessEntry {
  readonly bucket: string;
  readonly bucketOwner: string;
  readonly at: number;
  readonly sourceIp: string;
  /** ARN of whoever asked; undefined for nobody. */
  readonly requester?: string;
  readonly requestId: string;
  /** `REST.GET.OBJECT` and its kin. */
  readonly operation: string;
  readonly key?: string;
  readonly requestUri: string;
  readonly status: number;
  readonly errorCode?: string;
  readonly bytesSent?: number;
  readonly objectSize?: number;
  readonly totalMs: number;
  readonly referrer?: string;
  readonly userAgent?: string;
  readonly versionId?: string;
  readonly signatureVersion?: 'SigV2' | 'SigV4';
  readonly authType?: 'AuthHeader' | 'QueryString';
  readonly hostHeader?: string;
  readonly secure: boolean;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number): string => String(value).padStart(2, '0');

function timeText(at: number): string {
  const date = new Date(at);
  const day = `${two(date.getUTCDate())}/${MONTHS[date.getUTCMonth()]}/${date.getUTCFullYear()}`;
  return `[${day}:${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000]`;
}

const plain = (value: string | number | undefined): string =>
  value === undefined || value === '' ? '-' : String(value).replaceAll(/\s/g, '%20');
/** A quote or a line's end in what a client sent must not begin another field. */
const quoted = (value: string | undefined): string =>
  value === undefined ? '"-"' : `"${value.replaceAll('"', '%22').replaceAll(/[\r\n]/g, ' ')}"`;

/** The line of a request. */
export function logLine(entry: AccessEntry): string {
  return [
    entry.bucketOwner,
    entry.bucket,
    timeText(entry.at),
    plain(entry.sourceIp),
    plain(entry.requester),
    entry.requestId,
    entry.operation,
    entry.key === undefined || entry.key === '' ? '-' : encodeURIComponent(entry.key).replaceAll('%2F', '/'),
    quoted(entry.requestUri),
    entry.status,
    plain(entry.errorCode),
    plain(entry.bytesSent === 0 ? undefined : entry.bytesSent),
    plain(entry.objectSize),
    Math.round(entry.totalMs),
    '-',
    quoted(entry.referrer),
    quoted(entry.userAgent),
    plain(entry.versionId),
    '-',
    plain(entry.signatureVersion),
    '-',
    plain(entry.authType),
    plain(entry.hostHeader),
    entry.secure ? 'TLSv1.3' : '-',
    '-',
    '-',
  ].join(' ');
}

/** The key of an object of lines. `unique` is the same when the same lines are written again. */
export function logKey(
  { targetPrefix, partitionedBy }: LoggingConfiguration,
  facts: {
    readonly account: string;
    readonly region: string;
    readonly bucket: string;
    readonly eventAt: number;
    readonly deliveredAt: number;
    readonly unique: string;
  },
): string {
  const delivered = new Date(facts.deliveredAt);
  const stamp = (date: Date, byDay: boolean) =>
    [
      date.getUTCFullYear(),
      two(date.getUTCMonth() + 1),
      two(date.getUTCDate()),
      ...(byDay ? ['00', '00', '00'] : [two(date.getUTCHours()), two(date.getUTCMinutes()), two(date.getUTCSeconds())]),
    ].join('-');
  if (partitionedBy === undefined) return `${targetPrefix}${stamp(delivered, false)}-${facts.unique}`;
  const date = partitionedBy === 'EventTime' ? new Date(facts.eventAt) : delivered;
  const day = `${date.getUTCFullYear()}/${two(date.getUTCMonth() + 1)}/${two(date.getUTCDate())}`;
  const folder = `${facts.account}/${facts.region}/${facts.bucket}/${day}`;
  return `${targetPrefix}${folder}/${stamp(date, partitionedBy === 'EventTime')}-${facts.unique}`;
}
