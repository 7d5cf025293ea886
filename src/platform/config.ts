/**
 * Configuration, parsed once: defaults, then the file, then `LOCH_…` variables, then flags. Units are in the names.
 * Unknown keys are refused with the nearest known one.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { totalmem } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { LochError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { nearestNames } from '../core/suggest.ts';
import { parseZones } from './zone-settings.ts';

const port = z.coerce.number().int().min(0).max(65535);
const flag = z.union([z.boolean(), z.stringbool({ error: 'it must be true or false' })]);
/** Names in a list or, from variables and flags, separated by spaces. */
const names = z.union([z.array(z.string()), z.string().transform((text) => text.split(/\s+/).filter(Boolean))]);
const MIB = 1024 * 1024;
const DEFAULT_ENGINE_MIB = Math.max(256, Math.min(1024, Math.floor(totalmem() / MIB / 8)));

/** A place in an S3-compatible service. */
const s3Place = z
  .strictObject({
    endpoint: z.string().default(''),
    region: z.string().default('us-east-1'),
    bucket: z.string().default(''),
    prefix: z.string().default(''),
    path_style: flag.default(true),
    access_key_id: z.string().default(''),
    secret_access_key: z
      .string()
      .default('')
      .transform((text) => new Secret(text)),
    /** Instead of the two: JSON with accessKeyId and secretAccessKey, for Loch's user alone. */
    credentials_file: z.string().default(''),
    ca_file: z.string().default(''),
  })
  .prefault({});

const schema = z.strictObject({
  account_id: z
    .string()
    .regex(/^\d{12}$/, 'it must be 12 digits')
    .default('000000000001'),
  region: z.string().min(1).default('us-east-1'),
  listen: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      /** Names by which clients on other machines know this one; in Loch's own certificate. */
      host_names: names.default([]),
      tls: flag.default(false),
      /** The owner's certificate (with its chain) and key, PEM. Without them Loch makes its own authority. */
      tls_cert_file: z.string().default(''),
      tls_key_file: z.string().default(''),
      aws_port: port.default(4566),
      console_port: port.default(4567),
    })
    .prefault({}),
  catalog: z
    .strictObject({
      /** Where changes of the catalog are sent as CloudEvents; empty: nowhere. */
      webhook_url: z.string().default(''),
    })
    .prefault({}),
  lineage: z
    .strictObject({
      /** Where lineage is sent as OpenLineage events; empty: nowhere. */
      openlineage_url: z.string().default(''),
      openlineage_token: z
        .string()
        .default('')
        .transform((text) => new Secret(text)),
    })
    .prefault({}),
  engine: z
    .strictObject({
      workers: z.coerce.number().int().min(1).max(64).default(2),
      memory_limit_mib: z.coerce.number().int().min(128).default(DEFAULT_ENGINE_MIB),
      queue_limit: z.coerce.number().int().min(1).default(200),
      query_timeout_ms: z.coerce
        .number()
        .int()
        .min(1000)
        .default(30 * 60_000),
    })
    .prefault({}),
  storage: z
    .strictObject({
      segment_object_limit_bytes: z.coerce
        .number()
        .int()
        .min(0)
        .max(8 * MIB)
        .default(64 * 1024),
      sweep_grace_ms: z.coerce
        .number()
        .int()
        .min(0)
        .default(6 * 3_600_000),
      low_disk_mib: z.coerce.number().int().min(0).default(256),
      /** Where the bytes of objects are: in the data directory, or in an S3-compatible service. */
      store: z.enum(['local', 's3']).default('local'),
      /** Of remote objects, kept on the local disk for engines. */
      cache_mib: z.coerce.number().int().min(64).default(4096),
      s3: s3Place,
      /** Hosts that buckets may notify, comma-separated; `*.example.org` for all below. */
      notification_hosts: z.string().default(''),
      /**
       * Directories of colder classes; empty: beside the objects; `none`: those classes are refused; `s3`: the service that
       * `cold_s3` or `archive_s3` names.
       */
      tiers: z
        .strictObject({
          cold: z.string().default(''),
          archive: z.string().default(''),
          cold_s3: s3Place,
          archive_s3: s3Place,
        })
        .prefault({}),
      /** Share of disks that fail in a year, for `loch status durability`: yours, if you know it. **Units**: percent. */
      disk_failures_percent: z.coerce.number().min(0).max(100).default(2),
      /** How objects are encrypted that ask for nothing, in buckets that say nothing. */
      default_encryption: z.enum(['none', 'AES256']).default('none'),
    })
    .prefault({}),
  s3: z
    .strictObject({
      default_object_ownership: z
        .enum(['BucketOwnerEnforced', 'BucketOwnerPreferred', 'ObjectWriter'])
        .default('BucketOwnerEnforced'),
      default_public_access_block: z.stringbool().or(z.boolean()).default(true),
      /** Customer keys (SSE-C) are taken over plain HTTP too, from this machine. */
      customer_keys_over_http: z.stringbool().or(z.boolean()).default(false),
      /** Domains below which the first labels of a host are a bucket, comma-separated: `bucket.localhost`. */
      domains: z.string().default('localhost'),
      /** Hosts that are the names of their buckets, comma-separated; `*.example.com` for all below. */
      bucket_hosts: z.string().default(''),
      /** How long a day of lifecycle rules lasts; shorter than a day only for test suites. */
      lifecycle_day_seconds: z.coerce.number().int().min(1).max(86_400).default(86_400),
    })
    .prefault({}),
  /** What opens a protected master key (`loch keys protect`). */
  keys: z.strictObject({ passphrase_file: z.string().default(''), command: z.string().default('') }).prefault({}),
  /** Where statements keep their files; in memory, or declared encrypted, encrypted objects can be queried. */
  work_dir: z.string().default(''),
  work_dir_encrypted: z.stringbool().or(z.boolean()).default(false),
  backup: z
    .strictObject({
      /** A repository of points, outside of the data directory; with it points are taken by `schedule`. */
      directory: z.string().default(''),
      /** Five or six fields of cron. */
      schedule: z.string().default('0 3 * * *'),
      time_zone: z.string().default('UTC'),
      keep_points: z.coerce.number().int().min(1).default(30),
      keep_days: z.coerce.number().int().min(1).default(90),
    })
    .prefault({}),
  /** A preset (default, medallion, four-layer), or a list of zones. */
  zones: z.unknown().prefault('default').transform(parseZones),
  log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
  audit: z.strictObject({ retention_days: z.coerce.number().int().min(1).default(90) }).prefault({}),
});

