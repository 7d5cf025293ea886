import { readFileSync, statSync } from 'node:fs';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { defineCommand } from 'citty';
import { LochError } from '../../core/errors.ts';
import { clientOf } from '../api-client.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { mirrorBucket } from '../mirror/mirror-bucket.ts';
import { dataDirectoryOf, requireServer } from '../server-file.ts';

const SHOWN = 1000;

/** Takes a bucket over from another S3 service, with its versions. */
export const mirror = defineCommand({
  meta: {
    name: 'mirror',
    description: 'Take a bucket over from another S3 service: versions, tags, lock dates, settings; run again to go on',
  },
  args: {
    ...dataFlag,
    bucket: { type: 'positional', required: true, description: 'The bucket there' },
    to: { type: 'string', description: 'The bucket here; of the same name unless given' },
    endpoint: { type: 'string', required: true, description: 'Of the service: https://…' },
    region: { type: 'string', default: 'us-east-1', description: 'Of the service' },
    prefix: { type: 'string', default: '', description: 'Only keys that begin so' },
    'credentials-file': {
      type: 'string',
      description:
        'JSON with accessKeyId and secretAccessKey, readable by you alone; else AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    },
    'virtual-hosts': { type: 'boolean', description: 'The bucket is in the host name and not in the path' },
    'kms-key': { type: 'string', description: 'A key of this lake for versions under keys of the other service' },
    quick: { type: 'boolean', description: 'Compare listings and settings, not the attributes of each version' },
  },
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      const server = requireServer(data);
      const far = new S3Client({
        endpoint: args.endpoint,
        region: args.region,
        forcePathStyle: args['virtual-hosts'] !== true,
        // What was taken is compared by its ETag afterwards; a read that is given up must not count as a wrong one.
        responseChecksumValidation: 'WHEN_REQUIRED',
        credentials: credentialsOf(args['credentials-file']),
      });
      const near = new S3Client(clientOf(data, server).sdk as S3ClientConfig);
      const stop = new AbortController();
      process.once('SIGINT', () => stop.abort(new Error('It was interrupted. Run it again to go on.')));
      const report = await mirrorBucket(
        { client: far, bucket: args.bucket, prefix: args.prefix },
        { client: near, bucket: args.to ?? args.bucket, prefix: args.prefix },
        {
          signal: stop.signal,
          quick: args.quick === true,
          ...(args['kms-key'] === undefined ? {} : { kmsKey: args['kms-key'] }),
        },
      );
      const { copied, bytes, compared, differences } = report;
      for (const { what, why } of differences.slice(0, SHOWN)) print(`differs  ${what}: ${why}`);
      if (differences.length > SHOWN) print(`… and ${differences.length - SHOWN} more`);
      print(`${copied} versions with ${bytes} bytes copied, ${compared} compared, ${differences.length} differences`);
      if (differences.length > 0) process.exitCode = 1;
      else print('To switch: refuse writes there, run this once more, and point clients here.');
    }),
});

function credentialsOf(file: string | undefined): { accessKeyId: string; secretAccessKey: string } {
  if (file === undefined) {
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
    if (accessKeyId !== undefined && secretAccessKey !== undefined) return { accessKeyId, secretAccessKey };
    throw new LochError(
      'invalid_argument',
      'Who are you at the other service? Give --credentials-file, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
    );
  }
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) {
    throw new LochError('invalid_argument', `${file} can be read by others. Make it yours alone: chmod 600 ${file}`);
  }
  const { accessKeyId, secretAccessKey } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  if (typeof accessKeyId === 'string' && typeof secretAccessKey === 'string') return { accessKeyId, secretAccessKey };
  throw new LochError('invalid_argument', `${file} is not JSON with accessKeyId and secretAccessKey.`);
}
