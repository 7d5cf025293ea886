import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestContext } from '../../core/caller.ts';
import { openTestLake, tableResource, TEST_ACCOUNT, type TestLake } from '../../testing/builders/test-lake.ts';
import type { LakeFormation, LakeResource } from './contract.ts';
import type { LakePermission } from '../contract.ts';

const COLUMNS = [
  { name: 'id', type: 'bigint' },
  { name: 'region', type: 'string' },
  { name: 'email', type: 'string' },
];
let lake: TestLake;
let grants: LakeFormation;
let counter = 0;

const newUser = () => lake.user(`user${++counter}`);
const newTable = async () => {
  const name = `sales.t${++counter}`;
  await lake.createTable(lake.root, name, COLUMNS);
  return { name, ...tableResource(name) };
};
const give = (
  by: RequestContext,
  to: RequestContext,
  resource: LakeResource,
  permissions: LakePermission[],
  grantable: LakePermission[] = [],
) => grants.grant(by, { principal: to.principal.arn, resource, permissions, grantable });
const listed = async (context: RequestContext, of: RequestContext) =>
  (await grants.listPermissions(context, { principal: of.principal.arn })).entries.map(
    ({ resource, permissions, grantable }) => ({ resource, permissions, grantable }),
  );

beforeAll(async () => {
  lake = await openTestLake();
  grants = lake.governance.grants;
  await lake.createDatabase(lake.root, 'sales');
});
afterAll(() => lake.close());

