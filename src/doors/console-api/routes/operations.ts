import { z } from 'zod';
import { LochError } from '../../../core/errors.ts';
import type { Operations } from '../../../operations/contract.ts';
import { type Routes, routes } from '../app.ts';

const backupBody = z.strictObject({ directory: z.string().min(1), incremental: z.boolean().optional() });

/** Backups, for the owner of the lake. */
export function operationsRoutes(deps: { readonly operations: Operations }): Routes {
  const app = routes();
  app.post('/backups', async (c) => {
    const { directory, incremental } = backupBody.parse(c.get('body'));
    c.set('auditParameters', { directory });
    const { principal, signal } = c.get('context');
    if (principal.kind !== 'root')
      throw new LochError('access_denied', 'A backup holds every key and every byte: only root may take one.');
    if (incremental === true) return c.json(await deps.operations.backupPoint(directory, signal), 201);
    return c.json(await deps.operations.backup(directory, signal), 201);
  });
  return app;
}
