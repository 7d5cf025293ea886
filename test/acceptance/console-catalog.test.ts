/** The catalogue in a real browser: crawlers, search with facets, and what a table page tells. Screenshots as in console.test.ts. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AthenaClient, GetQueryExecutionCommand, StartQueryExecutionCommand } from '@aws-sdk/client-athena';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { browserPath, openBrowser } from '../../src/testing/clients/browser.ts';

const SHOTS = join(import.meta.dirname, '..', '..', 'test-output', 'console');

describe.skipIf(browserPath() === undefined)(
  'the catalogue in the console (skipped without Chromium: install it, or set LOCH_CHROMIUM)',
  () => {
    let loch: RunningLoch;
    let browser: BrowserContext;
    let page: Page;
    const failures: string[] = [];

    beforeAll(async () => {
      mkdirSync(SHOTS, { recursive: true });
      loch = await startLoch();
      const s3 = new S3Client({ ...loch.client.sdk, forcePathStyle: true });
      await s3.send(new CreateBucketCommand({ Bucket: 'feeds' }));
      const put = (Key: string, Body: string) => s3.send(new PutObjectCommand({ Bucket: 'feeds', Key, Body }));
      for (const day of ['01', '02', '03']) {
        await put(
          `shop/orders/day=${day}/a.csv`,
          'order_id,customer,amount,note\n1,Ada,10.50,\n2,Bo,20.25,x\n3,Ada,7.00,\n',
        );
      }
      await put('shop/people/a.json', '{"Name":"Ada","born":1815}\n{"Name":"Bo","born":1990}\n');
      await put('shop/README.md', 'These are the feeds of the shop.\n');
      browser = await openBrowser();
      page = await browser.newPage();
      await page.setViewportSize({ width: 1280, height: 900 });
      page.on('pageerror', (error) => failures.push(error.message));
      await page.goto(loch.consoleLink);
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
    });
    afterAll(async () => {
      await browser?.close();
      await loch?.stop();
    });

    const shoot = (name: string) => page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
    const go = (name: string) => page.getByRole('navigation').getByRole('link', { name, exact: true }).click();

    it('makes a crawler, runs it, and tells what it found and what it left out', async () => {
      await go('Catalog');
      await page.getByRole('link', { name: 'Crawlers' }).click();
      await page.getByText('There is no crawler yet').waitFor();
      await shoot('crawlers-empty');
      await page.getByLabel('Name', { exact: true }).fill('shop');
      await page.getByLabel('Folder', { exact: true }).fill('s3://feeds/shop/');
      await page.getByLabel('Database', { exact: true }).fill('shop');
      await page.getByLabel('Schedule', { exact: true }).fill('every day');
      await page.getByRole('button', { name: 'Make' }).click();
      await page.getByRole('alert').getByText('cron(').waitFor();
      await page.getByLabel('Schedule', { exact: true }).fill('cron(15 3 * * ? *)');
      await page.getByRole('button', { name: 'Make' }).click();
      await page.getByTestId('runs').getByText('It has not run yet.').waitFor();
      await page.getByRole('button', { name: 'Run shop' }).click();
      await page.getByTestId('runs').getByText('completed').waitFor();
      await page
        .getByTestId('runs')
        .getByText(/message/)
        .click();
      await page.getByText('README.md: no classifier takes it').waitFor();
      await shoot('crawlers');
    });

    it('describes a table in words, and finds it by them and by facets with the keyboard', async () => {
      await go('Catalog');
      await page.getByRole('link', { name: 'shop.orders' }).click();
      await page.getByRole('button', { name: 'Describe' }).click();
      await page.getByLabel('Owner').fill('Sales');
      await page.getByLabel('Sensitivity').fill('internal');
      await page.getByLabel('Tags').fill('gold, daily');
      await page.getByLabel('Terms').fill('Nobody said');
      await page.getByLabel('Description').fill('What was bought, by day');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('alert').getByText('glossary has no term').waitFor();
      await page.getByLabel('Terms').fill('');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByText('Sales', { exact: true }).waitFor();
      await go('Catalog');
      await page.getByRole('searchbox').fill('bought');
      await page.getByTestId('hits').getByRole('link', { name: 'shop.orders' }).waitFor();
      await page.getByRole('searchbox').fill('');
      await page.getByRole('link', { name: /^Browse by/ }).click();
      await page.getByTestId('hits').getByText('2 tables').waitFor();
      const owner = page.getByRole('group', { name: 'Owner' }).getByLabel('Sales');
      await owner.focus();
      await page.keyboard.press('Space');
      await page.getByTestId('hits').getByText('1 table', { exact: true }).waitFor();
      expect(await page.getByTestId('hits').getByRole('link').count()).toBe(1);
      await shoot('search-facets');
      await page.getByRole('button', { name: 'Clear filters' }).click();
      await page.getByRole('searchbox').fill('zebra');
      await page.getByText('No table you may see has all of these words: zebra').waitFor();
      await shoot('search-nothing');
    });

    it('shows the profile, lineage, versions and partitions of a table', async () => {
      await go('Catalog');
      await page.getByRole('link', { name: 'shop.orders' }).click();
      await page.getByRole('tab', { name: 'Profile' }).click();
      await page.getByText('Over 9 rows').waitFor();
      await page.getByText('67 %').first().waitFor();
      await shoot('table-profile');
      await page.getByRole('tab', { name: 'Lineage' }).click();
      await page.getByText('s3://feeds/shop/orders').last().waitFor();
      await page.getByText('crawler/shop').waitFor();
      await page.locator('.react-flow__node').nth(1).waitFor();
      await shoot('table-lineage');
      await page.getByLabel('Steps').selectOption('5');
      await page.getByText('query of root').first().waitFor();
      await page.getByText('within 5 steps').waitFor();
      await page.getByRole('heading', { name: 'Who would feel a change' }).waitFor();
      await page.getByLabel('Loss of').selectOption('amount');
      await page.getByRole('cell', { name: 'for sure' }).first().waitFor();
      await shoot('table-lineage-impact');
      await page.getByLabel('As of the end of').fill('2020-01-01');
      await page.getByText('Nothing was known of this table at the end of 2020-01-01').waitFor();
      await page.getByRole('tab', { name: 'Versions' }).click();
      await page.getByRole('button', { name: 'What changed in 1' }).click();
      await page.getByTestId('difference').getByText('parameters.loch.owner').waitFor();
      await shoot('table-versions');
      await page.getByRole('button', { name: 'Restore 0' }).click();
      await page.getByRole('button', { name: 'What changed in 2' }).waitFor();
      await page.getByRole('button', { name: 'Restore 1' }).click();
      await page.getByRole('button', { name: 'What changed in 3' }).waitFor();
      await page.getByRole('tab', { name: 'Partitions' }).click();
      await page.getByText('day=02', { exact: true }).waitFor();
      await page.getByRole('tab', { name: 'Files' }).click();
      await page.getByText('s3://feeds/shop/orders/').waitFor();
      await shoot('table-files');
    });

    it('shows the files of an Iceberg table and asks it as of an earlier snapshot', async () => {
      const athena = new AthenaClient(loch.client.sdk);
      const run = async (QueryString: string) => {
        const { QueryExecutionId } = await athena.send(new StartQueryExecutionCommand({ QueryString }));
        for (;;) {
          const { QueryExecution } = await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }));
          const state = QueryExecution?.Status?.State;
          if (state === 'SUCCEEDED') return;
          if (state === 'FAILED' || state === 'CANCELLED') throw new Error(QueryExecution?.Status?.StateChangeReason);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      };
      await run(
        "CREATE TABLE shop.daily WITH (table_type = 'ICEBERG', is_external = false, location = 's3://feeds/daily/') AS SELECT customer, amount FROM shop.orders WHERE order_id = 1",
      );
      await run('INSERT INTO shop.daily SELECT customer, amount FROM shop.orders WHERE order_id = 2');
      await go('Catalog');
      await page.getByRole('link', { name: 'shop.daily' }).click();
      await page.getByRole('tab', { name: 'Files' }).click();
      await page.getByText('2 data files of').waitFor();
      expect(await page.getByText(/^s3:\/\/feeds\/daily\/.*\.parquet$/).count()).toBe(2);
      await shoot('iceberg-files');
      await page.getByRole('tab', { name: 'Lineage' }).click();
      await page.getByText('amount, customer').or(page.getByText('customer, amount')).first().waitFor();
      await shoot('iceberg-lineage');
      await page.getByRole('tab', { name: 'Versions' }).click();
      await page.getByRole('tab', { name: 'Snapshots' }).click();
      await page.getByRole('link', { name: 'Query as of then' }).last().click();
      await page.getByText('FOR VERSION AS OF').first().waitFor();
      await page.getByRole('button', { name: /^Run/ }).click();
      await page.getByText('3 rows').first().waitFor();
      await shoot('query-as-of');
    });

    it('made no error in the page', () => {
      expect(failures).toEqual([]);
    });
  },
);
