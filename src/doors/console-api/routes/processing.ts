import { z } from 'zod';
import type { JobDefinition, Jobs, WorkflowDefinition, Workflows } from '../../../processing/contract.ts';
import { type Routes, routes } from '../app.ts';

const name = z.string().regex(/^[A-Za-z0-9_.-]{1,255}$/, 'letters, digits, `_`, `.` and `-`, at most 255');
const tableName = z.strictObject({ database: z.string().min(1), table: z.string().min(1) });
const partition = z.array(z.strictObject({ column: z.string().min(1), transform: z.string().min(1) })).optional();
const rule = z.discriminatedUnion('rule', [
  z.strictObject({ rule: z.literal('complete'), column: z.string() }),
  z.strictObject({ rule: z.literal('unique'), columns: z.array(z.string()).min(1) }),
  z.strictObject({
    rule: z.literal('range'),
    column: z.string(),
    min: z.string().optional(),
    max: z.string().optional(),
  }),
  z.strictObject({ rule: z.literal('pattern'), column: z.string(), pattern: z.string().max(500) }),
  z.strictObject({ rule: z.literal('values'), column: z.string(), values: z.array(z.string()).min(1) }),
  z.strictObject({ rule: z.literal('type'), column: z.string(), type: z.string() }),
  z.strictObject({ rule: z.literal('iban'), column: z.string() }),
  z.strictObject({ rule: z.literal('references'), column: z.string(), table: tableName, key: z.string() }),
]);
const cleanColumn = z.strictObject({
  name: z.string().min(1),
  from: z.string().optional(),
  type: z.string().min(1),
  normalize: z.array(z.enum(['trim', 'lower', 'upper', 'collapse', 'digits', 'empty_to_null'])).optional(),
  formats: z.array(z.string()).optional(),
});
const jobBody = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('clean'),
    name,
    description: z.string().optional(),
    source: z.strictObject({
      bucket: z.string(),
      prefix: z.string(),
      format: z.enum(['csv', 'json', 'parquet']),
      options: z.record(z.string(), z.string()).optional(),
    }),
    target: tableName,
    columns: z.array(cleanColumn).min(1),
    key: z.array(z.string()).min(1),
    eventTime: z.string(),
    sourcePosition: z.array(z.string()).optional(),
    rules: z.array(rule),
    quarantine: z.strictObject({ bucket: z.string(), prefix: z.string() }),
    partition,
    maxRetries: z.number().int().min(0).max(10).optional(),
  }),
  z.strictObject({
    kind: z.literal('sql'),
    name,
    description: z.string().optional(),
    sql: z.string().min(1).max(262_144),
    dialect: z.enum(['athena', 'duckdb']).default('athena'),
    target: tableName,
    mode: z.enum(['overwrite', 'append']).default('overwrite'),
    partition,
    maxRetries: z.number().int().min(0).max(10).optional(),
  }),
]);
const workflowBody = z.strictObject({
  name,
  description: z.string().optional(),
  nodes: z
    .array(
      z.discriminatedUnion('kind', [
        z.strictObject({
          name,
          kind: z.literal('job'),
          job: z.string(),
          after: z.array(z.string()).default([]),
          retries: z.number().int().min(0).max(10).optional(),
        }),
        z.strictObject({
          name,
          kind: z.literal('crawler'),
          crawler: z.string(),
          after: z.array(z.string()).default([]),
          retries: z.number().int().min(0).max(10).optional(),
        }),
      ]),
    )
    .min(1),
  triggers: z.array(
    z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('on_demand') }),
      z.strictObject({
        kind: z.literal('event'),
        bucket: z.string(),
        prefix: z.string(),
        batchWindowMs: z.number().int().min(0).max(900_000),
        detailTypes: z.array(z.string()).min(1).max(20).optional(),
      }),
    ]),
  ),
});

/** Jobs and workflows: define, start, stop, follow. */
export function processingRoutes(deps: { readonly jobs: Jobs; readonly workflows: Workflows }): Routes {
  const { jobs, workflows } = deps;
  const app = routes();
  app.get('/jobs', async (c) => c.json({ jobs: await jobs.list(c.get('context')) }));
  app.put('/jobs/:name', async (c) => {
    const definition = jobBody.parse({ ...(c.get('body') as object), name: c.req.param('name') }) as JobDefinition;
    c.set('auditParameters', { name: definition.name, kind: definition.kind });
    await jobs.put(c.get('context'), definition);
    return c.json(await jobs.get(c.get('context'), definition.name));
  });
  app.get('/jobs/:name', async (c) => c.json(await jobs.get(c.get('context'), c.req.param('name'))));
  app.delete('/jobs/:name', async (c) => {
    c.set('auditParameters', c.req.param());
    await jobs.delete(c.get('context'), c.req.param('name'));
    return c.body(null, 204);
  });
  app.post('/jobs/:name/start', async (c) => {
    c.set('auditParameters', c.req.param());
    return c.json(await jobs.start(c.get('context'), c.req.param('name')), 202);
  });
  app.post('/jobs/:name/reset-bookmark', async (c) => {
    c.set('auditParameters', c.req.param());
    await jobs.resetBookmark(c.get('context'), c.req.param('name'));
    return c.body(null, 204);
  });
  app.get('/job-runs', async (c) => {
    const { job, workflowRunId } = c.req.query();
    const runs = await jobs.runs(c.get('context'), {
      limit: 100,
      ...(job ? { job } : {}),
      ...(workflowRunId ? { workflowRunId } : {}),
    });
    return c.json({ runs });
  });
  app.get('/job-runs/:id', async (c) => c.json(await jobs.run(c.get('context'), c.req.param('id'))));
  app.post('/job-runs/:id/stop', async (c) => {
    await jobs.stop(c.get('context'), c.req.param('id'));
    return c.body(null, 204);
  });

  app.get('/workflows', async (c) => c.json({ workflows: await workflows.list(c.get('context')) }));
  app.put('/workflows/:name', async (c) => {
    const definition = workflowBody.parse({
      ...(c.get('body') as object),
      name: c.req.param('name'),
    }) as WorkflowDefinition;
    c.set('auditParameters', { name: definition.name });
    await workflows.put(c.get('context'), definition);
    return c.json(await workflows.get(c.get('context'), definition.name));
  });
  app.get('/workflows/:name', async (c) => c.json(await workflows.get(c.get('context'), c.req.param('name'))));
  app.delete('/workflows/:name', async (c) => {
    c.set('auditParameters', c.req.param());
    await workflows.delete(c.get('context'), c.req.param('name'));
    return c.body(null, 204);
  });
  app.post('/workflows/:name/start', async (c) => {
    c.set('auditParameters', c.req.param());
    return c.json(await workflows.start(c.get('context'), c.req.param('name')), 202);
  });
  app.get('/workflow-runs', async (c) => {
    const workflow = c.req.query('workflow');
    return c.json({ runs: await workflows.runs(c.get('context'), { limit: 100, ...(workflow ? { workflow } : {}) }) });
  });
  app.get('/workflow-runs/:id', async (c) => c.json(await workflows.run(c.get('context'), c.req.param('id'))));
  app.post('/workflow-runs/:id/stop', async (c) => {
    await workflows.stop(c.get('context'), c.req.param('id'));
    return c.body(null, 204);
  });
  return app;
}
