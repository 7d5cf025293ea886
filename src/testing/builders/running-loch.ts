import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { clientOf, type ServerClient } from '../../cli/api-client.ts';
import type { ServerFile } from '../../cli/server-file.ts';
import { NODE_FLAGS } from './node-flags.ts';

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const START_MS = 40_000;

/** A Loch in a process of its own, as users run it, for black-box tests. */
export interface RunningLoch {
  readonly data: string;
  readonly server: ServerFile;
  readonly child: ChildProcess;
  /** Own API and SDK settings in the name of root. */
  readonly client: ServerClient;
  /** The one-time console link printed at start. */
  readonly consoleLink: string;
  /** Ends the process as a crash does. */
  kill(): Promise<void>;
  /** Stops it in order. `remove` (the default) deletes the data directory. */
  stop(options?: { readonly remove?: boolean }): Promise<void>;
}

/** The environment for a Loch: without the settings of tests, which it would refuse as unknown. */
export function lochEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('LOCH_TEST_')));
}

/** Starts `loch up` on free ports; on the same `data` again after a crash. */
export async function startLoch(
  options: {
    readonly data?: string;
    readonly settings?: readonly string[];
    readonly env?: NodeJS.ProcessEnv;
    /** A command that runs Loch, as a tracer does: `[program, ...arguments]`. */
    readonly under?: readonly string[];
  } = {},
): Promise<RunningLoch> {
  const data = options.data ?? mkdtempSync(join(tmpdir(), 'loch-test-'));
  const settings = ['listen.aws_port=0', 'listen.console_port=0', ...(options.settings ?? [])];
  rmSync(join(data, 'server.json'), { force: true });
  const up = [...NODE_FLAGS, CLI, 'up', '--data', data, '--set', settings.join(',')];
  const command = [...(options.under ?? []), process.execPath, ...up];
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...lochEnvironment(), ...options.env },
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const end = Date.now() + START_MS;
  while (!/#\/link\//.test(output)) {
    const over = child.exitCode !== null || child.signalCode !== null;
    if (over || Date.now() > end) {
      if (!over) await endStart(child, data, ended);
      throw new Error(`Loch did not start:\n${output}`);
    }
    await sleep(20);
  }
  const server = JSON.parse(readFileSync(join(data, 'server.json'), 'utf8')) as ServerFile;
  return {
    data,
    server,
    child,
    client: clientOf(data, server),
    consoleLink: /https?:\S+#\/link\/\S+/.exec(output)![0],
    async kill() {
      process.kill(server.pid, 'SIGKILL');
      await ended;
    },
    async stop({ remove = true } = {}) {
      if (child.exitCode === null && child.signalCode === null) process.kill(server.pid, 'SIGTERM');
      await ended;
      if (remove && existsSync(data)) rmSync(data, { recursive: true, force: true });
    },
  };
}

/** Ends a start that takes too long, and the server itself where a tracer is the child. */
async function endStart(child: ChildProcess, data: string, ended: Promise<void>): Promise<void> {
  const file = join(data, 'server.json');
  if (existsSync(file)) {
    const { pid } = JSON.parse(readFileSync(file, 'utf8')) as ServerFile;
    if (pid !== child.pid) process.kill(pid, 'SIGKILL');
  }
  child.kill('SIGKILL');
  await ended;
}
