import { z } from 'zod';
import type { RequestContext } from '../../../core/caller.ts';
import { isLochError } from '../../../core/errors.ts';
import type { KeyInfo, Keys } from '../../../governance/contract.ts';
import type { ExplainKeyImpact } from '../../../storage/contract.ts';
import { type Routes, routes } from '../app.ts';

const newKey = z.strictObject({ description: z.string().max(8192).default('') });
const aliasBody = z.strictObject({ alias: z.string().min(1).max(256) });
const rotationBody = z.strictObject({ periodDays: z.number().int().optional() });
const deletionBody = z.strictObject({ days: z.number().int().optional() });

const LISTED = 100;

/** A key of the list; one that the caller may not describe is there with the reason. */
type Listed = KeyInfo | { readonly keyId: string; readonly arn: string; readonly refused: string };

/** Keys of the key service: what the console shows and changes of them. The KMS door knows all of it. */
export function keyRoutes(deps: { readonly keys: Keys; readonly keyImpact: ExplainKeyImpact }): Routes {
  const { keys, keyImpact } = deps;
  const app = routes();

  app.get('/keys', async (c) => {
    const context = c.get('context');
    const { marker } = c.req.query();
    const page = await keys.listKeys(context, { limit: LISTED, ...(marker ? { marker } : {}) });
    const listed: Listed[] = [];
    for (const { keyId, arn } of page.items) listed.push(await describe(context, keyId, arn));
    return c.json({ keys: listed, ...(page.marker === undefined ? {} : { marker: page.marker }) });
  });

  app.get('/keys/aliases', async (c) => {
    const { items } = await keys.listAliases(c.get('context'), undefined, { limit: 1000 });
    return c.json({ aliases: items });
  });

  app.post('/keys', async (c) => {
    const { description } = newKey.parse(c.get('body'));
    c.set('auditParameters', { description });
    return c.json(await keys.createKey(c.get('context'), { description }), 201);
  });

  app.get('/keys/:id', async (c) => c.json(await keys.describeKey(c.get('context'), c.req.param('id'))));

  app.get('/keys/:id/policy', async (c) =>
    c.json({ policy: await keys.getPolicy(c.get('context'), c.req.param('id')) }),
  );

  app.get('/keys/:id/impact', async (c) => c.json(await keyImpact(c.get('context'), c.req.param('id'))));

  app.post('/keys/:id/alias', async (c) => {
    const { alias } = aliasBody.parse(c.get('body'));
    const keyId = c.req.param('id');
    c.set('auditParameters', { aliasName: alias, targetKeyId: keyId });
    await keys.createAlias(c.get('context'), alias, keyId);
    return c.body(null, 204);
  });

  app.post('/keys/:id/enable', async (c) => {
    const keyId = c.req.param('id');
    c.set('auditParameters', { keyId });
    await keys.setEnabled(c.get('context'), keyId, true);
    return c.body(null, 204);
  });

  app.post('/keys/:id/disable', async (c) => {
    const keyId = c.req.param('id');
    c.set('auditParameters', { keyId });
    await keys.setEnabled(c.get('context'), keyId, false);
    return c.body(null, 204);
  });

  /** New material now. */
  app.post('/keys/:id/rotate', async (c) => {
    const keyId = c.req.param('id');
    c.set('auditParameters', { keyId });
    return c.json(await keys.rotateOnDemand(c.get('context'), keyId));
  });

  /** New material every year, or every so many days. */
  app.put('/keys/:id/rotation', async (c) => {
    const keyId = c.req.param('id');
    const { periodDays } = rotationBody.parse(c.get('body') ?? {});
    c.set('auditParameters', { keyId, ...(periodDays === undefined ? {} : { rotationPeriodInDays: periodDays }) });
    await keys.setRotation(c.get('context'), keyId, true, periodDays);
    return c.body(null, 204);
  });

  app.delete('/keys/:id/rotation', async (c) => {
    const keyId = c.req.param('id');
    c.set('auditParameters', { keyId });
    await keys.setRotation(c.get('context'), keyId, false);
    return c.body(null, 204);
  });

  app.post('/keys/:id/deletion', async (c) => {
    const keyId = c.req.param('id');
    const { days } = deletionBody.parse(c.get('body') ?? {});
    c.set('auditParameters', { keyId, ...(days === undefined ? {} : { pendingWindowInDays: days }) });
    return c.json(await keys.scheduleDeletion(c.get('context'), keyId, days));
  });

  app.delete('/keys/:id/deletion', async (c) => {
    const keyId = c.req.param('id');
    c.set('auditParameters', { keyId });
    return c.json(await keys.cancelDeletion(c.get('context'), keyId));
  });

  async function describe(context: RequestContext, keyId: string, arn: string): Promise<Listed> {
    try {
      return await keys.describeKey(context, keyId);
    } catch (error) {
      if (!isLochError(error, 'access_denied')) throw error;
      return { keyId, arn, refused: error.message };
    }
  }

  return app;
}
