/** A Python with pyiceberg for tests, made once in a cache folder; or the reason why there is none. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PACKAGES = ['pyiceberg==0.12.0', 'pyarrow==26.0.1', 'boto3==1.44.5'];
const INSTALL_MS = 300_000;

export type PythonEnvironment = { readonly python: string } | { readonly missing: string };

/** The interpreter, installed on first use. Never rejects: what is missing is said. */
export async function pyicebergEnvironment(): Promise<PythonEnvironment> {
  const cache = process.env.LOCH_TEST_CACHE ?? join(homedir(), '.cache', 'loch-tests');
  const folder = join(cache, PACKAGES.join('-').replaceAll('==', '-'));
  const python = join(folder, 'bin', 'python');
  if (existsSync(join(folder, 'ready'))) return { python };
  const building = `${folder}.${process.pid}`;
  try {
    await mkdir(cache, { recursive: true });
    await run('python3', ['-m', 'venv', building], { timeout: INSTALL_MS });
    await run(join(building, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', ...PACKAGES], {
      timeout: INSTALL_MS,
    });
    await writeFile(join(building, 'ready'), '');
    await rename(building, folder);
    return { python };
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    if (existsSync(join(folder, 'ready'))) return { python };
    const first = String((error as Error).message).split('\n')[0];
    return { missing: `Python 3 with ${PACKAGES.join(' and ')} could not be set up: ${first}` };
  }
}

/** Runs a script beside this file and parses the JSON it prints. */
export async function runPython<T>(python: string, script: string, input: unknown): Promise<T> {
  const child = run(python, [join(import.meta.dirname, script)], {
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', PYTHONWARNINGS: 'ignore' },
  });
  child.child.stdin!.end(JSON.stringify(input));
  const { stdout } = await child;
  return JSON.parse(stdout) as T;
}
