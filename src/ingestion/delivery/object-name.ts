/**
 * Names of delivered objects: `<evaluated prefix><stream>-<version>-<yyyy-MM-dd-HH-mm-ss>-<uuid><extension>`.
 *
 * Invariant: the name is a function of the stream, its settings and the first record, so that a delivery which is
 * repeated after a crash writes the same object. **Source**: Amazon Data Firehose Developer Guide, "Configure Amazon S3
 * object name format" and "Understand custom prefixes".
 */
import { createHash } from 'node:crypto';
import { LochError } from '../../core/errors.ts';
import type { DeliveryStreamSettings } from '../contract.ts';
import { formatTimePattern, type ZonedFields, zonedFields } from './time-pattern.ts';

const EXPRESSION = /!\{([^{}:]*)(?::([^{}]*))?\}/g;
const DEFAULT_TIME = '!{timestamp:yyyy/MM/dd/HH/}';
const EXTENSIONS = { UNCOMPRESSED: '', GZIP: '.gz', ZSTD: '.zst' } as const;

/** Whether a prefix holds an expression `!{…}`, so that no date is appended to it. */
export function hasExpression(prefix: string): boolean {
  return prefix.includes('!{');
}

/** The folder that all prefixes of a stream begin with: what stands before its first expression. */
export function folderOf(prefix: string): string {
  const fixed = prefix.split('!{', 1)[0]!;
  return fixed.slice(0, fixed.lastIndexOf('/') + 1);
}

/** The key of the object whose first record is number `first`, arrived at `arrivedAt`. **Errors**: `invalid_argument`. */
export function objectKey(
  stream: { readonly id: string; readonly version: number; readonly settings: DeliveryStreamSettings },
  first: number,
  arrivedAt: number,
): string {
  const { settings } = stream;
  const fields = zonedFields(arrivedAt, settings.timeZone ?? 'UTC');
  const digest = createHash('sha256').update(`${stream.id}/${first}`).digest('hex');
  const prefix = hasExpression(settings.prefix) ? settings.prefix : settings.prefix + DEFAULT_TIME;
  const time = formatTimePattern('yyyy-MM-dd-HH-mm-ss', fields);
  const extension = settings.fileExtension || EXTENSIONS[settings.compression];
  return `${evaluate(prefix, fields, digest)}${settings.name}-${stream.version}-${time}-${uuidOf(digest)}${extension}`;
}

function evaluate(prefix: string, fields: ZonedFields, digest: string): string {
  let strings = 0;
  const text = prefix.replace(EXPRESSION, (expression, namespace: string, value: string | undefined) => {
    if (namespace === 'timestamp' && value) return formatTimePattern(value, fields);
    // Each occurrence is another piece of the digest, as Firehose draws each anew.
    if (namespace === 'firehose' && value === 'random-string') return randomString(digest, strings++);
    throw new LochError(
      'invalid_argument',
      `The prefix expression \`${expression}\` is not supported. Supported: !{timestamp:…}, !{firehose:random-string}.`,
      { context: { expression } },
    );
  });
  if (text.includes('!{')) {
    throw new LochError('invalid_argument', `The prefix \`${prefix}\` has an expression that is not closed.`, {
      context: { prefix },
    });
  }
  return text;
}

function randomString(digest: string, occurrence: number): string {
  return createHash('sha256').update(`${digest}/${occurrence}`).digest('base64url').replace(/[-_]/g, 'x').slice(0, 11);
}

/** A UUID of version 8 (custom) from a digest. **Source**: RFC 9562, section 5.8. */
function uuidOf(digest: string): string {
  const variant = '89ab'[Number.parseInt(digest[16]!, 16) & 3];
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    `8${digest.slice(13, 16)}`,
    `${variant}${digest.slice(17, 20)}`,
    digest.slice(20, 32),
  ].join('-');
}
