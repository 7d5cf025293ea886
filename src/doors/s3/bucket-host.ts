/**
 * Buckets named by the host of a request: below a domain of the lake (`bucket.localhost`), or by a host that is the
 * bucket's name in full (`data.example.com`, a CNAME). What the host does not name stands in the path.
 *
 * Invariants
 * - Only hosts that the owner configured name a bucket: nobody takes over a host of the lake by making a bucket of that
 *   name, and a lake reached by a name it does not know is addressed by paths.
 * - The signature covers host and path as they were sent; only what a request is about is read from here.
 * **Source**: S3 User Guide, "Virtual hosting of general purpose buckets".
 */
import type { IncomingMessage } from 'node:http';
import { LochError } from '../../core/errors.ts';
import { splitTarget } from '../kit/request-facts.ts';

/** Where a request is addressed to. */
export interface Addressed {
  /** The path as a path-style request would have it: `/bucket/key`, encoded as it was sent. */
  readonly path: string;
  /** Whether the host names the bucket. */
  readonly byHost: boolean;
}

/** Finds where requests are addressed to. **Errors**: `invalid_bucket_name` for a host that names no possible bucket. */
export type Addressing = (incoming: Pick<IncomingMessage, 'headers' | 'url'>) => Addressed;

export interface BucketHosts {
  /** Domains below which labels are buckets: `localhost`. */
  readonly domains: readonly string[];
  /** Hosts that are the names of their buckets; `*.example.com` for all below. */
  readonly bucketHosts: readonly string[];
}

const LABEL = '[a-z0-9]([a-z0-9-]*[a-z0-9])?';
const BUCKET_NAME = new RegExp(`^(?=.{3,63}$)${LABEL}(\\.${LABEL})*$`);
const ACCOUNT = /^\d{12}$/;
/** Paths of S3 Control, whose clients put the account before the host. */
const CONTROL = /^\/v20180820\//;

/** Addressing by these hosts, and by paths. */
export function createAddressing(hosts: BucketHosts): Addressing {
  const domains = hosts.domains.map(lower).sort((a, b) => b.length - a.length);
  const bucketHosts = hosts.bucketHosts.map(lower);
  return (incoming) => {
    const { rawPath } = splitTarget(incoming);
    const host = hostOf(incoming.headers.host);
    const bucket = bucketBelow(host, domains) ?? (bucketHosts.some((known) => covers(known, host)) ? host : undefined);
    if (bucket === undefined) return { path: rawPath, byHost: false };
    if (ACCOUNT.test(bucket) && CONTROL.test(rawPath)) return { path: rawPath, byHost: false };
    if (!BUCKET_NAME.test(bucket)) {
      throw new LochError(
        'invalid_bucket_name',
        `The host \`${host}\` names no bucket: \`${bucket}\` is no bucket name. Known domains: ${domains.join(', ')}.`,
        { context: { bucket } },
      );
    }
    return { path: `/${bucket}${rawPath === '/' ? '' : rawPath}`, byHost: true };
  };
}

const lower = (text: string) => text.toLowerCase();

/** The name in a Host header, without port and final dot, in lower case; an address stays as it is. */
function hostOf(header: string | undefined): string {
  const host = lower(header ?? '').replace(/:\d*$/, '');
  return host.endsWith('.') ? host.slice(0, -1) : host;
}

/** What stands before the longest domain that ends the host. */
function bucketBelow(host: string, domains: readonly string[]): string | undefined {
  if (domains.includes(host)) return undefined;
  const domain = domains.find((known) => host.endsWith(`.${known}`));
  return domain === undefined ? undefined : host.slice(0, -domain.length - 1);
}

const covers = (pattern: string, host: string): boolean =>
  pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) && host.length >= pattern.length : pattern === host;
