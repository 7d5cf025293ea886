import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isLochError } from '../../core/errors.ts';
import { openTestProcessing } from '../../testing/builders/test-processing.ts';
import type { JobDefinition, WorkflowDefinition, WorkflowRun } from '../contract.ts';

type Lake = Awaited<ReturnType<typeof openTestProcessing>>;
let lake: Lake;
beforeAll(async () => {
  lake = await openTestProcessing();
  await lake.catalog.createDatabase(lake.root, { name: 'd', locationUri: 's3://lake/d/' });
  for (const definition of [clean('clean-a'), clean('clean-b'), total, failing])
    await lake.jobs.put(lake.root, definition);
});
afterAll(async () => {
  // Only what the crashes took the store from.
  expect(lake.failures.filter((error) => !isLochError(error, 'unavailable'))).toEqual([]);
  await lake.close();
});

function clean(name: string): JobDefinition {
  return {
    kind: 'clean',
    name,
    source: { bucket: 'raw', prefix: `${name}/`, format: 'csv' },
    target: { database: 'd', table: name.replace('-', '_') },
    columns: [
      { name: 'id', type: 'bigint' },
      { name: 'at', type: 'timestamp' },
    ],
    key: ['id'],
    eventTime: 'at',
    rules: [],
    quarantine: { bucket: 'lake', prefix: 'q/' },
  };
}
const total: JobDefinition = {
  kind: 'sql',
  name: 'total',
  sql: 'SELECT (SELECT count(*) FROM clean_a) + (SELECT count(*) FROM clean_b) AS n',
  dialect: 'duckdb',
  target: { database: 'd', table: 'total' },
  mode: 'overwrite',
};
const failing: JobDefinition = {
  ...total,
  name: 'failing',
  sql: 'SELECT nothing FROM nowhere',
  target: { database: 'd', table: 'f' },
};

const node = (job: string, ...after: string[]) => ({ name: job, kind: 'job' as const, job, after });
const states = (run: WorkflowRun) => Object.fromEntries(run.nodes.map((n) => [n.name, n.state]));
const wait = (run: WorkflowRun) => lake.workflows.wait(run.id, lake.root.signal);
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < 400; i++) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(25);
  }
  return expect.fail('It did not come.');
}

