/** Trino for tests: its server and Iceberg plug-in from Maven Central, unpacked once into a cache. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { javaOf, mavenArtifacts } from '../../../src/testing/clients/java.ts';
import { testCache } from '../../../src/testing/clients/python.ts';

const run = promisify(execFile);
// The last whose server is on Maven Central.
const VERSION = '476';
const MIN_JAVA = 24;
const SERVER = `io.trino:trino-server-core:${VERSION}:tar.gz`;
const ICEBERG = `io.trino:trino-iceberg:${VERSION}:zip`;

/** A `java` and the folder of the server, with `lib` and `plugin/iceberg`; or why there is none. */
export type TrinoEnvironment = { readonly java: string; readonly home: string } | { readonly missing: string };

/** What Trino needs. Never rejects: what is missing is said. */
export async function trinoEnvironment(): Promise<TrinoEnvironment> {
  const found = await javaOf(MIN_JAVA);
  if ('missing' in found) return { missing: `Trino ${VERSION} is not run. ${found.missing}` };
  const home = join(testCache(), `trino-${VERSION}`);
  if (existsSync(join(home, 'ready'))) return { java: found.java, home };
  const artifacts = await mavenArtifacts([SERVER, ICEBERG]);
  if ('missing' in artifacts) return { missing: `Trino ${VERSION} is not run. ${artifacts.missing}` };
  const [server, iceberg] = artifacts.files as [string, string];
  const building = `${home}.${process.pid}`;
  try {
    await mkdir(join(building, 'plugin'), { recursive: true });
    const top = `trino-server-core-${VERSION}`;
    await run('tar', ['xzf', server, '-C', building, '--strip-components=1', `${top}/lib`]);
    await run('python3', ['-m', 'zipfile', '-e', iceberg, join(building, 'plugin')]);
    await rename(join(building, 'plugin', `trino-iceberg-${VERSION}`), join(building, 'plugin', 'iceberg'));
    await writeFile(join(building, 'ready'), '');
    await rename(building, home);
    await Promise.all([server, iceberg].map((archive) => rm(archive)));
    return { java: found.java, home };
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    if (existsSync(join(home, 'ready'))) return { java: found.java, home };
    return { missing: `Trino ${VERSION} could not be unpacked: ${(error as Error).message.split('\n')[0]}` };
  }
}
