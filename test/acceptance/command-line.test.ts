/** Owning a lake from the command line: start, look, stop. */
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAlive, runningServer, type ServerFile } from '../../src/cli/server-file.ts';
import { runCli } from '../../src/testing/builders/run-cli.ts';

const PORTS = ['--aws-port', '0', '--console-port', '0'];
let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'loch-cli-'));
});
afterEach(async () => {
  if (runningServer(data) !== undefined) await runCli(['down', '--data', data]);
  rmSync(data, { recursive: true, force: true });
});

async function start(): Promise<ServerFile> {
  const { code, stderr, stdout } = await runCli(['up', '--detach', '--data', data, ...PORTS]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/Loch is ready \(process \d+\): AWS endpoint http:\S+, console http:\S+/);
  return runningServer(data)!;
}

describe('loch up and down', () => {
  it('starts in the background, tells how it is, stops, and tells that it has stopped', async () => {
    const server = await start();
    const up = await runCli(['status', '--data', data]);
    expect(up.code).toBe(0);
    expect(up.stdout).toMatch(new RegExp(`running \\(process ${server.pid}, since `));
    for (const part of ['metadata', 'storage', 'engine']) expect(up.stdout).toMatch(new RegExp(`ok\\s+${part}`));
    const down = await runCli(['down', '--data', data]);
    expect(down.stdout).toBe(`Stopped (process ${server.pid}).\n`);
    expect(isAlive(server.pid)).toBe(false);
    expect(existsSync(join(data, 'server.json'))).toBe(false);
    const stopped = await runCli(['status', '--data', data]);
    expect(stopped).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/stopped \(start it with `loch up --data/),
    });
    const twice = await runCli(['down', '--data', data]);
    expect(twice).toMatchObject({ code: 1, stderr: expect.stringMatching(/No Loch is running on/) });
  });

  it('refuses a second start on the same data directory and names the holder', async () => {
    const server = await start();
    const second = await runCli(['up', '--data', data, ...PORTS]);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(new RegExp(`is in use by process ${server.pid}\\. Stop it with`));
    expect(runningServer(data)?.pid).toBe(server.pid);
    const background = await runCli(['up', '--detach', '--data', data, ...PORTS]);
    expect(background.code).toBe(1);
    expect(background.stderr).toMatch(new RegExp(`in use by process ${server.pid}`));
  });

  it('starts again after a kill, which leaves no lock behind', async () => {
    const first = await start();
    process.kill(first.pid, 'SIGKILL');
    while (isAlive(first.pid)) await new Promise((wake) => setTimeout(wake, 10));
    expect((await runCli(['status', '--data', data])).code).toBe(3);
    const second = await start();
    expect(second.pid).not.toBe(first.pid);
  });

  it('names the flag of a port that is taken', async () => {
    const owner = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => owner.once('listening', resolve));
    const { port } = owner.address() as { port: number };
    const { code, stderr } = await runCli(['up', '--data', data, '--aws-port', String(port), '--console-port', '0']);
    owner.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`Port ${port} \\(AWS doors\\) is taken .*listen\\.aws_port`));
  });

  it('refuses an unknown setting and names the nearest', async () => {
    const flag = await runCli(['up', '--data', data, ...PORTS, '--set', 'engine.worker=2']);
    expect(flag).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/engine\.worker.*Did you mean `engine\.workers`/),
    });
    const variable = await runCli(['up', '--data', data, ...PORTS], { LOCH_ENGINE_WORKER: '2' });
    expect(variable.stderr).toMatch(/LOCH_ENGINE_WORKER.*LOCH_ENGINE_WORKERS/);
    writeFileSync(join(data, 'loch.yaml'), 'storage:\n  low_disc_mib: 5\n');
    const file = await runCli(['up', '--data', data, ...PORTS]);
    expect(file.stderr).toMatch(/storage\.low_disc_mib.*storage\.low_disk_mib/);
  });
});

describe('loch env, logs and doctor', () => {
  it('give a shell what SDKs need, and keep the keys to their owner', async () => {
    const server = await start();
    const { stdout } = await runCli(['env', '--data', data]);
    const env = Object.fromEntries(
      [...stdout.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
    );
    expect(env).toMatchObject({ AWS_ENDPOINT_URL: server.awsUrl, AWS_REGION: server.region });
    const credentials = { accessKeyId: env.AWS_ACCESS_KEY_ID!, secretAccessKey: env.AWS_SECRET_ACCESS_KEY! };
    const s3 = new S3Client({
      endpoint: env.AWS_ENDPOINT_URL!,
      region: env.AWS_REGION!,
      credentials,
      forcePathStyle: true,
    });
    const { Buckets, $metadata } = await s3.send(new ListBucketsCommand({}));
    expect(Buckets?.map(({ Name }) => Name)).toEqual(expect.arrayContaining(['cleaned', 'curated', 'raw']));
    for (const file of ['keys/root.json', 'keys/master.key'])
      expect(statSync(join(data, file)).mode & 0o777).toBe(0o600);

    const explained = await runCli(['logs', $metadata.requestId!, '--data', data]);
    expect(JSON.parse(explained.stdout).management).toMatchObject([{ eventName: 'ListBuckets' }]);
    const unknown = await runCli(['logs', 'no-such-request', '--data', data]);
    expect(unknown).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/Nothing is recorded under the request id/),
    });
    const log = await runCli(['logs', '--data', data]);
    expect(log.stdout).toMatch(/"event":"platformStateChanged".*"state":"ready"/);
    expect(log.stdout + readFileSync(join(data, 'logs', 'up.log'), 'utf8')).not.toContain(credentials.secretAccessKey);
  });

  it('look at the machine, whether Loch runs or not', async () => {
    const env = { LOCH_LISTEN_AWS_PORT: '0', LOCH_LISTEN_CONSOLE_PORT: '0' };
    const stopped = await runCli(['doctor', '--data', data], env);
    for (const what of ['Node', 'disk', 'fsync', 'clock', 'permissions', 'port']) {
      expect(stopped.stdout).toMatch(new RegExp(`^(ok  |FAIL) ${what}\\b`, 'm'));
    }
    const server = await start();
    const running = await runCli(['doctor', '--data', data], env);
    expect(running.stdout).toMatch(new RegExp(`ports\\s+in use by the running server \\(process ${server.pid}\\)`));
  });
});

describe('loch keys', () => {
  it('protects the master key by a passphrase, without which nothing starts, rotates it, and tells what losing it means', async () => {
    await start();
    const held = await runCli(['keys', 'rotate', '--data', data]);
    expect(held).toMatchObject({ code: 1, stderr: expect.stringMatching(/in use by process/) });
    await runCli(['down', '--data', data]);
    const passphrase = { LOCH_KEYS_PASSPHRASE: 'correct horse battery' };
    const rotated = await runCli(['keys', 'rotate', '--data', data]);
    expect(rotated).toMatchObject({ code: 0, stdout: expect.stringMatching(/1 older still open/) });
    const made = await runCli(['keys', 'protect', '--with', 'passphrase', '--data', data], passphrase);
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/loses every sealed secret/) });
    const told = await runCli(['keys', 'status', '--data', data]);
    expect(told.stdout).toMatch(/protection {3}passphrase/);
    const without = await runCli(['up', '--data', data, ...PORTS]);
    expect(without).toMatchObject({ code: 1, stderr: expect.stringMatching(/LOCH_KEYS_PASSPHRASE/) });
    const wrong = await runCli(['up', '--data', data, ...PORTS], { LOCH_KEYS_PASSPHRASE: 'wrong horse battery' });
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringMatching(/does not open/) });
    // The keys that were sealed before the rotation still sign.
    const { code } = await runCli(['up', '--detach', '--data', data, ...PORTS], passphrase);
    expect(code).toBe(0);
    const env = await runCli(['env', '--data', data]);
    expect(env.code).toBe(0);
    const status = await runCli(['status', '--data', data]);
    expect(status.code).toBe(0);
  });
});
