/**
 * `npm run test:s3-conformance -- DIR [--commit SHA] [pytest arguments]`: runs the public S3 suite from a folder the user
 * has against a Loch started for it, and compares the outcome with what docs/reference/s3-conformance.md says.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startLoch } from '../src/testing/builders/running-loch.ts';
import { testCache } from '../src/testing/clients/python.ts';
import { readConformanceCases } from './s3-conformance-cases.ts';
import { SUITE_COMMIT } from './s3-conformance-page.ts';

const CLI = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const SETTINGS = [
  's3.default_object_ownership=ObjectWriter',
  's3.default_public_access_block=false',
  's3.lifecycle_day_seconds=10',
  's3.customer_keys_over_http=true',
];
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

/** The configuration as `loch s3 seed-accounts` prints it, with the sections only newer suites read. */
function configurationFor(data: string): string {
  const node = ['--disable-warning=ExperimentalWarning', CLI, 's3', 'seed-accounts', '--data', data];
  const printed = execFileSync(process.execPath, node, { encoding: 'utf8' });
  const section = (name: string) => new RegExp(`\\[${name}\\]\\n([^[]*)`).exec(printed)?.[1] ?? '';
  return [
    printed.replace('[s3 main]\n', '[s3 main]\nlc_debug_interval = 10\n'),
    `[iam root]\n${section('s3 main')}`,
    `[iam alt root]\n${section('s3 alt')}`,
  ].join('\n');
}

interface Outcome {
  readonly passed: Set<string>;
  readonly failed: Set<string>;
  readonly skipped: Set<string>;
}

/** Reads the report of pytest. A case of several parameters passes when all of them do. */
function readReport(xml: string): Outcome {
  const outcome: Outcome = { passed: new Set(), failed: new Set(), skipped: new Set() };
  for (const [, name, rest] of xml.matchAll(/<testcase [^>]*?\bname="([^"[]+)[^>]*?(\/>|>.*?<\/testcase>)/gs)) {
    if (/<(failure|error)\b/.test(rest!)) outcome.failed.add(name!);
    else if (/<skipped\b/.test(rest!)) outcome.skipped.add(name!);
    else outcome.passed.add(name!);
  }
  for (const name of outcome.failed) outcome.passed.delete(name);
  return outcome;
}

/** Prints counts, and what differs from the page; returns whether a held case failed. */
function compare({ passed, failed, skipped }: Outcome): boolean {
  const { held, notHeld } = readConformanceCases();
  const known = new Set([...held.values()].flat());
  const excused = new Set(notHeld.flatMap(({ cases }) => cases));
  const broken = [...failed].filter((name) => known.has(name)).sort();
  const unknown = [...failed].filter((name) => !known.has(name) && !excused.has(name)).sort();
  process.stdout.write(`\n${passed.size} passed, ${failed.size} failed, ${skipped.size} skipped\n`);
  for (const name of broken) process.stdout.write(`held by our own tests, failed here: ${name}\n`);
  for (const name of unknown) process.stdout.write(`failed, and not on the page: ${name}\n`);
  for (const name of excused)
    if (passed.has(name)) process.stdout.write(`passed, though the page excuses it: ${name}\n`);
  return broken.length > 0;
}

const args = process.argv.slice(2);
const commitAt = args.indexOf('--commit');
const commit = commitAt === -1 ? SUITE_COMMIT : (args.splice(commitAt, 2)[1] ?? fail('--commit needs a commit.'));
const [directory, ...more] = args;
if (directory === undefined) fail('Name the folder of the suite: npm run test:s3-conformance -- DIR');
const suite = resolve(directory);
const functional = functionalFolder(suite, commit);
const python = pythonFor(suite, commit);
const loch = await startLoch({ settings: SETTINGS });
let bad: boolean;
try {
  const work = mkdtempSync(join(tmpdir(), 'loch-s3-tests-'));
  const [conf, report] = [join(work, 's3tests.conf'), join(work, 'report.xml')];
  writeFileSync(conf, configurationFor(loch.data), { mode: 0o600 });
  const files = FILES.map((file) => join(functional, file)).filter(existsSync);
  const marks = LEFT_OUT.map((mark) => `not ${mark}`).join(' and ');
  const pytest = ['-m', 'pytest', '-q', '-m', marks, `--junitxml=${report}`, ...more, ...files];
  spawnSync(python, pytest, { cwd: suite, stdio: 'inherit', env: { ...process.env, S3TEST_CONF: conf } });
  if (!existsSync(report)) fail('pytest ended without a report; see its output above.');
  bad = compare(readReport(readFileSync(report, 'utf8')));
} finally {
  await loch.stop();
}
process.exitCode = bad ? 1 : 0;