describe('a workflow', () => {
  it('runs nodes after those they wait for, and jobs beside each other', async () => {
    const workflow: WorkflowDefinition = {
      name: 'main',
      nodes: [
        node('total', 'clean-a', 'clean-b'),
        node('clean-a', 'crawl'),
        node('clean-b'),
        { name: 'crawl', kind: 'crawler', crawler: 'raw-crawler', after: [] },
      ],
      triggers: [{ kind: 'on_demand' }],
    };
    await lake.workflows.put(lake.root, workflow);
    await lake.land('clean-a/1.csv', 'id,at\n1,2026-01-01\n2,2026-01-01\n');
    await lake.land('clean-b/1.csv', 'id,at\n1,2026-01-01\n');
    const started = await lake.workflows.start(lake.root, 'main');
    expect(started.state).toBe('RUNNING');
    await expect(lake.workflows.start(lake.root, 'main')).rejects.toMatchObject({ code: 'concurrent_run' });
    const run = await wait(started);
    expect(run.state).toBe('COMPLETED');
    expect(lake.crawls.started).toEqual(['raw-crawler']);
    expect(await lake.rows('SELECT n FROM d.total')).toEqual([['3']]);
    const at = (name: string) => run.nodes.find((n) => n.name === name)!;
    expect(at('total').startedAt).toBeGreaterThanOrEqual(Math.max(at('clean-a').endedAt!, at('clean-b').endedAt!));
    const runs = await lake.jobs.runs(lake.root, { workflowRunId: run.id });
    expect(runs.map((r) => r.id).sort()).toEqual(['clean-a', 'clean-b', 'total'].map((n) => at(n).runId!).sort());
  });

  it('skips what follows a failure, and goes on with the rest', async () => {
    await lake.workflows.put(lake.root, {
      name: 'half',
      nodes: [node('failing'), node('total', 'failing'), node('clean-b', 'total'), node('clean-a')],
      triggers: [],
    });
    const run = await wait(await lake.workflows.start(lake.root, 'half'));
    expect(run.state).toBe('FAILED');
    expect(states(run)).toEqual({ failing: 'FAILED', total: 'SKIPPED', 'clean-b': 'SKIPPED', 'clean-a': 'SUCCEEDED' });
    expect(run.nodes[0]!.error).toMatch(/table_not_found: .*nowhere/);
  });

  it('starts a failed node anew as often as it may', async () => {
    await lake.workflows.put(lake.root, { name: 'again', nodes: [{ ...node('failing'), retries: 2 }], triggers: [] });
    const run = await wait(await lake.workflows.start(lake.root, 'again'));
    expect(run.state).toBe('FAILED');
    expect(await lake.jobs.runs(lake.root, { workflowRunId: run.id })).toHaveLength(3);
  });

  it('fails a node whose job is gone or may not be run, and says why', async () => {
    await lake.workflows.put(lake.root, { name: 'gone', nodes: [node('clean-c')], triggers: [] });
    const run = await wait(await lake.workflows.start(lake.root, 'gone'));
    expect(run.nodes[0]).toMatchObject({ state: 'FAILED', error: expect.stringMatching(/no job `clean-c`.*clean-a/) });
    const eve = await lake.user('eve', { Effect: 'Allow', Action: 'glue:*Workflow*', Resource: '*' });
    await lake.workflows.put(eve, { name: 'of-eve', nodes: [node('clean-a')], triggers: [] });
    const hers = await wait(await lake.workflows.start(eve, 'of-eve'));
    expect(hers.nodes[0]!.error).toMatch(/^access_denied: .*glue:StartJobRun/);
    await expect(
      lake.workflows.start(await lake.user('mallory', { Effect: 'Allow', Action: 's3:*', Resource: '*' }), 'main'),
    ).rejects.toMatchObject({
      code: 'access_denied',
    });
  });

  it('stops: running jobs end, waiting nodes do not begin', async () => {
    lake.crawls.hold.add('slow-crawler');
    await lake.workflows.put(lake.root, {
      name: 'stopped',
      nodes: [{ name: 'crawl', kind: 'crawler', crawler: 'slow-crawler', after: [] }, node('clean-a', 'crawl')],
      triggers: [],
    });
    const { id } = await lake.workflows.start(lake.root, 'stopped');
    await until(async () => (lake.crawls.started.includes('slow-crawler') ? true : undefined));
    await lake.workflows.stop(lake.root, id);
    const run = await lake.workflows.run(lake.root, id);
    expect([run.state, states(run)]).toEqual(['STOPPED', { crawl: 'STOPPED', 'clean-a': 'STOPPED' }]);
  });

  it('keeps its graph while it runs, though the workflow is changed; jobs are taken as they are then', async () => {
    lake.crawls.hold.add('edit-crawler');
    const crawl = { name: 'crawl', kind: 'crawler' as const, crawler: 'edit-crawler', after: [] };
    const edited: JobDefinition = { ...total, name: 'edited', target: { database: 'd', table: 'edited' } };
    await lake.jobs.put(lake.root, edited);
    await lake.workflows.put(lake.root, { name: 'edited', nodes: [crawl, node('edited', 'crawl')], triggers: [] });
    const started = await lake.workflows.start(lake.root, 'edited');
    await until(async () => (lake.crawls.started.includes('edit-crawler') ? true : undefined));
    await lake.workflows.put(lake.root, { name: 'edited', nodes: [node('failing')], triggers: [] });
    await lake.jobs.put(lake.root, { ...edited, sql: 'SELECT 42 AS n' } as JobDefinition);
    lake.crawls.end('edit-crawler', 'COMPLETED');
    expect(states(await wait(started))).toEqual({ crawl: 'SUCCEEDED', edited: 'SUCCEEDED' });
    expect(await lake.rows('SELECT n FROM d.edited')).toEqual([['42']]);
  });

  it.each([
    [{ nodes: [] }, /at least one node/],
    [{ nodes: [node('a', 'b'), node('b', 'a')] }, /wait for each other: a → b → a/],
    [{ nodes: [node('alpha'), node('b', 'alph')] }, /Did you mean alpha\?/],
    [{ triggers: [{ kind: 'event', bucket: 'raw', prefix: '', batchWindowMs: 900_001 }] }, /900001/],
  ] as const)('refuses %j', async (change, message) => {
    const definition = { name: 'refused', nodes: [node('clean-a')], triggers: [], ...change } as WorkflowDefinition;
    await expect(lake.workflows.put(lake.root, definition)).rejects.toThrow(message);
  });
});

