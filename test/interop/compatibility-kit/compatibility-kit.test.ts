/** The compatibility kit that Iceberg publishes for REST catalogs, as it is, against Loch. */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../../src/testing/builders/running-loch.ts';
import { javaOf, mavenArtifacts, mavenClasspath } from '../../../src/testing/clients/java.ts';
import { testCache } from '../../../src/testing/clients/python.ts';
import { CANNOT_HOLD } from './cannot-hold.ts';

const run = promisify(execFile);
// Iceberg 1.11 needs it; the compiler is a jar, so that a Java without one will do.
const MIN_JAVA = 17;
const COMPILER = 'org.eclipse.jdt:ecj:3.40.0';
const SUITES = ['LochCatalogTests', 'LochViewCatalogTests'] as const;

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
  const sources = SUITES.map((name) => join(import.meta.dirname, `${name}.java`));
  const flags = ['-17', '-proc:none', '-nowarn', '-cp', resolved.classpath, '-d', classes];
  await run(found.java, ['-jar', compiler.files[0]!, ...flags, ...sources]);
  return { java: found.java, classpath: `${classes}:${resolved.classpath}` };
}

describe('the compatibility kit of Iceberg’s REST catalogs', () => {
  let loch: RunningLoch;
  let kit: Awaited<ReturnType<typeof openKit>>;
  beforeAll(async () => {
    kit = await openKit();
    loch = await startLoch();
  }, 900_000);
  afterAll(async () => loch?.stop());

  /** The names of its tests that passed and failed. */
  async function runKit({ java, classpath }: Kit): Promise<{ readonly passed: string[]; readonly failed: string[] }> {
    const { accessKeyId, secretAccessKey } = loch.client.sdk.credentials;
    const uri = `${loch.server.consoleUrl}/iceberg`;
    const settings = {
      'org.slf4j.simpleLogger.defaultLogLevel': 'off',
      'rck.local': 'false',
      'rck.requires-namespace-create': 'true',
      uri,
      credential: `${accessKeyId}:${secretAccessKey}`,
      'oauth2-server-uri': `${uri}/v1/oauth/tokens`,
      warehouse: 'loch',
      'io-impl': 'org.apache.iceberg.aws.s3.S3FileIO',
      'header.X-Iceberg-Access-Delegation': 'vended-credentials',
    };
    const { stdout } = await run(
      java,
      [
        ...['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
        ...Object.entries(settings).map(([name, value]) => `-D${name}=${value}`),
        ...['-cp', classpath, 'org.junit.platform.console.ConsoleLauncher', 'execute'],
        ...['--disable-banner', '--disable-ansi-colors', '--details=testfeed'],
        ...SUITES.flatMap((name) => ['-c', `org.apache.iceberg.rest.${name}`]),
      ],
      { maxBuffer: 64 * 1024 * 1024, env: { ...process.env, AWS_REGION: loch.server.region } },
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

  it('holds, but for what is listed as what cannot', { timeout: 900_000 }, async (context) => {
    if ('missing' in kit) return context.skip(kit.missing);
    const { passed, failed } = await runKit(kit);
    const listed = Object.values(CANNOT_HOLD).flat();
    expect(failed.filter((name) => !listed.includes(name))).toEqual([]);
    // What passes after all leaves the list.
    expect(passed.filter((name) => listed.includes(name))).toEqual([]);
    expect(passed.length).toBeGreaterThan(100);
    return undefined;
  });
});
