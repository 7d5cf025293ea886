import { isLochError } from '../core/errors.ts';
import { newId } from '../core/ids.ts';
import type { Principal, RequestContext } from '../core/caller.ts';
import type { Parts } from './compose.ts';
import { type Config, zonesOf } from './config.ts';

/** A context for what Loch does in the name of the lake's owner, outside of any request. */
export function ownerContext(parts: Pick<Parts, 'clock'>, config: Config, signal: AbortSignal): RequestContext {
  const principal: Principal = {
    kind: 'root',
    arn: `arn:aws:iam::${config.account_id}:root`,
    id: config.account_id,
    name: 'root',
    accountId: config.account_id,
  };
  return {
    requestId: newId(),
    principal,
    accountId: config.account_id,
    region: config.region,
    door: 'internal',
    sourceIp: '127.0.0.1',
    userAgent: 'loch',
    secure: true,
    signal,
    startedAt: parts.clock.now(),
  };
}

/** Makes the bucket and the database of every zone that is not there yet, and puts their locations under grants. */
export async function ensureZones(parts: Parts, config: Config, signal: AbortSignal): Promise<void> {
  const context = ownerContext(parts, config, signal);
  const { objects, catalog, governance } = parts;
  const buckets = new Set((await objects.buckets()).map((bucket) => bucket.name));
  for (const zone of zonesOf(config.zones)) {
    if (!buckets.has(zone))
      await objects.createBucket(zone, { region: config.region, ownerAccountId: config.account_id });
    await unlessThere(() =>
      catalog.createDatabase(context, {
        name: zone,
        locationUri: `s3://${zone}/`,
        description: `Tables of the zone ${zone}`,
      }),
    );
  }
  // The files of curated tables are read only by those who may read the tables.
  const last = zonesOf(config.zones).at(-1)!;
  await unlessThere(() => governance.grants.registerLocation(context, { arn: `arn:aws:s3:::${last}` }));
}

async function unlessThere(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!isLochError(error, 'already_exists')) throw error;
  }
}
