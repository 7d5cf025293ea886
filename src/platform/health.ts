import { Hono } from 'hono';
import { toLochError } from '../core/errors.ts';
import type { Health } from '../core/lifecycle.ts';
import type { ApiEnvironment, Routes } from '../doors/console-api/app.ts';
import type { Parts } from './compose.ts';

/** `/healthz` for load balancers and `loch status`, and `/metrics` for Prometheus. Neither tells anything of the data. */
export function healthRoutes(deps: { readonly parts: Parts }): Routes {
  const { parts } = deps;
  const app = new Hono<ApiEnvironment>();
  const look = async (name: string, check: () => Promise<string>): Promise<Health> => {
    try {
      return { name, ok: true, detail: await check() };
    } catch (error) {
      return { name, ok: false, detail: toLochError(error).message };
    }
  };
  app.get('/healthz', async (c) => {
    const checks = await Promise.all([
      look('metadata', async () => {
        await parts.store.readOutbox(Number.MAX_SAFE_INTEGER, 1);
        return 'answers reads';
      }),
      look('storage', () => parts.checkObjects()),
      parts.engine.check(),
    ]);
    const ok = checks.every((check) => check.ok);
    return c.json({ ok, parts: checks }, ok ? 200 : 503);
  });
  app.get('/metrics', async (c) =>
    c.body(await parts.monitoring.metricsText(), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
  );
  return app;
}
