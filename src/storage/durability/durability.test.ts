import { renameSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixedClock } from '../../core/clock.ts';
import { openS3Lake, type S3Lake } from '../../testing/builders/s3-lake.ts';
import { contextOf } from '../../testing/builders/test-lake.ts';
import { modelSingleCopy } from './model.ts';

const DAY = 86_400_000;
const clock = fixedClock(Date.now());
let lake: S3Lake;
beforeEach(async () => {
  lake = await openS3Lake({ clock });
  const s3 = lake.client();
  await s3.send(new CreateBucketCommand({ Bucket: 'lake' }));
  const Body = Buffer.alloc(100_000, 7);
  await s3.send(new PutObjectCommand({ Bucket: 'lake', Key: 'hot', Body }));
  await s3.send(new PutObjectCommand({ Bucket: 'lake', Key: 'cold', Body, StorageClass: 'STANDARD_IA' }));
  await lake.objects.tiers!.settle();
});
afterEach(() => lake.close());

const context = async () => contextOf((await lake.governance.identities.principal('arn:aws:iam::123456789012:root'))!);
const report = async () => lake.upkeep.durability(await context());

describe('the durability of a lake', () => {
  it('is one copy that tolerates no loss, green once every byte was verified, with what the loss of a year is reckoned from', async () => {
    const before = await report();
    expect(before.places.map(({ name, copies, tolerates, state }) => [name, copies, tolerates, state])).toEqual([
      ['hot', 1, 0, 'yellow'],
      ['cold', 1, 0, 'yellow'],
      ['archive', 1, 0, 'yellow'],
    ]);
    expect(before.places[0]!.why[0]).toContain('first round of the scrub');
    expect(before.places[0]!.model).toBeUndefined(); // its bytes were not counted yet
    await lake.objects.scrubber.run(new AbortController().signal);
    await lake.upkeep.figures.count(await context());
    const after = await report();
    expect(after.places.map(({ name, state, versions, bytes }) => [name, state, versions, bytes])).toEqual([
      ['hot', 'green', 1, 100_000],
      ['cold', 'green', 1, 100_000],
      ['archive', 'green', 0, 0],
    ]);
    const { model } = after.places[0]!;
    expect(model!.inputs).toMatchObject({ diskFailuresPerYear: 0.02, bytes: 100_000 });
    expect(model!.yearlyLoss).toBeCloseTo(0.02, 6);
    expect(JSON.stringify(after)).not.toMatch(/nine|99\.9/);
    clock.advance(31 * DAY);
    expect((await report()).places[0]).toMatchObject({ state: 'yellow', why: [expect.stringContaining('30 days')] });
  });

  it('is red where a place is away or a version is damaged, and says why', async () => {
    renameSync(join(lake.directory, 'cold'), join(lake.directory, 'away'));
    mkdirSync(join(lake.directory, 'cold'));
    const { places } = await report();
    expect(places[1]).toMatchObject({
      name: 'cold',
      state: 'red',
      why: [expect.stringContaining('attach its disk'), expect.anything()],
    });
    expect(places[0]!.state).toBe('yellow');
  });

  it('is for who may see all buckets', async () => {
    const key = await lake.user('nobody');
    const principal = await lake.governance.identities.principal('arn:aws:iam::123456789012:user/nobody');
    expect(key.accessKeyId).toBeDefined();
    await expect(lake.upkeep.durability(contextOf(principal!))).rejects.toMatchObject({ code: 'access_denied' });
  });
});

it('reckons more loss for more disks’ worth of bytes, never more than one', () => {
  const petabyte = modelSingleCopy(1e15, 0.02);
  expect(petabyte.yearlyLoss).toBeGreaterThan(0.99);
  expect(petabyte.yearlyLoss).toBeLessThanOrEqual(1);
  // 10 TB read 52 times a year: 4.17e15 bits, four unreadable ones to be expected of a copy alone.
  expect(modelSingleCopy(1e13, 0).yearlyLoss).toBeCloseTo(1 - Math.exp(-4.1714), 3);
  expect(modelSingleCopy(0, 0.02).yearlyLoss).toBeCloseTo(0.02, 9);
});
