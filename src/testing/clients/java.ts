/** Java programs of tests: a Java that is new enough, and artifacts of Maven Central by Maven itself, kept in a cache; or the reason why not. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { testCache, works } from './python.ts';

const run = promisify(execFile);
const RESOLVE_MS = 600_000;
const JVM_FOLDER = '/usr/lib/jvm';

/** The `java` of version `least` or newer: of JAVA_HOME, the path, or what is installed beside; or why there is none. */
export async function javaOf(least: number): Promise<{ readonly java: string } | { readonly missing: string }> {
  const homes = await readdir(JVM_FOLDER).catch(() => []);
  const home = process.env.JAVA_HOME;
  const candidates = [
    ...(home === undefined ? [] : [join(home, 'bin', 'java')]),
    'java',
    ...homes.map((name) => join(JVM_FOLDER, name, 'bin', 'java')),
  ];
  let best = 0;
  for (const java of candidates) {
    const version = await javaVersion(java);
    if (version >= least) return { java };
    best = Math.max(best, version);
  }
  return {
    missing: `It needs Java ${least} or newer; ${best === 0 ? 'there is none' : `the newest here is ${best}`}.`,
  };
}

async function javaVersion(java: string): Promise<number> {
  try {
    const { stderr } = await run(java, ['-version']);
    return Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** One artifact as Maven names it, `group:name:version[:packaging[:classifier]]`, resolved to its file. */
export type MavenArtifacts = { readonly files: readonly string[] } | { readonly missing: string };

/** Where Maven keeps what it fetched for tests. */
export const mavenRepository = (): string => join(testCache(), 'maven');

/** The files of artifacts, without what they depend on, fetched on first use. Never rejects: what is missing is said. */
export async function mavenArtifacts(coordinates: readonly string[]): Promise<MavenArtifacts> {
  const files = coordinates.map(fileOf);
  if (files.every((file) => existsSync(file))) return { files };
  if (!(await works('mvn', '--version')))
    return { missing: 'It needs Maven (`mvn`) to be fetched, and there is none.' };
  for (const [i, coordinate] of coordinates.entries()) {
    if (existsSync(files[i]!)) continue;
    const failure = await maven('dependency:get', `-Dartifact=${coordinate}`, '-Dtransitive=false');
    if (failure !== undefined) return { missing: `Maven could not fetch ${coordinate}: ${failure}` };
  }
  return { files };
}

/** The jars that a project with this `pom.xml` runs with, by Maven's own resolution. Never rejects. */
export async function mavenClasspath(
  pom: string,
): Promise<{ readonly classpath: string } | { readonly missing: string }> {
  if (!(await works('mvn', '--version')))
    return { missing: 'It needs Maven (`mvn`) to be fetched, and there is none.' };
  const output = join(testCache(), `classpath-${process.pid}.txt`);
  const failure = await maven('-f', pom, 'dependency:build-classpath', `-Dmdep.outputFile=${output}`);
  if (failure !== undefined) return { missing: `Maven could not resolve ${pom}: ${failure}` };
  const classpath = (await readFile(output, 'utf8')).trim();
  await rm(output, { force: true });
  return { classpath };
}

/** Runs Maven; why it failed, or nothing. */
async function maven(...args: readonly string[]): Promise<string | undefined> {
  try {
    await run('mvn', ['-q', '-B', `-Dmaven.repo.local=${mavenRepository()}`, ...args], { timeout: RESOLVE_MS });
    return undefined;
  } catch (error) {
    const { stdout = '', message } = error as Error & { stdout?: string };
    return (/\[ERROR\].*/.exec(stdout)?.[0] ?? message.split('\n')[0] ?? '').slice(0, 300);
  }
}

function fileOf(coordinate: string): string {
  const [group, name, version, packaging = 'jar', classifier] = coordinate.split(':');
  const file = `${name}-${version}${classifier === undefined ? '' : `-${classifier}`}.${packaging}`;
  return join(mavenRepository(), ...group!.split('.'), name!, version!, file);
}
