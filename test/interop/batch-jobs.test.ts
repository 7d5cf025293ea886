/** S3 Control by boto3: a batch job from its making to its report, and an access point. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startLoch } from '../../src/testing/builders/running-loch.ts';
import { pythonWith, runScript } from '../../src/testing/clients/python.ts';

it('is served to boto3: a job waits, is confirmed and reports; an access point opens its bucket', async (context) => {
  const environment = await pythonWith(['boto3==1.44.5']);
  if ('missing' in environment) return context.skip(environment.missing);
  const loch = await startLoch();
  try {
    const { credentials, endpoint } = loch.client.sdk;
    const said = await runScript(environment.python, join(import.meta.dirname, 'batch_jobs.py'), {
      endpoint: endpoint.replace('127.0.0.1', 'localhost'),
      key: credentials.accessKeyId,
      secret: credentials.secretAccessKey,
    });
    expect(said).toEqual({
      progress: [2, 2, 0],
      tags: [{ Key: 'by', Value: 'boto3' }],
      format: 'Report_CSV_20180820',
      listed: [true],
      throughPoint: 'x',
    });
  } finally {
    await loch.stop();
  }
}, 300_000);
