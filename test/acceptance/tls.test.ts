/** Loch by TLS as its owner meets it: the command line, the environment it prints, the console's cookie, its own names. */
import { GetObjectCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trustOf } from '../../src/cli/server-file.ts';
import { makeAuthority, makeServerCertificate } from '../../src/platform/tls/certificates.ts';
import { runCli } from '../../src/testing/builders/run-cli.ts';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loch-tls-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The headers of an answer, by whatever name the certificate has. */
function headersOf(url: string, options: object, body?: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent: false, ...options }, (response) => {
      response.resume().once('end', () => resolve(response.headers));
    });
    sent.once('error', reject).end(body);
  });
}

describe('with its own authority', () => {
  let loch: RunningLoch;
  const cli = (...args: string[]) => runCli([...args, '--data', loch.data]);

  beforeAll(async () => {
    loch = await startLoch({ settings: ['listen.tls=true', 'listen.host=0.0.0.0', 'listen.host_names=lake.example'] });
  });
  afterAll(() => loch.stop());

  it('prints the endpoint that others use, and what to trust, for shells', async () => {
    const port = new URL(loch.server.awsUrl).port;
    const { stdout } = await cli('env');
    expect(stdout).toContain(`export AWS_ENDPOINT_URL=https://lake.example:${port}\n`);
    const file = /^export AWS_CA_BUNDLE=(.*)$/m.exec(stdout)![1]!;
    expect(file).toBe(join(loch.data, 'keys', 'tls', 'ca.pem'));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(loch.consoleLink).toMatch(/^https:\/\/lake\.example:\d+\/#\/link\//);
  });

  it('is asked, filled and looked at by the command line', async () => {
    const status = await cli('status');
    expect(status).toMatchObject({ code: 0, stdout: expect.stringContaining(`AWS endpoint    ${loch.server.awsUrl}`) });
    expect(status.stdout).toMatch(/^trust .*ca\.pem$/m);
    writeFileSync(join(folder, 'sales.csv'), 'id,amount\n1,10\n2,32\n');
    expect(await cli('load', join(folder, 'sales.csv'))).toMatchObject({ code: 0 });
    const asked = await cli('query', 'SELECT sum(amount) AS total FROM sales', '--csv');
    expect(asked).toMatchObject({ code: 0, stdout: '"total"\n"42"\n' });
    expect((await cli('console')).stdout).toMatch(/^https:\/\/lake\.example:/);
    expect((await cli('doctor')).stdout).toMatch(/^ok {3}TLS .*lake\.example.*; ends \d{4}/m);
  });

  it('gives the console a cookie that travels by TLS alone', async () => {
    const token = loch.consoleLink.split('/link/')[1];
    const headers = await headersOf(
      `${loch.server.consoleUrl}/api/session/link`,
      { ...trustOf(loch.server), method: 'POST', headers: { 'content-type': 'application/json' } },
      JSON.stringify({ token }),
    );
    expect(headers['set-cookie']).toEqual([expect.stringMatching(/; HttpOnly; Secure; SameSite=Strict$/)]);
  });

  it('answers on other addresses of the machine, by the name in its certificate', async () => {
    const other = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .find(({ family, internal }) => family === 'IPv4' && !internal);
    const address = other?.address ?? '127.0.0.2'; // all of 127/8 is this machine
    const url = `https://${address}:${new URL(loch.server.consoleUrl).port}/healthz`;
    const trust = trustOf(loch.server);
    expect(await headersOf(url, { ...trust, servername: 'lake.example' })).toHaveProperty('content-type');
    await expect(headersOf(url, { ...trust, servername: 'other.example' })).rejects.toThrow(/altnames/);
  });

  it('keeps strangers out though they can connect', async () => {
    const { requestHandler, endpoint, region } = loch.client.sdk;
    const stranger = new S3Client({
      endpoint,
      region,
      ...(requestHandler === undefined ? {} : { requestHandler }),
      forcePathStyle: true,
      credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wrong' },
    });
    await expect(stranger.send(new ListBucketsCommand({}))).rejects.toThrow(/Access Key Id|access key/i);
  });
});

describe("with its owner's certificate", () => {
  it('serves by it, and the command line knows it though it names no loopback', async () => {
    const pair = await makeServerCertificate(await makeAuthority(Date.now()), ['lake.example'], Date.now());
    writeFileSync(join(folder, 'own.crt'), pair.certificate);
    writeFileSync(join(folder, 'own.key'), pair.privateKey);
    const settings = ['tls=true', `tls_cert_file=${folder}/own.crt`, `tls_key_file=${folder}/own.key`];
    const loch = await startLoch({ settings: settings.map((setting) => `listen.${setting}`) });
    try {
      const { stdout } = await runCli(['env', '--data', loch.data]);
      expect(stdout).toMatch(/AWS_ENDPOINT_URL=https:\/\/lake\.example:/);
      expect(stdout).not.toContain('AWS_CA_BUNDLE'); // whoever made the certificate is trusted already, or is the owner's to spread
      expect(await runCli(['status', '--data', loch.data])).toMatchObject({ code: 0 });
      await expect(
        new S3Client(loch.client.sdk).send(new GetObjectCommand({ Bucket: 'raw', Key: 'none' })),
      ).rejects.toMatchObject({ name: 'NoSuchKey' });
    } finally {
      await loch.stop();
    }
  });
});

it('does not start beyond loopback without TLS, and says which setting would let it', async () => {
  const data = join(folder, 'refused');
  const refused = await runCli(['up', '--data', data, '--set', 'listen.host=0.0.0.0,listen.aws_port=0']);
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/`listen\.host` is 0\.0\.0\.0.*`listen\.tls`/),
  });
  const alone = await runCli(['up', '--data', data, '--set', 'listen.tls_cert_file=/nowhere.pem']);
  expect(alone).toMatchObject({ code: 1, stderr: expect.stringContaining('`listen.tls` is false') });
});