export type Config = z.infer<typeof schema>;

/** The hosts that name buckets. */
export function bucketHosts({ s3 }: Pick<Config, 's3'>) {
  const list = (text: string) => text.split(',').flatMap((host) => host.trim() || []);
  return { domains: list(s3.domains), bucketHosts: list(s3.bucket_hosts) };
}

/** What buckets are taken to say that have said nothing. */
export function bucketDefaults({ s3, storage }: Pick<Config, 's3' | 'storage'>) {
  const { default_encryption: algorithm } = storage;
  return {
    objectOwnership: s3.default_object_ownership,
    publicAccessBlock: s3.default_public_access_block,
    ...(algorithm === 'none' ? {} : { encryption: { algorithm } }),
  };
}

/** Backups by the clock, when a directory for them is set. */
export function scheduledBackups({ backup }: Pick<Config, 'backup'>) {
  if (backup.directory === '') return {};
  const retention = { points: backup.keep_points, days: backup.keep_days };
  const directory = resolve(backup.directory);
  return { scheduled: { directory, schedule: backup.schedule, timeZone: backup.time_zone, retention } };
}

type Tree = { [key: string]: unknown };

function flatten(tree: Tree, path = ''): [string, unknown][] {
  return Object.entries(tree).flatMap(([key, value]) => {
    const name = path === '' ? key : `${path}.${key}`;
    return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Secret)
      ? flatten(value as Tree, name)
      : [[name, value] as [string, unknown]];
  });
}

function setPath(tree: Tree, name: string, value: unknown): void {
  const keys = name.split('.');
  let at = tree;
  for (const key of keys.slice(0, -1)) {
    at[key] ??= {};
    at = at[key] as Tree;
  }
  at[keys.at(-1)!] = value;
}

/** Dotted names of all settings: `listen.aws_port` … */
export function settingNames(): string[] {
  return flatten(schema.parse({}) as Tree).map(([name]) => name);
}

/** The variable of a setting: `LOCH_LISTEN_AWS_PORT` for `listen.aws_port`. */
export const variableOf = (name: string): string => `LOCH_${name.toUpperCase().replaceAll('.', '_')}`;

/** Variables of that form that are not settings. */
const OTHER_VARIABLES = new Set(['LOCH_CONFIG', 'LOCH_DATA', 'LOCH_BUNDLE_PASSPHRASE', 'LOCH_KEYS_PASSPHRASE']);

function unknownSetting(name: string, known: readonly string[], source: string): LochError {
  const near = nearestNames(name, known);
  const hint = near.length > 0 ? `Did you mean \`${near.join('`, `')}\`?` : `Known: ${known.join(', ')}.`;
  return new LochError('configuration', `Unknown setting \`${name}\` in ${source}. ${hint}`, {
    context: { setting: name, source },
  });
}

/**
 * The configuration from all sources. **Errors**: `configuration` naming the setting, its source, and what is known.
 */
export function loadConfig(sources: {
  readonly file?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Dotted name → value. */
  readonly flags?: Readonly<Record<string, unknown>>;
}): Config {
  const known = settingNames();
  const merged: Tree = {};
  const take = (name: string, value: unknown, source: string) => {
    if (!known.includes(name)) throw unknownSetting(name, known, source);
    setPath(merged, name, value);
  };
  if (sources.file !== undefined) {
    for (const [name, value] of flatten(readConfigFile(sources.file))) take(name, value, sources.file);
  }
  const byVariable = new Map(known.map((name) => [variableOf(name), name]));
  for (const [variable, value] of Object.entries(sources.env ?? {})) {
    if (!variable.startsWith('LOCH_') || OTHER_VARIABLES.has(variable) || value === undefined) continue;
    const name = byVariable.get(variable);
    if (name === undefined) throw unknownSetting(variable, [...byVariable.keys()], 'the environment');
    setPath(merged, name, value);
  }
  for (const [name, value] of Object.entries(sources.flags ?? {})) take(name, value, 'the flags');
  const parsed = schema.safeParse(merged);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const setting = issue.path.join('.');
    throw new LochError('configuration', `Setting \`${setting}\`: ${issue.message}.`, { context: { setting } });
  }
  return parsed.data;
}

function readConfigFile(file: string): Tree {
  // Most starts have no file: its parser is loaded when there is one.
  const { parse: parseYaml } = createRequire(import.meta.url)('yaml') as typeof import('yaml');
  try {
    return (parseYaml(readFileSync(file, 'utf8')) ?? {}) as Tree;
  } catch (error) {
    throw new LochError(
      'configuration',
      `The configuration file ${file} cannot be read as YAML: ${(error as Error).message}`,
      { context: { file }, cause: error },
    );
  }
}
