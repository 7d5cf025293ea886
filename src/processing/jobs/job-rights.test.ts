import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RequestContext } from '../../core/caller.ts';
import { TEST_ACCOUNT } from '../../testing/builders/test-lake.ts';
import { openTestProcessing } from '../../testing/builders/test-processing.ts';
import type { JobDefinition } from '../contract.ts';

let lake: Awaited<ReturnType<typeof openTestProcessing>>;
let ana: RequestContext;

const clean = (name: string, prefix: string): JobDefinition => ({
  kind: 'clean',
  name,
  source: { bucket: 'raw', prefix, format: 'csv' },
  target: { database: 'd', table: name },
  columns: [
    { name: 'id', type: 'bigint' },
    { name: 'at', type: 'timestamp' },
  ],
  key: ['id'],
  eventTime: 'at',
  rules: [],
  quarantine: { bucket: 'lake', prefix: 'q/' },
});

beforeAll(async () => {
  lake = await openTestProcessing();
  await lake.catalog.createDatabase(lake.root, { name: 'd', locationUri: 's3://lake/d/' });
  for (const prefix of ['hers/', 'others/', 'results/of-nobody/', 'owned/']) {
    await lake.land(`${prefix}1.csv`, 'id,at\n1,2026-01-01\n,2026-01-01\n');
  }
  ana = await lake.user(
    'ana',
    { Effect: 'Allow', Action: ['glue:*', 'lakeformation:GetDataAccess'], Resource: '*' },
    { Effect: 'Deny', Action: 'glue:*', Resource: `arn:aws:glue:us-east-1:${TEST_ACCOUNT}:job/of-root` },
    { Effect: 'Allow', Action: 's3:ListBucket', Resource: 'arn:aws:s3:::raw' },
    {
      Effect: 'Allow',
      Action: 's3:GetObject',
      Resource: ['arn:aws:s3:::raw/hers/*', 'arn:aws:s3:::raw/results/*', 'arn:aws:s3:::raw/owned/*'],
    },
    { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: 'arn:aws:s3:::lake/d/*' },
  );
  await lake.governance.grants.grant(lake.root, {
    principal: ana.principal.arn,
    resource: { kind: 'database', database: 'd' },
    permissions: ['CREATE_TABLE', 'DESCRIBE'],
  });
});
afterAll(() => lake.close());

async function runAs(context: RequestContext, definition: JobDefinition) {
  await lake.jobs.put(context, definition);
  const { id } = await lake.jobs.start(context, definition.name);
  return lake.jobs.wait(id, lake.root.signal);
}

it('reads in the name of whoever started it: his objects, not those of others', async () => {
  const denied = await runAs(ana, clean('others', 'others/'));
  expect(denied.error).toMatchObject({
    code: 'access_denied',
    message: expect.stringMatching(/s3:GetObject.*raw\/others\/1\.csv/),
  });
  const result = await runAs(ana, clean('results', 'results/'));
  expect(result.error).toMatchObject({
    code: 'access_denied',
    message: expect.stringMatching(/query result of another/),
  });
});

it('writes rejected rows only where he may put objects', async () => {
  const denied = await runAs(ana, clean('hers', 'hers/'));
  expect(denied.error).toMatchObject({
    code: 'access_denied',
    message: expect.stringMatching(/s3:PutObject.*lake\/q\/hers/),
  });
  expect((await lake.objects.list('lake', { prefix: 'q/' })).objects).toEqual([]);
  await lake.governance.identity.putInlinePolicy(
    lake.root,
    { kind: 'user', name: 'ana' },
    'put',
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 's3:PutObject', Resource: 'arn:aws:s3:::lake/*' }],
    }),
  );
  const done = await runAs(ana, clean('hers', 'hers/'));
  expect(done).toMatchObject({ state: 'SUCCEEDED', counts: { rowsCommitted: 1, rowsRejected: 1 } });
});

it('shows and starts only jobs that IAM allows', async () => {
  await lake.jobs.put(lake.root, clean('of-root', 'none/'));
  expect((await lake.jobs.list(ana)).map((job) => job.name)).not.toContain('of-root');
  await expect(lake.jobs.start(ana, 'of-root')).rejects.toMatchObject({ code: 'access_denied' });
  await expect(lake.jobs.runs(ana, { job: 'of-root' })).rejects.toMatchObject({ code: 'access_denied' });
  expect((await lake.jobs.runs(lake.root)).length).toBeGreaterThan(0);
});

it('does not rewrite a table of which he sees a part', async () => {
  await runAs(lake.root, clean('owned', 'owned/'));
  const { grants } = lake.governance;
  const table = { database: 'd', table: 'owned' };
  await grants.createFilter(lake.root, { ...table, filter: 'some', expression: 'id > 5', exclude: [] });
  const principal = ana.principal.arn;
  await grants.grant(lake.root, {
    principal,
    resource: { kind: 'filter', ...table, filter: 'some' },
    permissions: ['SELECT'],
  });
  await grants.grant(lake.root, {
    principal,
    resource: { kind: 'table', ...table },
    permissions: ['INSERT', 'DELETE'],
  });
  await lake.land('owned/2.csv', 'id,at\n1,2026-02-01\n');
  const { id } = await lake.jobs.start(ana, 'owned');
  const refused = await lake.jobs.wait(id, lake.root.signal);
  expect(refused.error).toMatchObject({
    code: 'access_denied',
    message: expect.stringMatching(/sees only a part of `d\.owned`/),
  });
  expect(await lake.rows('SELECT * FROM d.owned')).toEqual([['1', '2026-01-01 00:00:00']]);
});

it('fails when the one in whose name it runs is gone', async () => {
  const eve = await lake.user('eve', { Effect: 'Allow', Action: '*', Resource: '*' });
  lake.crawls.hold.add('c');
  await lake.workflows.put(eve, {
    name: 'of-eve',
    nodes: [
      { name: 'c', kind: 'crawler', crawler: 'c', after: [] },
      { name: 'n', kind: 'job', job: 'hers', after: ['c'] },
    ],
    triggers: [],
  });
  const { id } = await lake.workflows.start(eve, 'of-eve');
  while (!lake.crawls.started.includes('c')) await new Promise((resolve) => setTimeout(resolve, 10));
  const { identity } = lake.governance;
  await identity.deleteInlinePolicy(lake.root, { kind: 'user', name: 'eve' }, 'inline');
  await identity.deleteEntity(lake.root, { kind: 'user', name: 'eve' });
  lake.crawls.end('c', 'COMPLETED');
  const run = await lake.workflows.wait(id, lake.root.signal);
  expect(run.nodes[1]).toMatchObject({
    state: 'FAILED',
    error: expect.stringMatching(/access_denied: .*user\/eve.* is gone/),
  });
});
