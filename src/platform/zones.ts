import { isLochError } from '../core/errors.ts';
import type { Parts } from './compose.ts';
import { type Config, zonesOf } from './config.ts';
import { ownerContext } from './owner-context.ts';

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
