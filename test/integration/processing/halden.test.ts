/** The demo's own pipeline over its own data: what cleaning must find in it is known exactly, flaw by flaw. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ACCOUNT_COLUMNS,
  accounts,
  CUSTOMER_COLUMNS,
  csvChunks,
  customers,
  DEFAULT_SEED,
  expectedFlaws,
  type SourceName,
  ratingsFile,
  transactionFiles,
  webEventRecords,
} from '../../../demo/data/index.ts';
import { CLEANING, JOBS, MANIFEST_PREFIX, WORKFLOW } from '../../../demo/pipeline.ts';
import { openTestProcessing } from '../../../src/testing/builders/test-processing.ts';

const options = { scale: 0.01, seed: DEFAULT_SEED };
const expected = expectedFlaws(options.scale);
const SOURCES = Object.keys(CLEANING) as SourceName[];

type Lake = Awaited<ReturnType<typeof openTestProcessing>>;
let lake: Lake;
beforeAll(async () => {
  lake = await openTestProcessing({ realCrawlers: true });
  for (const bucket of ['cleaned', 'curated']) {
    await lake.objects.createBucket(bucket, { region: 'us-east-1', ownerAccountId: lake.root.accountId });
    await lake.catalog.createDatabase(lake.root, { name: bucket, locationUri: `s3://${bucket}/` });
  }
  await lake.catalog.createDatabase(lake.root, { name: 'raw' });
  await lake.crawlers.create(lake.root, {
    name: 'raw-zone',
    role: lake.root.principal.arn,
    database: 'raw',
    targets: ['transactions/', 'ratings/', 'web_events/', 'halden/bank/customers/', 'halden/bank/accounts/'].map(
      (prefix) => ({ path: `s3://raw/${prefix}`, exclusions: [] }),
    ),
  });
  for (const job of JOBS) await lake.jobs.put(lake.root, job);
  await lake.workflows.put(lake.root, WORKFLOW);
});
afterAll(() => lake.close());

const bytesOf = (chunks: Iterable<Uint8Array>) => Buffer.concat([...chunks]);

/** All sources under the prefixes of the demo, `batch` in their names; events split into several objects. */
async function land(batch: string): Promise<void> {
  await lake.land(`halden/bank/customers/${batch}.csv`, bytesOf(csvChunks(CUSTOMER_COLUMNS, customers(options))));
  await lake.land(`halden/bank/accounts/${batch}.csv`, bytesOf(csvChunks(ACCOUNT_COLUMNS, accounts(options))));
  for (const file of transactionFiles(options)) {
    await lake.land(file.key.replace('.csv', `-${batch}.csv`), bytesOf(file.chunks()));
  }
  const events = [...webEventRecords(options)];
  for (let i = 0; i < events.length; i += 700) {
    await lake.land(`web_events/${batch}/${i}.json`, Buffer.concat(events.slice(i, i + 700)));
  }
  const ratings = ratingsFile(options);
  await lake.land(ratings.key.replace('.json', `-${batch}.json`), bytesOf(ratings.chunks()));
}

/** The workflow run that the manifest starts, at its end. */
async function processed(batch: string) {
  const before = (await lake.workflows.runs(lake.root)).length;
  await lake.land(`${MANIFEST_PREFIX}${batch}.json`, '{}');
  for (let i = 0; i < 2000; i++) {
    const runs = await lake.workflows.runs(lake.root);
    if (runs.length > before && runs[0]!.endedAt !== undefined) return runs[0]!;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return expect.fail('The workflow did not end.');
}

async function countsOf(workflowRunId: string) {
  const runs = await lake.jobs.runs(lake.root, { workflowRunId });
  return (source: SourceName) => runs.find((run) => run.job === CLEANING[source].name)!.counts!;
}

const hashes = async () => {
  const all = [];
  for (const table of [...SOURCES.map((s) => `cleaned.${s}`), 'curated.customer_360', 'curated.cd_leads']) {
    all.push([table, ...(await lake.rows(`SELECT count(*), sum(hash(t)) FROM (SELECT * FROM ${table}) t`))]);
  }
  return all;
};

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);

describe('the pipeline of the demo', () => {
  it('commits, rejects and drops exactly what the data was made with', async () => {
    await land('first');
    const run = await processed('first');
    expect(run.nodes.map((node) => node.error ?? node.state)).toEqual(run.nodes.map(() => 'SUCCEEDED'));
    const counts = await countsOf(run.id);
    for (const source of SOURCES) {
      const { rows, committed, rejected, duplicates } = expected[source];
      expect([source, counts(source)]).toMatchObject([
        source,
        {
          rowsIn: rows,
          rowsCommitted: committed,
          rowsRejected: sum(rejected),
          rowsDuplicate: duplicates.exact + duplicates.corrected,
        },
      ]);
      const key = CLEANING[source].key[0]!;
      expect([source, counts(source).rejectedByRule[`complete(${key})`]]).toEqual([source, rejected.missing_key]);
    }
    expect(counts('customers').rejectedByRule['iban(iban)']).toBe(expected.customers.rejected.invalid_iban);
    expect(counts('ratings').rejectedByRule['range(score)']).toBe(expected.ratings.rejected.out_of_range);
    expect(counts('transactions').rejectedByRule['references(account_id)']).toBe(
      expected.transactions.rejected.unknown_reference,
    );
  });

  it('counts what is sent again as duplicate, and leaves every row hash as it was', async () => {
    const before = await hashes();
    expect(before.every(([, row]) => Number(row![0]) > 0)).toBe(true);
    await land('again');
    const run = await processed('again');
    expect(run.state).toBe('COMPLETED');
    const counts = await countsOf(run.id);
    for (const source of SOURCES) {
      const { rows, rejected } = expected[source];
      expect([source, counts(source)]).toMatchObject([
        source,
        { rowsIn: rows, rowsCommitted: 0, rowsRejected: sum(rejected), rowsDuplicate: rows - sum(rejected) },
      ]);
    }
    expect(await hashes()).toEqual(before);
  });
});
