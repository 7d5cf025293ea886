import type { Upkeep } from '../../../storage/contract.ts';
import { type Routes, routes } from '../app.ts';

/** What the store does by itself: passes of lifecycle rules, seen and started. */
export function upkeepRoutes({ lifecycle }: Upkeep): Routes {
  const app = routes();
  app.get('/lifecycle', async (c) => c.json({ runs: await lifecycle.list(c.get('context')) }));
  app.post('/lifecycle/:bucket/runs', async (c) => {
    const { bucket } = c.req.param();
    c.set('auditParameters', { bucket });
    return c.json(await lifecycle.run(c.get('context'), bucket), 201);
  });
  return app;
}
