/** Replication and batch jobs on the storage pages, in a real browser. Screenshots go to test-output/console. */
import { mkdirSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import * as iam from '@aws-sdk/client-iam';
import * as s3 from '@aws-sdk/client-s3';
import * as control from '@aws-sdk/client-s3-control';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { browserPath, openBrowser } from '../../src/testing/clients/browser.ts';

const SHOTS = join(import.meta.dirname, '..', '..', 'test-output', 'console');
const AccountId = '000000000001';
const RoleArn = `arn:aws:iam::${AccountId}:role/worker`;

describe.skipIf(browserPath() === undefined)(
  'the storage pages (skipped without Chromium: install it, or set LOCH_CHROMIUM)',
  () => {
    let loch: RunningLoch;
    let browser: BrowserContext;
    let page: Page;
    let client: s3.S3Client;

    beforeAll(async () => {
      mkdirSync(SHOTS, { recursive: true });
      loch = await startLoch();
      client = new s3.S3Client(loch.client.sdk);
      const document = (statement: object) => JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
      const roles = new iam.IAMClient(loch.client.sdk);
      const Principal = { Service: ['s3.amazonaws.com', 'batchoperations.s3.amazonaws.com'] };
      const AssumeRolePolicyDocument = document({ Effect: 'Allow', Principal, Action: 'sts:AssumeRole' });
      await roles.send(new iam.CreateRoleCommand({ RoleName: 'worker', AssumeRolePolicyDocument }));
      const PolicyDocument = document({ Effect: 'Allow', Action: 's3:*', Resource: '*' });
      await roles.send(new iam.PutRolePolicyCommand({ RoleName: 'worker', PolicyName: 'p', PolicyDocument }));
      for (const Bucket of ['first', 'second']) {
        await client.send(new s3.CreateBucketCommand({ Bucket }));
        const VersioningConfiguration = { Status: 'Enabled' as const };
        await client.send(new s3.PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
      }
      browser = await openBrowser();
      page = await browser.newPage();
      await page.goto(loch.consoleLink);
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
    }, 60_000);
    afterAll(async () => {
      client?.destroy();
      await browser?.close();
      await loch?.stop();
    });

    const shoot = (name: string) => page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });

    it('say where a bucket is replicated to, and what its destination refused', async () => {
      const Rules: s3.ReplicationRule[] = [
        {
          ID: 'to-second',
          Priority: 1,
          Status: 'Enabled',
          Filter: {},
          DeleteMarkerReplication: { Status: 'Disabled' },
          Destination: { Bucket: 'arn:aws:s3:::second' },
        },
      ];
      const ReplicationConfiguration = { Role: RoleArn, Rules };
      await client.send(new s3.PutBucketReplicationCommand({ Bucket: 'first', ReplicationConfiguration }));
      const Policy = JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Deny', Principal: '*', Action: 's3:ReplicateObject', Resource: 'arn:aws:s3:::second/secret/*' },
        ],
      });
      await client.send(new s3.PutBucketPolicyCommand({ Bucket: 'second', Policy }));
      for (const Key of ['open/a', 'secret/b']) {
        await client.send(new s3.PutObjectCommand({ Bucket: 'first', Key, Body: Key }));
      }
      await page.getByRole('navigation').getByRole('link', { name: 'Storage', exact: true }).click();
      await page.getByRole('link', { name: 'first', exact: true }).click();
      await page.getByRole('tab', { name: 'Settings' }).click();
      const card = page.getByRole('region', { name: 'Replication' });
      await card.getByText('secret/b', { exact: true }).waitFor();
      expect(await card.textContent()).toMatch(/to-second.*arn:aws:s3:::second/);
      expect(await card.textContent()).toMatch(/explicit deny/);
      await shoot('storage-replication');
    }, 60_000);

    it('confirm a batch job that waits, and tell how far it is', async () => {
      const endpoint = loch.client.sdk.endpoint.replace('127.0.0.1', 'localhost');
      const httpAgent = new Agent({
        lookup: (_host, options, done) =>
          options.all === true ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4),
      });
      const jobs = new control.S3ControlClient({ ...loch.client.sdk, endpoint, requestHandler: { httpAgent } });
      await jobs.send(
        new control.CreateJobCommand({
          AccountId,
          Operation: { S3PutObjectTagging: { TagSet: [{ Key: 'seen', Value: 'yes' }] } },
          ManifestGenerator: {
            S3JobManifestGenerator: { SourceBucket: 'arn:aws:s3:::first', EnableManifestOutput: false },
          },
          Report: { Enabled: false },
          Priority: 5,
          RoleArn,
          ClientRequestToken: 'one',
          ConfirmationRequired: true,
          Description: 'Tag everything',
        }),
      );
      await page.getByRole('navigation').getByRole('link', { name: 'Storage', exact: true }).click();
      await page.getByRole('link', { name: 'State of the store' }).click();
      const card = page.getByRole('region', { name: 'Batch jobs' });
      await card.getByText('waits for a word').waitFor();
      await shoot('storage-batch-waiting');
      await card.getByRole('button', { name: 'Confirm' }).click();
      await card.getByText('complete', { exact: true }).waitFor();
      expect(await card.textContent()).toMatch(/Tag everything.*putTags/);
      await shoot('storage-batch-complete');
      const { TagSet } = await client.send(new s3.GetObjectTaggingCommand({ Bucket: 'first', Key: 'open/a' }));
      expect(TagSet).toEqual([{ Key: 'seen', Value: 'yes' }]);
    }, 60_000);
  },
);
