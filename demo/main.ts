/**
 * The demo: Halden, a made-up bank group, looks for the best leads for a new certificate of deposit. A process of its
 * own that starts Loch and the source database, speaks only through doors, and repeats what failed.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { renderTable } from '../src/cli/table.ts';
import type { JobRun } from '../src/processing/contract.ts';
import { ask, eventsOf, search, tableHash } from './consume.ts';
import { ANALYST, ANALYST_REGION, grantAnalyst, makeAnalyst } from './govern.ts';
import { loadDatabase, putFiles, sendWebEvents } from './ingest.ts';
import { Lake } from './lake.ts';
import { type DemoOptions, demoOptions, USAGE } from './options.ts';
import { watchMemory } from './peak-memory.ts';
import { CLEANING } from './pipeline.ts';
import { definePipeline, processBatch } from './process.ts';
import { openReport, type Report } from './report.ts';
import { fillSourceDatabase, openSourceDatabase } from './source-database.ts';
import { matchesPlan, reconcile, renderSummary, type Summary } from './summary.ts';

const TOP_LEADS = `SELECT region, rank_in_region AS rank, full_name, email, city, balance, score, lead_score
FROM curated.cd_leads WHERE rank_in_region <= 2 ORDER BY region, rank_in_region`;

async function main(): Promise<void> {
  const options = demoOptions(process.argv.slice(2));
  if (options.clean) {
    rmSync(options.data, { recursive: true, force: true });
    process.stdout.write(`Removed ${options.data}.\n`);
    return;
  }
  mkdirSync(options.data, { recursive: true });
  const lake = new Lake(join(options.data, 'lake'), { aws: options.awsPort, console: options.consolePort });
  const report = openReport();
  process.stderr.write(`Halden looks for leads. Scale ${options.scale}, everything is in ${options.data}\n`);
  const summary = await run(lake, options, report);
  process.stdout.write(renderSummary(summary, lake));
  if (!summary.ok) process.exitCode = 1;
  if (options.once) {
    await lake.stop();
    process.stdout.write(`${JSON.stringify(summary)}\n`);
    return;
  }
  process.stdout.write('Loch keeps serving. Press Ctrl-C to stop it.\n');
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  await lake.stop();
}

async function run(lake: Lake, options: DemoOptions, report: Report): Promise<Summary> {
  const began = Date.now();
  const fresh = !existsSync(lake.data);
  const layers: Record<string, number> = {};
  const timed = async <T>(layer: string, title: string, work: () => Promise<[T, string]>): Promise<T> => {
    const started = Date.now();
    report.step(title);
    const [result, outcome] = await work();
    layers[layer] = (layers[layer] ?? 0) + Date.now() - started;
    report.done(outcome);
    return result;
  };
  const source = { scale: options.scale, seed: options.seed };
  const database = await timed('source', 'source database', async () => {
    const opened = await openSourceDatabase(options.pg);
    const rows = await fillSourceDatabase(opened.url, source);
    return [
      { ...opened, rows },
      Object.entries(rows)
        .map(([table, n]) => `${table} ${n}`)
        .join(', '),
    ];
  });
  try {
    await timed('start', 'start Loch', async () => {
      await lake.start();
      return [undefined, `${lake.server.awsUrl}, console ${lake.server.consoleUrl}`];
    });
    const memory = watchMemory(() => lake.processIds());
    const since = await lake.through(async () => (await lake.client.call<{ now: number }>('GET', '/api/clock')).now);
    const analyst = await timed('governance', 'users, jobs, workflow', async () => {
      const key = await makeAnalyst(lake, options.data);
      await definePipeline(lake);
      return [key, `user ${ANALYST}, ${Object.keys(CLEANING).length + 2} jobs`];
    });
    const loaded = await timed('ingestion', 'full load from PostgreSQL', async () => {
      const rows = await loadDatabase(lake, database.url, report);
      return [rows, `${sum(Object.values(rows))} rows`];
    });
    const events = await timed('ingestion', 'web events by Firehose', async () => {
      const sent = await sendWebEvents(lake, source, report);
      return [sent, `${sent} records`];
    });
    const files = await timed('ingestion', 'transactions and ratings by S3', async () => {
      const rows = await putFiles(lake, source, report);
      return [rows, `${rows.transactions} and ${rows.ratings} rows`];
    });
    const sent = {
      customers: loaded['bank.customers'] ?? 0,
      accounts: loaded['bank.accounts'] ?? 0,
      transactions: files.transactions,
      web_events: events,
      ratings: files.ratings,
    };
    const jobRuns = await timed('processing', 'crawl, clean, build', async () => {
      const runs = await processBatch(lake, since, { sent }, report);
      return [runs, `${runs.length} job runs`];
    });
    await timed('catalog', 'search for `customer email`', async () => {
      const found = await search(lake, 'customer email');
      if (found.length === 0) throw new Error('The catalog found no table for `customer email`.');
      return [undefined, found.join(', ')];
    });
    await timed('governance', 'grants for the analyst', async () => {
      await grantAnalyst(lake);
      return [undefined, `${ANALYST}: rows of ${ANALYST_REGION}, e-mail masked, no national id`];
    });
    const asked = await timed('consumption', 'queries as root and analyst', async () => {
      const root = await ask(lake, TOP_LEADS);
      const hers = await ask(lake, TOP_LEADS, analyst);
      const regions = await ask(lake, 'SELECT DISTINCT region FROM curated.customer_360', analyst);
      return [{ root, hers, regions }, `${root.rows.length} rows for root, ${hers.rows.length} for ${ANALYST}`];
    });
    process.stdout.write(`\nTop leads by region, as root:\n${renderTable(asked.root.header, asked.root.rows)}\n`);
    process.stdout.write(`\nThe same statement as ${ANALYST}:\n${renderTable(asked.hers.header, asked.hers.rows)}\n\n`);
    const curated = await timed('consumption', 'row hashes', async () => {
      const tables = {
        customer_360: await tableHash(lake, 'curated.customer_360', 'customer_id'),
        cd_leads: await tableHash(lake, 'curated.cd_leads', 'customer_id'),
      };
      return [tables, `customer_360 ${tables.customer_360.rows} rows, cd_leads ${tables.cd_leads.rows}`];
    });
    const audited = await timed('governance', 'audit', async () => {
      const mine = await eventsOf(lake, ANALYST, 'StartQueryExecution');
      const roots = await eventsOf(lake, 'root', 'StartQueryExecution');
      return [
        { analyst: mine.length, root: roots.length },
        `${mine.length} statements of ${ANALYST} and ${roots.length} of root in LookupEvents`,
      ];
    });
    memory.stop();
    const undisturbed = lake.restarts === 0;
    const counted = reconcile(sent, sourceRuns(jobRuns), undisturbed);
    // The generator knows what it planted: a first, undisturbed run must find exactly that.
    const problems = [
      ...counted.problems,
      ...(fresh && undisturbed ? matchesPlan(counted.sources, options.scale) : []),
    ];
    return {
      sources: counted.sources,
      ok: problems.length === 0,
      problems,
      scale: options.scale,
      seconds: round((Date.now() - began) / 1000),
      layers,
      curated,
      analyst: { rows: asked.hers.rows.length, regions: asked.regions.rows.map((row) => row[0] ?? '') },
      audit: audited,
      restarts: lake.restarts,
      peakRssMiB: Math.round(memory.peakBytes() / 1024 / 1024),
    };
  } finally {
    await database.stop();
  }
}

/** The runs of each source's cleaning job. */
function sourceRuns(runs: readonly JobRun[]): Record<string, readonly JobRun[]> {
  return Object.fromEntries(
    Object.entries(CLEANING).map(([source, { name }]) => [source, runs.filter((run) => run.job === name)]),
  );
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const round = (value: number): number => Math.round(value * 10) / 10;

main().catch((error: unknown) => {
  process.stderr.write(`\ndemo: ${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
  if (process.env.LOCH_LOG_LEVEL === 'debug' && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
