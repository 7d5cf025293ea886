import { z } from 'zod';
import type { Catalog, Crawlers } from '../../../catalog/contract.ts';
import type { Queries } from '../../../consumption/contract.ts';
import { type Routes, routes } from '../app.ts';

const version = z.coerce.number().int().min(0);
const PREVIEW_ROWS = 50;
const crawlerBody = z.strictObject({
  name: z.string().min(1).max(255),
  database: z.string().min(1),
  path: z.string().startsWith('s3://'),
  tablePrefix: z.string().default(''),
  kind: z.enum(['s3', 'delta', 'iceberg', 'hudi']).default('s3'),
  recrawl: z.enum(['CRAWL_EVERYTHING', 'CRAWL_NEW_FOLDERS_ONLY', 'CRAWL_EVENT_MODE']).default('CRAWL_EVERYTHING'),
  schedule: z.string().default(''),
});

/** Databases, tables with versions, partitions and a preview, search, the bin, and crawlers. */
export function catalogRoutes(deps: {
  readonly catalog: Catalog;
  readonly crawlers: Crawlers;
  readonly queries: Queries;
}): Routes {
  const { catalog, crawlers, queries } = deps;
  const app = routes();
  app.get('/databases', async (c) => c.json({ databases: await catalog.listDatabases(c.get('context')) }));
  app.get('/databases/:database/tables', async (c) =>
    c.json({ tables: await catalog.listTables(c.get('context'), c.req.param('database')) }),
  );
  app.get('/search', async (c) =>
    c.json({ hits: await catalog.search(c.get('context'), { text: c.req.query('q') ?? '', limit: 50 }) }),
  );
  app.get('/dropped-tables', async (c) => c.json({ tables: await catalog.droppedTables(c.get('context')) }));
  app.post('/dropped-tables/:id/restore', async (c) =>
    c.json(await catalog.restoreTable(c.get('context'), c.req.param('id'))),
  );

  app.get('/tables/:database/:table', async (c) => {
    const context = c.get('context');
    const name = c.req.param();
    const table = await catalog.getTable(context, name);
    const [versions, partitions, snapshots] = await Promise.all([
      catalog.tableVersions(context, name),
      table.partitionKeys.length > 0 && table.format !== 'iceberg'
        ? catalog.listPartitions(context, name, { limit: 200 })
        : [],
      table.format === 'iceberg' ? catalog.snapshots(context, name) : [],
    ]);
    return c.json({ table, versions, partitions, snapshots });
  });
  app.get('/tables/:database/:table/versions/diff', async (c) =>
    c.json(
      await catalog.diffTableVersions(c.get('context'), c.req.param(), {
        from: version.parse(c.req.query('from')),
        to: version.parse(c.req.query('to')),
      }),
    ),
  );
  app.post('/tables/:database/:table/versions/:version/restore', async (c) => {
    c.set('auditParameters', c.req.param());
    return c.json(
      await catalog.restoreTableVersion(c.get('context'), c.req.param(), version.parse(c.req.param('version'))),
    );
  });
  app.delete('/tables/:database/:table', async (c) => {
    c.set('auditParameters', c.req.param());
    await catalog.deleteTable(c.get('context'), c.req.param());
    return c.body(null, 204);
  });
  app.get('/tables/:database/:table/preview', async (c) => {
    const context = c.get('context');
    const { database, table } = c.req.param();
    const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
    const id = await queries.start(context, {
      sql: `SELECT * FROM ${quoted(database)}.${quoted(table)} LIMIT ${PREVIEW_ROWS}`,
      database,
    });
    const execution = await queries.wait(id, context.signal);
    if (execution.state !== 'SUCCEEDED')
      return c.json({ error: execution.stateReason ?? execution.state, queryId: id });
    return c.json(await queries.results(context, id, { limit: PREVIEW_ROWS }));
  });

  app.get('/crawlers', async (c) => c.json({ crawlers: await crawlers.list(c.get('context')) }));
  app.post('/crawlers', async (c) => {
    const { path, kind, ...input } = crawlerBody.parse(c.get('body'));
    c.set('auditParameters', { ...input, path, kind });
    const context = c.get('context');
    return c.json(
      await crawlers.create(context, {
        ...input,
        role: context.principal.arn,
        targets: [{ kind, path, exclusions: [] }],
      }),
      201,
    );
  });
  app.get('/crawlers/:name/runs', async (c) =>
    c.json({ runs: await crawlers.runs(c.get('context'), c.req.param('name')) }),
  );
  app.post('/crawlers/:name/stop', async (c) => {
    c.set('auditParameters', c.req.param());
    await crawlers.stop(c.get('context'), c.req.param('name'));
    return c.body(null, 202);
  });
  app.post('/crawlers/:name/start', async (c) => {
    c.set('auditParameters', c.req.param());
    return c.json(await crawlers.start(c.get('context'), c.req.param('name')), 202);
  });
  return app;
}
