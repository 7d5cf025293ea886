/**
 * `npm run test:s3-conformance -- DIR [--commit SHA] [pytest arguments]`: runs the public S3 suite from a folder the user
 * has against a Loch started for it, and compares the outcome with what docs/reference/s3-conformance.md says.
 * Without a folder it runs the packaged port of the suite that CI runs too.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { testCache } from '../src/testing/clients/python.ts';
import { notHeld, openPackagedSuite } from '../test/interop/s3-suite/packaged-suite.ts';
import { type CaseOutcome, openSuiteRun } from '../test/interop/s3-suite/suite-run.ts';
import { readConformanceCases } from './s3-conformance-cases.ts';
import { SUITE_COMMIT } from './s3-conformance-page.ts';

/** Cases of other servers' own, and of what is no S3. */
const LEFT_OUT = ['fails_on_aws', 's3website', 'test_of_sts', 'webidentity_test', 'sns', 'cloud_transition'];
const FILES = ['test_s3.py', 'test_headers.py'];

function fail(message: string): never {
  process.stderr.write(`s3-conformance: ${message}\n`);
  process.exit(1);
}

/** The folder of the suite's functional tests. */
function functionalFolder(suite: string, commit: string): string {
  const folder = ['s3tests/functional', 's3tests_boto3/functional']
    .map((path) => join(suite, path))
    .find((path) => existsSync(join(path, 'test_s3.py')));
  if (folder === undefined) fail(`${suite} holds no s3tests/functional/test_s3.py. Name a clone of ceph/s3-tests.`);
  const found = execFileSync('git', ['-C', suite, 'rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  if (!found.startsWith(commit)) {
    fail(`${suite} is at ${found}, not at ${commit}. Check that out, or name it: --commit ${found.slice(0, 12)}.`);
  }
  return folder;
}

/** A Python with what the suite requires, made once per commit. */
function pythonFor(suite: string, commit: string): string {
  const folder = join(testCache(), `s3-tests-${commit.slice(0, 12)}`);
  const python = join(folder, 'bin', 'python');
  if (existsSync(join(folder, 'ready'))) return python;
  mkdirSync(testCache(), { recursive: true });
  execFileSync('python3', ['-m', 'venv', folder], { stdio: 'inherit' });
  const requirements = ['-r', join(suite, 'requirements.txt'), 'pytest'];
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', ...requirements], { stdio: 'inherit' });
  writeFileSync(join(folder, 'ready'), '');
  return python;
}

type Outcomes = ReadonlyMap<string, CaseOutcome>;

const namesOf = (outcomes: Outcomes, outcome: CaseOutcome['outcome']): string[] =>
  [...outcomes]
    .filter(([, one]) => one.outcome === outcome)
    .map(([name]) => name)
    .sort();

/** Prints counts, and what differs from what is expected; returns whether a case failed that should hold. */
function compare(
  outcomes: Outcomes,
  expected: { readonly holds: (name: string) => boolean; readonly excused: ReadonlySet<string> },
): boolean {
  const [passed, failed] = [namesOf(outcomes, 'passed'), namesOf(outcomes, 'failed')];
  const broken = failed.filter((name) => expected.holds(name));
  const unknown = failed.filter((name) => !expected.holds(name) && !expected.excused.has(name));
  const skipped = outcomes.size - passed.length - failed.length;
  process.stdout.write(`\n${passed.length} passed, ${failed.length} failed, ${skipped} skipped\n`);
  for (const name of broken) process.stdout.write(`held until now, failed here: ${name}: ${outcomes.get(name)!.why}\n`);
  for (const name of unknown) process.stdout.write(`failed, and not on the page: ${name}\n`);
  for (const name of passed) {
    if (expected.excused.has(name)) process.stdout.write(`passed, though the page excuses it: ${name}\n`);
  }
  return broken.length > 0;
}

async function runFolder(directory: string, commit: string, more: readonly string[]): Promise<boolean> {
  const suite = resolve(directory);
  const functional = functionalFolder(suite, commit);
  const run = await openSuiteRun({
    python: pythonFor(suite, commit),
    cwd: suite,
    stdio: 'inherit',
    configured: (file) => ({ env: { S3TEST_CONF: file } }),
  });
  try {
    const files = FILES.map((file) => join(functional, file)).filter(existsSync);
    const marks = LEFT_OUT.map((mark) => `not ${mark}`).join(' and ');
    const outcomes = await run.run(['-m', marks, ...more, ...files]);
    const known = readConformanceCases();
    const held = new Set([...known.held.values()].flat());
    const excused = new Set(known.notHeld.flatMap(({ cases }) => cases));
    return compare(outcomes, { holds: (name) => held.has(name), excused });
  } finally {
    await run.close();
  }
}

async function runPackage(more: readonly string[]): Promise<boolean> {
  const opened = await openPackagedSuite('inherit');
  if ('missing' in opened) fail(opened.missing);
  try {
    const outcomes = await opened.suite.run([...more, ...opened.cases]);
    const excused = new Set(notHeld().flatMap(({ cases }) => cases));
    return compare(outcomes, { holds: (name) => !excused.has(name), excused });
  } finally {
    await opened.suite.close();
  }
}

const args = process.argv.slice(2);
const commitAt = args.indexOf('--commit');
const commit = commitAt === -1 ? SUITE_COMMIT : (args.splice(commitAt, 2)[1] ?? fail('--commit needs a commit.'));
const [directory, ...more] = args;
const packaged = directory === undefined || directory.startsWith('-');
const bad = packaged ? await runPackage(args) : await runFolder(directory, commit, more);
process.exitCode = bad ? 1 : 0;
