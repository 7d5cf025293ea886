/** A Python with pyiceberg for tests, and how its scripts are run. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type PythonEnvironment, pythonWith } from '../../../src/testing/clients/python.ts';

export type { PythonEnvironment };

const run = promisify(execFile);

/** The interpreter, installed on first use. Never rejects: what is missing is said. */
export const pyicebergEnvironment = (): Promise<PythonEnvironment> =>
  pythonWith(['pyiceberg==0.12.0', 'pyarrow==26.0.1', 'boto3==1.44.5']);

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
