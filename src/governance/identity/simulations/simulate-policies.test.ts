// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables are written so.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RequestContext } from '../../../core/caller.ts';
import { systemClock } from '../../../core/clock.ts';
import { LochError } from '../../../core/errors.ts';
import type { MetadataStore } from '../../../metadata/contract.ts';
import { openSqliteStore } from '../../../metadata/sqlite/store.ts';
import { createSealer } from '../../../platform/sealer.ts';
import { type Identity, identityStoreModules, openIdentity } from '../index.ts';

const ACCOUNT = '123456789012';
const directory = mkdtempSync(join(tmpdir(), 'loch-simulate-'));
let store: MetadataStore;
let identity: Identity;
let root: RequestContext;
let ada: RequestContext;

const document = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements });

beforeAll(async () => {
  store = await openSqliteStore({ file: join(directory, 'loch.db'), modules: identityStoreModules });
  identity = openIdentity({
    store,
    sealer: createSealer(Buffer.alloc(32, 7)),
    clock: systemClock,
    accountId: ACCOUNT,
    policy: () => ({
      decide: identity.decide,
      async authorize(context, request) {
        if (!(await identity.decide(context, request)).allowed) throw new LochError('access_denied', 'No.');
      },
    }),
  });
  const principal = (await identity.identities.principal(`arn:aws:iam::${ACCOUNT}:root`))!;
  root = {
    requestId: 'r',
    principal,
    accountId: ACCOUNT,
    region: 'us-east-1',
    door: 'internal',
    sourceIp: '10.1.2.3',
    userAgent: 'test',
    secure: true,
    signal: new AbortController().signal,
    startedAt: Date.now(),
  };
  await identity.useCases.createEntity(root, 'user', { name: 'ada', tags: { team: 'night' } });
  ada = { ...root, principal: (await identity.identities.principal(`arn:aws:iam::${ACCOUNT}:user/ada`))! };
});
afterAll(async () => {
  await identity.close();
  await store.close();
  rmSync(directory, { recursive: true });
});

const effect = fc.constantFrom('Allow', 'Deny');
const action = fc.constantFrom('s3:*', 's3:Get*', 's3:GetObject', 'glue:Get?able', '*');
const resource = fc.constantFrom('*', 'arn:aws:s3:::raw/*', 'arn:aws:s3:::${aws:username}/*', 'arn:aws:s3:::r?w/a*');
const condition = fc.constantFrom(
  {},
  { StringEquals: { 'aws:PrincipalTag/team': 'night' } },
  { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } },
  { 'ForAllValues:StringLike': { 's3:prefix': ['a*', '${aws:username}*'] } },
  { Bool: { 'aws:SecureTransport': 'false' } },
  { Null: { 's3:prefix': 'true' } },
);
const either = <T>(name: string, value: fc.Arbitrary<T>) =>
  fc.tuple(fc.boolean(), value).map(([not, found]) => ({ [not ? `Not${name}` : name]: found }));
const statement = fc
  .tuple(effect, either('Action', action), either('Resource', resource), condition)
  .map(([Effect, actions, resources, Condition]) => ({ Effect, ...actions, ...resources, Condition }));
const question = fc.record({
  action: fc.constantFrom('s3:GetObject', 's3:PutObject', 'glue:GetTable'),
  resource: fc.constantFrom('arn:aws:s3:::raw/a.csv', 'arn:aws:s3:::ada/x', 'arn:aws:s3:::*/*', '*'),
  prefix: fc.constantFrom(undefined, 'abc', 'ada/', 'zzz'),
});

it('gives the live decision, with the statements that made it, in 10,000 random cases', async () => {
  const arn = ada.principal.arn;
  await fc.assert(
    fc.asyncProperty(
      fc.array(statement, { minLength: 1, maxLength: 4 }),
      fc.array(question, { minLength: 50, maxLength: 50 }),
      async (statements, questions) => {
        await identity.useCases.putInlinePolicy(root, { kind: 'user', name: 'ada' }, 'p', document(...statements));
        for (const { action: asked, resource: on, prefix } of questions) {
          const conditions: Record<string, string> = prefix === undefined ? {} : { 's3:prefix': prefix };
          const live = await identity.decide(ada, { action: asked, resource: on, conditions });
          const [simulated] = await identity.useCases.simulatePrincipal(root, arn, {
            actions: [asked],
            resources: [on],
            values: {
              'aws:SourceIp': [ada.sourceIp],
              'aws:SecureTransport': ['true'],
              ...(prefix === undefined ? {} : { 's3:prefix': [prefix] }),
            },
          });
          const expected = { allowed: 'allowed', explicit_deny: 'explicitDeny', implicit_deny: 'implicitDeny' };
          expect(simulated!.decision).toBe(expected[live.reason]);
          expect(simulated!.matched.map((found) => `${found.policyId}#${found.statementId}`)).toEqual(live.decidedBy);
        }
      },
    ),
    { numRuns: 200 },
  );
});

it('lists the context keys that were asked for and not given', async () => {
  const text = document({
    Effect: 'Allow',
    Action: 's3:*',
    Resource: 'arn:aws:s3:::${aws:username}/${aws:PrincipalTag/team}',
    Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' }, StringLike: { 's3:prefix': '${aws:userid}/*' } },
  });
  const simulation = { actions: ['s3:GetObject'], policies: [text], values: { 'AWS:UserName': ['ada'] } };
  const [decision] = await identity.useCases.simulateCustom(root, simulation);
  expect(decision!.missing).toEqual(['aws:principaltag/team', 'aws:sourceip', 'aws:userid', 's3:prefix']);
  const keys = await identity.useCases.contextKeys(root, [text]);
  expect(keys).toEqual(['aws:principaltag/team', 'aws:sourceip', 'aws:userid', 'aws:username', 's3:prefix']);
});

it('tells where the statements that matched stand', async () => {
  const text = '{"Version": "2012-10-17",\n "Statement": [\n  {"Effect": "Allow", "Action": "*", "Resource": "*"}\n ]}';
  const [decision] = await identity.useCases.simulateCustom(root, { actions: ['s3:GetObject'], policies: [text] });
  expect(decision).toMatchObject({
    decision: 'allowed',
    matched: [{ policyId: 'input.1', statementId: '0', start: { line: 3, column: 3 }, end: { line: 3, column: 54 } }],
  });
});

it('asks the policy for the right to simulate', async () => {
  await identity.useCases.putInlinePolicy(
    root,
    { kind: 'user', name: 'ada' },
    'p',
    document({ Effect: 'Allow', Action: 's3:*', Resource: '*' }),
  );
  const simulation = { actions: ['s3:GetObject'], policies: [] };
  await expect(identity.useCases.simulateCustom(ada, simulation)).rejects.toMatchObject({ code: 'access_denied' });
});
