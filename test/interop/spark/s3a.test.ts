/** Spark on files through Hadoop's s3a, by HTTP and HTTPS, with the jars of `s3a-pom.xml` by Maven. */
import { HeadObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../../src/testing/builders/running-loch.ts';
import { mavenClasspath } from '../../../src/testing/clients/java.ts';
import { SPARK_ENVIRONMENT, sparkEnvironment } from './environment.ts';

const run = promisify(execFile);

const spark = await sparkEnvironment();
const resolved = 'missing' in spark ? spark : await mavenClasspath(join(import.meta.dirname, 's3a-pom.xml'));
// Spark brings a newer one itself.
const jars =
  'missing' in resolved
    ? []
    : resolved.classpath.split(delimiter).filter((file) => !basename(file).startsWith('slf4j'));

describe.skipIf('missing' in resolved)(
  `Spark through s3a${'missing' in resolved ? ` (skipped: ${resolved.missing})` : ''}`,
  () => {
    describe.each(['http', 'https'] as const)('over %s', (scheme) => {
      let folder: string;
      let loch: RunningLoch;
      beforeAll(async () => {
        folder = mkdtempSync(join(tmpdir(), 'loch-s3a-'));
        loch = await startLoch(scheme === 'https' ? { settings: ['listen.tls=true'] } : {});
      });
      afterAll(async () => {
        await loch?.stop();
        rmSync(folder, { recursive: true, force: true });
      });

      it('writes by the default committer, reads back, renames and deletes', async () => {
        const { endpoint, region, credentials } = loch.client.sdk;
        const trustStore = join(folder, 'trust.p12');
        if (loch.server.tls !== undefined) {
          const options = ['-noprompt', '-storetype', 'PKCS12', '-storepass', 'changeit', '-keystore', trustStore];
          await run('keytool', ['-importcert', '-alias', 'loch', '-file', loch.server.tls.file, ...options]);
        }
        const order = {
          endpoint,
          region,
          key: credentials.accessKeyId,
          secret: credentials.secretAccessKey,
          jars: jars.join(','),
          ...(loch.server.tls === undefined ? {} : { trustStore }),
        };
        const script = join(import.meta.dirname, 'run_s3a.py');
        const { python } = spark as { python: string };
        const { stdout } = await run(python, [script, JSON.stringify(order)], {
          env: { ...process.env, ...SPARK_ENVIRONMENT },
          maxBuffer: 64 * 1024 * 1024,
        });
        const said = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, unknown>;
        expect(said).toMatchObject({
          written: 300_000,
          pruned: 14_999_950_000,
          overwritten: 10,
          renamed: true,
          moved: 10,
          gone: false,
          deleted: true,
          left: ['large', 'rows-moved'],
        });
        expect(said.largest).toBeGreaterThan(20_000_000);
        const s3 = new S3Client(loch.client.sdk);
        const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: 'raw', Prefix: 's3a/large/part-' }));
        const head = await s3.send(new HeadObjectCommand({ Bucket: 'raw', Key: Contents![0]!.Key! }));
        expect(head.ETag).toMatch(/-\d+"$/); // it came in parts
      }, 900_000);
    });
  },
);
