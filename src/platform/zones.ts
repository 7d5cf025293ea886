import { isDeepStrictEqual } from 'node:util';
import type { RequestContext } from '../core/caller.ts';
import { isLochError } from '../core/errors.ts';
import { type LifecycleRule, parseLifecycle } from '../storage/contract.ts';
import type { Parts } from './compose.ts';
import type { Config } from './config.ts';
import { ownerContext } from './owner-context.ts';
import type { Zone } from './zone-settings.ts';

/** Where loads and uploads put what they were given, under `landing/`, whatever the zones are. */
const LANDING_BUCKET = 'raw';
/** What the ids of lifecycle rules begin with that are made of zones; rules of that name are theirs alone. */
const RULES = 'loch-zone-';

/**
 * Makes the bucket and the database of every zone that is not there yet, puts the last one's location under grants, and
 * brings the lifecycle rules of zones in step with the configuration.
 */
export async function ensureZones(parts: Parts, config: Config, signal: AbortSignal): Promise<void> {
  const context = ownerContext(parts, config, signal);
  const { objects, governance } = parts;
  const buckets = new Set((await objects.buckets()).map((bucket) => bucket.name));
  for (const bucket of new Set([LANDING_BUCKET, ...config.zones.map((zone) => zone.bucket)])) {
    if (!buckets.has(bucket)) {
      await objects.createBucket(bucket, { region: config.region, ownerAccountId: config.account_id });
    }
  }
  for (const zone of config.zones) await ensureDatabase(parts, context, zone);
  // The files of curated tables are read only by those who may read the tables.
  const { bucket, prefix } = config.zones.at(-1)!;
  const arn = `arn:aws:s3:::${bucket}/${prefix}`.replace(/\/$/, '');
  await unlessThere(() => governance.grants.registerLocation(context, { arn }));
  await alignRules(parts, context, config);
}

/** The database of a zone; its parameters tell pipelines where the zone's archive and its invalid data lie. */
async function ensureDatabase({ catalog }: Parts, context: RequestContext, zone: Zone): Promise<void> {
  const { name, bucket, archivePrefix, quarantinePrefix } = zone;
  const told: Readonly<Record<string, string | undefined>> = {
    'loch.zone.archive': archivePrefix && `s3://${bucket}/${archivePrefix}`,
    'loch.zone.quarantine': quarantinePrefix && `s3://${bucket}/${quarantinePrefix}`,
  };
  await unlessThere(() =>
    catalog.createDatabase(context, {
      name,
      locationUri: `s3://${bucket}/${zone.prefix}`,
      description: `Tables of the zone ${name}`,
    }),
  );
  const { description, locationUri, parameters, foreign } = await catalog.getDatabase(context, name);
  if (Object.entries(told).every(([key, value]) => parameters[key] === value)) return;
  const kept = Object.entries({ ...parameters, ...told }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  await catalog.updateDatabase(context, name, {
    ...(description === undefined ? {} : { description }),
    ...(locationUri === undefined ? {} : { locationUri }),
    parameters: Object.fromEntries(kept),
    ...(foreign === undefined ? {} : { foreign }),
  });
}

/** The rules a zone stands for. */
function rulesOf({ name, prefix, retentionDays, archivePrefix }: Zone): LifecycleRule[] {
  const rule = (what: string, under: string) =>
    ({ id: `${RULES}${name}-${what}`, enabled: true, form: 'filter', filter: { prefix: under } }) as const;
  const rules: LifecycleRule[] = [];
  if (retentionDays !== undefined) {
    rules.push({
      ...rule('retention', prefix),
      expiration: { days: retentionDays },
      noncurrentExpiration: { days: retentionDays },
    });
  }
  if (archivePrefix !== undefined) {
    const archive = rule('archive', archivePrefix);
    rules.push({
      ...archive,
      form: 'and',
      // Small files too.
      filter: { ...archive.filter, sizeGreaterThan: 0 },
      transitions: [{ days: 0, storageClass: 'GLACIER_IR' }],
    });
  }
  return rules;
}

/** Gives every bucket of the lake's account the rules of its zones, and no others of their name; rules of people stay. */
async function alignRules({ objects, storage }: Parts, context: RequestContext, config: Config): Promise<void> {
  for (const { name: bucket, ownerAccountId } of await objects.buckets()) {
    if (ownerAccountId !== config.account_id) continue;
    const setting = { bucket, kind: 'lifecycle' } as const;
    const now = await storage.settings.get(context, setting);
    const rules = [
      ...(now?.rules ?? []).filter(({ id }) => !id.startsWith(RULES)),
      ...config.zones.filter((zone) => zone.bucket === bucket).flatMap(rulesOf),
    ];
    if (rules.length === 0) {
      if (now !== undefined) await storage.settings.remove(context, setting);
      continue;
    }
    const next = parseLifecycle({ ...now, rules });
    if (!isDeepStrictEqual(now, next)) await storage.settings.put(context, setting, next);
  }
}

async function unlessThere(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!isLochError(error, 'already_exists')) throw error;
  }
}
