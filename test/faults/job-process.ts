/** Lands batches and runs a workflow of four nodes over them, until done or killed. Prints the rows' hash at the end. */
import { isLochError } from '../../src/core/errors.ts';
import type { JobDefinition, WorkflowDefinition } from '../../src/processing/contract.ts';
import { openTestProcessing } from '../../src/testing/builders/test-processing.ts';

const [folder, batches] = [process.argv[2]!, Number(process.argv[3])];
const lake = await openTestProcessing({ folder });

const clean = (name: string, references?: string): JobDefinition => ({
  kind: 'clean',
  name,
  source: { bucket: 'raw', prefix: `${name}/`, format: 'csv' },
  target: { database: 'd', table: name },
  columns: [
    { name: 'id', type: 'bigint' },
    { name: 'owner', type: 'bigint' },
    { name: 'amount', type: 'decimal(12,2)' },
    { name: 'at', type: 'timestamp' },
  ],
  key: ['id'],
  eventTime: 'at',
  rules:
    references === undefined
      ? [{ rule: 'range', column: 'amount', min: '0' }]
      : [{ rule: 'references', column: 'owner', table: { database: 'd', table: references }, key: 'id' }],
  quarantine: { bucket: 'lake', prefix: 'q/' },
  maxRetries: 1,
});
const sql = (name: string, text: string): JobDefinition => ({
  kind: 'sql',
  name,
  sql: text,
  dialect: 'duckdb',
  target: { database: 'd', table: name },
  mode: 'overwrite',
});
const node = (job: string, ...after: string[]) => ({ name: job, kind: 'job' as const, job, after });
const workflow: WorkflowDefinition = {
  name: 'all',
  nodes: [node('owners'), node('things', 'owners'), node('sums', 'things'), node('top', 'sums')],
  triggers: [],
};

await lake.catalog.createDatabase(lake.root, { name: 'd', locationUri: 's3://lake/d/' }).catch((error: unknown) => {
  if (!isLochError(error, 'already_exists')) throw error;
});
for (const job of [
  clean('owners'),
  clean('things', 'owners'),
  sql('sums', 'SELECT owner, count(*) AS n, CAST(sum(amount) AS DECIMAL(18,2)) AS total FROM things GROUP BY owner'),
  sql('top', 'SELECT * FROM sums WHERE n > 1'),
]) {
  await lake.jobs.put(lake.root, job);
}
await lake.workflows.put(lake.root, workflow);

/** The rows of a batch: new keys, corrected ones, rejects, and rows of the batch before once more. */
function csv(batch: number, step: number): string {
  const rows = Array.from({ length: 60 }, (_, i) => {
    const id = i % 7 === 3 ? '' : (i * step) % 97;
    return `${id},${(i * 5 + batch) % 89},${((i * 37 + batch * 11) % 900) - 20}.50,2026-01-${String(1 + ((i + batch) % 28)).padStart(2, '0')}`;
  });
  return `id,owner,amount,at\n${rows.join('\n')}\n`;
}

/** One run at a time: the one that a kill left goes on by itself and is waited for. */
async function run(): Promise<void> {
  const [last] = await lake.workflows.runs(lake.root, { limit: 1 });
  if (last?.state === 'RUNNING') await lake.workflows.wait(last.id, lake.root.signal);
  const started = await lake.workflows.start(lake.root, 'all');
  await lake.workflows.wait(started.id, lake.root.signal);
}

process.stdout.write('open\n');
for (let batch = 0; batch < batches; batch++) {
  for (const [source, step] of [
    ['owners', 3],
    ['things', 5],
  ] as const) {
    const key = `${source}/${batch}.csv`;
    const there = await lake.objects.head('raw', key).then(
      () => true,
      () => false,
    );
    if (!there) await lake.land(key, csv(batch, step));
  }
  await run();
}
const hash = [];
for (const table of ['owners', 'things', 'sums', 'top']) {
  hash.push(...(await lake.rows(`SELECT '${table}', count(*), sum(hash(t)) FROM (SELECT * FROM ${`d.${table}`}) t`)));
}
const runs = await lake.jobs.runs(lake.root, { limit: 1000 });
const committed: string[] = [];
for (const table of ['owners', 'things', 'sums', 'top']) {
  for (const { summary } of await lake.catalog.snapshots(lake.root, { database: 'd', table })) {
    committed.push(summary['loch.run-id'] ?? 'none');
  }
}
process.stdout.write(`${JSON.stringify({ hash, runs, committed })}\n`);
await lake.close();
