/**
 * One run of a public S3 suite against a Loch started for it: settings, accounts and keys as such suites expect them,
 * and how each case went. For the packaged port of the suite, and for a clone of the suite itself.
 */
import { CreateKeyCommand, KMSClient, type KMSClientConfig } from '@aws-sdk/client-kms';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type RunningLoch, startLoch } from '../../../src/testing/builders/running-loch.ts';

const run = promisify(execFile);
const CLI = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
/** A day of lifecycle rules. The suites wait for several, so it is short; shorter ones are lost on a busy machine. */
const DAY_SECONDS = 5;
const SETTINGS = [
  's3.default_object_ownership=ObjectWriter',
  's3.default_public_access_block=false',
  `s3.lifecycle_day_seconds=${DAY_SECONDS}`,
  's3.customer_keys_over_http=true',
];
/** Two that have no least number of days before a transition. */
const STORAGE_CLASSES = ['GLACIER_IR', 'GLACIER'];

/** How a case went. */
export interface CaseOutcome {
  /** Its name for pytest. */
  readonly id: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** The last line of what it says of a failure. */
  readonly why: string;
}

/** A suite, and a Loch to run it against. */
export interface SuiteRun {
  /** Runs cases, and tells how each went by its name. A case of several parameters passes when all of them do. */
  run(pytestArguments: readonly string[]): Promise<ReadonlyMap<string, CaseOutcome>>;
  close(): Promise<void>;
}

export interface SuiteOptions {
  readonly python: string;
  /** Where pytest starts. */
  readonly cwd: string;
  /** How the suite is told of its configuration file. */
  readonly configured: (file: string) => { readonly args?: readonly string[]; readonly env?: NodeJS.ProcessEnv };
  readonly stdio?: 'inherit' | 'ignore';
}

/** Starts a Loch, seeds it, and writes the configuration of the suite. */
export async function openSuiteRun(options: SuiteOptions): Promise<SuiteRun> {
  const work = mkdtempSync(join(tmpdir(), 'loch-s3-suite-'));
  const loch = await startLoch({ settings: SETTINGS });
  const close = async () => {
    await loch.stop();
    rmSync(work, { recursive: true, force: true });
  };
  try {
    const conf = join(work, 's3tests.conf');
    writeFileSync(conf, await configurationFor(loch), { mode: 0o600 });
    const { args = [], env = {} } = options.configured(conf);
    const seed = await hashSeed(options.python);
    let runs = 0;
    return {
      async run(pytestArguments) {
        const outcomes = join(work, `outcomes-${++runs}.json`);
        const pytest = ['-m', 'pytest', '-q', '-p', 'outcomes_plugin', '-p', 'no:cacheprovider', ...args];
        const child = spawn(options.python, [...pytest, ...pytestArguments], {
          cwd: options.cwd,
          stdio: options.stdio ?? 'ignore',
          env: {
            ...process.env,
            AWS_DEFAULT_REGION: 'us-east-1',
            AWS_EC2_METADATA_DISABLED: 'true',
            PYTHONDONTWRITEBYTECODE: '1',
            PYTHONHASHSEED: String(seed),
            PYTHONPATH: [import.meta.dirname, process.env.PYTHONPATH].filter(Boolean).join(delimiter),
            LOCH_OUTCOMES: outcomes,
            ...env,
          },
        });
        await new Promise<void>((resolve, reject) => child.once('error', reject).once('close', () => resolve()));
        return new Map(Object.entries(JSON.parse(readFileSync(outcomes, 'utf8')) as Record<string, CaseOutcome>));
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The suite takes storage classes out of a Python set: a seed under which they come out in the order they get colder. */
async function hashSeed(python: string): Promise<number> {
  const wanted = JSON.stringify(['STANDARD', ...STORAGE_CLASSES]);
  const show = `import json; print(json.dumps(list(set(${wanted})), separators=(",", ":")))`;
  for (let seed = 0; seed < 64; seed++) {
    const { stdout } = await run(python, ['-c', show], { env: { ...process.env, PYTHONHASHSEED: String(seed) } });
    if (stdout.trim() === wanted) return seed;
  }
  throw new Error('No seed gives the order of storage classes.');
}

/** As `loch s3 seed-accounts` prints it, with what only some suites read: keys, classes, the root sections of IAM. */
async function configurationFor(loch: RunningLoch): Promise<string> {
  const seed = ['--disable-warning=ExperimentalWarning', CLI, 's3', 'seed-accounts', '--data', loch.data];
  const { stdout } = await run(process.execPath, seed);
  const kms = new KMSClient(loch.client.sdk as KMSClientConfig);
  const key = async () => (await kms.send(new CreateKeyCommand({}))).KeyMetadata!.Arn!;
  const section = (name: string) => new RegExp(`\\[${name}\\]\\n([^[]*)`).exec(stdout)?.[1] ?? '';
  const main = [
    '[s3 main]',
    `lc_debug_interval = ${DAY_SECONDS}`,
    `storage_classes = ${STORAGE_CLASSES.join(' ')}`,
    `kms_keyid = ${await key()}`,
    `kms_keyid2 = ${await key()}`,
  ];
  const ssh = ['[DEFAULT]', 'ssh_user = nobody', 'ssh_passwd = none', 'ssh_port = 22'];
  return [
    stdout.replace('[DEFAULT]', ssh.join('\n')).replace('[s3 main]', main.join('\n')),
    `[iam root]\n${section('s3 main')}`,
    `[iam alt root]\n${section('s3 alt')}`,
  ].join('\n');
}
