import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { clientOf, type ServerClient } from '../src/cli/api-client.ts';
import { isAlive, runningServer, type ServerFile } from '../src/cli/server-file.ts';
import { NODE_FLAGS } from '../src/testing/builders/node-flags.ts';

const START_MS = 30_000;
const PATIENCE_MS = 120_000;
const MOST_STARTS = 10;
const CLI = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));

/** The Loch that the demo starts, starts again when it dies, and speaks to through its doors. */
export class Lake {
  readonly data: string;
  restarts = 0;
  #ports: { aws: string; console: string };
  #child: ChildProcess | undefined;
  #server: ServerFile | undefined;

  constructor(data: string, ports: { readonly aws: string; readonly console: string }) {
    this.data = data;
    this.#ports = { ...ports };
  }

  get server(): ServerFile {
    if (this.#server === undefined) throw new Error('Loch was not started.');
    return this.#server;
  }

  get client(): ServerClient {
    return clientOf(this.data, this.server);
  }

  /** Starts Loch unless it runs. A taken default port is left to its owner: any free one is used then. */
  async start(): Promise<void> {
    const known = runningServer(this.data);
    if (known !== undefined) {
      this.#server = known;
      return;
    }
    mkdirSync(join(this.data, 'logs'), { recursive: true, mode: 0o700 });
    let ports = this.#ports;
    for (let left = MOST_STARTS; left > 0; left--) {
      const output = openSync(join(this.data, 'logs', 'up.log'), 'a', 0o600);
      rmSync(join(this.data, 'server.json'), { force: true });
      const args = ['up', '--data', this.data, '--aws-port', ports.aws, '--console-port', ports.console];
      const child = spawn(process.execPath, [...NODE_FLAGS, CLI, ...args], { stdio: ['ignore', output, output] });
      this.#child = child;
      if (await this.#ready(child)) {
        this.#ports = { aws: new URL(this.server.awsUrl).port, console: new URL(this.server.consoleUrl).port };
        return;
      }
      // Killed while it started: the same again. It gave up by itself: the ports may be taken.
      if (child.signalCode === null && ports.aws === '0') break;
      if (child.signalCode === null) ports = { aws: '0', console: '0' };
    }
    const log = join(this.data, 'logs', 'up.log');
    throw new Error(`Loch did not start. The end of ${log}:\n${readFileSync(log, 'utf8').slice(-2000)}`);
  }

  async #ready(child: ChildProcess): Promise<boolean> {
    const end = Date.now() + START_MS;
    while (Date.now() < end && child.exitCode === null && child.signalCode === null) {
      const server = existsSync(join(this.data, 'server.json')) ? runningServer(this.data) : undefined;
      if (server?.pid === child.pid) {
        this.#server = server;
        return true;
      }
      await sleep(20);
    }
    return false;
  }

  /** Does `work`; when Loch is away meanwhile, starts it again and repeats. Every step of the demo may run twice. */
  async through<T>(work: () => Promise<T>): Promise<T> {
    const end = Date.now() + PATIENCE_MS;
    for (let wait = 50; ; wait = Math.min(1000, wait * 2)) {
      try {
        return await work();
      } catch (error) {
        if (!this.#passing(error) || Date.now() > end) throw error;
        await sleep(wait);
        if (this.#server === undefined || !isAlive(this.#server.pid)) {
          this.restarts++;
          await this.start();
        }
      }
    }
  }

  /** Whether a failure is one that ends by itself: no answer, or an answer that says to come again. */
  #passing(error: unknown): boolean {
    const { name, code, $retryable, $metadata, cause, context } = error as {
      name?: string;
      code?: string;
      $retryable?: unknown;
      $metadata?: { httpStatusCode?: number };
      cause?: { code?: string };
      context?: { status?: number };
    };
    const status = $metadata?.httpStatusCode ?? context?.status ?? 0;
    const network = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'ETIMEDOUT'];
    const text = error instanceof Error ? error.message : '';
    return (
      // An answer that was cut off in the middle is half a document.
      error instanceof SyntaxError ||
      network.includes(code ?? '') ||
      network.includes(cause?.code ?? '') ||
      name === 'TimeoutError' ||
      $retryable !== undefined ||
      status >= 500 ||
      /socket hang up|fetch failed|terminated|No Loch is running|other side closed/.test(text)
    );
  }

  /** Ids of the server and of every process below it. */
  processIds(): number[] {
    if (this.#server === undefined || !existsSync('/proc')) return [];
    const known = [this.#server.pid];
    for (let i = 0; i < known.length; i++) {
      const file = `/proc/${known[i]}/task/${known[i]}/children`;
      if (existsSync(file)) known.push(...readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number));
    }
    return known;
  }

  async stop(): Promise<void> {
    const pid = this.#server?.pid;
    if (pid === undefined || !isAlive(pid)) return;
    process.kill(pid, 'SIGTERM');
    const end = Date.now() + START_MS;
    while (isAlive(pid) && Date.now() < end && this.#child?.exitCode !== 0) await sleep(30);
  }
}
