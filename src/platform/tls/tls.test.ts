import { X509Certificate } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen } from '../listen.ts';
import { type KeyPair, makeAuthority, makeServerCertificate } from './certificates.ts';
import { openTls } from './index.ts';
import { openServerIdentity } from './server-identity.ts';

const DAY = 24 * 3_600_000;
const NOW = Date.now();
let folder: string;
const keys = (name: string) => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'loch-tls-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const own = (name: string, now = NOW, hostNames: readonly string[] = []) =>
  openServerIdentity({ keysDirectory: keys(name), hostNames, certFile: '', keyFile: '', now });
const numberOf = (pair: KeyPair) => new X509Certificate(pair.certificate).serialNumber;

/** The status of a request, and the number of the certificate it was answered with. */
function ask(url: string, options: object): Promise<{ status: number; serial: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent: false, ...options }, (response) => {
      const { serialNumber } = (response.socket as import('node:tls').TLSSocket).getPeerCertificate();
      response.resume().once('end', () => resolve({ status: response.statusCode!, serial: serialNumber }));
    });
    sent.once('error', reject).end();
  });
}

describe('the own authority', () => {
  it('is made at first use in files of the owner alone, and kept', async () => {
    const first = await own('kept');
    const again = await own('kept', NOW + DAY);
    expect(again.pair).toEqual(first.pair);
    for (const file of ['ca.pem', 'ca.key', 'server.pem']) {
      expect(statSync(join(keys('kept'), 'tls', file)).mode & 0o777).toBe(0o600);
    }
    const authority = new X509Certificate(readFileSync(first.trust.file));
    const certificate = new X509Certificate(first.pair.certificate);
    expect(authority.ca).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.checkIssued(authority) && certificate.verify(authority.publicKey)).toBe(true);
    expect(first.pair.certificate).not.toContain('PRIVATE');
  });

  it('signs another certificate before the end, under the same authority', async () => {
    const first = await own('renewed');
    const trusted = readFileSync(first.trust.file, 'utf8');
    expect(numberOf((await own('renewed', NOW + 59 * DAY)).pair)).toBe(numberOf(first.pair));
    const second = await own('renewed', NOW + 61 * DAY);
    expect(numberOf(second.pair)).not.toBe(numberOf(first.pair));
    expect(second.expiresAt).toBeGreaterThan(NOW + 140 * DAY);
    expect(readFileSync(second.trust.file, 'utf8')).toBe(trusted);
  });

  it('signs another certificate for another name', async () => {
    const first = await own('named');
    const second = await own('named', NOW, ['lake.example', '*.s3.example', '10.0.0.7']);
    expect(numberOf(second.pair)).not.toBe(numberOf(first.pair));
    const certificate = new X509Certificate(second.pair.certificate);
    for (const name of ['localhost', 'lake.example', 'bucket.s3.example']) {
      expect(certificate.checkHost(name)).toBeDefined();
    }
    for (const address of ['127.0.0.1', '::1', '10.0.0.7']) expect(certificate.checkIP(address)).toBeDefined();
    expect(certificate.checkHost('other.example')).toBeUndefined();
    expect(numberOf((await own('named', NOW, ['lake.example'])).pair)).toBe(numberOf(second.pair));
  });

  it('refuses the key of another authority by the name of its file', async () => {
    await own('mixed');
    await own('stranger');
    cpSync(join(keys('stranger'), 'tls', 'ca.key'), join(keys('mixed'), 'tls', 'ca.key'));
    await expect(own('mixed')).rejects.toThrow(/ca\.key is not the key of .*ca\.pem/);
  });
});

describe("the owner's certificate", () => {
  const given = (certFile: string, keyFile: string, now = NOW) =>
    openServerIdentity({ keysDirectory: keys('unused'), hostNames: [], certFile, keyFile, now });

  async function write(name: string, now = NOW): Promise<{ cert: string; key: string }> {
    const pair = await makeServerCertificate(await makeAuthority(now), ['lake.example'], now);
    const files = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
    writeFileSync(files.cert, pair.certificate);
    writeFileSync(files.key, pair.privateKey);
    return files;
  }

  it('is served as it is, and known by its names', async () => {
    const { cert, key } = await write('good');
    expect(await given(cert, key)).toMatchObject({ names: ['lake.example'], trust: { file: cert, pinned: true } });
  });

  it('is refused by the setting that is wrong: alone, not there, no certificate, of another key, ended', async () => {
    const { cert, key } = await write('one');
    const other = await write('other');
    await expect(async () => given(cert, '')).rejects.toThrow(/`listen\.tls_key_file` is not set/);
    await expect(async () => given('', key)).rejects.toThrow(/`listen\.tls_cert_file` is not set/);
    await expect(async () => given(`${cert}.none`, key)).rejects.toThrow(/`listen\.tls_cert_file`.*cannot be read/);
    await expect(async () => given(key, key)).rejects.toThrow(/holds no certificate/);
    await expect(async () => given(cert, cert)).rejects.toThrow(/holds no private key/);
    await expect(async () => given(cert, other.key)).rejects.toThrow(/is not the key/);
    await expect(async () => given(cert, key, NOW + 91 * DAY)).rejects.toThrow(/ended on/);
  });
});

describe('a listener', () => {
  it('answers by TLS to who trusts the authority, and shows a renewed certificate without a restart', async () => {
    let now = NOW - 61 * DAY; // what is made then is good today, and about to end
    const clock = { now: () => now };
    const failures: Error[] = [];
    const tls = await openTls({
      keysDirectory: keys('listener'),
      hostNames: [],
      certFile: '',
      keyFile: '',
      clock,
      onFailure: (error) => failures.push(error),
    });
    const listener = await listen({
      name: 'test',
      host: '127.0.0.1',
      port: 0,
      setting: 'test.port',
      hostNames: ['lake.example'],
      tls,
      handler: (_, response) => response.writeHead(204).end(),
    });
    try {
      const ca = readFileSync(tls.identity.trust.file);
      const first = await ask(listener.url, { ca });
      expect(first.status).toBe(204);
      expect(listener.publicUrl).toMatch(/^https:\/\/lake\.example:\d+$/);
      await expect(ask(listener.url, {})).rejects.toThrow(/certificate/);
      await expect(ask(listener.url, { ca, maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' })).rejects.toThrow();
      now = NOW;
      await tls.look();
      expect((await ask(listener.url, { ca })).serial).not.toBe(first.serial);
      expect(failures).toEqual([]);
    } finally {
      tls.close();
      await listener.close(0);
    }
  });

  it('is refused beyond loopback without TLS, naming the setting', async () => {
    const plain = {
      name: 'test',
      port: 0,
      setting: 'test.port',
      hostNames: [],
      tls: undefined,
      handler: () => undefined,
    };
    for (const host of ['0.0.0.0', '::', '', '192.0.2.1', 'lake.example']) {
      await expect(listen({ ...plain, host })).rejects.toThrow(/`listen\.tls`/);
    }
  });
});
