/** What keeps objects sound and in their places, as the owner of a lake sees it on the command line. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../../src/testing/builders/run-cli.ts';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';

let loch: RunningLoch;
let client: s3.S3Client;

beforeAll(async () => {
  loch = await startLoch();
  client = new s3.S3Client(loch.client.sdk);
});
afterAll(async () => {
  client.destroy();
  await loch.stop();
});

const cli = (...args: string[]) => runCli([...args, '--data', loch.data]);
const put = (Key: string, Body: Uint8Array, StorageClass?: s3.StorageClass) =>
  client.send(new s3.PutObjectCommand({ Bucket: 'raw', Key, Body, StorageClass }));

it('shows tiers, passes of rules and the scrub while it runs, and checks every byte when it is stopped', async () => {
  const body = Buffer.alloc(200_000, 'words that compress ');
  await put('cold.txt', body, 'GLACIER_IR');
  await put('hot.txt', body);
  const tiers = await cli('status', 'tiers');
  expect(tiers.stdout).toMatch(/^hot .*STANDARD/m);
  expect(tiers.stdout).toMatch(/^cold .*STANDARD_IA ONEZONE_IA GLACIER_IR/m);
  expect(tiers.stdout).toMatch(/^archive .*GLACIER DEEP_ARCHIVE/m);
  expect((await cli('status', 'scrub')).stdout).toContain('scrub never');
  expect((await cli('lifecycle')).stdout).toContain('No bucket has had a pass');
  const rules = { Rules: [{ ID: 'r', Prefix: 'none/', Status: 'Enabled' as const, Expiration: { Days: 1 } }] };
  await client.send(new s3.PutBucketLifecycleConfigurationCommand({ Bucket: 'raw', LifecycleConfiguration: rules }));
  expect((await cli('lifecycle', 'raw')).stdout).toMatch(/raw +done .*\b2\b/);
  expect((await cli('status', 'weather')).stderr).toContain('Known: tiers, scrub, durability');
  const durability = await cli('status', 'durability');
  expect(durability.stdout).toMatch(/^hot +(green|yellow) +disk +1 +0/m);
  expect(durability.stdout).toMatch(/last full scrub/);
  expect((await cli('fsck')).stderr).toContain('in use');

  const { data } = loch;
  await loch.stop({ remove: false });
  const sound = await cli('fsck');
  expect(sound.stdout).toContain('Everything is as it was acknowledged.');
  expect(sound.code).toBe(0);
  const folder = join(data, 'objects', 'raw');
  const file = join(folder, readdirSync(folder).find((name) => name.startsWith('hot~'))!);
  const bytes = readFileSync(file);
  bytes[5] = bytes[5]! ^ 1;
  rmSync(file);
  writeFileSync(file, bytes);
  const broken = await cli('fsck');
  expect(broken.code).toBe(1);
  expect(broken.stdout).toMatch(/corrupt +s3:\/\/raw\/hot.txt/);
  expect(broken.stdout).toContain('Next: `loch fsck --repair');
  expect((await cli('fsck', '--repair')).stdout).toContain('need a backup');

  loch = await startLoch({ data });
  client.destroy();
  client = new s3.S3Client({ ...loch.client.sdk, maxAttempts: 1 });
  const get = client.send(new s3.GetObjectCommand({ Bucket: 'raw', Key: 'hot.txt' }));
  await expect(get).rejects.toMatchObject({ name: 'InternalError' });
  const cold = await client.send(new s3.GetObjectCommand({ Bucket: 'raw', Key: 'cold.txt' }));
  expect(Buffer.from(await cold.Body!.transformToByteArray()).equals(body)).toBe(true);
  expect((await cli('status', 'scrub')).stdout).toMatch(/corrupt +s3:\/\/raw\/hot.txt/);
}, 120_000);
