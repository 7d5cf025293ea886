/** A crash at each named state of a run: the next start ends in the rows of a run that was never disturbed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JobDefinition } from '../../src/processing/contract.ts';
import { openTestProcessing } from '../../src/testing/builders/test-processing.ts';

type Lake = Awaited<ReturnType<typeof openTestProcessing>>;

const jobInto = (table: string, name = table): JobDefinition => ({
  kind: 'clean',
  name,
  source: { bucket: 'raw', prefix: `${name}/`, format: 'csv' },
  target: { database: 'd', table },
  columns: [
    { name: 'id', type: 'bigint' },
    { name: 'v', type: 'string' },
    { name: 'at', type: 'timestamp' },
  ],
  key: ['id'],
  eventTime: 'at',
  rules: [{ rule: 'complete', column: 'v' }],
  quarantine: { bucket: 'lake', prefix: 'q/' },
});

/** Hangs for ever at a chosen call, as a process that is about to die does; the test then closes and opens again. */
function stall() {
  let at: string | undefined;
  let reached = () => {};
  const hold = async (point: string, signal?: AbortSignal): Promise<void> => {
    if (point !== at) return;
    reached();
    await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
  };
  return {
    hold,
    until(point: string): Promise<void> {
      at = point;
      return new Promise((resolve) => {
        reached = resolve;
      });
    },
    off() {
      at = undefined;
    },
  };
}

