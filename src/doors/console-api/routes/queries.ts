import { z } from 'zod';
import type { Queries } from '../../../consumption/contract.ts';
import { type Routes, routes } from '../app.ts';

const startBody = z.strictObject({
  sql: z.string().min(1).max(262_144),
  database: z.string().min(1).optional(),
  dialect: z.enum(['athena', 'duckdb']).default('athena'),
});

/** Running SQL: start, watch, cancel, page through the rows, download as CSV. */
export function queryRoutes(deps: { readonly queries: Queries }): Routes {
  const { queries } = deps;
  const app = routes();
  app.post('/queries', async (c) => {
    const { sql, database, dialect } = startBody.parse(c.get('body'));
    c.set('auditParameters', { sql, database, dialect });
    const id = await queries.start(c.get('context'), { sql, dialect, ...(database === undefined ? {} : { database }) });
    return c.json({ id }, 202);
  });
  app.get('/queries', async (c) =>
    c.json({
      queries: await queries.list(c.get('context'), { limit: 50, everyone: c.req.query('everyone') === 'true' }),
    }),
  );
  app.get('/queries/:id', async (c) => c.json(await queries.get(c.get('context'), c.req.param('id'))));
  app.post('/queries/:id/stop', async (c) => {
    await queries.stop(c.get('context'), c.req.param('id'));
    return c.body(null, 204);
  });
  app.get('/queries/:id/results', async (c) => {
    const next = c.req.query('next');
    const limit = Math.min(1000, Math.max(1, Number(c.req.query('limit') ?? 200)));
    return c.json(
      await queries.results(c.get('context'), c.req.param('id'), { limit, ...(next === undefined ? {} : { next }) }),
    );
  });
  app.get('/queries/:id/download', async (c) => {
    const id = c.req.param('id');
    const context = c.get('context');
    await queries.get(context, id);
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => writeCsv(queries, context, id, controller),
    });
    return c.body(stream, 200, {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': `attachment; filename="${id}.csv"`,
    });
  });
  return app;
}

async function writeCsv(
  queries: Queries,
  context: Parameters<Queries['results']>[0],
  id: string,
  controller: ReadableStreamDefaultController<Uint8Array>,
): Promise<void> {
  const encoder = new TextEncoder();
  const line = (cells: readonly (string | null)[]) =>
    `${cells.map((cell) => (cell === null ? '' : `"${cell.replaceAll('"', '""')}"`)).join(',')}\n`;
  let next: string | undefined;
  let first = true;
  do {
    const page = await queries.results(context, id, { limit: 1000, ...(next === undefined ? {} : { next }) });
    const head = first ? line(page.columns.map((column) => column.name)) : '';
    controller.enqueue(encoder.encode(head + page.rows.map(line).join('')));
    first = false;
    next = page.next;
  } while (next !== undefined);
  controller.close();
}
