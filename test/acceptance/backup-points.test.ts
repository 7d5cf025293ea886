/** Points of a lake by the command line: taken while it runs, one of them killed half way, each a lake again. */
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../../src/testing/builders/run-cli.ts';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { patterned } from '../../src/testing/faults/patterned.ts';

let folder: string;
let repository: string;
let loch: RunningLoch;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loch-points-'));
  repository = join(folder, 'points');
  loch = await startLoch();
});
afterAll(async () => {
  await loch?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const put = (Key: string, Body: Buffer) =>
  new S3Client(loch.client.sdk).send(new PutObjectCommand({ Bucket: 'raw', Key, Body }));

/** The objects of a lake that a point becomes, read through its door. */
async function lakeOf(point: string): Promise<Map<string, Buffer>> {
  const data = join(folder, `restored-${point}`);
  const restored = await runCli(['restore', repository, '--point', point, '--data', data]);
  expect(restored).toMatchObject({ code: 0, stdout: expect.stringMatching(/Restored \d+ files/) });
  const again = await startLoch({ data });
  try {
    const s3 = new S3Client(again.client.sdk);
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: 'raw' }));
    const found = new Map<string, Buffer>();
    for (const { Key } of Contents) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'raw', Key }));
      found.set(Key!, Buffer.from(await Body!.transformToByteArray()));
    }
    return found;
  } finally {
    await again.stop();
  }
}

const idOf = (stdout: string): string => /Point (\S+) in/.exec(stdout)![1]!;

it('takes points of a lake at work, keeps the earlier ones when a later one is killed, and restores each', async () => {
  await put('a', patterned(400_000, 1));
  const first = await runCli(['backup', repository, '--incremental', '--data', loch.data]);
  expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/of which \d+ are new/) });

  const large = Array.from({ length: 30 }, (_, i) => i);
  await Promise.all(large.map((i) => put(`large/${i}`, patterned(3_000_000, i + 2))));
  const taking = runCli(['backup', repository, '--incremental', '--data', loch.data]);
  while (!readdirSync(join(repository, 'points')).some((name) => name.endsWith('.tmp'))) await sleep(2);
  await loch.kill();
  expect((await taking).code).not.toBe(0);
  expect(existsSync(join(repository, 'lock'))).toBe(true);

  loch = await startLoch({ data: loch.data });
  await put('b', patterned(1000, 9));
  const second = await runCli(['backup', repository, '--incremental', '--data', loch.data]);
  expect(second).toMatchObject({ code: 0 });
  const listed = (await runCli(['backup', repository, '--list'])).stdout;
  for (const { stdout } of [first, second]) expect(listed).toContain(idOf(stdout));
  expect(listed.trimEnd().split('\n')).toHaveLength(4);

  const before = await lakeOf(idOf(first.stdout));
  expect([...before.keys()]).toEqual(['a']);
  expect(before.get('a')!.equals(patterned(400_000, 1))).toBe(true);
  const after = await lakeOf(idOf(second.stdout));
  expect(after.size).toBe(32);
  for (const i of large) expect(after.get(`large/${i}`)!.equals(patterned(3_000_000, i + 2))).toBe(true);
}, 180_000);

it('is not put in the place of a lake that runs', async () => {
  const refused = await runCli(['restore', repository, '--replace', '--data', loch.data]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/Process \d+ runs on/) });
});
