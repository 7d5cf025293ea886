/** The console in a real browser. Screenshots go to test-output/console for people to look at. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { browserPath, openBrowser } from '../../src/testing/clients/browser.ts';

const SHOTS = join(import.meta.dirname, '..', '..', 'test-output', 'console');
const PEOPLE =
  'customer_id,name,email,region,income\n1,Ada Byron,ada@example.com,north,100.50\n2,Bo Chen,bo@example.com,south,200.25\n3,Cy Diaz,cy@example.com,north,300.00\n';

describe.skipIf(browserPath() === undefined)(
  'the console (skipped without Chromium: install it, or set LOCH_CHROMIUM)',
  () => {
    let loch: RunningLoch;
    let browser: BrowserContext;
    let page: Page;
    const failures: string[] = [];

    beforeAll(async () => {
      mkdirSync(SHOTS, { recursive: true });
      loch = await startLoch();
      browser = await openBrowser();
      page = await browser.newPage();
      page.on('pageerror', (error) => failures.push(error.message));
    });
    afterAll(async () => {
      await browser?.close();
      await loch?.stop();
    });

    const shoot = (name: string) => page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
    const go = (name: string) => page.getByRole('navigation').getByRole('link', { name, exact: true }).click();

    it('signs in by the one-time link, once', async () => {
      await page.goto(loch.consoleLink);
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      expect(await page.getByTestId('who').textContent()).toBe('root');
      await shoot('overview-empty');
      const second = await browser.newPage();
      await second.context().clearCookies();
      await second.goto(loch.consoleLink);
      await second.getByRole('alert').waitFor();
      expect(await second.getByRole('alert').textContent()).toMatch(/used already/);
      await second.close();
    });

    it('refuses a wrong key and takes the right one', async () => {
      await page.goto(`${loch.server.consoleUrl}/`);
      await page.reload();
      await page.getByRole('heading', { name: 'Sign in to Loch' }).waitFor();
      const { accessKeyId, secretAccessKey } = loch.client.sdk.credentials;
      await page.getByLabel('Access key id').fill(accessKeyId);
      await page.getByLabel('Secret access key').fill('wrong');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('alert').waitFor();
      await shoot('sign-in-refused');
      await page.getByLabel('Secret access key').fill(secretAccessKey);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
    });

    it('makes a table of an uploaded file, and finds it by search', async () => {
      const file = join(tmpdir(), `people-${process.pid}.csv`);
      writeFileSync(file, PEOPLE);
      await go('Ingestion');
      await page.locator('input[type=file]').setInputFiles(file);
      await page.getByLabel('Table in curated').fill('people');
      await page.getByRole('button', { name: 'Upload and load' }).click();
      await page.getByRole('status').getByText('3 rows are in').waitFor();
      await shoot('ingestion');
      await go('Catalog');
      await page.getByRole('searchbox').fill('people ema');
      await page.getByTestId('hits').getByRole('link', { name: 'curated.people' }).waitFor();
      await shoot('search');
      await page.getByRole('link', { name: 'curated.people' }).click();
      await page.getByText('ada@example.com').waitFor();
      await shoot('table-preview');
      for (const tab of ['Schema', 'Snapshots', 'Versions', 'About']) {
        await page.getByRole('tab', { name: tab }).click();
        await shoot(`table-${tab.toLowerCase()}`);
      }
    });

    it('runs a query by keyboard and shows the error of a bad one with its place', async () => {
      await go('Query');
      const editor = page.getByLabel('SQL statement');
      await editor.click();
      await page.keyboard.type('SELECT name, region FROM curated.people ORDER BY name');
      await page.keyboard.press('Control+Enter');
      await page.getByTestId('result').getByText('Cy Diaz').waitFor();
      await shoot('query');
      await page.keyboard.press('Control+a');
      await page.keyboard.type('SELECT nme FROM curated.people');
      await page.keyboard.press('Control+Enter');
      await page.getByRole('alert').waitFor();
      expect(await page.locator('.cm-mistake').textContent()).toBe('nme');
      await shoot('query-error');
    });

    it('adds a user, grants her a part of the table, and shows her only that', async () => {
      await go('People');
      await page.getByLabel('New user').fill('ines');
      await page.getByRole('button', { name: 'Add user' }).click();
      const shown = (await page.getByTestId('new-key').textContent()) ?? '';
      await shoot('people');
      await page.getByRole('button', { name: 'I have it' }).click();
      await go('Grants');
      await page.getByLabel('Who').selectOption({ label: 'ines' });
      await page.getByLabel('Table', { exact: true }).fill('curated.people');
      await page.getByLabel('Only rows where').fill("region = 'north'");
      await page.getByLabel('Hidden columns').fill('income');
      await page.getByLabel('Masked columns').fill('email');
      await page.getByRole('button', { name: 'Grant SELECT' }).click();
      await page.getByText('curated.people by').waitFor();
      await shoot('grants');

      const hers = await openBrowser();
      try {
        const herPage = await hers.newPage();
        await herPage.goto(loch.server.consoleUrl);
        await herPage.getByLabel('Access key id').fill(/KEY_ID=(\S+)/.exec(shown)![1]!);
        await herPage.getByLabel('Secret access key').fill(/ACCESS_KEY=(\S+)/.exec(shown)![1]!);
        await herPage.keyboard.press('Enter');
        await herPage.getByRole('navigation').getByRole('link', { name: 'Query', exact: true }).click();
        await herPage.getByLabel('SQL statement').click();
        await herPage.keyboard.type('SELECT * FROM curated.people ORDER BY name');
        await herPage.keyboard.press('Control+Enter');
        const result = herPage.getByTestId('result');
        await result.getByText('Cy Diaz').waitFor();
        await herPage.screenshot({ path: join(SHOTS, 'query-analyst.png'), fullPage: true });
        const text = (await result.textContent()) ?? '';
        expect(text).toContain('Ada Byron');
        expect(text).not.toContain('Bo Chen');
        expect(text).not.toContain('ada@example.com');
        expect(text).not.toContain('income');
      } finally {
        await hers.close();
      }
    });

    it('drops a table and restores it', async () => {
      await page.goto(`${loch.server.consoleUrl}/#/catalog/curated/people`);
      await page.getByRole('button', { name: 'Drop', exact: true }).click();
      await page.getByRole('button', { name: 'Drop people' }).click();
      await page.getByRole('heading', { name: 'Dropped tables' }).waitFor();
      await page.getByRole('button', { name: 'Restore' }).click();
      await page.getByText('Nothing was dropped').waitFor();
      await page.goto(`${loch.server.consoleUrl}/#/catalog/curated/people`);
      await page.getByText('Cy Diaz').waitFor();
    });

    it('starts a workflow, follows its run to the end, and shows its graph', async () => {
      const call = loch.client.call;
      await call('PUT', '/api/jobs/count-people', {
        kind: 'sql',
        sql: 'SELECT region, count(*) AS people FROM curated.people GROUP BY region',
        target: { database: 'curated', table: 'people_by_region' },
      });
      await call('PUT', '/api/jobs/rank-regions', {
        kind: 'sql',
        sql: 'SELECT region, rank() OVER (ORDER BY people DESC) AS place FROM curated.people_by_region',
        target: { database: 'curated', table: 'region_ranks' },
      });
      await call('PUT', '/api/workflows/people', {
        nodes: [
          { name: 'count', kind: 'job', job: 'count-people' },
          { name: 'rank', kind: 'job', job: 'rank-regions', after: ['count'] },
        ],
        triggers: [{ kind: 'on_demand' }],
      });
      await go('Runs');
      await page.getByRole('button', { name: 'Start', exact: true }).click();
      await page
        .getByRole('link', { name: /^people · / })
        .first()
        .click();
      await page.getByRole('img', { name: /Graph of people/ }).waitFor();
      await page.locator('header').getByText('completed').waitFor({ timeout: 30_000 });
      expect(await page.getByText('succeeded', { exact: true }).count()).toBeGreaterThanOrEqual(4);
      await shoot('workflow-run');
      await page.goto(`${loch.server.consoleUrl}/#/catalog/curated/region_ranks`);
      await page.getByTestId('result').getByText('north').waitFor();
    });

    it('sees Loch as the user, reads what she reads, and changes nothing in that view', async () => {
      await go('People');
      await page.getByRole('button', { name: 'See as ines' }).click();
      await page.getByText('You see Loch as').waitFor();
      await page.goto(`${loch.server.consoleUrl}/#/catalog/curated/people`);
      await page.getByText('Ada Byron').waitFor();
      expect(await page.getByText('Bo Chen').count()).toBe(0);
      await shoot('see-as');
      await page.getByRole('button', { name: 'Back to myself' }).click();
      await page.getByText('Bo Chen').waitFor();
    });

    it('shows what was done and refused in the audit', async () => {
      await go('Audit');
      await page.getByText('CreateUser').first().waitFor();
      await shoot('audit');
      await page.getByRole('tab', { name: 'Data access' }).click();
      await page.getByText('ines').first().waitFor();
      await shoot('audit-data');
    });

    it('has no dead link in its navigation, and no page that fails', async () => {
      for (const name of [
        'Overview',
        'Ingestion',
        'Storage',
        'Catalog',
        'Runs',
        'Query',
        'People',
        'Grants',
        'Keys',
        'Audit',
      ]) {
        await go(name);
        await page.getByRole('heading', { level: 1, name }).waitFor();
        await shoot(name.toLowerCase());
      }
      expect(failures).toEqual([]);
    });
  },
);
