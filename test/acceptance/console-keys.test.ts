/** The page of keys in a real browser. Screenshots go to test-output/console for people to look at. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DescribeKeyCommand, GetKeyRotationStatusCommand, KMSClient } from '@aws-sdk/client-kms';
import {
  CreateBucketCommand,
  GetBucketEncryptionCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { browserPath, openBrowser } from '../../src/testing/clients/browser.ts';

const SHOTS = join(import.meta.dirname, '..', '..', 'test-output', 'console');

describe.skipIf(browserPath() === undefined)(
  'the page of keys (skipped without Chromium: install it, or set LOCH_CHROMIUM)',
  () => {
    let loch: RunningLoch;
    let browser: BrowserContext;
    let page: Page;
    let s3: S3Client;
    let kms: KMSClient;

    beforeAll(async () => {
      mkdirSync(SHOTS, { recursive: true });
      loch = await startLoch();
      s3 = new S3Client(loch.client.sdk);
      kms = new KMSClient(loch.client.sdk);
      browser = await openBrowser();
      page = await browser.newPage();
      await page.goto(loch.consoleLink);
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
    });
    afterAll(async () => {
      s3?.destroy();
      kms?.destroy();
      await browser?.close();
      await loch?.stop();
    });

    const shoot = (name: string) => page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
    const go = (name: string) => page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
    const panel = () => page.getByRole('region', { name: 'Key', exact: true });
    const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
    const described = async () => (await kms.send(new DescribeKeyCommand({ KeyId: 'alias/letters' }))).KeyMetadata!;

    it('makes a key with an alias, and says so when the alias is refused', async () => {
      await go('Keys');
      await page.getByText('There are no keys yet.').waitFor();
      const form = page.getByRole('form', { name: 'New key' });
      await form.getByLabel('Description').fill('for letters');
      await form.getByLabel('Alias').fill('letters');
      await page.keyboard.press('Enter');
      await panel().getByRole('heading', { name: 'alias/letters' }).waitFor();
      expect(await described()).toMatchObject({ Description: 'for letters', KeyState: 'Enabled', Origin: 'AWS_KMS' });
      await form.getByLabel('Alias').fill('letters');
      await press('Make key');
      await page.getByText('The key was made, but it has no alias.').waitFor();
      expect(await form.getByRole('alert').textContent()).toMatch(/alias\/letters/);
      await panel().getByLabel('Alias').fill('spare');
      await press('Give alias');
      await panel().getByRole('heading', { name: 'alias/spare' }).waitFor();
      await page.getByText('The key was made, but it has no alias.').waitFor({ state: 'hidden' });
      await shoot('keys');
    });

    it('disables, enables, rotates now and every year, and shows the key policy', async () => {
      await page.getByRole('link', { name: 'alias/letters' }).click();
      await panel().getByRole('heading', { name: 'alias/letters' }).waitFor();
      await press('Disable');
      await panel().getByText('disabled', { exact: true }).waitFor();
      expect((await described()).KeyState).toBe('Disabled');
      expect(await page.getByRole('button', { name: 'Rotate now' }).isDisabled()).toBe(true);
      await press('Enable');
      await panel().getByText('enabled', { exact: true }).waitFor();
      await press('Rotate now');
      await panel()
        .getByText(/^Rotated/)
        .waitFor();
      await press('Rotate every year');
      await panel()
        .getByText(/every 365 days; next/)
        .waitFor();
      const { KeyId } = await described();
      expect(await kms.send(new GetKeyRotationStatusCommand({ KeyId }))).toMatchObject({
        KeyRotationEnabled: true,
        RotationPeriodInDays: 365,
      });
      await press('Stop rotating');
      await page.getByRole('button', { name: 'Rotate every year' }).waitFor();
      await panel().getByText('Key policy').click();
      await expect.poll(() => page.getByTestId('key-policy').textContent()).toMatch(/"Action": "kms:\*"/);
      await shoot('key');
    });

    it('offers its alias in the settings of a bucket, which then encrypts under it', async () => {
      await s3.send(new CreateBucketCommand({ Bucket: 'letters' }));
      await page.goto(`${loch.server.consoleUrl}/#/storage?bucket=letters&tab=settings`);
      const card = page.getByRole('region', { name: 'Encryption' });
      await card.getByLabel('New objects').selectOption('aws:kms');
      await expect
        .poll(() => card.locator('datalist option').evaluateAll((all) => all.map((one) => one.getAttribute('value'))))
        .toEqual(['alias/letters', 'alias/spare']);
      await card.getByLabel('Key id, ARN or alias').fill('alias/letters');
      await card.getByLabel('one use of the key for many objects').check();
      await press('Save encryption');
      await card.getByText('Saved.').waitFor();
      const told = await s3.send(new GetBucketEncryptionCommand({ Bucket: 'letters' }));
      expect(told.ServerSideEncryptionConfiguration?.Rules).toMatchObject([
        {
          ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: 'alias/letters' },
          BucketKeyEnabled: true,
        },
      ]);
      for (const Key of ['ada', 'bo']) await s3.send(new PutObjectCommand({ Bucket: 'letters', Key, Body: 'Dear' }));
      const head = await s3.send(new HeadObjectCommand({ Bucket: 'letters', Key: 'ada' }));
      expect(head).toMatchObject({ SSEKMSKeyId: (await described()).Arn, BucketKeyEnabled: true });
      await page.reload();
      await expect.poll(() => card.getByLabel('Key id, ARN or alias').inputValue()).toBe('alias/letters');
      expect(await card.getByLabel('one use of the key for many objects').isChecked()).toBe(true);
      await shoot('storage-encryption');
    });

    it('tells what would be lost before it schedules a deletion, and calls the key back', async () => {
      await go('Keys');
      await page.getByRole('link', { name: 'alias/letters' }).click();
      await panel()
        .getByText(/GenerateDataKey$/)
        .waitFor();
      expect(await page.getByRole('button', { name: 'Schedule deletion' }).count()).toBe(0);
      await press('See what would be lost');
      const deletion = page.getByRole('region', { name: 'Deletion' });
      await deletion.getByRole('row').filter({ hasText: 'letters' }).waitFor();
      expect(await deletion.getByRole('cell').allTextContents()).toEqual([
        'letters',
        '2',
        '8 B',
        'encrypts its new objects under this key',
      ]);
      await shoot('key-impact');
      await deletion.getByLabel('Days to wait').fill('7');
      await press('Schedule deletion');
      await panel().getByText('waits for its deletion').waitFor();
      const { DeletionDate } = await described();
      const days = (DeletionDate!.getTime() - Date.now()) / 86_400_000;
      expect(days).toBeGreaterThan(6.9);
      expect(days).toBeLessThanOrEqual(7);
      await shoot('key-deletion');
      await press('Cancel deletion');
      await panel().getByText('disabled', { exact: true }).waitFor();
      expect((await described()).KeyState).toBe('Disabled');
    });

    it('records each change as the operation of KMS that it is', async () => {
      const names = [
        'CreateKey',
        'CreateAlias',
        'DisableKey',
        'EnableKey',
        'RotateKeyOnDemand',
        'EnableKeyRotation',
        'DisableKeyRotation',
        'ScheduleKeyDeletion',
        'CancelKeyDeletion',
      ];
      for (const name of names) {
        const found = await page.request.get(
          `${loch.server.consoleUrl}/api/audit/events?attribute=EventName&value=${name}`,
        );
        const { events } = (await found.json()) as { events: { eventSource: string }[] };
        expect(events.map((event) => event.eventSource)).toContain('kms.amazonaws.com');
      }
    });

    it('tells a user without rights why no key is shown', async () => {
      await go('People');
      await page.getByLabel('New user').fill('omar');
      await press('Add user');
      await press('I have it');
      await press('See as omar');
      await page.getByText('You see Loch as').waitFor();
      await go('Keys');
      await page.getByText('Nothing can be shown.').waitFor();
      expect(await page.getByRole('alert').textContent()).toMatch(/kms:ListKeys/);
      await shoot('keys-refused');
    });
  },
);