describe('granting', () => {
  it('adds up repeated grants on one resource', async () => {
    const [user, table] = [await newUser(), await newTable()];
    await give(lake.root, user, table, ['SELECT']);
    await give(lake.root, user, table, ['INSERT', 'SELECT'], ['SELECT']);
    expect(await listed(lake.root, user)).toEqual([
      { resource: tableResource(table.name), permissions: ['INSERT', 'SELECT'], grantable: ['SELECT'] },
    ]);
  });

  it.each<[LakeResource, LakePermission, RegExp]>([
    [{ kind: 'catalog' }, 'SELECT', /Valid there: CREATE_DATABASE, ALL/],
    [{ kind: 'database', database: 'sales' }, 'SELECT', /Valid there: ALTER, CREATE_TABLE, DESCRIBE, DROP, ALL/],
    [
      { kind: 'tables', database: 'sales' },
      'CREATE_TABLE',
      /Valid there: ALTER, DELETE, DESCRIBE, DROP, INSERT, SELECT, ALL/,
    ],
    [{ kind: 'columns', database: 'sales', table: 't', include: ['id'] }, 'INSERT', /Valid there: SELECT/],
    [{ kind: 'filter', database: 'sales', table: 't', filter: 'f' }, 'ALL', /Valid there: SELECT, DESCRIBE, DROP/],
    [{ kind: 'location', arn: 'arn:aws:s3:::b' }, 'SELECT', /Valid there: DATA_LOCATION_ACCESS/],
  ])('refuses a verb that does not fit %o', async (resource, permission, message) => {
    await expect(give(lake.root, lake.root, resource, [permission])).rejects.toThrow(
      expect.objectContaining({ code: 'invalid_argument', message: expect.stringMatching(message) }),
    );
  });

  it('refuses principals, tables, columns, filters and locations that are not there', async () => {
    const [user, table] = [await newUser(), await newTable()];
    const missing = (resource: LakeResource, permission: LakePermission = 'SELECT') =>
      give(lake.root, user, resource, [permission]).catch((error) => error.code);
    expect(await missing(tableResource('sales.none'))).toBe('table_not_found');
    expect(await missing({ kind: 'tables', database: 'none' })).toBe('database_not_found');
    expect(await missing({ ...table, kind: 'columns', exclude: ['nope'] })).toBe('column_not_found');
    expect(await missing({ ...table, kind: 'filter', filter: 'none' })).toBe('not_found');
    expect(await missing({ kind: 'location', arn: 'arn:aws:s3:::none' }, 'DATA_LOCATION_ACCESS')).toBe('not_found');
    const nobody = {
      principal: `arn:aws:iam::${TEST_ACCOUNT}:user/nobody`,
      resource: table,
      permissions: ['SELECT'],
    } as const;
    await expect(grants.grant(lake.root, nobody)).rejects.toThrow(/There is no principal/);
    await expect(
      grants.grant(lake.root, { ...nobody, principal: 'arn:aws:iam::999999999999:user/x' }),
    ).rejects.toMatchObject({
      code: 'unsupported',
    });
    await expect(
      grants.grant(lake.root, { ...nobody, principal: `arn:aws:iam::${TEST_ACCOUNT}:group/x` }),
    ).rejects.toThrow(/users and roles/);
  });

  it('reaches everybody whom IAM allows by IAM_ALLOWED_PRINCIPALS', async () => {
    const [user, table] = [await newUser(), await newTable()];
    const name = tableResource(table.name);
    await expect(lake.governance.policy.authorizeTable(user, name, 'SELECT')).rejects.toMatchObject({
      code: 'table_not_found',
    });
    await grants.grant(lake.root, { principal: 'IAM_ALLOWED_PRINCIPALS', resource: name, permissions: ['ALL'] });
    await lake.governance.policy.authorizeTable(user, name, 'SELECT');
    await grants.revoke(lake.root, { principal: 'IAM_ALLOWED_PRINCIPALS', resource: name, permissions: ['ALL'] });
    await expect(lake.governance.policy.authorizeTable(user, name, 'SELECT')).rejects.toMatchObject({
      code: 'table_not_found',
    });
  });

  it('lets others grant at most what they hold grantably', async () => {
    const [holder, third, table] = [await newUser(), await newUser(), await newTable()];
    const include = (...names: string[]) =>
      ({ ...tableResource(table.name), kind: 'columns', include: names }) as const;
    await give(lake.root, holder, include('id', 'region'), ['SELECT'], ['SELECT']);
    await give(holder, third, include('id'), ['SELECT'], ['SELECT']);
    const denied = expect.objectContaining({ code: 'access_denied' });
    await expect(give(holder, third, include('id', 'email'), ['SELECT'])).rejects.toEqual(denied);
    await expect(give(holder, third, table, ['SELECT'])).rejects.toEqual(denied);
    await expect(
      give(holder, third, { ...include('id'), kind: 'columns', include: undefined, exclude: ['email'] } as never, [
        'SELECT',
      ]),
    ).rejects.toEqual(denied);
    await expect(give(third, holder, table, ['DESCRIBE'])).rejects.toEqual(denied);
    const { events } = await lake.governance.trail.lookupEvents(lake.root, {
      attributes: [{ key: 'Username', value: third.principal.name }],
    });
    expect(events[0]).toMatchObject({ errorCode: 'AccessDenied' });
  });

  it('lets a holder of ALL with grant option pass on each verb', async () => {
    const [holder, third, table] = [await newUser(), await newUser(), await newTable()];
    await give(lake.root, holder, table, ['ALL'], ['ALL']);
    await give(holder, third, table, ['SELECT', 'INSERT']);
    await grants.createFilter(holder, { ...tableResource(table.name), filter: 'f', exclude: [] });
    await give(holder, third, { ...tableResource(table.name), kind: 'filter', filter: 'f' }, ['SELECT']);
  });
});

