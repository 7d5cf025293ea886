/** The stock serialisers of the schema registry, as a Kafka producer and consumer use them. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../../src/testing/builders/running-loch.ts';
import { type PythonEnvironment, pythonWith, runScript } from '../../../src/testing/clients/python.ts';

describe('records of aws-glue-schema-registry', () => {
  let loch: RunningLoch;
  let environment: PythonEnvironment;
  beforeAll(async () => {
    environment = await pythonWith([
      'aws-glue-schema-registry==1.1.3',
      'boto3==1.44.5',
      'fastavro==1.13.1',
      'fastjsonschema==2.22.3',
    ]);
    loch = await startLoch();
  }, 600_000);
  afterAll(() => loch?.stop());

  it('go round, register what is new and are refused what does not follow', { timeout: 120_000 }, async (context) => {
    if ('missing' in environment) return context.skip(environment.missing);
    const { accessKeyId: key, secretAccessKey: secret } = loch.client.sdk.credentials;
    const done = await runScript(environment.python, join(import.meta.dirname, 'serializers.py'), {
      endpoint: loch.server.awsUrl,
      region: loch.server.region,
      key,
      secret,
      registry: 'stock',
    });
    expect(done).toEqual({
      header: [3, 0, true],
      version: 1,
      same: true,
      next: true,
      read: [
        [{ id: 7 }, 'AVRO'],
        [{ id: 9, note: 'ä' }, 'AVRO'],
        [{ name: 'Ada' }, 'JSON'],
      ],
      compressed: [{ id: 7 }, 'AVRO'],
      refused: expect.stringContaining('orders-value'),
    });
    return undefined;
  });
});