describe('a run that a crash interrupts', () => {
  let lake: Lake;
  let gate: ReturnType<typeof stall>;

  let tests = 0;
  let job: JobDefinition;

  beforeAll(async () => {
    gate = stall();
    lake = await openTestProcessing({
      wrapRunner: (runner) => ({
        async run(context, request, signal) {
          const point = request.sql.includes('loch_raw')
            ? 'reading'
            : request.result.kind === 'json'
              ? 'quarantine'
              : 'writing';
          await gate.hold(point, signal);
          return runner.run(context, request, signal);
        },
      }),
      wrapCatalog: (catalog) => ({
        ...catalog,
        async commitTable(context, name, change, options) {
          await gate.hold('before-commit');
          const outcome = await catalog.commitTable(context, name, change, options);
          await gate.hold('after-commit');
          return outcome;
        },
      }),
    });
    await lake.catalog.createDatabase(lake.root, { name: 'd', locationUri: 's3://lake/d/' });
  });
  afterAll(() => lake.close());
  beforeEach(async () => {
    job = jobInto(`t${++tests}`);
    await lake.jobs.put(lake.root, job);
    await lake.land(`${job.name}/1.csv`, 'id,v,at\n1,a,2026-01-01\n2,b,2026-01-01\n3,,2026-01-01\n');
  });

  /** Waits for the stall; a run that ends before it, or an engine that hangs, is told instead of a time-out. */
  const stalled = async (reached: Promise<void>, runId: string) => {
    const watch = new AbortController();
    const hangs = sleep(40_000, undefined, { signal: watch.signal }).then(async () => {
      const run = await lake.jobs.run(lake.root, runId);
      throw new Error(`Nothing happens: ${JSON.stringify({ run, engine: lake.engine.figures() })}`);
    });
    hangs.catch(() => {});
    const ends = lake.jobs.wait(runId, watch.signal).then((run) => {
      throw new Error(`The run ended first: ${JSON.stringify(run)}`);
    });
    ends.catch(() => {});
    try {
      await Promise.race([reached, ends, hangs]);
    } finally {
      watch.abort();
    }
  };
  const finish = async () => {
    const [run] = await lake.jobs.runs(lake.root, { job: job.name });
    return lake.jobs.wait(run!.id, lake.root.signal);
  };
  const table = () => lake.rows(`SELECT * FROM d.${job.target.table} ORDER BY id`);
  const clean = [
    ['1', 'a', '2026-01-01 00:00:00'],
    ['2', 'b', '2026-01-01 00:00:00'],
  ];

  for (const [point, state] of [
    ['reading', 'RUNNING'],
    ['quarantine', 'RUNNING'],
    ['writing', 'RUNNING'],
    ['before-commit', 'COMMITTING'],
    ['after-commit', 'COMMITTING'],
  ] as const) {
    it(`ends in the same rows after a crash at ${point}, and commits once`, async () => {
      const reached = gate.until(point);
      const { id } = await lake.jobs.start(lake.root, job.name);
      await stalled(reached, id);
      expect((await lake.jobs.run(lake.root, id)).state).toBe(state);
      // Arrives while the run is down: it belongs to the next run.
      await lake.land(`${job.name}/2.csv`, 'id,v,at\n9,z,2026-01-01\n');
      gate.off();
      await lake.crash();
      const run = await finish();
      expect(run).toMatchObject({ id, state: 'SUCCEEDED', attempt: 1 });
      expect(run.counts).toMatchObject({
        objectsIn: 1,
        rowsIn: 3,
        rowsCommitted: 2,
        rowsRejected: 1,
        rowsDuplicate: 0,
      });
      expect(await table()).toEqual(clean);
      expect(await lake.catalog.snapshots(lake.root, job.target)).toHaveLength(1);
      const next = await lake.jobs.start(lake.root, job.name);
      expect((await lake.jobs.wait(next.id, lake.root.signal)).counts).toMatchObject({
        objectsIn: 1,
        rowsCommitted: 1,
      });
      expect(await table()).toEqual([...clean, ['9', 'z', '2026-01-01 00:00:00']]);
    });
  }

  it('reads again when the target changed after it was read, and loses neither side', async () => {
    const first = await lake.jobs.start(lake.root, job.name);
    await lake.jobs.wait(first.id, lake.root.signal);
    await lake.jobs.put(lake.root, jobInto(job.target.table, 'other'));
    await lake.land('other/1.csv', 'id,v,at\n1,newer,2026-06-01\n7,g,2026-01-01\n');
    await lake.land(`${job.name}/2.csv`, 'id,v,at\n1,older,2026-03-01\n8,h,2026-01-01\n');
    const reached = gate.until('before-commit');
    const slow = await lake.jobs.start(lake.root, job.name);
    await stalled(reached, slow.id);
    gate.off();
    const fast = await lake.jobs.start(lake.root, 'other');
    expect(await lake.jobs.wait(fast.id, lake.root.signal)).toMatchObject({ state: 'SUCCEEDED' });
    await lake.crash();
    const run = await lake.jobs.wait(slow.id, lake.root.signal);
    expect(run).toMatchObject({ state: 'SUCCEEDED', counts: { rowsIn: 2, rowsCommitted: 1, rowsDuplicate: 1 } });
    expect(await lake.rows(`SELECT id, v FROM d.${job.target.table} ORDER BY id`)).toEqual([
      ['1', 'newer'],
      ['2', 'b'],
      ['7', 'g'],
      ['8', 'h'],
    ]);
  });

  it('reads the newer version when an object is replaced before its run commits', async () => {
    const reached = gate.until('reading');
    const { id } = await lake.jobs.start(lake.root, job.name);
    await stalled(reached, id);
    await lake.land(`${job.name}/1.csv`, 'id,v,at\n5,e,2026-01-01\n');
    gate.off();
    await lake.crash();
    expect((await lake.jobs.wait(id, lake.root.signal)).counts).toMatchObject({ objectsIn: 1, rowsIn: 1 });
    expect(await lake.rows(`SELECT id FROM d.${job.target.table}`)).toEqual([['5']]);
    const next = await lake.jobs.start(lake.root, job.name);
    expect((await lake.jobs.wait(next.id, lake.root.signal)).counts).toMatchObject({ objectsIn: 0 });
  });

  it('stops when asked to, and the next run reads the same objects', async () => {
    const reached = gate.until('writing');
    const { id } = await lake.jobs.start(lake.root, job.name);
    await stalled(reached, id);
    await lake.jobs.stop(lake.root, id);
    expect(await lake.jobs.run(lake.root, id)).toMatchObject({ state: 'STOPPED' });
    gate.off();
    const next = await lake.jobs.start(lake.root, job.name);
    expect((await lake.jobs.wait(next.id, lake.root.signal)).counts).toMatchObject({ objectsIn: 1, rowsCommitted: 2 });
  });
});
