/** A bundle carried from one lake to another by the command line. */
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../../src/testing/builders/run-cli.ts';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { patterned } from '../../src/testing/faults/patterned.ts';

let folder: string;
let far: RunningLoch;
let near: RunningLoch;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loch-bundle-'));
  [far, near] = await Promise.all([startLoch(), startLoch()]);
});
afterAll(async () => {
  await far?.stop();
  await near?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('carries a bucket with its versions, opened by a key file, and tells the audit of it without the key', async () => {
  const there = new S3Client(far.client.sdk);
  await there.send(new CreateBucketCommand({ Bucket: 'field' }));
  const VersioningConfiguration = { Status: 'Enabled' } as const;
  await there.send(new PutBucketVersioningCommand({ Bucket: 'field', VersioningConfiguration }));
  for (const Body of ['first', 'second']) {
    await there.send(new PutObjectCommand({ Bucket: 'field', Key: 'notes.txt', Body }));
  }
  await there.send(new PutObjectCommand({ Bucket: 'field', Key: 'scan.bin', Body: patterned(5_000_000) }));
  const key = join(folder, 'key');
  writeFileSync(key, patterned(64, 9));
  const bundle = join(folder, 'bundle');
  const exported = await runCli([
    'bundle',
    'export',
    bundle,
    '--bucket',
    'field',
    '--key-file',
    key,
    '--volume-size',
    '2',
    '--data',
    far.data,
  ]);
  expect(exported).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/3 versions, 5000011 bytes in 3 volumes, 0 failed/),
  });
  expect(readdirSync(bundle).sort()).toEqual([
    'manifest.json',
    'volume-00001.loch',
    'volume-00002.loch',
    'volume-00003.loch',
  ]);
  const signer = /Signed by ([0-9a-f]{64})/.exec(exported.stdout)![1]!;

  const wrong = { LOCH_BUNDLE_PASSPHRASE: 'not the key file' };
  const refused = await runCli(['bundle', 'import', bundle, '--data', near.data], wrong);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('does not open the bundle') });
  const stranger = await runCli([
    'bundle',
    'import',
    bundle,
    '--key-file',
    key,
    '--signer',
    'ab'.repeat(32),
    '--data',
    near.data,
  ]);
  expect(stranger).toMatchObject({ code: 1, stderr: expect.stringContaining('was signed by') });

  const imported = await runCli([
    'bundle',
    'import',
    bundle,
    '--key-file',
    key,
    '--signer',
    signer,
    '--data',
    near.data,
  ]);
  expect(imported).toMatchObject({ code: 0, stdout: expect.stringMatching(/3 versions imported.* 0 failed/) });
  const here = new S3Client(near.client.sdk);
  const got = await here.send(new GetObjectCommand({ Bucket: 'field', Key: 'notes.txt' }));
  expect(await got.Body!.transformToString()).toBe('second');
  const scan = await here.send(new GetObjectCommand({ Bucket: 'field', Key: 'scan.bin' }));
  expect(Buffer.from(await scan.Body!.transformToByteArray()).equals(patterned(5_000_000))).toBe(true);

  const log = readFileSync(join(near.data, 'logs', 'loch.log'), 'utf8');
  expect(log).not.toContain(readFileSync(key).toString('base64'));
  expect(log).not.toContain('not the key file');
}, 120_000);

it('writes what was carried as plain files that need no Loch', async () => {
  const tree = join(folder, 'tree');
  const written = await runCli(['export', tree, '--bucket', 'field', '--data', near.data]);
  expect(written).toMatchObject({ code: 0, stdout: expect.stringMatching(/^2 files, 5000006 bytes/) });
  expect(readFileSync(join(tree, 'field/notes.txt'), 'utf8')).toBe('second');
  expect(readFileSync(join(tree, 'field/scan.bin')).equals(patterned(5_000_000))).toBe(true);
});
