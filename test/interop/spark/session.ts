import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { SPARK_ENVIRONMENT, sparkPackages } from './environment.ts';

/** The rows of a statement as texts, or why it failed. */
export type SparkAnswer = readonly (readonly (string | null)[])[] | { readonly error: string };

export interface SparkOptions {
  readonly uri: string;
  readonly key: string;
  readonly secret: string;
  readonly delegation?: 'vended-credentials' | 'remote-signing';
}

/** Spark in a process of its own, which runs SQL with Loch as its catalog. One start costs twenty seconds. */
export class SparkSession {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  constructor(python: string, options: SparkOptions) {
    this.#child = spawn(python, [join(import.meta.dirname, 'run_sql.py')], {
      stdio: ['pipe', 'pipe', process.env.LOCH_TEST_VERBOSE === undefined ? 'ignore' : 'inherit'],
      env: { ...process.env, ...SPARK_ENVIRONMENT },
    });
    this.#lines = createInterface({ input: this.#child.stdout! });
    this.#child.stdin!.write(`${JSON.stringify({ ...options, ...sparkPackages() })}\n`);
  }

  /** Runs statements in order. A failed one is an answer; the next ones run all the same. */
  async sql(...statements: readonly string[]): Promise<readonly SparkAnswer[]> {
    this.#child.stdin!.write(`${JSON.stringify({ statements })}\n`);
    const answered = once(this.#lines, 'line').then(([line]) => JSON.parse(line as string) as SparkAnswer[]);
    const ended = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`Spark ended with ${code}.`);
    });
    return Promise.race([answered, ended]);
  }

  async close(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin!.end();
    await ended;
  }
}
