/** The storage pages of the console in a real browser. Screenshots go to test-output/console for people to look at. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { browserPath, openBrowser } from '../../src/testing/clients/browser.ts';

const SHOTS = join(import.meta.dirname, '..', '..', 'test-output', 'console');

describe.skipIf(browserPath() === undefined)(
  'the storage pages (skipped without Chromium: install it, or set LOCH_CHROMIUM)',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'loch-console-storage-'));
    let loch: RunningLoch;
    let browser: BrowserContext;
    let page: Page;
    let s3: S3Client;

    beforeAll(async () => {
      mkdirSync(SHOTS, { recursive: true });
      loch = await startLoch();
      s3 = new S3Client(loch.client.sdk);
      browser = await openBrowser();
      page = await browser.newPage();
      await page.goto(loch.consoleLink);
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
    });
    afterAll(async () => {
      s3?.destroy();
      await browser?.close();
      await loch?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    const shoot = (name: string) => page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
    const file = (name: string, text: string) => {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    };
    const upload = (path: string) => page.getByLabel('Files to upload').setInputFiles(path);
    const text = async (Key: string) =>
      (await s3.send(new GetObjectCommand({ Bucket: 'letters', Key }))).Body!.transformToString();

    it('make a bucket, and say what is wrong with a name', async () => {
      await page.getByRole('navigation').getByRole('link', { name: 'Storage', exact: true }).click();
      await page.getByLabel('New bucket').fill('Not_A_Bucket');
      await page.getByRole('button', { name: 'Make bucket' }).click();
      expect(await page.getByRole('alert').textContent()).toMatch(/Not_A_Bucket/);
      await page.getByLabel('New bucket').fill('letters');
      await page.getByRole('button', { name: 'Make bucket' }).click();
      await page.getByRole('link', { name: 'letters', exact: true }).waitFor();
      await shoot('storage-buckets');
    });

    it('keep versions, upload, download, and make an older version current again', async () => {
      await page.getByRole('link', { name: 'letters', exact: true }).click();
      await page.getByText('Nothing here.').waitFor();
      await shoot('storage-empty');
      await page.getByRole('tab', { name: 'Settings' }).click();
      await page.getByRole('button', { name: 'Keep versions' }).click();
      await page.getByText('Every version is kept').waitFor();
      await page.getByRole('tab', { name: 'Objects' }).click();
      await upload(file('to ada.txt', 'Dear Ada, one.'));
      await page.getByRole('link', { name: 'to ada.txt' }).waitFor();
      await upload(file('to ada.txt', 'Dear Ada, two!!'));
      await page.getByText('15 B').waitFor();
      await shoot('storage-objects');
      await page.getByRole('link', { name: 'to ada.txt' }).click();
      await page.getByText('current', { exact: true }).waitFor();
      expect(await page.getByRole('button', { name: 'Make current' }).count()).toBe(1);
      await page.getByRole('button', { name: 'Make current' }).click();
      await page.getByText('14 B (14 bytes)').waitFor();
      expect(await text('to ada.txt')).toBe('Dear Ada, one.');
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: 'Download' }).first().click(),
      ]);
      expect(download.suggestedFilename()).toBe('to ada.txt');
      expect(readFileSync((await download.path())!, 'utf8')).toBe('Dear Ada, one.');
    });

    it('tag an object', async () => {
      await page.getByLabel(/One to a line/).fill('line=cards\nyear = 2026');
      await page.getByRole('button', { name: 'Save tags' }).click();
      await page.reload();
      await expect.poll(() => page.getByLabel(/One to a line/).inputValue()).toBe('line=cards\nyear=2026');
      await shoot('storage-object');
    });

    it('delete by a marker, and take the marker back', async () => {
      await page.getByRole('button', { name: 'Delete', exact: true }).click();
      await page.getByText('Nothing here.').waitFor();
      await expect(text('to ada.txt')).rejects.toMatchObject({ name: 'NoSuchKey' });
      await page.goBack();
      await page.getByText('delete marker').waitFor();
      await shoot('storage-delete-marker');
      await page
        .getByRole('button', { name: /^Delete version .* for good$/ })
        .first()
        .click();
      await expect.poll(() => text('to ada.txt').catch(() => 'nothing')).toBe('Dear Ada, one.');
      await page.getByText('14 B (14 bytes)').waitFor();
    });

    it('set lifecycle rules, public access and a policy, and tell what S3 would refuse', async () => {
      await page.goto(`${loch.server.consoleUrl}/#/storage?bucket=letters&tab=settings`);
      const lifecycle = page.getByRole('region', { name: 'Lifecycle' });
      await lifecycle.getByLabel('Prefix (all if empty)').fill('drafts/');
      await lifecycle.getByRole('button', { name: 'Add rule' }).click();
      await lifecycle.getByText('deleted after 30 days').waitFor();
      await lifecycle.getByRole('button', { name: 'Run the rules now' }).click();
      await lifecycle.getByRole('button', { name: 'Ran; run again' }).waitFor();
      const blocked = page.getByLabel('refuse policies that make public');
      expect(await blocked.isChecked()).toBe(true);
      const policy = page.getByRole('region', { name: 'Policy' });
      await policy.getByRole('textbox').fill('{"Statement": 7}');
      await policy.getByRole('button', { name: 'Save policy' }).click();
      await policy.getByRole('alert').waitFor();
      const open = (principal: unknown) =>
        JSON.stringify({
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Principal: principal, Action: 's3:GetObject', Resource: 'arn:aws:s3:::letters/*' },
          ],
        });
      await policy.getByRole('textbox').fill(open('*'));
      await policy.getByRole('button', { name: 'Save policy' }).click();
      await expect.poll(() => policy.getByRole('alert').textContent()).toMatch(/public/i);
      await shoot('storage-settings');
    });

    it('verify every byte on demand, and tell of lifecycle runs and tiers', async () => {
      await page.getByRole('navigation').getByRole('link', { name: 'Storage', exact: true }).click();
      await page.getByRole('link', { name: 'State of the store' }).click();
      await page.getByRole('button', { name: 'Verify now' }).click();
      await page.getByText('No damage was found.').waitFor();
      await page.getByText(/The last round ended .* versions, .* read and compared/).waitFor();
      await page.getByRole('region', { name: 'Lifecycle runs' }).getByRole('link', { name: 'letters' }).waitFor();
      await shoot('storage-state');
    });

    it('show figures of buckets and prefixes whose totals are those of a full listing', async () => {
      for (const [Key, Body] of [
        ['drafts/one', 'one'],
        ['drafts/two', 'and two'],
        ['sent/three', 'the third'],
      ] as const) {
        await s3.send(new PutObjectCommand({ Bucket: 'letters', Key, Body }));
      }
      await s3.send(new CreateMultipartUploadCommand({ Bucket: 'letters', Key: 'drafts/never done' }));
      const figures = page.getByRole('region', { name: 'Figures' });
      await figures.getByRole('button', { name: 'Count now' }).click();
      await figures.getByRole('cell', { name: 'drafts/', exact: true }).waitFor();
      const cells = async (name: string) =>
        (await figures.getByRole('row').filter({ hasText: name }).first().getByRole('cell').allTextContents()).slice(1);
      const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: 'letters' }));
      const listed = (prefix: string) => {
        const found = Versions.filter(({ Key }) => Key!.startsWith(prefix));
        const sum = (of: typeof found) => of.reduce((total, { Size }) => total + Size!, 0);
        const noncurrent = found.filter(({ IsLatest }) => IsLatest !== true);
        const largest = Math.max(...found.map(({ Size }) => Size!));
        return [
          ...[found.length - noncurrent.length, found.length].map(String),
          `${sum(found)} B`,
          `${sum(noncurrent)} B`,
          String(DeleteMarkers.filter(({ Key }) => Key!.startsWith(prefix)).length),
          `${Math.round(sum(found) / found.length)} B`,
          `${largest} B`,
        ];
      };
      expect((await cells('drafts/')).slice(0, 7)).toEqual(listed('drafts/'));
      expect((await cells('drafts/'))[8]).toBe('1 (0 B)');
      expect((await cells('letters')).slice(0, 7)).toEqual(listed(''));
      await shoot('storage-figures');
    });

    it('show a user without rights no bucket, and tell why a bucket of another stays shut', async () => {
      const go = (name: string) => page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
      await go('People');
      await page.getByLabel('New user').fill('omar');
      await page.getByRole('button', { name: 'Add user' }).click();
      await page.getByRole('button', { name: 'I have it' }).click();
      await page.goto(`${loch.server.consoleUrl}/#/storage?bucket=letters&key=to%20ada.txt`);
      const row = page.getByRole('region', { name: 'Who may' }).getByRole('row');
      await row.getByText('yes').first().waitFor();
      await expect.poll(() => row.filter({ hasText: 'root (you)' }).textContent()).toBe('root (you)yesyesyes');
      await expect.poll(() => row.filter({ hasText: 'omar' }).textContent()).toBe('omarnonono');
      await expect.poll(() => row.filter({ hasText: 'anybody' }).textContent()).toBe('anybody without a keynonono');
      const reason = row.filter({ hasText: 'omar' }).getByText('no').first();
      expect(await reason.getAttribute('title')).toMatch(/s3:GetObject/);
      await shoot('storage-who-may');
      await go('People');
      await page.getByRole('button', { name: 'See as omar' }).click();
      await page.getByText('You see Loch as').waitFor();
      await go('Storage');
      await page.getByText('There is no bucket that you may see.').waitFor();
      await page.goto(`${loch.server.consoleUrl}/#/storage?bucket=letters`);
      await page.getByText('Nothing can be shown.').waitFor();
      expect(await page.getByRole('alert').first().textContent()).toMatch(/s3:ListBucket/);
      await shoot('storage-refused');
    });
  },
);
