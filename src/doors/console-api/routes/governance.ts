import { z } from 'zod';
import { LochError } from '../../../core/errors.ts';
import type { Accounts, IdentityUseCases, LakeFormation, LakeResource, Trail } from '../../../governance/contract.ts';
import { type Routes, routes } from '../app.ts';

const userBody = z.strictObject({ name: z.string().min(1).max(64), policyDocument: z.string().max(6144).optional() });
const accountBody = z.strictObject({ accountId: z.string(), name: z.string(), email: z.string() });
const permission = z.enum([
  'ALL',
  'ALTER',
  'CREATE_DATABASE',
  'CREATE_TABLE',
  'DATA_LOCATION_ACCESS',
  'DELETE',
  'DESCRIBE',
  'DROP',
  'INSERT',
  'SELECT',
]);
const mask = z.enum(['null', 'hash', 'date_to_year', 'last_4', 'tokenise']);
const grantBody = z.strictObject({
  principal: z.string().min(1),
  database: z.string().min(1),
  table: z.string().min(1).optional(),
  columns: z.array(z.string()).min(1).optional(),
  filter: z.string().min(1).optional(),
  permissions: z.array(permission).min(1),
  grantable: z.array(permission).optional(),
});
const filterBody = z.strictObject({
  database: z.string().min(1),
  table: z.string().min(1),
  filter: z.string().min(1).max(255),
  expression: z.string().max(2048).optional(),
  include: z.array(z.string()).min(1).optional(),
  exclude: z.array(z.string()).optional(),
  masks: z.record(z.string(), mask).optional(),
});

function resourceOf(body: z.infer<typeof grantBody>): LakeResource {
  const { database, table, columns, filter } = body;
  if (table === undefined) return { kind: 'database', database };
  if (filter !== undefined) return { kind: 'filter', database, table, filter };
  if (columns !== undefined) return { kind: 'columns', database, table, include: columns };
  if (table === '*') return { kind: 'tables', database };
  return { kind: 'table', database, table };
}

/** What `exactOptionalPropertyTypes` calls a missing member: without the key. */
function without<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as never;
}

/** Users and keys, grants and filters, and the audit trail. */
export function governanceRoutes(deps: {
  readonly identity: IdentityUseCases;
  readonly lakeFormation: LakeFormation;
  readonly trail: Trail;
  readonly accounts: Accounts;
}): Routes {
  const { identity, lakeFormation, trail, accounts } = deps;
  const app = routes();

  app.get('/users', async (c) => {
    const context = c.get('context');
    const { items } = await identity.listEntities(context, 'user', { maxItems: 1000 });
    const users = await Promise.all(
      items.map(async (user) => ({
        ...user,
        keys: (await identity.listAccessKeys(context, user.name, {})).items,
        policies: (await identity.listAttachedPolicies(context, { kind: 'user', name: user.name }, {})).items,
      })),
    );
    return c.json({ users });
  });
  app.post('/users', async (c) => {
    const { name, policyDocument } = userBody.parse(c.get('body'));
    c.set('auditParameters', { userName: name });
    const context = c.get('context');
    const user = await identity.createEntity(context, 'user', { name });
    if (policyDocument !== undefined) {
      await identity.putInlinePolicy(context, { kind: 'user', name }, 'console', policyDocument);
    }
    const key = await identity.createAccessKey(context, name);
    // The one time the secret leaves the server.
    return c.json({ user, accessKeyId: key.accessKeyId, secretAccessKey: key.secret.reveal() }, 201);
  });
  app.post('/users/:name/keys', async (c) => {
    c.set('auditParameters', c.req.param());
    const key = await identity.createAccessKey(c.get('context'), c.req.param('name'));
    return c.json({ accessKeyId: key.accessKeyId, secretAccessKey: key.secret.reveal() }, 201);
  });
  app.delete('/users/:name/keys/:id', async (c) => {
    c.set('auditParameters', c.req.param());
    await identity.deleteAccessKey(c.get('context'), c.req.param('name'), c.req.param('id'));
    return c.body(null, 204);
  });

  app.post('/accounts', async (c) => {
    const body = accountBody.parse(c.get('body'));
    c.set('auditParameters', body);
    const { secret, ...account } = await accounts.create(c.get('context'), body);
    // The one time the secret leaves the server.
    return c.json({ ...account, secretAccessKey: secret.reveal() }, 201);
  });

  app.get('/grants', async (c) => {
    const { database, table, principal } = c.req.query();
    const resource: LakeResource | undefined = database && table ? { kind: 'table', database, table } : undefined;
    const { entries } = await lakeFormation.listPermissions(c.get('context'), {
      max: 1000,
      includeRelated: true,
      ...(resource === undefined ? {} : { resource }),
      ...(principal ? { principal } : {}),
    });
    return c.json({ grants: entries });
  });
  app.post('/grants', async (c) => {
    const body = grantBody.parse(c.get('body'));
    c.set('auditParameters', body);
    await lakeFormation.grant(c.get('context'), {
      principal: body.principal,
      resource: resourceOf(body),
      permissions: body.permissions,
      ...(body.grantable === undefined ? {} : { grantable: body.grantable }),
    });
    return c.body(null, 204);
  });
  app.post('/grants/:id/revoke', async (c) => {
    const context = c.get('context');
    const id = c.req.param('id');
    c.set('auditParameters', { id });
    const { entries } = await lakeFormation.listPermissions(context, { max: 1000 });
    const grant = entries.find((entry) => entry.id === id);
    if (grant === undefined)
      throw new LochError('not_found', `There is no grant ${id} that you may see. It may have been revoked meanwhile.`);
    const { dependents } = await lakeFormation.revoke(context, {
      principal: grant.principal,
      resource: grant.resource,
      permissions: grant.permissions,
      grantable: grant.grantable,
    });
    return c.json({ dependents });
  });
  app.get('/filters', async (c) => {
    const { database, table } = c.req.query();
    const { filters } = await lakeFormation.listFilters(c.get('context'), {
      max: 1000,
      ...(database && table ? { table: { database, table } } : {}),
    });
    return c.json({ filters });
  });
  app.post('/filters', async (c) => {
    const body = filterBody.parse(c.get('body'));
    c.set('auditParameters', body);
    await lakeFormation.createFilter(c.get('context'), without(body));
    return c.body(null, 204);
  });
  app.delete('/filters/:database/:table/:filter', async (c) => {
    c.set('auditParameters', c.req.param());
    await lakeFormation.deleteFilter(c.get('context'), c.req.param());
    return c.body(null, 204);
  });
  app.get('/explain/:database/:table', async (c) => {
    const principal = c.req.query('principal');
    return c.json(
      await lakeFormation.explainGrants(c.get('context'), {
        table: c.req.param(),
        ...(principal ? { principal } : {}),
      }),
    );
  });

  app.get('/audit/events', async (c) => {
    const { attribute, value, next } = c.req.query();
    const page = await trail.lookupEvents(c.get('context'), {
      max: 50,
      ...(attribute && value ? { attributes: [{ key: attribute, value }] } : {}),
      ...(next ? { nextToken: next } : {}),
    });
    return c.json(page);
  });
  app.get('/audit/data-events', async (c) => {
    const { principal, resource, next } = c.req.query();
    const page = await trail.listDataEvents(c.get('context'), {
      max: 100,
      ...(principal ? { principal } : {}),
      ...(resource ? { resource } : {}),
      ...(next ? { nextToken: next } : {}),
    });
    return c.json(page);
  });
  app.get('/requests/:id', async (c) => c.json(await trail.explain(c.get('context'), c.req.param('id'))));
  return app;
}
