import { z } from 'zod';
import { LochError } from '../../../core/errors.ts';
import {
  type BrowseQuery,
  type BusinessWords,
  type Catalog,
  type CatalogChanges,
  type Discovery,
  FACETS,
  type Lineage,
} from '../../../catalog/contract.ts';
import type { Profiles } from '../../../consumption/contract.ts';
import { type Routes, routes } from '../app.ts';

const MOST_FILES = 500;
const word = z.string().max(255);
const wordsBody = z.strictObject({
  description: z.string().max(2048).optional(),
  owner: word.optional(),
  steward: word.optional(),
  sensitivity: word.optional(),
  terms: z.array(word).max(50).optional(),
  tags: z.array(word).max(50).optional(),
  columns: z
    .record(
      z.string(),
      z.strictObject({
        comment: word.optional(),
        sensitivity: word.optional(),
        terms: z.array(word).max(50).optional(),
      }),
    )
    .optional(),
});
const termBody = z.strictObject({
  definition: z.string().default(''),
  synonyms: z.array(word).default([]),
});
const direction = z.enum(['upstream', 'downstream', 'both']).default('both');
const sort = z.enum(['relevance', 'name', 'updated']).default('relevance');
const moment = z.coerce.number().int().min(0);
const page = z.coerce.number().int().min(0);

/** Search with facets, business words, glossary, lineage (OpenLineage events in), files and profiles of tables. */
export function discoveryRoutes(deps: {
  readonly catalog: Catalog;
  readonly discovery: Discovery;
  readonly lineage: Lineage;
  readonly changes: CatalogChanges;
  readonly profiles: Profiles;
}): Routes {
  const { catalog, changes, discovery, lineage, profiles } = deps;
  const app = routes();
  app.get('/browse', async (c) => {
    const filters: Partial<Record<(typeof FACETS)[number], readonly string[]>> = {};
    for (const facet of FACETS) {
      const values = c.req.queries(facet) ?? [];
      if (values.length > 0) filters[facet] = values;
    }
    const query: BrowseQuery = {
      text: c.req.query('q') ?? '',
      filters,
      sort: sort.parse(c.req.query('sort')),
      limit: page.parse(c.req.query('limit') ?? 50),
      offset: page.parse(c.req.query('offset') ?? 0),
    };
    return c.json(await discovery.browse(c.get('context'), query));
  });
  app.put('/tables/:database/:table/words', async (c) => {
    const words = wordsBody.parse(c.get('body')) as BusinessWords;
    c.set('auditParameters', { ...c.req.param(), ...words });
    return c.json(await discovery.annotate(c.get('context'), c.req.param(), words));
  });
  app.post('/search-index/check', async (c) => c.json(await discovery.checkIndex(c.get('context'))));
  app.post('/search-index/rebuild', async (c) =>
    c.json(await discovery.checkIndex(c.get('context'), { rebuild: true })),
  );
  app.get('/terms', async (c) => c.json({ terms: await discovery.terms(c.get('context')) }));
  app.put('/terms/:name', async (c) => {
    const term = { name: c.req.param('name'), ...termBody.parse(c.get('body')) };
    c.set('auditParameters', term);
    return c.json(await discovery.putTerm(c.get('context'), term));
  });
  app.get('/terms/:name/versions', async (c) =>
    c.json({ versions: await discovery.termVersions(c.get('context'), c.req.param('name')) }),
  );
  app.post('/terms/:name/restore/:version', async (c) => {
    c.set('auditParameters', c.req.param());
    return c.json(
      await discovery.restoreTerm(c.get('context'), c.req.param('name'), page.parse(c.req.param('version'))),
    );
  });
  app.delete('/terms/:name', async (c) => {
    c.set('auditParameters', c.req.param());
    await discovery.deleteTerm(c.get('context'), c.req.param('name'));
    return c.body(null, 204);
  });
  app.get('/catalog/changes', async (c) => {
    const after = c.req.query('after');
    return c.json(
      await changes.read(c.get('context'), {
        limit: page.parse(c.req.query('limit') ?? 100),
        ...(after === undefined ? {} : { after }),
      }),
    );
  });
  app.post('/v1/lineage', async (c) => {
    const event = c.get('body');
    await lineage.ingest(c.get('context'), event);
    return c.body(null, 201);
  });
  app.post('/tables/:database/:table/delta', async (c) => {
    c.set('auditParameters', c.req.param());
    if (catalog.exportDelta === undefined) throw new LochError('unsupported', 'There is no writer of Delta logs here.');
    return c.json(await catalog.exportDelta(c.get('context'), c.req.param()));
  });
  app.get('/tables/:database/:table/lineage', async (c) =>
    c.json(
      await lineage.graph(c.get('context'), c.req.param(), {
        direction: direction.parse(c.req.query('direction')),
        depth: page.parse(c.req.query('depth') ?? 3),
        ...(c.req.query('asOf') === undefined ? {} : { asOf: moment.parse(c.req.query('asOf')) }),
      }),
    ),
  );
  app.get('/tables/:database/:table/impact', async (c) => {
    const column = c.req.query('column');
    return c.json(
      await lineage.impact(c.get('context'), c.req.param(), {
        depth: page.parse(c.req.query('depth') ?? 5),
        ...(column === undefined ? {} : { column }),
      }),
    );
  });
  app.get('/tables/:database/:table/profile', async (c) => {
    const context = c.get('context');
    return c.json(await profiles.profile(context, c.req.param(), context.signal));
  });
  app.get('/tables/:database/:table/files', async (c) => {
    // Paths, sizes and partitions are of the whole table: for those alone who may see all of it.
    const table = await catalog.openForEngine(c.get('context'), c.req.param());
    const snapshotId = c.req.query('snapshot');
    const scan = await catalog.planTableScan(table, snapshotId === undefined ? {} : { snapshotId });
    return c.json({
      total: scan.totalFiles,
      bytes: scan.bytes,
      files: scan.files
        .slice(0, MOST_FILES)
        .map(({ bucket, key, bytes, partition }) => ({ path: `s3://${bucket}/${key}`, bytes, partition })),
    });
  });
  return app;
}
