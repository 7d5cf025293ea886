import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../../src/testing/builders/running-loch.ts';
import { type PythonEnvironment, pyicebergEnvironment, runPython } from './environment.ts';

let environment: PythonEnvironment;
let loch: RunningLoch;
beforeAll(async () => {
  environment = await pyicebergEnvironment();
  loch = await startLoch();
}, 600_000);
afterAll(() => loch?.stop());

it('keeps Iceberg tables that pyiceberg’s Glue catalog makes, changes and races on', async (context) => {
  if ('missing' in environment) return context.skip(environment.missing);
  const { sdk } = loch.client;
  const facts = await runPython(environment.python, 'glue_catalog.py', {
    endpoint: loch.server.awsUrl,
    region: loch.server.region,
    key: sdk.credentials.accessKeyId,
    secret: sdk.credentials.secretAccessKey,
  });
  expect(facts).toEqual({
    twice: 'NamespaceAlreadyExistsError',
    namespace: { location: 's3://interop/shop', owner: 'me', stage: 'test' },
    rows: 4,
    tables: [['shop', 'orders']],
    exists: [true, false],
    second: 'retried',
    rows_of_two: 6,
    shown: {
      columns: [
        { Name: 'id', Type: 'bigint', Parameters: { 'iceberg.field.current': 'true' } },
        { Name: 'name', Type: 'string', Parameters: { 'iceberg.field.current': 'true' } },
        { Name: 'note', Type: 'string', Comment: 'more', Parameters: { 'iceberg.field.current': 'true' } },
      ],
      type: 'ICEBERG',
      previous: true,
      current: true,
    },
    refused: ['InvalidInputException', 'ConcurrentModificationException'],
    renamed: 6,
    pages: ['orders2', 'other'],
  });
  return undefined;
}, 120_000);
