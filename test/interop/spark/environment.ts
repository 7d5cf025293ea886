/** Spark with Iceberg for tests: pyspark from PyPI, the Iceberg jars fetched by Spark's own resolver, both kept in a cache. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type PythonEnvironment, pythonWith, testCache } from '../../../src/testing/clients/python.ts';

const run = promisify(execFile);
const PACKAGES = ['pyspark==4.0.5'];
const JARS = [
  'org.apache.iceberg:iceberg-spark-runtime-4.0_2.13:1.11.0',
  'org.apache.iceberg:iceberg-aws-bundle:1.11.0',
];
const MIN_JAVA = 17;

/** What Spark's process needs around it. */
export const SPARK_ENVIRONMENT = {
  AWS_REGION: 'us-east-1',
  SPARK_LOCAL_IP: '127.0.0.1',
  PYTHONDONTWRITEBYTECODE: '1',
  PYTHONWARNINGS: 'ignore',
} as const;

/** The jars, and where Spark's resolver keeps them. */
export const sparkPackages = () => ({ packages: JARS.join(','), ivy: join(testCache(), 'ivy') });

/** The interpreter with pyspark. Never rejects: what is missing is said. */
export async function sparkEnvironment(): Promise<PythonEnvironment> {
  const java = await javaVersion();
  if (java < MIN_JAVA) {
    return { missing: `Spark 4 needs Java ${MIN_JAVA} or newer; ${java === 0 ? 'there is none' : `this is ${java}`}.` };
  }
  return pythonWith(PACKAGES);
}

async function javaVersion(): Promise<number> {
  try {
    const { stderr } = await run('java', ['-version']);
    return Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