describe('an event trigger', () => {
  const onArrival = (batchWindowMs: number): WorkflowDefinition => ({
    name: 'arrivals',
    nodes: [{ name: 'crawl', kind: 'crawler', crawler: 'gate', after: [] }, node('clean-a', 'crawl')],
    triggers: [{ kind: 'event', bucket: 'raw', prefix: 'clean-a/', batchWindowMs }],
  });
  const count = async () => (await lake.rows('SELECT count(*) FROM d.clean_a'))[0]![0];
  const runs = () => lake.workflows.runs(lake.root, { workflow: 'arrivals' });

  it('starts one run for all that arrives within the window', async () => {
    await lake.workflows.put(lake.root, onArrival(300));
    const before = Number(await count());
    for (let i = 0; i < 4; i++) await lake.land(`clean-a/w${i}.csv`, `id,at\n${100 + i},2026-01-01\n`);
    await lake.land('elsewhere/x.csv', 'id,at\n1,2026-01-01\n');
    await lake.land('clean-a/_temporary', 'x');
    const [run] = await until(async () => {
      const all = await runs();
      return all[0]?.endedAt === undefined ? undefined : all;
    });
    expect(run).toMatchObject({ state: 'COMPLETED', trigger: 'event: raw/clean-a/w0.csv and 3 more' });
    expect(Number(await count())).toBe(before + 4);
    await sleep(400);
    expect(await runs()).toHaveLength(1);
  });

  it('gathers what arrives during a run into exactly one run after it, also over a restart', async () => {
    await lake.workflows.put(lake.root, onArrival(0));
    lake.crawls.hold.add('gate');
    const before = Number(await count());
    await lake.land('clean-a/x1.csv', 'id,at\n201,2026-01-01\n');
    await until(async () => ((await runs()).length === 2 ? true : undefined));
    await lake.land('clean-a/x2.csv', 'id,at\n202,2026-01-01\n');
    await lake.land('clean-a/x3.csv', 'id,at\n203,2026-01-01\n');
    await sleep(150);
    expect(await runs()).toHaveLength(2);
    await lake.crash();
    lake.crawls.hold.delete('gate');
    lake.crawls.end('gate', 'COMPLETED');
    await until(async () => {
      const all = await runs();
      return all.length === 3 && all.every((run) => run.state === 'COMPLETED') ? true : undefined;
    });
    expect(Number(await count())).toBe(before + 3);
    expect((await runs())[0]!.trigger).toBe('event: raw/clean-a/x2.csv and 1 more');
  });

  it('starts for what arrived while nobody looked', async () => {
    await lake.land('clean-a/y1.csv', 'id,at\n301,2026-01-01\n');
    await lake.crash();
    await until(async () =>
      (await runs()).filter((run) => run.state === 'COMPLETED').length === 4 ? true : undefined,
    );
    expect((await lake.rows('SELECT count(*) FROM d.clean_a WHERE id = 301'))[0]).toEqual(['1']);
  });
});
