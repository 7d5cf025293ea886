/** Python programs of tests, each in a virtual environment made once in a cache folder; or the reason why there is none. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const INSTALL_MS = 600_000;

/** An interpreter that has what was asked for, or why there is none. */
export type PythonEnvironment = { readonly python: string } | { readonly missing: string };

/** Where things from outside are kept between runs. */
export const testCache = (): string => process.env.LOCH_TEST_CACHE ?? join(homedir(), '.cache', 'loch-tests');

/** An interpreter with `packages` (`name==version`), installed on first use. Never rejects: what is missing is said. */
export async function pythonWith(packages: readonly string[]): Promise<PythonEnvironment> {
  const cache = testCache();
  const folder = join(cache, packages.join('-').replaceAll('==', '-'));
  const python = join(folder, 'bin', 'python');
  if (existsSync(join(folder, 'ready'))) return { python };
  const building = `${folder}.${process.pid}`;
  try {
    await mkdir(cache, { recursive: true });
    await run('python3', ['-m', 'venv', building], { timeout: INSTALL_MS });
    await run(join(building, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', ...packages], {
      timeout: INSTALL_MS,
    });
    await writeFile(join(building, 'ready'), '');
    await rename(building, folder);
    return { python };
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    if (existsSync(join(folder, 'ready'))) return { python };
    const first = String((error as Error).message).split('\n')[0];
    return { missing: `Python 3 with ${packages.join(' and ')} could not be set up: ${first}` };
  }
}

/** Whether a program answers. */
export const works = (program: string, ...args: string[]): Promise<boolean> =>
  run(program, args).then(
    () => true,
    () => false,
  );

/** The command that is the AWS CLI: the machine's, or one from the Python registry; or why there is none. */
export async function awsCli(): Promise<{ readonly command: readonly string[] } | { readonly missing: string }> {
  if (await works('aws', '--version')) return { command: ['aws'] };
  const environment = await pythonWith(['awscli==1.46.3']);
  if ('missing' in environment) return environment;
  return { command: [environment.python, '-m', 'awscli'] };
}

/** Runs a script and parses the JSON it prints last. */
export async function runScript<T>(
  python: string,
  script: string,
  input: unknown,
  env: NodeJS.ProcessEnv = {},
): Promise<T> {
  const child = run(python, [script], {
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', PYTHONWARNINGS: 'ignore', ...env },
  });
  child.child.stdin!.end(JSON.stringify(input));
  const { stdout } = await child;
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as T;
}
