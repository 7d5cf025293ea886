import { spawn } from 'node:child_process';
import { existsSync, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineCommand } from 'citty';
import { LochError } from '../../core/errors.ts';
import type { Config } from '../../platform/config.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf, isAlive, runningServer } from '../server-file.ts';

const START_PATIENCE_MS = 30_000;

/** Starts the server in the foreground, or with `--detach` in the background once it is ready. */
export const up = defineCommand({
  meta: { name: 'up', description: 'Start Loch' },
  args: {
    ...dataFlag,
    config: {
      type: 'string',
      description: 'A configuration file (default: loch.yaml in the data directory, if there)',
    },
    set: { type: 'string', description: 'Settings, as listen.aws_port=4566,log.level=debug' },
    'aws-port': { type: 'string', description: 'Port of the AWS doors (0: any free one)' },
    'console-port': { type: 'string', description: 'Port of console, own API and metrics (0: any free one)' },
    tls: { type: 'boolean', description: 'Serve by TLS: own authority made at first use, or listen.tls_cert_file' },
    detach: { type: 'boolean', alias: 'd', description: 'Run in the background' },
  },
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      if (args.detach) {
        await detach(data);
        return;
      }
      const { loadConfig } = await import('../../platform/config.ts');
      const file = args.config ?? process.env.LOCH_CONFIG ?? join(data, 'loch.yaml');
      const config = loadConfig({
        ...(args.config !== undefined || existsSync(file) ? { file } : {}),
        env: process.env,
        flags: flagSettings(args),
      });
      // After the settings are known to be right: the server is most of the program.
      const { startServer } = await import('../../platform/server.ts');
      const masterKey = await masterKeyFor(data, config);
      const server = await startServer({ data, config, masterKey });
      print(`Loch is ready in ${server.readyMs} ms.`);
      print(`  data directory  ${data}`);
      print(`  AWS endpoint    ${server.awsUrl}   (region ${config.region}; keys: eval "$(loch env --data ${data})")`);
      print(`  console         ${server.consoleLink}`);
      print('                  (one-time link, valid for 30 minutes; another: loch console)');
      if (server.caFile !== undefined) print(`  authority       ${server.caFile}   (clients trust this certificate)`);
      if (server.masterKeyIsNew) {
        const { MASTER_KEY_LOSS } = await import('../../platform/master-key.ts');
        print(`  master key      made in ${join(data, 'keys', 'master.key')} (protect it: loch keys protect)`);
        print(`                  ${MASTER_KEY_LOSS}`);
      }
      let stopping = false;
      const stop = () => {
        if (stopping) return;
        stopping = true;
        print('Stopping: finishing or handing back what runs ...');
        void orExplain(() => server.close()).then(() => process.exit(process.exitCode ?? 0));
      };
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
    }),
});

/** What opens the master key; a passphrase that nobody gave is asked for at the terminal. */
async function masterKeyFor(data: string, config: Config) {
  const [{ masterKeyAccess }, { protectionOf }] = await Promise.all([
    import('../../platform/master-key-access.ts'),
    import('../../platform/master-key.ts'),
  ]);
  const access = masterKeyAccess(config);
  const asked = protectionOf(data) === 'passphrase' && access.passphrase === undefined && process.stdin.isTTY === true;
  if (!asked) return access;
  const { askPassphrase } = await import('../ask-passphrase.ts');
  return { ...access, passphrase: await askPassphrase('Passphrase of the master key: ') };
}

function flagSettings(args: Record<string, unknown>): Record<string, unknown> {
  const flags: Record<string, unknown> = {};
  for (const pair of typeof args.set === 'string' ? args.set.split(',') : []) {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new LochError('configuration', `\`--set ${pair}\` is not of the form name=value.`);
    flags[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  if (args['aws-port'] !== undefined) flags['listen.aws_port'] = args['aws-port'];
  if (args.tls === true) flags['listen.tls'] = true;
  if (args['console-port'] !== undefined) flags['listen.console_port'] = args['console-port'];
  return flags;
}

async function detach(data: string): Promise<void> {
  mkdirSync(join(data, 'logs'), { recursive: true, mode: 0o700 });
  const log = join(data, 'logs', 'up.log');
  const output = openSync(log, 'a', 0o600);
  const before = fstatSync(output).size;
  const args = process.argv.slice(2).filter((arg) => arg !== '--detach' && arg !== '-d');
  const main = fileURLToPath(new URL('../main.ts', import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, main, ...args], {
    detached: true,
    stdio: ['ignore', output, output],
  });
  child.unref();
  const end = Date.now() + START_PATIENCE_MS;
  while (Date.now() < end) {
    const server = runningServer(data);
    if (server?.pid === child.pid && server !== undefined) {
      print(`Loch is ready (process ${server.pid}): AWS endpoint ${server.awsUrl}, console ${server.consoleUrl}`);
      return;
    }
    if (child.pid === undefined || !isAlive(child.pid) || child.exitCode !== null) break;
    await sleep(50);
  }
  const said = readFileSync(log).subarray(before).toString('utf8');
  const why = /^loch: (.*)$/m.exec(said)?.[1] ?? said.trim().slice(-500);
  throw new LochError('unavailable', `Loch did not start: ${why === '' ? 'it said nothing' : why} (output in ${log})`);
}
