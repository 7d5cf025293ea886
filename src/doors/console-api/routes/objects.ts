import { Readable } from 'node:stream';
import { z } from 'zod';
import { LochError } from '../../../core/errors.ts';
import type { ObjectAccess, ObjectHead, VersionName } from '../../../storage/contract.ts';
import { type Routes, routes } from '../app.ts';

const accessQuery = z.object({
  bucket: z.string().min(1),
  key: z.string().min(1).optional(),
  principal: z.string().min(1),
  action: z.string().startsWith('s3:').optional(),
});
const listQuery = z.object({ bucket: z.string().min(1), prefix: z.string().default(''), after: z.string().optional() });
const nameQuery = z.object({ bucket: z.string().min(1), key: z.string().min(1), versionId: z.string().optional() });
const tagsBody = z.strictObject({ tags: z.record(z.string(), z.string()) });

const LISTED = 500;

/** What a query names: an object, or one of its versions. */
function versionName(query: Record<string, string>): VersionName {
  const { bucket, key, versionId } = nameQuery.parse(query);
  return { bucket, key, ...(versionId === undefined ? {} : { versionId }) };
}

/** Objects with their versions and tags; uploads, downloads, and the landing prefix for files that become tables. */
export function objectRoutes(deps: { readonly access: ObjectAccess }): Routes {
  const { access } = deps;
  const app = routes();
  app.get('/objects', async (c) => {
    const { bucket, prefix, after } = listQuery.parse(c.req.query());
    const page = await access.listObjects(c.get('context'), bucket, {
      prefix,
      delimiter: '/',
      maxKeys: LISTED,
      ...(after === undefined ? {} : { startAfter: after }),
    });
    return c.json({
      objects: page.objects,
      prefixes: page.commonPrefixes,
      ...(page.next === undefined ? {} : { next: page.next }),
    });
  });

  app.get('/object', async (c) => {
    const { versionId, ...name } = versionName(c.req.query());
    return c.json(await access.headObject(c.get('context'), name, versionId === undefined ? {} : { versionId }));
  });

  /** The versions of one key, newest first. */
  app.get('/object/versions', async (c) => {
    const { bucket, key } = versionName(c.req.query());
    const page = await access.listVersions(c.get('context'), bucket, { prefix: key, max: LISTED });
    return c.json({ versions: page.versions.filter((version) => version.key === key) });
  });

  app.get('/object/content', async (c) => {
    const { versionId, ...name } = versionName(c.req.query());
    const read = await access.getObject(c.get('context'), name, versionId === undefined ? {} : { versionId });
    return new Response(Readable.toWeb(read.body) as ReadableStream, { headers: downloadHeaders(read.head) });
  });

  app.delete('/object', async (c) => {
    const { versionId, ...name } = versionName(c.req.query());
    c.set('auditParameters', { bucketName: name.bucket, key: name.key, ...(versionId && { versionId }) });
    return c.json(await access.deleteObject(c.get('context'), name, versionId === undefined ? {} : { versionId }));
  });

  /** Makes an older version current again: as a copy of it, so that history stays. */
  app.post('/object/restore', async (c) => {
    const name = versionName(c.get('body') as Record<string, string>);
    c.set('auditParameters', { bucketName: name.bucket, key: name.key, versionId: name.versionId });
    const { bucket, key } = await access.copyObject(c.get('context'), name, name);
    return c.json({ bucket, key });
  });

  app.put('/object/tags', async (c) => {
    const name = versionName(c.req.query());
    const { tags } = tagsBody.parse(c.get('body'));
    c.set('auditParameters', { bucketName: name.bucket, key: name.key });
    await access.changeAttributes(c.get('context'), 'PutObjectTagging', name, { tags });
    return c.body(null, 204);
  });

  /** A file as an object of the given name. */
  app.get('/access', async (c) => {
    const { key, action, ...asked } = accessQuery.parse(c.req.query());
    const question = {
      ...asked,
      ...(key === undefined ? {} : { key }),
      ...(action === undefined ? {} : { action: action as `s3:${string}` }),
    };
    return c.json(await access.explainAccess(c.get('context'), question));
  });
  app.put('/uploads/object', async (c) => {
    const { bucket, key } = versionName(c.req.query());
    c.set('auditParameters', { bucketName: bucket, key });
    const contentType = c.req.header('content-type');
    const head = await access.putObject(
      c.get('context'),
      { bucket, key },
      c.env.incoming as AsyncIterable<Uint8Array>,
      { contentLength: lengthOf(c.req.header('content-length')), ...(contentType && { contentType }) },
    );
    return c.json({ bucket: head.bucket, key: head.key, size: head.size }, 201);
  });

  app.put('/uploads/:table/:file', async (c) => {
    const { table, file } = c.req.param();
    const key = `landing/${table}/${new Date(c.get('context').startedAt).toISOString().replaceAll(/[:.]/g, '-')}/${file}`;
    c.set('auditParameters', { bucket: 'raw', key });
    const head = await access.putObject(
      c.get('context'),
      { bucket: 'raw', key },
      c.env.incoming as AsyncIterable<Uint8Array>,
      { contentLength: lengthOf(c.req.header('content-length')) },
    );
    return c.json({ bucket: head.bucket, key: head.key, size: head.size }, 201);
  });
  return app;
}

function lengthOf(header: string | undefined): number {
  const length = Number(header);
  if (header === undefined || !Number.isInteger(length)) {
    throw new LochError('missing_argument', 'An upload needs Content-Length.');
  }
  return length;
}

/** Always a download: nothing of an object is ever shown or run in the origin of the console. */
function downloadHeaders(head: ObjectHead): Record<string, string> {
  const file = head.key.slice(head.key.lastIndexOf('/') + 1) || 'object';
  return {
    'content-type': 'application/octet-stream',
    'content-length': String(head.size),
    'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(file).replaceAll("'", '%27')}`,
    'x-content-type-options': 'nosniff',
  };
}
