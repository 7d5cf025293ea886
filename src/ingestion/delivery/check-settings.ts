import { parseArn } from '../../core/arn.ts';
import { LochError } from '../../core/errors.ts';
import type { DeliveryStreamSettings } from '../contract.ts';
import { hasExpression, objectKey } from './object-name.ts';

const COMPRESSIONS: readonly string[] = ['UNCOMPRESSED', 'GZIP', 'ZSTD'];
const MAX_PREFIX_CHARS = 900;

/** Throws `invalid_argument` naming the first setting that is out of its range. */
export function checkSettings(settings: DeliveryStreamSettings): void {
  const { name, bufferMiB, bufferSeconds, compression, fileExtension, prefix, errorPrefix } = settings;
  const refuse = (setting: string, why: string): never => {
    throw new LochError('invalid_argument', `\`${setting}\` ${why}.`, { context: { setting } });
  };
  if (!/^[a-zA-Z0-9_.-]{1,64}$/.test(name))
    refuse('DeliveryStreamName', 'must be 1–64 of the characters a–z A–Z 0–9 _ . -');
  if (!Number.isInteger(bufferMiB) || bufferMiB < 1 || bufferMiB > 128) {
    refuse('BufferingHints.SizeInMBs', `must be a whole number from 1 to 128, and is ${bufferMiB}`);
  }
  if (!Number.isInteger(bufferSeconds) || bufferSeconds < 0 || bufferSeconds > 900) {
    refuse('BufferingHints.IntervalInSeconds', `must be a whole number from 0 to 900, and is ${bufferSeconds}`);
  }
  if (!COMPRESSIONS.includes(compression)) {
    refuse('CompressionFormat', `must be one of ${COMPRESSIONS.join(', ')}, and is ${compression}`);
  }
  if (fileExtension !== undefined && !/^$|^\.[0-9a-z!\-_.*'()]{1,127}$/.test(fileExtension)) {
    refuse('FileExtension', "must start with a dot and hold only 0–9 a–z ! - _ . * ' ( )");
  }
  const { service, resource } = parseArn(settings.roleArn);
  if (service !== 'iam' || !resource.startsWith('role/')) refuse('RoleARN', 'must be the ARN of an IAM role');
  checkPrefixes(prefix, errorPrefix, refuse);
  objectKey({ id: 'check', version: 1, settings }, 0, 0);
}

function checkPrefixes(prefix: string, errorPrefix: string, refuse: (setting: string, why: string) => never): void {
  if (prefix.length > MAX_PREFIX_CHARS) refuse('Prefix', `must have at most ${MAX_PREFIX_CHARS} characters`);
  if (errorPrefix.length > MAX_PREFIX_CHARS)
    refuse('ErrorOutputPrefix', `must have at most ${MAX_PREFIX_CHARS} characters`);
  if (hasExpression(prefix) && errorPrefix === '') {
    refuse('ErrorOutputPrefix', 'must be given when Prefix has expressions');
  }
  if (hasExpression(errorPrefix) && !errorPrefix.includes('!{firehose:error-output-type}')) {
    refuse('ErrorOutputPrefix', 'must hold !{firehose:error-output-type} when it has expressions');
  }
}
