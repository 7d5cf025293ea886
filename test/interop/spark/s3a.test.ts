/**
 * Spark on files through Hadoop's s3a, by HTTP and HTTPS. The client library and its SDK are half a gigabyte, so they
 * are not fetched: the test runs where `hadoop-aws` is among Spark's jars, or `LOCH_TEST_S3A_JARS` names a folder of it.
 */
import { HeadObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { execFile } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../../src/testing/builders/running-loch.ts';
import { SPARK_ENVIRONMENT, sparkEnvironment } from './environment.ts';

const run = promisify(execFile);

/** The jars of s3a: in the folder that is named, or with Spark itself. */
function s3aJars(): string[] {
  for (const folder of [process.env.LOCH_TEST_S3A_JARS, join(process.env.SPARK_HOME ?? '/none', 'jars')]) {
    if (folder === undefined) continue;
    const jars = globSync('*{hadoop-aws,software.amazon.awssdk_bundle,bundle-2,wildfly-openssl}*.jar', { cwd: folder });
    if (jars.some((name) => name.includes('hadoop-aws'))) return jars.map((name) => join(folder, name));
  }
  return [];
}

const jars = s3aJars();
const spark = jars.length === 0 ? { missing: 'no Spark with hadoop-aws is here' } : await sparkEnvironment();

describe.skipIf('missing' in spark)(
  `Spark through s3a${'missing' in spark ? ` (skipped: ${spark.missing})` : ''}`,
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
      }, 300_000);
    });
  },
);
