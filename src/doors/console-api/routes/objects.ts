import { z } from 'zod';
import { LochError } from '../../../core/errors.ts';
import type { ObjectAccess } from '../../../storage/contract.ts';
import { type Routes, routes } from '../app.ts';

const listQuery = z.object({ bucket: z.string().min(1), prefix: z.string().default(''), after: z.string().optional() });

/** Buckets, objects, and uploads to the landing prefix. */
export function objectRoutes(deps: { readonly access: ObjectAccess }): Routes {
  const { access } = deps;
  const app = routes();
  app.get('/buckets', async (c) => c.json({ buckets: await access.listBuckets(c.get('context')) }));
  app.get('/objects', async (c) => {
    const { bucket, prefix, after } = listQuery.parse(c.req.query());
    const page = await access.listObjects(c.get('context'), bucket, {
      prefix,
      delimiter: '/',
      maxKeys: 500,
      ...(after === undefined ? {} : { startAfter: after }),
    });
    return c.json({
      objects: page.objects,
      prefixes: page.commonPrefixes,
      ...(page.next === undefined ? {} : { next: page.next }),
    });
  });
  app.put('/uploads/:table/:file', async (c) => {
    const { table, file } = c.req.param();
    const length = Number(c.req.header('content-length'));
    if (!Number.isInteger(length)) throw new LochError('missing_argument', 'An upload needs Content-Length.');
    const key = `landing/${table}/${new Date(c.get('context').startedAt).toISOString().replaceAll(/[:.]/g, '-')}/${file}`;
    c.set('auditParameters', { bucket: 'raw', key });
    const head = await access.putObject(
      c.get('context'),
      { bucket: 'raw', key },
      c.env.incoming as AsyncIterable<Uint8Array>,
      { contentLength: length },
    );
    return c.json({ bucket: head.bucket, key: head.key, size: head.size }, 201);
  });
  return app;
}
