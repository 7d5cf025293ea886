import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { LochError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { Config } from './config.ts';
import { isLoopback } from './listen.ts';

/** A place in an S3-compatible service, as its store takes it. */
export interface S3Place {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** Empty, or ending in `/`. */
  readonly prefix: string;
  readonly pathStyle: boolean;
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly ca?: string;
  /** Dotted name of the settings. */
  readonly settings: string;
}

/**
 * The place that the settings below `name` tell; `chooses` is the setting that asks for them. **Errors**: `configuration`
 * naming the setting.
 */
export function s3PlaceOf(
  s3: Config['storage']['s3'],
  name: string,
  chooses: string,
  warn: (text: string) => void,
): S3Place {
  for (const member of ['endpoint', 'bucket'] as const) {
    if (s3[member] === '') throw missing(`${name}.${member}`, chooses);
  }
  const url = parseEndpoint(s3.endpoint, `${name}.endpoint`);
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    warn(
      `\`${name}.endpoint\` is ${s3.endpoint}: everything the lake writes there crosses the network in the clear. Use https.`,
    );
  }
  return {
    endpoint: s3.endpoint,
    region: s3.region,
    bucket: s3.bucket,
    prefix: s3.prefix === '' || s3.prefix.endsWith('/') ? s3.prefix : `${s3.prefix}/`,
    pathStyle: s3.path_style,
    ...credentialsOf(s3, name, chooses),
    ...(s3.ca_file === '' ? {} : { ca: readSetting(s3.ca_file, `${name}.ca_file`) }),
    settings: name,
  };
}

function parseEndpoint(endpoint: string, setting: string): URL {
  if (URL.canParse(endpoint)) {
    const url = new URL(endpoint);
    if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  }
  throw new LochError('configuration', `\`${setting}\` is ${endpoint}: it must begin with https:// or http://.`, {
    context: { setting },
  });
}

const keyFile = z.object({ accessKeyId: z.string().min(1), secretAccessKey: z.string().min(1) });

/** The key of the service: from the file, or from the two settings. */
function credentialsOf(
  s3: Config['storage']['s3'],
  name: string,
  chooses: string,
): { accessKeyId: string; secretAccessKey: Secret } {
  if (s3.credentials_file === '') {
    if (s3.access_key_id === '') throw missing(`${name}.access_key_id`, chooses);
    if (s3.secret_access_key.reveal() === '') throw missing(`${name}.secret_access_key`, chooses);
    return { accessKeyId: s3.access_key_id, secretAccessKey: s3.secret_access_key };
  }
  const setting = `${name}.credentials_file`;
  const text = readSetting(s3.credentials_file, setting);
  assertOwn(s3.credentials_file, setting);
  const parsed = keyFile.safeParse(jsonOf(text));
  if (!parsed.success) {
    throw new LochError(
      'configuration',
      `\`${setting}\` (${s3.credentials_file}) is not JSON with accessKeyId and secretAccessKey.`,
      { context: { setting } },
    );
  }
  return { accessKeyId: parsed.data.accessKeyId, secretAccessKey: new Secret(parsed.data.secretAccessKey) };
}

/** A secret that others of the machine can read is none. */
function assertOwn(file: string, setting: string): void {
  if (process.platform === 'win32' || (statSync(file).mode & 0o077) === 0) return;
  throw new LochError(
    'configuration',
    `\`${setting}\`: ${file} can be read by others. Make it readable by Loch's user alone: chmod 600 ${file}`,
    { context: { setting } },
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // told with the shape that is wanted; the text may hold a secret
  }
}

function readSetting(file: string, setting: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new LochError('configuration', `\`${setting}\`: ${file} cannot be read (${(cause as Error).message}).`, {
      context: { setting },
      cause,
    });
  }
}

const missing = (setting: string, chooses: string) =>
  new LochError('configuration', `\`${chooses}\` is s3 and \`${setting}\` is not set.`, { context: { setting } });