describe('revoking', () => {
  it('is seen by the very next decision', async () => {
    const [user, table] = [await newUser(), await newTable()];
    const name = tableResource(table.name);
    for (let round = 0; round < 20; round++) {
      await give(lake.root, user, table, ['SELECT']);
      expect(await lake.governance.policy.tableShape(user, name, COLUMNS)).toEqual({ kind: 'full' });
      await grants.revoke(lake.root, { principal: user.principal.arn, resource: table, permissions: ['SELECT'] });
      await expect(lake.governance.policy.tableShape(user, name, COLUMNS)).rejects.toMatchObject({
        code: 'table_not_found',
      });
    }
  });

  it('of one verb leaves the others that ALL stood for', async () => {
    const [user, table] = [await newUser(), await newTable()];
    await give(lake.root, user, table, ['ALL'], ['ALL']);
    await grants.revoke(lake.root, { principal: user.principal.arn, resource: table, permissions: ['DROP'] });
    const rest = ['ALTER', 'DELETE', 'DESCRIBE', 'INSERT', 'SELECT'];
    expect(await listed(lake.root, user)).toMatchObject([{ permissions: rest, grantable: rest }]);
  });

  it('of the grant option alone keeps the permission', async () => {
    const [user, table] = [await newUser(), await newTable()];
    await give(lake.root, user, table, ['SELECT'], ['SELECT']);
    await grants.revoke(lake.root, {
      principal: user.principal.arn,
      resource: table,
      permissions: [],
      grantable: ['SELECT'],
    });
    expect(await listed(lake.root, user)).toMatchObject([{ permissions: ['SELECT'], grantable: [] }]);
  });

  it('of columns narrows what includes or excludes them', async () => {
    const [user, table] = [await newUser(), await newTable()];
    const columns = { ...tableResource(table.name), kind: 'columns' } as const;
    await give(lake.root, user, { ...columns, include: ['id', 'region'] }, ['SELECT']);
    const revoke = (...include: string[]) =>
      grants.revoke(lake.root, {
        principal: user.principal.arn,
        resource: { ...columns, include },
        permissions: ['SELECT'],
      });
    await revoke('region', 'email');
    expect(await listed(lake.root, user)).toMatchObject([{ resource: { include: ['id'] } }]);
    await revoke('id');
    expect(await listed(lake.root, user)).toEqual([]);
    await give(lake.root, user, { ...columns, exclude: ['id'] }, ['SELECT']);
    await revoke('email');
    expect(await listed(lake.root, user)).toMatchObject([{ resource: { exclude: ['email', 'id'] } }]);
  });

  it('says so when there is nothing to revoke', async () => {
    const [user, table] = [await newUser(), await newTable()];
    await expect(
      grants.revoke(lake.root, { principal: user.principal.arn, resource: table, permissions: ['SELECT'] }),
    ).rejects.toThrow(/No permissions revoked/);
  });

  it('tells what hangs on it, down the chain, and takes that along when asked to', async () => {
    const [first, second, third, table] = [await newUser(), await newUser(), await newUser(), await newTable()];
    await give(lake.root, first, table, ['SELECT'], ['SELECT']);
    await give(first, second, table, ['SELECT'], ['SELECT']);
    await give(second, third, table, ['SELECT']);
    const request = { principal: first.principal.arn, resource: table, permissions: ['SELECT'] as const };
    const hanging = await grants.dependents(lake.root, request);
    expect(hanging.map((entry) => entry.principal)).toEqual([second.principal.arn, third.principal.arn]);
    expect(await listed(lake.root, second)).toHaveLength(1);
    const { dependents } = await grants.revoke(lake.root, request, { dependents: 'revoke' });
    expect(dependents).toHaveLength(2);
    expect(await listed(lake.root, second)).toEqual([]);
    expect(await listed(lake.root, third)).toEqual([]);
  });

  it('finds nothing hanging on a grantor who still may by another grant', async () => {
    const [first, second, table] = [await newUser(), await newUser(), await newTable()];
    await give(lake.root, first, table, ['SELECT'], ['SELECT']);
    await give(lake.root, first, { kind: 'tables', database: 'sales' }, ['SELECT'], ['SELECT']);
    await give(first, second, table, ['SELECT']);
    const { dependents } = await grants.revoke(lake.root, {
      principal: first.principal.arn,
      resource: table,
      permissions: ['SELECT'],
    });
    expect(dependents).toEqual([]);
  });
});

