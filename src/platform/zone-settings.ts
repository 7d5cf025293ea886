/**
 * The setting `zones`: the parts of the lake that data travels through, in that order.
 *
 * Invariants
 * - No two zones have a prefix in common: a file, and the rules about it, belong to one zone.
 * - The retention of a zone never reaches its archive.
 */
import { z } from 'zod';
import { LochError } from '../core/errors.ts';
import { nearestNames } from '../core/suggest.ts';

/** A zone: tables lie in the database of its name. Prefixes are of its bucket; empty or ending with `/`. */
export interface Zone {
  readonly name: string;
  readonly bucket: string;
  readonly prefix: string;
  /** How long its files are kept; absent: for ever. **Units**: days. */
  readonly retentionDays?: number;
  /** Where files go that are done with: they lie compressed in the cold place, and are read as ever. */
  readonly archivePrefix?: string;
  /** Where invalid data goes. */
  readonly quarantinePrefix?: string;
}

const PRESETS: Readonly<Record<string, readonly string[]>> = {
  default: ['raw', 'cleaned', 'curated'],
  medallion: ['bronze', 'silver', 'gold'],
  'four-layer': ['raw', 'standardized', 'conformed', 'enriched'],
};

const prefix = z
  .string()
  .max(512)
  .regex(/^$|^[^/].*\/$/, 'it must be empty, or end with `/` and not begin with it');
const zone = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'it must be small letters, digits, `-` and `_`'),
  bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'it must be the name of a bucket')
    .optional(),
  prefix: prefix.default(''),
  retention_days: z.number().int().min(1).max(36_500).optional(),
  archive_prefix: prefix.min(1).optional(),
  quarantine_prefix: prefix.min(1).optional(),
});
const KEYS = Object.keys(zone.shape);

const refuse = (message: string, context = {}): LochError =>
  new LochError('configuration', `Setting \`zones\`: ${message}`, { context: { setting: 'zones', ...context } });

/** Where tables go whose database has no location: the last zone. **Shapes**: `s3://bucket/prefix`. */
export function warehouseOf(zones: readonly Zone[]): string {
  const { bucket, prefix } = zones.at(-1)!;
  return `s3://${bucket}/${prefix}`;
}

/** The zones of a preset or of a list. **Errors**: `configuration` naming the zone, or both zones that have a prefix in common. */
export function parseZones(value: unknown): readonly Zone[] {
  if (typeof value === 'string') {
    const names = Object.hasOwn(PRESETS, value) ? PRESETS[value] : undefined;
    if (names !== undefined) return names.map((name) => ({ name, bucket: name, prefix: '' }));
  }
  if (!Array.isArray(value) || value.length === 0) {
    throw refuse(
      `\`${typeof value === 'string' ? value : JSON.stringify(value)}\` is none. Known: ${Object.keys(PRESETS).join(', ')}; or, in the configuration file, a list of zones.`,
    );
  }
  const zones = value.map(parseZone);
  assertApart(zones);
  return zones;
}

function parseZone(value: unknown, index: number): Zone {
  const parsed = zone.safeParse(value);
  const given = (value ?? {}) as { name?: unknown };
  const which = typeof given.name === 'string' ? `zone \`${given.name}\`` : `zone ${index + 1} of the list`;
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    if (issue.code !== 'unrecognized_keys') throw refuse(`${which}, \`${issue.path.join('.')}\`: ${issue.message}.`);
    const key = issue.keys[0]!;
    const near = nearestNames(key, KEYS);
    throw refuse(
      `${which} has an unknown key \`${key}\`. ${near.length > 0 ? `Did you mean \`${near.join('`, `')}\`?` : `Known: ${KEYS.join(', ')}.`}`,
    );
  }
  const { name, bucket = name, retention_days, archive_prefix, quarantine_prefix } = parsed.data;
  const at = parsed.data.prefix;
  if (retention_days !== undefined && archive_prefix?.startsWith(at)) {
    throw refuse(
      `${which} keeps \`${bucket}/${at}\` for ${retention_days} days, and its archive \`${archive_prefix}\` lies in it: the archive would go with the rest. Give the zone a \`prefix\` beside its archive.`,
    );
  }
  return {
    name,
    bucket,
    prefix: at,
    ...(retention_days === undefined ? {} : { retentionDays: retention_days }),
    ...(archive_prefix === undefined ? {} : { archivePrefix: archive_prefix }),
    ...(quarantine_prefix === undefined ? {} : { quarantinePrefix: quarantine_prefix }),
  };
}

function assertApart(zones: readonly Zone[]): void {
  const places = zones.flatMap(({ name, bucket, prefix: at, archivePrefix, quarantinePrefix }) =>
    [at, archivePrefix, quarantinePrefix].flatMap((path) =>
      path === undefined ? [] : [{ name, path: `${bucket}/${path}` }],
    ),
  );
  for (const [i, one] of zones.entries()) {
    if (zones.findIndex(({ name }) => name === one.name) < i) throw refuse(`two zones have the name \`${one.name}\`.`);
  }
  for (const [i, one] of places.entries()) {
    const other = places
      .slice(0, i)
      .find(({ name, path }) => name !== one.name && (path.startsWith(one.path) || one.path.startsWith(path)));
    if (other === undefined) continue;
    throw refuse(
      `the zones \`${other.name}\` (\`${other.path}\`) and \`${one.name}\` (\`${one.path}\`) overlap. Give each a bucket or a prefix of its own.`,
      { zones: `${other.name}, ${one.name}` },
    );
  }
}
