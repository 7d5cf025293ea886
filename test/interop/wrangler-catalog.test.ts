import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { type PythonEnvironment, pythonWith, runScript } from '../../src/testing/clients/python.ts';

let environment: PythonEnvironment;
let loch: RunningLoch;
beforeAll(async () => {
  environment = await pythonWith(['awswrangler==3.17.1']);
  if ('missing' in environment) return;
  loch = await startLoch();
  const { sdk } = loch.client;
  const s3 = new S3Client({
    region: loch.server.region,
    endpoint: loch.server.awsUrl,
    credentials: sdk.credentials,
    forcePathStyle: true,
  });
  await s3.send(new CreateBucketCommand({ Bucket: 'wrangled' }));
  s3.destroy();
}, 900_000);
afterAll(() => loch?.stop());

it('keeps datasets, tables and partitions as awswrangler makes, changes and queries them', async (context) => {
  if ('missing' in environment) return context.skip(environment.missing);
  const { sdk } = loch.client;
  const facts = await runScript<Record<string, unknown>>(
    environment.python,
    join(import.meta.dirname, 'wrangler_catalog.py'),
    {
      endpoint: loch.server.awsUrl,
      region: loch.server.region,
      key: sdk.credentials.accessKeyId,
      secret: sdk.credentials.secretAccessKey,
      bucket: 'wrangled',
    },
  );
  expect(facts).toEqual({
    databases: ['wr'],
    listed: [['wr', 'made by wr']],
    types: { id: 'bigint', price: 'double', name: 'string', day: 'string' },
    rows: [
      [1, 1.5, 'a', '2026-01-01'],
      [2, 2.5, 'b', '2026-01-01'],
      [3, null, 'ü', '2026-01-02'],
      [4, 4, 'd', '2026-01-03'],
    ],
    one_day: [[2]],
    partitions: ['2026-01-01', '2026-01-02', '2026-01-03'],
    filtered: ['2026-01-02', '2026-01-03'],
    location: true,
    description: 'sold',
    comments: 'key',
    parameters: 'ana',
    upserted: ['ana', 'test'],
    overwritten: [
      [1, '2026-01-01'],
      [2, '2026-01-01'],
      [4, '2026-01-03'],
      [9, '2026-01-02'],
    ],
    evolved: [
      [1, null],
      [10, 'new'],
    ],
    versions: true,
    without_note: false,
    left: ['2026-01-01', '2026-01-02', '2026-01-03'],
    csv: [
      [1, 'x', 'a'],
      [2, 'y', 'a'],
    ],
    json: [[7]],
    projected: [[5, '2026-01-01', '2026-01-04']],
    unlisted: {},
    tables: ['flat', 'lines', 'projected', 'sales'],
    found: ['flat', 'sales'],
    searched: ['sales'],
    table: [
      ['k', 'bigint'],
      ['v', 'string'],
      ['part', 'string'],
    ],
    deleted: [true, false],
    exists: [false, true],
    none: {},
    gone: [],
  });
  return undefined;
}, 300_000);
