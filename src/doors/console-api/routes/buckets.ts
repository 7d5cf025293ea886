import { z } from 'zod';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { BucketSettingAccess, BucketSettingKind, ObjectAccess } from '../../../storage/contract.ts';
import { type Routes, routes } from '../app.ts';

const newBucket = z.strictObject({ name: z.string().min(3).max(63), objectLock: z.boolean().default(false) });
const versioningBody = z.strictObject({ state: z.enum(['Enabled', 'Suspended']) });

/** The settings that the console shows and changes; the S3 door knows all of them. */
const SHOWN = ['policy', 'publicAccessBlock', 'ownership', 'lifecycle', 'encryption', 'tagging'] as const;

function kindOf(text: string): BucketSettingKind {
  const kind = SHOWN.find((one) => one === text);
  if (kind !== undefined) return kind;
  throw new LochError('invalid_argument', `Unknown setting \`${text}\`. Known here: ${SHOWN.join(', ')}.`, {
    context: { setting: text },
  });
}

/** Buckets and their settings. */
export function bucketRoutes(deps: { readonly access: ObjectAccess; readonly settings: BucketSettingAccess }): Routes {
  const { access, settings } = deps;
  const app = routes();
  app.get('/buckets', async (c) => c.json({ buckets: await access.listBuckets(c.get('context')) }));

  app.post('/buckets', async (c) => {
    const { name, objectLock } = newBucket.parse(c.get('body'));
    c.set('auditParameters', { bucketName: name, objectLock });
    return c.json(await access.createBucket(c.get('context'), name, { objectLock }), 201);
  });

  app.delete('/buckets/:bucket', async (c) => {
    const { bucket } = c.req.param();
    c.set('auditParameters', { bucketName: bucket });
    await access.deleteBucket(c.get('context'), bucket);
    return c.body(null, 204);
  });

  app.get('/buckets/:bucket', async (c) => c.json(await access.headBucket(c.get('context'), c.req.param('bucket'))));

  app.put('/buckets/:bucket/versioning', async (c) => {
    const { bucket } = c.req.param();
    const { state } = versioningBody.parse(c.get('body'));
    c.set('auditParameters', { bucketName: bucket, VersioningConfiguration: { Status: state } });
    await access.setVersioning(c.get('context'), bucket, state);
    return c.body(null, 204);
  });

  app.get('/buckets/:bucket/:kind', async (c) => {
    const kind = kindOf(c.req.param('kind'));
    return c.json({ value: (await settings.get(c.get('context'), { bucket: c.req.param('bucket'), kind })) ?? null });
  });

  app.put('/buckets/:bucket/:kind', async (c) => {
    const { bucket } = c.req.param();
    const kind = kindOf(c.req.param('kind'));
    c.set('auditParameters', { bucketName: bucket, [kind]: c.get('body') });
    await put(c.get('context'), bucket, kind, c.get('body'));
    return c.body(null, 204);
  });

  app.delete('/buckets/:bucket/:kind', async (c) => {
    const { bucket } = c.req.param();
    const kind = kindOf(c.req.param('kind'));
    c.set('auditParameters', { bucketName: bucket });
    await settings.remove(c.get('context'), { bucket, kind });
    return c.body(null, 204);
  });

  /** The value is what the kind's own schema takes; it is parsed where it is kept. */
  const put = (context: RequestContext, bucket: string, kind: BucketSettingKind, value: unknown) =>
    settings.put(context, { bucket, kind }, value as never);

  return app;
}
