/** The ways in: a database by full load, web events by the Firehose door, files by the S3 door. */
import { CreateDeliveryStreamCommand, FirehoseClient, PutRecordBatchCommand } from '@aws-sdk/client-firehose';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FullLoadRun } from '../src/ingestion/contract.ts';
import {
  ratingsFile,
  type SourceFile,
  type SourceOptions,
  sourceSize,
  transactionFiles,
  webEventRecords,
} from './data/index.ts';
import { makeRole } from './govern.ts';
import type { Lake } from './lake.ts';
import type { Report } from './report.ts';

export const STREAM = 'web-events';
const BATCH = 500;
const TASK = 'halden-bank';

/** Loads the bank's tables into `raw/halden/`. Returns the rows by table. */
export async function loadDatabase(lake: Lake, url: string, report: Report): Promise<Record<string, number>> {
  await lake.through(() =>
    lake.client.call('PUT', `/api/replication-tasks/${TASK}`, {
      url,
      tables: ['bank.customers', 'bank.accounts'],
      target: { bucket: 'raw', prefix: 'halden/' },
    }),
  );
  let { id } = await lake.through(() => lake.client.call<FullLoadRun>('POST', `/api/replication-tasks/${TASK}/start`));
  for (;;) {
    const run = await lake.through(() => lake.client.call<FullLoadRun>('GET', `/api/replication-runs/${id}`));
    report.progress(
      'full load',
      run.tables.reduce((sum, table) => sum + table.rows, 0),
    );
    if (run.state === 'COMPLETED') return Object.fromEntries(run.tables.map((table) => [table.table, table.rows]));
    if (run.state === 'FAILED' || run.state === 'STOPPED') {
      report.note(`full load ${run.state.toLowerCase()} (${run.error}); starting it again`);
      await sleep(200);
      ({ id } = await lake.through(() =>
        lake.client.call<FullLoadRun>('POST', `/api/replication-tasks/${TASK}/start`),
      ));
    }
    await sleep(100);
  }
}

/** Sends the web events in batches of 500 by the official SDK; a batch without an answer is sent again. */
export async function sendWebEvents(lake: Lake, options: SourceOptions, report: Report): Promise<number> {
  const firehose = () => new FirehoseClient(lake.client.sdk);
  await lake.through(async () => {
    const role = await makeRole(lake, 'halden-delivery', 'firehose.amazonaws.com');
    const create = new CreateDeliveryStreamCommand({
      DeliveryStreamName: STREAM,
      ExtendedS3DestinationConfiguration: {
        RoleARN: role,
        BucketARN: 'arn:aws:s3:::raw',
        Prefix: 'web_events/',
        BufferingHints: { SizeInMBs: 16, IntervalInSeconds: 1 },
        CompressionFormat: 'GZIP',
      },
    });
    await firehose()
      .send(create)
      .catch((error: { name?: string }) => {
        if (error.name !== 'ResourceInUseException') throw error;
      });
  });
  let sent = 0;
  let batch: Uint8Array[] = [];
  let client = firehose();
  const flush = async () => {
    await lake.through(async () => {
      const answer = await client
        .send(new PutRecordBatchCommand({ DeliveryStreamName: STREAM, Records: batch.map((Data) => ({ Data })) }))
        .catch((error) => {
          client = firehose(); // the endpoint may be another after a restart
          throw error;
        });
      if ((answer.FailedPutCount ?? 0) > 0)
        throw Object.assign(new Error('records were refused for now'), { $retryable: true });
    });
    sent += batch.length;
    batch = [];
    report.progress('web events', sent, sourceSize('web_events', options.scale));
  };
  for (const record of webEventRecords(options)) {
    batch.push(record);
    if (batch.length === BATCH) await flush();
  }
  if (batch.length > 0) await flush();
  await untilDelivered(lake);
  return sent;
}

async function untilDelivered(lake: Lake): Promise<void> {
  for (;;) {
    const { streams } = await lake.through(() =>
      lake.client.call<{ streams: { name: string; backlog: { records: number } }[] }>('GET', '/api/delivery-streams'),
    );
    if (streams.find((stream) => stream.name === STREAM)?.backlog.records === 0) return;
    await sleep(100);
  }
}

/** Puts the dated transaction files and the partner's ratings. Returns the rows by source. */
export async function putFiles(
  lake: Lake,
  options: SourceOptions,
  report: Report,
): Promise<{ transactions: number; ratings: number }> {
  let transactions = 0;
  for (const file of transactionFiles(options)) {
    await putFile(lake, file);
    transactions += file.rows;
    report.progress('transaction files', transactions, sourceSize('transactions', options.scale));
  }
  const partner = ratingsFile(options);
  await putFile(lake, partner);
  return { transactions, ratings: partner.rows };
}

async function putFile(lake: Lake, file: SourceFile): Promise<void> {
  const body = Buffer.concat([...file.chunks()]);
  await putBytes(lake, file.key, body);
}

/** Puts one object into the raw zone. */
export async function putBytes(lake: Lake, key: string, body: Uint8Array): Promise<void> {
  await lake.through(() =>
    new S3Client(lake.client.sdk).send(new PutObjectCommand({ Bucket: 'raw', Key: key, Body: body })),
  );
}
