/** The compatibility kit that Iceberg publishes for REST catalogs, as it is, against Loch. */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../../src/testing/builders/running-loch.ts';
import { javaOf, mavenArtifacts, mavenClasspath } from '../../../src/testing/clients/java.ts';
import { testCache } from '../../../src/testing/clients/python.ts';
import { CANNOT_HOLD, CANNOT_HOLD_OVER_GLUE } from './cannot-hold.ts';

const run = promisify(execFile);
// Iceberg 1.11 needs it; the compiler is a jar, so that a Java without one will do.
const MIN_JAVA = 17;
const COMPILER = 'org.eclipse.jdt:ecj:3.40.0';
const REST = ['org.apache.iceberg.rest.LochCatalogTests', 'org.apache.iceberg.rest.LochViewCatalogTests'];
const GLUE = ['org.apache.iceberg.aws.glue.LochGlueCatalogTests'];

interface Kit {
  readonly java: string;
  readonly classpath: string;
}

async function openKit(): Promise<Kit | { readonly missing: string }> {
  const found = await javaOf(MIN_JAVA);
  if ('missing' in found) return found;
  const compiler = await mavenArtifacts([COMPILER]);
  if ('missing' in compiler) return compiler;
  const resolved = await mavenClasspath(join(import.meta.dirname, 'pom.xml'));
  if ('missing' in resolved) return resolved;
  const classes = join(testCache(), 'compatibility-kit');
  await mkdir(classes, { recursive: true });
  const sources = [...REST, ...GLUE].map((name) => join(import.meta.dirname, `${name.split('.').at(-1)}.java`));
  const flags = ['-17', '-proc:none', '-nowarn', '-cp', resolved.classpath, '-d', classes];
  await run(found.java, ['-jar', compiler.files[0]!, ...flags, ...sources]);
  return { java: found.java, classpath: `${classes}:${resolved.classpath}` };
}

describe('the compatibility kit of Iceberg’s REST catalogs', () => {
  let loch: RunningLoch | undefined;
  let kit: Awaited<ReturnType<typeof openKit>>;
  beforeAll(async () => {
    kit = await openKit();
  }, 900_000);
  // Each suite has a lake of its own: they begin and end with an empty one.
  beforeEach(async () => {
    loch = await startLoch();
  });
  afterEach(async () => loch?.stop());

  /** The names of the suites' tests that passed and failed. */
  async function runKit(
    { java, classpath }: Kit,
    suites: readonly string[],
    settings: Readonly<Record<string, string>>,
  ): Promise<{ readonly passed: string[]; readonly failed: string[] }> {
    const { accessKeyId, secretAccessKey } = loch!.client.sdk.credentials;
    const { stdout } = await run(
      java,
      [
        ...['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
        '-Dorg.slf4j.simpleLogger.defaultLogLevel=off',
        ...Object.entries(settings).map(([name, value]) => `-D${name}=${value}`),
        ...['-cp', classpath, 'org.junit.platform.console.ConsoleLauncher', 'execute'],
        ...['--disable-banner', '--disable-ansi-colors', '--details=testfeed'],
        ...suites.flatMap((name) => ['-c', name]),
      ],
      {
        maxBuffer: 64 * 1024 * 1024,
        env: {
          ...process.env,
          AWS_REGION: loch!.server.region,
          AWS_ACCESS_KEY_ID: accessKeyId,
          AWS_SECRET_ACCESS_KEY: secretAccessKey,
        },
      },
    ).catch((error: Error & { stdout?: string }) => {
      // It ends with 1 when a test failed, and which did is what is asked.
      if (error.stdout === undefined || error.stdout === '') throw error;
      return { stdout: error.stdout };
    });
    const ended = (how: string) =>
      [...stdout.matchAll(new RegExp(`^JUnit Jupiter > (.*) :: ${how}`, 'gm'))].map(([, name]) =>
        name!.replaceAll(/\((int|boolean|Path)?\)/g, '').replace(/^Loch/, ''),
      );
    return { passed: ended('SUCCESSFUL'), failed: ended('FAILED') };
  }

  function compare(
    { passed, failed }: { readonly passed: readonly string[]; readonly failed: readonly string[] },
    cannotHold: Readonly<Record<string, readonly string[]>>,
  ): void {
    const listed = Object.values(cannotHold).flat();
    expect(failed.filter((name) => !listed.includes(name))).toEqual([]);
    // What passes after all leaves the list.
    expect(passed.filter((name) => listed.includes(name))).toEqual([]);
  }

  it('holds, but for what is listed as what cannot', { timeout: 900_000 }, async (context) => {
    if ('missing' in kit) return context.skip(kit.missing);
    const { accessKeyId, secretAccessKey } = loch!.client.sdk.credentials;
    const uri = `${loch!.server.consoleUrl}/iceberg`;
    const ended = await runKit(kit, REST, {
      'rck.local': 'false',
      'rck.requires-namespace-create': 'true',
      uri,
      credential: `${accessKeyId}:${secretAccessKey}`,
      'oauth2-server-uri': `${uri}/v1/oauth/tokens`,
      warehouse: 'loch',
      'io-impl': 'org.apache.iceberg.aws.s3.S3FileIO',
      'header.X-Iceberg-Access-Delegation': 'vended-credentials',
    });
    compare(ended, CANNOT_HOLD);
    expect(ended.passed.length).toBeGreaterThan(100);
    return undefined;
  });

  it('holds with the Java GlueCatalog over the Glue door, but for the same', { timeout: 900_000 }, async (context) => {
    if ('missing' in kit) return context.skip(kit.missing);
    const ended = await runKit(kit, GLUE, {
      'kit.client.region': loch!.server.region,
      'kit.glue.endpoint': loch!.server.awsUrl,
      'kit.s3.endpoint': loch!.server.awsUrl,
      'kit.s3.path-style-access': 'true',
      'kit.warehouse': 's3://curated/glue-kit',
    });
    compare(ended, CANNOT_HOLD_OVER_GLUE);
    expect(ended.passed.length).toBeGreaterThan(40);
    return undefined;
  });
});
