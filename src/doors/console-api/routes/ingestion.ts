import { z } from 'zod';
import type { RequestContext } from '../../../core/caller.ts';
import { toLochError } from '../../../core/errors.ts';
import { LochError } from '../../../core/errors.ts';
import { newId } from '../../../core/ids.ts';
import { Secret } from '../../../core/secret.ts';
import type { Delivery, Loader, Replication } from '../../../ingestion/contract.ts';
import { type Routes, routes } from '../app.ts';

const postgresUrl = z
  .string()
  .regex(/^postgres(ql)?:\/\//, 'an address of the form postgres://user:password@host:port/database');
const loadBody = z.strictObject({
  target: z.strictObject({ database: z.string().min(1), table: z.string().min(1) }),
  mode: z.enum(['create', 'append', 'overwrite']).default('create'),
  format: z.enum(['csv', 'tsv', 'json', 'ndjson', 'parquet']).optional(),
  source: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('objects'), bucket: z.string(), keys: z.array(z.string()).min(1).max(10_000) }),
    z.strictObject({ kind: z.literal('postgres'), url: postgresUrl, table: z.string().min(1) }),
  ]),
});
const replicationBody = z.strictObject({
  url: postgresUrl,
  tables: z.array(z.string().min(1)).min(1),
  target: z.strictObject({ bucket: z.string(), prefix: z.string() }),
  parallel: z.number().int().min(1).max(16).optional(),
  rowsPerFile: z.number().int().min(1).optional(),
});

interface LoadState {
  readonly id: string;
  readonly owner: string;
  state: 'RUNNING' | 'SUCCEEDED' | 'FAILED';
  phase: string;
  rows: number;
  bytes: number;
  error?: string;
  result?: unknown;
}

const KEPT_LOADS = 200;

/** Loads, full-load tasks from databases, and delivery streams. */
export function ingestionRoutes(deps: {
  readonly loader: Loader;
  readonly replication: Replication;
  readonly delivery: Delivery;
  readonly stopping: AbortSignal;
}): Routes {
  const { loader, replication, delivery } = deps;
  const loads = new Map<string, LoadState>();
  const app = routes();

  app.post('/loads', (c) => {
    const body = loadBody.parse(c.get('body'));
    const source = body.source.kind === 'postgres' ? { ...body.source, url: new Secret(body.source.url) } : body.source;
    c.set('auditParameters', { target: body.target, mode: body.mode, source: body.source.kind });
    const load: LoadState = {
      id: newId(),
      owner: c.get('context').principal.arn,
      state: 'RUNNING',
      phase: 'starting',
      rows: 0,
      bytes: 0,
    };
    for (const old of loads.keys()) {
      if (loads.size < KEPT_LOADS) break;
      loads.delete(old);
    }
    loads.set(load.id, load);
    // The load goes on after this answer: it ends with the server, not with the request.
    const context: RequestContext = { ...c.get('context'), signal: deps.stopping };
    loader
      .load(
        context,
        { target: body.target, mode: body.mode, source, ...(body.format === undefined ? {} : { format: body.format }) },
        (now) => Object.assign(load, now),
        deps.stopping,
      )
      .then(
        (result) => Object.assign(load, { state: 'SUCCEEDED', phase: 'done', rows: result.rows, result }),
        (error: unknown) => Object.assign(load, { state: 'FAILED', error: toLochError(error).message }),
      );
    return c.json({ id: load.id }, 202);
  });
  app.get('/loads/:id', (c) => {
    const load = loads.get(c.req.param('id'));
    if (load === undefined || load.owner !== c.get('context').principal.arn) {
      throw new LochError(
        'not_found',
        `There is no load ${c.req.param('id')} of yours in this run of the server. If it committed, its table has a new snapshot.`,
      );
    }
    return c.json(load);
  });

  app.get('/replication-tasks', async (c) => c.json({ tasks: await replication.list(c.get('context')) }));
  app.put('/replication-tasks/:name', async (c) => {
    const { url, tables, target, parallel, rowsPerFile } = replicationBody.parse(c.get('body'));
    const name = c.req.param('name');
    c.set('auditParameters', { name, tables, target });
    await replication.put(c.get('context'), {
      name,
      source: { engine: 'postgres', url: new Secret(url) },
      tables,
      target,
      ...(parallel === undefined ? {} : { parallel }),
      ...(rowsPerFile === undefined ? {} : { rowsPerFile }),
    });
    return c.json({ name });
  });
  app.post('/replication-tasks/:name/start', async (c) => {
    c.set('auditParameters', c.req.param());
    return c.json(await replication.start(c.get('context'), c.req.param('name')), 202);
  });
  app.get('/replication-runs', async (c) => {
    const task = c.req.query('task');
    return c.json({ runs: await replication.runs(c.get('context'), { limit: 50, ...(task ? { task } : {}) }) });
  });
  app.get('/replication-runs/:id', async (c) => c.json(await replication.run(c.get('context'), c.req.param('id'))));
  app.post('/replication-runs/:id/stop', async (c) => {
    await replication.stop(c.get('context'), c.req.param('id'));
    return c.body(null, 204);
  });

  app.get('/delivery-streams', async (c) => {
    const context = c.get('context');
    const names = await delivery.list(context);
    const streams = await Promise.all(
      names.map(async (name) => ({ ...(await delivery.describe(context, name)), backlog: delivery.backlog(name) })),
    );
    return c.json({ streams });
  });
  return app;
}