describe('listing', () => {
  it('shows others only their own grants and those they may pass on', async () => {
    const [holder, other, table] = [await newUser(), await newUser(), await newTable()];
    await give(lake.root, holder, table, ['SELECT'], ['SELECT']);
    await give(lake.root, other, table, ['SELECT']);
    const seen = async (context: RequestContext) => {
      const { entries } = await grants.listPermissions(context, { resource: tableResource(table.name) });
      return entries.map((entry) => entry.principal).sort();
    };
    expect(await seen(other)).toEqual([other.principal.arn]);
    expect(await seen(holder)).toEqual([lake.root, holder, other].map((context) => context.principal.arn).sort());
  });

  it('pages through everything once', async () => {
    const user = await newUser();
    for (let i = 0; i < 7; i++) await give(lake.root, user, await newTable(), ['SELECT']);
    const seen: string[] = [];
    let nextToken: string | undefined;
    do {
      const page = await grants.listPermissions(lake.root, {
        principal: user.principal.arn,
        max: 3,
        ...(nextToken === undefined ? {} : { nextToken }),
      });
      seen.push(...page.entries.map((entry) => entry.id));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    expect(new Set(seen).size).toBe(7);
    expect(seen).toHaveLength(7);
  });

  it('lists column and filter grants with a table when related ones are asked for', async () => {
    const [user, table] = [await newUser(), await newTable()];
    const name = tableResource(table.name);
    await grants.createFilter(lake.root, { ...name, filter: 'f', exclude: [] });
    await give(lake.root, user, { ...name, kind: 'filter', filter: 'f' }, ['SELECT']);
    await give(lake.root, user, { ...name, kind: 'columns', include: ['id'] }, ['SELECT']);
    const query = { principal: user.principal.arn, resource: name };
    expect((await grants.listPermissions(lake.root, query)).entries).toHaveLength(1);
    expect((await grants.listPermissions(lake.root, { ...query, includeRelated: true })).entries).toHaveLength(2);
  });
});

describe('settings', () => {
  it('refuse to lose the last administrator, and a caller who is none', async () => {
    const settings = await grants.getSettings(lake.root);
    expect(settings.admins).toEqual([lake.root.principal.arn]);
    await expect(grants.putSettings(lake.root, { ...settings, admins: [] })).rejects.toThrow(
      /last data lake administrator/,
    );
    const user = await newUser();
    await expect(grants.putSettings(user, { ...settings, admins: [user.principal.arn] })).rejects.toMatchObject({
      code: 'access_denied',
    });
    await expect(
      grants.putSettings(lake.root, { ...settings, admins: Array.from({ length: 31 }, () => lake.root.principal.arn) }),
    ).rejects.toThrow(/at most 30/);
  });

  it('give default permissions to new tables only while they say so', async () => {
    const user = await newUser();
    const settings = await grants.getSettings(lake.root);
    const defaults = [{ principal: user.principal.arn, permissions: ['SELECT'] as const }];
    await grants.putSettings(lake.root, { ...settings, tableDefaults: defaults });
    const with_ = await newTable();
    await grants.putSettings(lake.root, settings);
    const without = await newTable();
    await lake.governance.policy.authorizeTable(user, with_, 'SELECT');
    await expect(lake.governance.policy.authorizeTable(user, without, 'SELECT')).rejects.toMatchObject({
      code: 'table_not_found',
    });
  });

  it('let a read-only administrator see everything and change nothing', async () => {
    const [auditor, table] = [await newUser(), await newTable()];
    const settings = await grants.getSettings(lake.root);
    await grants.putSettings(lake.root, { ...settings, readOnlyAdmins: [auditor.principal.arn] });
    await lake.governance.policy.authorizeTable(auditor, table, 'DESCRIBE');
    expect((await grants.listPermissions(auditor, { resource: tableResource(table.name) })).entries).toHaveLength(1);
    await expect(give(auditor, auditor, table, ['SELECT'])).rejects.toMatchObject({ code: 'access_denied' });
    await expect(lake.governance.policy.authorizeTable(auditor, table, 'DROP')).rejects.toMatchObject({
      code: 'access_denied',
    });
    await grants.putSettings(lake.root, settings);
  });
});

describe('data cells filters', () => {
  const filtered = async (expression: string | undefined, more: object = { exclude: [] }) => {
    const [user, table] = [await newUser(), await newTable()];
    const name = tableResource(table.name);
    const input = { database: name.database, table: name.table, filter: 'f', ...more };
    await grants.createFilter(lake.root, expression === undefined ? input : { ...input, expression });
    await give(lake.root, user, { ...name, kind: 'filter', filter: 'f' }, ['SELECT']);
    return { user, name, input };
  };

  it('shape the table to their rows, columns and masks', async () => {
    const { user, name } = await filtered("/* loch:masks email=hash */ region = 'north'", { include: ['ID', 'email'] });
    const shape = await lake.governance.policy.tableShape(user, name, COLUMNS);
    expect(shape).toMatchObject({
      kind: 'shaped',
      columns: ['id', 'email'],
      grants: [
        {
          columns: ['id', 'email'],
          rows: { op: '=', column: ['region'], value: { kind: 'string', text: 'north' } },
          masks: { email: 'hash' },
        },
      ],
    });
    expect(await grants.getFilter(lake.root, { ...name, filter: 'f' })).toMatchObject({
      expression: "region = 'north'",
      masks: { email: 'hash' },
      include: ['id', 'email'],
    });
  });

  it('show no rows, never all, once they do not fit the columns any more', async () => {
    const { user, name, input } = await filtered("region = 'north'");
    const changed = COLUMNS.map((column) => (column.name === 'region' ? { ...column, type: 'int' } : column));
    lake.alterTable(`${name.database}.${name.table}`, changed);
    expect(await lake.governance.policy.tableShape(user, name, changed)).toMatchObject({
      kind: 'shaped',
      grants: [{ rows: { op: 'none' } }],
    });
    const renamed = COLUMNS.filter((column) => column.name !== 'region');
    expect(await lake.governance.policy.tableShape(user, name, renamed)).toMatchObject({
      grants: [{ rows: { op: 'none' } }],
    });
    expect((await grants.getFilter(lake.root, input)).invalid).toMatch(/cannot be compared/);
    // The old columns come back, and with them the rows.
    expect(await lake.governance.policy.tableShape(user, name, COLUMNS)).toMatchObject({
      grants: [{ rows: { op: '=' } }],
    });
  });

  it('mask and show columns whatever their names', async () => {
    const columns = ['constructor', '__proto__', 'toString'].map((name) => ({ name, type: 'string' }));
    await lake.createTable(lake.root, 'sales.names', columns);
    const [user, name] = [await newUser(), tableResource('sales.names')];
    await grants.createFilter(lake.root, {
      ...name,
      filter: 'f',
      exclude: [],
      expression: '/* loch:masks __proto__=hash,tostring=null */ TRUE',
    });
    await give(lake.root, user, { ...name, kind: 'filter', filter: 'f' }, ['SELECT']);
    const shape = await lake.governance.policy.tableShape(user, name, columns);
    const masks = shape.kind === 'shaped' ? shape.grants[0]!.masks : {};
    expect(Object.entries(masks)).toEqual([
      ['__proto__', 'hash'],
      ['toString', 'null'],
    ]);
    expect(masks.constructor).toBeUndefined();
  });

  it('show no rows when a mask does not fit any more', async () => {
    const { user, name } = await filtered('/* loch:masks email=last_4 */ TRUE');
    const changed = COLUMNS.map((column) => (column.name === 'email' ? { ...column, type: 'date' } : column));
    expect(await lake.governance.policy.tableShape(user, name, changed)).toMatchObject({
      grants: [{ rows: { op: 'none' } }],
    });
  });

  it('are changed for every grant at once, against the version that was read', async () => {
    const { user, name, input } = await filtered("region = 'north'");
    const { versionId } = await grants.getFilter(lake.root, input);
    await grants.updateFilter(lake.root, { ...input, expression: "region = 'south'", versionId });
    expect(await lake.governance.policy.tableShape(user, name, COLUMNS)).toMatchObject({
      grants: [{ rows: { value: { text: 'south' } } }],
    });
    await expect(grants.updateFilter(lake.root, { ...input, versionId })).rejects.toMatchObject({ code: 'conflict' });
  });

  it('take their grants along when they are deleted', async () => {
    const { user, name, input } = await filtered(undefined);
    expect(await lake.governance.policy.tableShape(user, name, COLUMNS)).toEqual({ kind: 'full' });
    await grants.deleteFilter(lake.root, input);
    await expect(lake.governance.policy.tableShape(user, name, COLUMNS)).rejects.toMatchObject({
      code: 'table_not_found',
    });
    expect(await listed(lake.root, user)).toEqual([]);
  });

  it('are made only by those who can grant the whole table', async () => {
    const { user, name } = await filtered(undefined);
    await expect(grants.createFilter(user, { ...name, filter: 'own', exclude: [] })).rejects.toMatchObject({
      code: 'access_denied',
    });
    await expect(grants.deleteFilter(user, { ...name, filter: 'f' })).rejects.toMatchObject({ code: 'not_found' });
    expect((await grants.listFilters(user, { table: name })).filters).toEqual([]);
    expect((await grants.listFilters(lake.root, { table: name })).filters).toHaveLength(1);
  });

  it.each([
    [{ include: ['id'], exclude: [] }, /either the columns/],
    [{}, /either the columns/],
    [{ include: [] }, /show nothing/],
    [{ include: ['nope'] }, /no column `nope`/],
    [{ exclude: [], filter: 'a/b' }, /not a filter name/],
    [{ include: ['id'], masks: { email: 'hash' } }, /does not show it/],
    [{ exclude: [], masks: { id: 'hash' } }, /Mask hash is for columns of type string/],
    [{ exclude: [], expression: 'id = ' }, /character 6/],
  ])('are refused with %o', async (input, message) => {
    const table = await newTable();
    await expect(
      grants.createFilter(lake.root, { ...tableResource(table.name), filter: 'f', ...input } as never),
    ).rejects.toThrow(message);
  });

  it('are refused on a table with a column that engines reserve', async () => {
    await lake.createTable(lake.root, 'sales.reserved', [...COLUMNS, { name: 'ctid', type: 'string' }]);
    await expect(
      grants.createFilter(lake.root, { ...tableResource('sales.reserved'), filter: 'f', exclude: [] }),
    ).rejects.toThrow(/engines reserve/);
  });
});

describe('why', () => {
  it('tells the chain, and what would allow', async () => {
    const [user, table] = [await newUser(), await newTable()];
    const name = { database: table.database, table: table.table };
    const denied = await grants.explainGrants(lake.root, { principal: user.principal.arn, table: name });
    expect(denied.allowed).toBe(false);
    expect(denied.lines.at(-1)).toMatch(/What would allow: GRANT SELECT on sales/);
    await grants.createFilter(lake.root, {
      ...name,
      filter: 'north',
      expression: "region = 'north'",
      exclude: ['email'],
    });
    await give(lake.root, user, { ...table, kind: 'filter', filter: 'north' }, ['SELECT']);
    const why = await grants.explainGrants(lake.root, { principal: user.principal.arn, table: name });
    expect(why).toMatchObject({
      allowed: true,
      columns: [
        { name: 'id', shown: 'partly' },
        { name: 'region', shown: 'partly' },
        { name: 'email', shown: 'hidden' },
      ],
      grants: [{ rows: "where region = 'north'" }],
    });
    // The holder sees that a condition applies, not its literals.
    const own = await grants.explainGrants(user, { table: name });
    expect(own.lines.join('\n')).not.toContain("north'");
    expect(own.allowed).toBe(true);
  });

  it('does not name columns that the asker may not know of', async () => {
    const [user, table] = [await newUser(), await newTable()];
    await give(lake.root, user, { ...tableResource(table.name), kind: 'columns', include: ['id'] }, ['SELECT']);
    const own = await grants.explainGrants(user, { table });
    expect(own.columns).toEqual([{ name: 'id', shown: 'clear' }]);
    expect(own.lines.join()).not.toContain('email');
  });

  it('is answered about others only to administrators', async () => {
    const [user, table] = [await newUser(), await newTable()];
    const question = { principal: lake.root.principal.arn, table: { database: table.database, table: table.table } };
    await expect(grants.explainGrants(user, question)).rejects.toMatchObject({ code: 'access_denied' });
    await expect(grants.explainGrants(user, { table: question.table })).rejects.toMatchObject({
      code: 'table_not_found',
    });
  });
});
