/** Spark with Iceberg for tests: pyspark from PyPI, the Iceberg jars fetched by Spark's own resolver, both kept in a cache. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pythonEnvironment, runScript, testCache } from '../python-environment.ts';

const run = promisify(execFile);
const PACKAGES = ['pyspark==4.0.5'];
const JARS = [
  'org.apache.iceberg:iceberg-spark-runtime-4.0_2.13:1.11.0',
  'org.apache.iceberg:iceberg-aws-bundle:1.11.0',
];
const MIN_JAVA = 17;

export type SparkEnvironment = { readonly python: string } | { readonly missing: string };

/** The interpreter with pyspark. Never rejects: what is missing is said. */
export async function sparkEnvironment(): Promise<SparkEnvironment> {
  const java = await javaVersion();
  if (java < MIN_JAVA)
    return { missing: `Spark 4 needs Java ${MIN_JAVA} or newer; ${java === 0 ? 'there is none' : `this is ${java}`}` };
  return pythonEnvironment(PACKAGES);
}

async function javaVersion(): Promise<number> {
  try {
    const { stderr } = await run('java', ['-version']);
    return Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Runs a script beside this file on Spark and parses the JSON it prints last. */
export const runSpark = <T>(python: string, script: string, input: object): Promise<T> =>
  runScript<T>(
    python,
    join(import.meta.dirname, script),
    { ...input, packages: JARS.join(','), ivy: join(testCache(), 'ivy') },
    { AWS_REGION: 'us-east-1', SPARK_LOCAL_IP: '127.0.0.1' },
  );
