import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { pyicebergEnvironment } from './pyiceberg/environment.ts';
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
  await s3.send(new CreateBucketCommand({ Bucket: 'dml' }));
  s3.destroy();
}, 900_000);
afterAll(() => loch?.stop());

it('writes, merges, deletes, unloads and makes tables for awswrangler, and pyiceberg reads what is left', async (context) => {
  if ('missing' in environment) return context.skip(environment.missing);
  const { sdk } = loch.client;
  const settings = {
    endpoint: loch.server.awsUrl,
    region: loch.server.region,
    key: sdk.credentials.accessKeyId,
    secret: sdk.credentials.secretAccessKey,
    bucket: 'dml',
  };
  const script = (name: string) => join(import.meta.dirname, name);
  expect(await runScript(environment.python, script('wrangler_dml.py'), settings)).toEqual({
    database: ['DDL', 'CREATE_DATABASE'],
    wrangler: [
      [2, null],
      [3, 'changed'],
      [4, 'd'],
    ],
    ctas: [2, 3, 4],
    unload: [2, 3, 4],
    made: ['ctas_made', [2]],
    insert: ['DML', 2, 0, true],
    update: 1,
    delete: 1,
  });
  const pyiceberg = await pyicebergEnvironment();
  if ('missing' in pyiceberg) return context.skip(pyiceberg.missing);
  expect(await runScript(pyiceberg.python, script('pyiceberg_dml.py'), settings)).toEqual({
    rows: [
      [2, null],
      [3, 'changed'],
      [4, 'd'],
      [10, "x' or 1=1"],
    ],
    partitions: ['month'],
  });
}, 300_000);
