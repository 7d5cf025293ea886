import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestContext } from '../core/caller.ts';
import { openTestLake, tableResource, type TestLake } from '../testing/builders/test-lake.ts';
import type { LakePermission } from './contract.ts';

const COLUMNS = [
  { name: 'id', type: 'bigint' },
  { name: 'region', type: 'string' },
  { name: 'email', type: 'string' },
];
const ORDERS = { database: 'sales', table: 'orders' };
let lake: TestLake;
let ann: RequestContext;
let bob: RequestContext;

const grant = (context: RequestContext, permissions: LakePermission[], name = 'sales.orders') =>
  lake.governance.grants.grant(lake.root, {
    principal: context.principal.arn,
    resource: tableResource(name),
    permissions,
  });

beforeAll(async () => {
  lake = await openTestLake();
  await lake.createDatabase(lake.root, 'sales');
  await lake.createTable(lake.root, 'sales.orders', COLUMNS);
  ann = await lake.user('ann');
  bob = await lake.user('bob');
});
afterAll(() => lake.close());

describe('IAM and Lake Formation', () => {
  it('both must allow a select', async () => {
    const { policy, identity } = lake.governance;
    const closed = await lake.user('closed', { Effect: 'Allow', Action: 'glue:*', Resource: '*' });
    await grant(closed, ['SELECT']);
    await expect(policy.tableShape(closed, ORDERS, COLUMNS)).rejects.toThrow(/lakeformation:GetDataAccess/);
    await identity.putInlinePolicy(
      lake.root,
      { kind: 'user', name: 'closed' },
      'data',
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 'lakeformation:GetDataAccess', Resource: '*' }],
      }),
    );
    expect(await policy.tableShape(closed, ORDERS, COLUMNS)).toEqual({ kind: 'full' });
  });

  it('records a refusal of IAM, with the deciding statement, before it throws', async () => {
    const denied = await lake.user(
      'denied',
      { Effect: 'Allow', Action: '*', Resource: '*' },
      { Sid: 'NoDrop', Effect: 'Deny', Action: 'glue:DeleteTable', Resource: '*' },
    );
    const context = { ...denied, operation: 'glue:DeleteTable' };
    await expect(
      lake.governance.policy.authorize(context, {
        action: 'glue:DeleteTable',
        resource: 'arn:aws:glue:us-east-1:123456789012:table/sales/orders',
      }),
    ).rejects.toMatchObject({ code: 'access_denied', message: expect.stringContaining('explicit deny') });
    const { events } = await lake.governance.trail.lookupEvents(lake.root, {
      attributes: [{ key: 'Username', value: 'denied' }],
    });
    expect(events).toMatchObject([
      { eventName: 'DeleteTable', eventSource: 'glue.amazonaws.com', errorCode: 'AccessDenied' },
    ]);
    expect(JSON.parse(events[0]!.body).additionalEventData.decidedBy.join()).toMatch(/explicit_deny.*/);
    expect(lake.events.at(-1)).toMatchObject({
      name: 'governanceAccessDenied',
      payload: { action: 'glue:DeleteTable' },
    });
  });
});

