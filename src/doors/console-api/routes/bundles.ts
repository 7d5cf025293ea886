import { z } from 'zod';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import { Secret } from '../../../core/secret.ts';
import type { Bundles } from '../../../storage/contract.ts';
import { type Routes, routes } from '../app.ts';

const secret = z.string().min(8).max(1_000_000);
const secretKind = z.enum(['passphrase', 'unlock code', 'key file']);
const exportBody = z.strictObject({
  directory: z.string().min(1),
  bucket: z.string().min(1),
  prefix: z.string(),
  volumeBytes: z
    .number()
    .int()
    .min(1024 * 1024),
  reports: z.string().min(1),
  secret: secret.optional(),
  secretKind: secretKind.optional(),
});
const importBody = z.strictObject({
  directory: z.string().min(1),
  bucket: z.string().min(1).optional(),
  overwrite: z.boolean(),
  signer: z.string().min(1).optional(),
  reports: z.string().min(1).optional(),
  secret,
  secretKind: secretKind.optional(),
});

const treeBody = z.strictObject({
  directory: z.string().min(1),
  bucket: z.string().min(1).optional(),
  prefix: z.string().optional(),
  copy: z.boolean(),
});

function assertRoot({ principal }: RequestContext): void {
  if (principal.kind === 'root') return;
  throw new LochError('access_denied', 'Bundles are written to and read from disks of this machine: only root may.');
}

/** Bundles of objects, for the owner of the lake. */
export function bundleRoutes(deps: { readonly bundles: Bundles }): Routes {
  const app = routes();
  app.post('/bundles/export', async (c) => {
    const body = exportBody.parse(c.get('body'));
    const { directory, bucket, prefix } = body;
    c.set('auditParameters', { directory, bucket, prefix });
    assertRoot(c.get('context'));
    const report = await deps.bundles.export(
      {
        folder: directory,
        bucket,
        prefix,
        volumeBytes: body.volumeBytes,
        reportFolder: body.reports,
        ...(body.secret === undefined
          ? {}
          : { secret: { kind: body.secretKind ?? 'passphrase', secret: new Secret(body.secret) } }),
      },
      c.get('context').signal,
    );
    return c.json(report, 201);
  });
  app.post('/bundles/import', async (c) => {
    const body = importBody.parse(c.get('body'));
    const { directory, bucket, signer } = body;
    c.set('auditParameters', { directory, ...(bucket === undefined ? {} : { bucket }) });
    assertRoot(c.get('context'));
    const report = await deps.bundles.import(
      {
        folder: directory,
        secret: new Secret(body.secret),
        overwrite: body.overwrite,
        ...(bucket === undefined ? {} : { bucket }),
        ...(signer === undefined ? {} : { signer }),
        ...(body.reports === undefined ? {} : { reportFolder: body.reports }),
      },
      c.get('context').signal,
    );
    return c.json(report, 201);
  });
  app.post('/exports', async (c) => {
    const { directory, bucket, prefix, copy } = treeBody.parse(c.get('body'));
    c.set('auditParameters', { directory, ...(bucket === undefined ? {} : { bucket }) });
    assertRoot(c.get('context'));
    const report = await deps.bundles.exportTree(
      {
        folder: directory,
        ...(bucket === undefined ? {} : { bucket }),
        ...(prefix === undefined ? {} : { prefix }),
        copy,
      },
      c.get('context').signal,
    );
    return c.json(report, 201);
  });
  return app;
}
