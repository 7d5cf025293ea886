import { join } from 'node:path';
import { type PythonEnvironment, pythonWith, runScript } from '../../../src/testing/clients/python.ts';

export type { PythonEnvironment };

const PACKAGES = ['pyiceberg==0.12.0', 'pyarrow==26.0.1', 'boto3==1.44.5'];

/** A Python with pyiceberg. */
export const pyicebergEnvironment = (): Promise<PythonEnvironment> => pythonWith(PACKAGES);

/** Runs a script beside this file and parses the JSON it prints. */
export const runPython = <T>(python: string, script: string, input: unknown): Promise<T> =>
  runScript<T>(python, join(import.meta.dirname, script), input);