describe('tables', () => {
  it('answers the same for a table that is hidden and one that is not there', async () => {
    const { policy } = lake.governance;
    const failure = (name: string) =>
      policy.authorizeTable(ann, { database: 'sales', table: name }, 'SELECT').catch((error) => error);
    const [hidden, missing] = [await failure('orders'), await failure('nothing')];
    expect(hidden.code).toBe('table_not_found');
    expect(hidden.message.replace('orders', 'X')).toBe(missing.message.replace('nothing', 'X'));
    expect(hidden.context).toEqual({ database: 'sales', table: 'orders' });
  });

  it.each(['ALTER', 'DELETE', 'DROP', 'INSERT', 'SELECT'] as const)(
    'lets %s be done only by who holds it',
    async (verb) => {
      const { policy } = lake.governance;
      const user = await lake.user(`only-${verb.toLowerCase()}`);
      await grant(user, ['DESCRIBE']);
      await expect(policy.authorizeTable(user, ORDERS, verb)).rejects.toMatchObject({ code: 'access_denied' });
      await grant(user, [verb]);
      await policy.authorizeTable(user, ORDERS, verb);
      await policy.authorizeTable(user, { database: 'SALES', table: 'Orders' }, verb);
    },
  );

  it('lets any grant on a table imply DESCRIBE of it and of its database', async () => {
    const user = await lake.user('writer');
    await grant(user, ['INSERT']);
    await lake.governance.policy.authorizeTable(user, ORDERS, 'DESCRIBE');
    await lake.governance.policy.authorizeDatabase(user, 'sales', 'DESCRIBE');
    await expect(lake.governance.policy.authorizeDatabase(user, 'sales', 'ALTER')).rejects.toMatchObject({
      code: 'access_denied',
    });
  });

  it('covers a table made a second later by a grant on all tables', async () => {
    await lake.createDatabase(lake.root, 'wide');
    await lake.governance.grants.grant(lake.root, {
      principal: bob.principal.arn,
      resource: { kind: 'tables', database: 'wide' },
      permissions: ['SELECT'],
    });
    await lake.createTable(lake.root, 'wide.later', COLUMNS);
    expect(await lake.governance.policy.tableShape(bob, { database: 'wide', table: 'later' }, COLUMNS)).toEqual({
      kind: 'full',
    });
  });

  it('takes the grants away with a dropped table, gives them back with a restored one, and none to its successor', async () => {
    const { policy } = lake.governance;
    const name = { database: 'sales', table: 'gone' };
    await lake.createTable(lake.root, 'sales.gone', COLUMNS);
    await grant(ann, ['SELECT'], 'sales.gone');
    await lake.store.transact(policy.dropGrants(name, 'id-1'));
    await expect(policy.authorizeTable(ann, name, 'SELECT')).rejects.toMatchObject({ code: 'table_not_found' });
    await lake.store.transact(policy.restoreGrants(name, 'id-1'));
    await policy.authorizeTable(ann, name, 'SELECT');
    await lake.store.transact(policy.dropGrants(name, 'id-1'));
    await lake.createTable(bob, 'sales.gone', COLUMNS);
    await expect(policy.authorizeTable(ann, name, 'SELECT')).rejects.toMatchObject({ code: 'table_not_found' });
    await lake.store.transact(policy.dropGrants(name, 'id-2'));
    await lake.store.transact(policy.restoreGrants(name, 'id-1'));
    await policy.authorizeTable(ann, name, 'SELECT');
    await expect(policy.authorizeTable(bob, name, 'SELECT')).rejects.toMatchObject({ code: 'table_not_found' });
  });

  it('moves grants with a renamed table', async () => {
    const { policy } = lake.governance;
    await lake.createTable(lake.root, 'sales.before', COLUMNS);
    await grant(ann, ['SELECT'], 'sales.before');
    await lake.store.transact(
      policy.renameGrants({ database: 'sales', table: 'before' }, { database: 'sales', table: 'after' }),
    );
    await policy.authorizeTable(ann, { database: 'sales', table: 'after' }, 'SELECT');
    await expect(policy.authorizeTable(ann, { database: 'sales', table: 'before' }, 'SELECT')).rejects.toMatchObject({
      code: 'table_not_found',
    });
  });
});

describe('roles of the lake', () => {
  it('gives an administrator metadata rights and no data', async () => {
    const { policy, grants } = lake.governance;
    const keeper = await lake.user('keeper');
    await lake.createTable(bob, 'sales.private', COLUMNS);
    const name = { database: 'sales', table: 'private' };
    for (const admin of [lake.root, keeper]) {
      if (admin === keeper) {
        await grants.putSettings(lake.root, {
          admins: [lake.root.principal.arn, keeper.principal.arn],
          readOnlyAdmins: [],
          databaseDefaults: [],
          tableDefaults: [],
        });
      }
      await policy.authorizeCatalog(admin, 'CREATE_DATABASE');
      await policy.authorizeDatabase(admin, 'sales', 'CREATE_TABLE');
      for (const verb of ['DESCRIBE', 'ALTER', 'DROP'] as const) await policy.authorizeTable(admin, name, verb);
      for (const verb of ['SELECT', 'INSERT', 'DELETE'] as const) {
        await expect(policy.authorizeTable(admin, name, verb)).rejects.toMatchObject({ code: 'access_denied' });
      }
      await expect(policy.tableShape(admin, name, COLUMNS)).rejects.toMatchObject({ code: 'access_denied' });
    }
  });

  it('gives the creator of a table all of it', async () => {
    const { policy } = lake.governance;
    await lake.createTable(ann, 'sales.own', COLUMNS);
    expect(await policy.tableShape(ann, { database: 'sales', table: 'own' }, COLUMNS)).toEqual({ kind: 'full' });
    await policy.authorizeTable(ann, { database: 'sales', table: 'own' }, 'DROP');
  });

  it('keeps CREATE_DATABASE from those who were not given it', async () => {
    await expect(lake.governance.policy.authorizeCatalog(bob, 'CREATE_DATABASE')).rejects.toMatchObject({
      code: 'access_denied',
    });
  });

  it('gives nothing to a user made anew under an old name', async () => {
    const { identity, policy } = lake.governance;
    const first = await lake.user('temp');
    await grant(first, ['SELECT']);
    await policy.authorizeTable(first, ORDERS, 'SELECT');
    await identity.deleteInlinePolicy(lake.root, { kind: 'user', name: 'temp' }, 'inline');
    await identity.deleteEntity(lake.root, { kind: 'user', name: 'temp' });
    const second = await lake.user('temp');
    expect(second.principal.arn).toBe(first.principal.arn);
    await expect(policy.authorizeTable(second, ORDERS, 'SELECT')).rejects.toMatchObject({ code: 'table_not_found' });
    const { entries } = await lake.governance.grants.listPermissions(lake.root, { principal: second.principal.arn });
    expect(entries).toEqual([]);
  });
});

