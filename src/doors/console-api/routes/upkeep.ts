import { z } from 'zod';
import type { Upkeep } from '../../../storage/contract.ts';
import { type Routes, routes } from '../app.ts';

const jobStatus = z.strictObject({ status: z.enum(['Ready', 'Cancelled']) });

/** What the store does by itself: passes of lifecycle rules, moves between tiers, the scrub. */
export function upkeepRoutes(upkeep: Upkeep): Routes {
  const { lifecycle, inventories } = upkeep;
  const app = routes();
  app.get('/lifecycle', async (c) => c.json({ runs: await lifecycle.list(c.get('context')) }));
  app.post('/lifecycle/:bucket/runs', async (c) => {
    const { bucket } = c.req.param();
    c.set('auditParameters', { bucket });
    return c.json(await lifecycle.run(c.get('context'), bucket), 201);
  });
  app.get('/inventories', async (c) => c.json({ runs: await inventories.list(c.get('context')) }));
  app.post('/inventories/:bucket/:id/runs', async (c) => {
    const { bucket, id } = c.req.param();
    c.set('auditParameters', { bucket, id });
    return c.json(await inventories.run(c.get('context'), bucket, id), 201);
  });
  app.get('/storage-figures', async (c) => c.json({ buckets: await upkeep.figures.list(c.get('context')) }));
  app.post('/storage-figures', async (c) => {
    const bucket = c.req.query('bucket');
    if (bucket !== undefined) c.set('auditParameters', { bucket });
    return c.json({ buckets: await upkeep.figures.count(c.get('context'), bucket) }, 201);
  });
  app.get('/replication/:bucket', async (c) => {
    const { bucket } = c.req.param();
    const { replication } = upkeep;
    return c.json({
      rules: await replication.figures(c.get('context'), bucket),
      failures: await replication.failures(c.get('context'), bucket, 100),
    });
  });
  app.get('/batch-jobs', async (c) => {
    const jobs = await upkeep.batch.list(c.get('context'), { limit: 100 });
    return c.json({ jobs: jobs.map(({ foreign: _, ...job }) => job) });
  });
  app.post('/batch-jobs/:id/status', async (c) => {
    const { id } = c.req.param();
    const { status } = jobStatus.parse(c.get('body'));
    c.set('auditParameters', { jobId: id, status });
    const { foreign: _, ...job } = await upkeep.batch.setStatus(c.get('context'), id, status);
    return c.json(job);
  });
  app.get('/tiers', async (c) => c.json(await upkeep.tiers(c.get('context'))));
  app.get('/durability', async (c) => c.json(await upkeep.durability(c.get('context'))));
  app.get('/notifications/dead', async (c) => c.json({ letters: await upkeep.deadLetters(c.get('context')) }));
  app.get('/scrub', async (c) => c.json(await upkeep.scrub(c.get('context'))));
  app.post('/scrub', async (c) => c.json(await upkeep.scrub(c.get('context'), true), 201));
  return app;
}