describe('data locations', () => {
  it('lets the longest registered prefix decide, by whole segments', async () => {
    const { policy, grants } = lake.governance;
    await grants.registerLocation(lake.root, { arn: 'arn:aws:s3:::lake/data' });
    await grants.registerLocation(lake.root, { arn: 'arn:aws:s3:::lake/data/secret/' });
    expect(await policy.registeredLocation('lake', 'data/a.csv')).toBe('arn:aws:s3:::lake/data');
    expect(await policy.registeredLocation('lake', 'data/secret/x')).toBe('arn:aws:s3:::lake/data/secret');
    expect(await policy.registeredLocation('lake', 'database/x')).toBeUndefined();
    expect(await policy.registeredLocation('lake', '')).toBeUndefined();
    expect((await policy.registeredUnder('lake', '')).toSorted()).toEqual(['s3://lake/data', 's3://lake/data/secret']);
    expect(await policy.registeredUnder('lake', 'data/secret/')).toEqual(['s3://lake/data/secret']);
    expect(await policy.registeredUnder('lake', 'dat')).toEqual([]);
    await grants.grant(lake.root, {
      principal: ann.principal.arn,
      resource: { kind: 'location', arn: 'arn:aws:s3:::lake/data' },
      permissions: ['DATA_LOCATION_ACCESS'],
    });
    await policy.authorizeDataLocation(ann, 's3://lake/data/a/');
    await expect(policy.authorizeDataLocation(ann, 's3://lake/data/secret/a')).rejects.toMatchObject({
      code: 'access_denied',
    });
    await policy.authorizeDataLocation(lake.root, 's3://lake/data/secret/a');
    await policy.authorizeDataLocation(bob, 's3://elsewhere/a');
  });
});

describe('listings', () => {
  it('shows only granted names and columns', async () => {
    const { policy, grants } = lake.governance;
    const viewer = await lake.user('viewer');
    await lake.createTable(lake.root, 'sales.narrow', COLUMNS);
    await grants.grant(lake.root, {
      principal: viewer.principal.arn,
      resource: { kind: 'columns', database: 'sales', table: 'narrow', exclude: ['EMAIL'] },
      permissions: ['SELECT'],
    });
    const visible = await policy.visibleTables(viewer);
    expect(visible.database('sales')).toBe(true);
    expect(visible.database('wide')).toBe(false);
    expect(visible.table({ database: 'sales', table: 'narrow' })).toBe(true);
    expect(visible.table(ORDERS)).toBe(false);
    expect(visible.columns({ database: 'sales', table: 'narrow' }, ['id', 'email', 'region'])).toEqual([
      'id',
      'region',
    ]);
    expect((await policy.visibleTables(lake.root)).table({ database: 'sales', table: 'private' })).toBe(true);
  });
});

it('decides by stored grants after a restart as before', async () => {
  await grant(ann, ['SELECT']);
  lake = await lake.reopen();
  expect(await lake.governance.policy.tableShape(ann, ORDERS, COLUMNS)).toEqual({ kind: 'full' });
  await expect(lake.governance.policy.authorizeTable(bob, ORDERS, 'SELECT')).rejects.toMatchObject({
    code: 'table_not_found',
  });
});
