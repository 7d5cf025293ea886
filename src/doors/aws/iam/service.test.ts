import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as iam from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type GovernedAwsDoor,
  openGovernedAwsDoor,
  type SigningKey,
} from '../../../testing/builders/governed-aws-door.ts';

const ACCOUNT = '123456789012';
let lake: GovernedAwsDoor;
let root: iam.IAMClient;

const clientOf = (key: SigningKey) =>
  new iam.IAMClient({ region: 'us-east-1', endpoint: lake.endpoint, credentials: key, maxAttempts: 1 });
const stsOf = (key: SigningKey) =>
  new STSClient({ region: 'us-east-1', endpoint: lake.endpoint, credentials: key, maxAttempts: 1 });
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error,
  );
const policy = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements });

beforeAll(async () => {
  lake = await openGovernedAwsDoor({ accountId: ACCOUNT });
  root = clientOf(lake.rootKey);
});
afterAll(() => lake.close());

async function userWithKey(name: string, ...statements: object[]) {
  await root.send(new iam.CreateUserCommand({ UserName: name }));
  if (statements.length > 0) {
    const PolicyDocument = policy(...statements);
    await root.send(new iam.PutUserPolicyCommand({ UserName: name, PolicyName: 'own', PolicyDocument }));
  }
  const { AccessKey } = await root.send(new iam.CreateAccessKeyCommand({ UserName: name }));
  return { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
}

it('makes the root key once and gives the same one afterwards', async () => {
  const { ensureRootKey } = lake.governance;
  const [first, second] = [await ensureRootKey(), await ensureRootKey()];
  expect([first.created, second.created]).toEqual([false, false]);
  expect(first.accessKeyId).toBe(second.accessKeyId);
  expect(first.secret.reveal()).toBe(second.secret.reveal());
});

it('tells root and a user who they are', async () => {
  expect(await stsOf(lake.rootKey).send(new GetCallerIdentityCommand({}))).toMatchObject({
    Account: ACCOUNT,
    Arn: `arn:aws:iam::${ACCOUNT}:root`,
    UserId: ACCOUNT,
  });
  const who = await stsOf(await userWithKey('Whoami')).send(new GetCallerIdentityCommand({}));
  expect(who).toMatchObject({ Account: ACCOUNT, Arn: `arn:aws:iam::${ACCOUNT}:user/Whoami` });
  expect(who.UserId).toMatch(/^AIDA[A-Z2-7]{16}$/);
});

it('creates, finds, lists and deletes users, whose names differ by more than case', async () => {
  const { User } = await root.send(
    new iam.CreateUserCommand({ UserName: 'Ada', Path: '/math/', Tags: [{ Key: 'team', Value: 'engines' }] }),
  );
  expect(User).toMatchObject({ UserName: 'Ada', Path: '/math/', Arn: `arn:aws:iam::${ACCOUNT}:user/math/Ada` });
  const again = await failureOf(root.send(new iam.CreateUserCommand({ UserName: 'ADA' })));
  expect(again).toBeInstanceOf(iam.EntityAlreadyExistsException);
  const found = await root.send(new iam.GetUserCommand({ UserName: 'ada' }));
  expect(found.User).toMatchObject({
    UserName: 'Ada',
    UserId: User!.UserId,
    Tags: [{ Key: 'team', Value: 'engines' }],
  });
  const listed = await root.send(new iam.ListUsersCommand({ PathPrefix: '/math/' }));
  expect(listed).toMatchObject({ IsTruncated: false, Users: [{ UserName: 'Ada' }] });
  await root.send(new iam.DeleteUserCommand({ UserName: 'Ada' }));
  const gone = await failureOf(root.send(new iam.GetUserCommand({ UserName: 'Ada' })));
  expect(gone).toBeInstanceOf(iam.NoSuchEntityException);
});

it('pages through users without losing or repeating one', async () => {
  const names = Array.from({ length: 7 }, (_, i) => `page-${i}`);
  for (const UserName of names) await root.send(new iam.CreateUserCommand({ UserName, Path: '/pages/' }));
  const seen: string[] = [];
  let sizes = '';
  for await (const page of iam.paginateListUsers({ client: root, pageSize: 3 }, { PathPrefix: '/pages/' })) {
    seen.push(...page.Users!.map((user) => user.UserName!));
    sizes += page.Users!.length;
  }
  expect([seen, sizes]).toEqual([names, '331']);
});

it('refuses to delete a user while a key, a policy or a group hangs on him', async () => {
  await userWithKey('Busy', { Effect: 'Allow', Action: 'iam:GetUser', Resource: '*' });
  const remove = () => failureOf(root.send(new iam.DeleteUserCommand({ UserName: 'Busy' })));
  expect(await remove()).toBeInstanceOf(iam.DeleteConflictException);
  const keys = await root.send(new iam.ListAccessKeysCommand({ UserName: 'Busy' }));
  const AccessKeyId = keys.AccessKeyMetadata![0]!.AccessKeyId;
  await root.send(new iam.DeleteAccessKeyCommand({ UserName: 'Busy', AccessKeyId }));
  expect(await remove()).toMatchObject({ message: expect.stringContaining('inline policies') });
  await root.send(new iam.DeleteUserPolicyCommand({ UserName: 'Busy', PolicyName: 'own' }));
  await root.send(new iam.CreateGroupCommand({ GroupName: 'busy-ones' }));
  await root.send(new iam.AddUserToGroupCommand({ GroupName: 'busy-ones', UserName: 'Busy' }));
  expect(await remove()).toMatchObject({ message: expect.stringContaining('its groups') });
  await root.send(new iam.RemoveUserFromGroupCommand({ GroupName: 'busy-ones', UserName: 'Busy' }));
  expect(await remove()).toBeUndefined();
});

it('allows two keys per user, and a deleted or inactive key signs nothing from the next request on', async () => {
  const key = await userWithKey('Keys');
  const me = () => stsOf(key).send(new GetCallerIdentityCommand({}));
  await root.send(new iam.CreateAccessKeyCommand({ UserName: 'Keys' }));
  const third = await failureOf(root.send(new iam.CreateAccessKeyCommand({ UserName: 'Keys' })));
  expect(third).toBeInstanceOf(iam.LimitExceededException);
  const set = (Status: 'Active' | 'Inactive') =>
    root.send(new iam.UpdateAccessKeyCommand({ UserName: 'Keys', AccessKeyId: key.accessKeyId, Status }));
  await me();
  await set('Inactive');
  expect(await failureOf(me())).toMatchObject({ name: 'InvalidClientTokenId' });
  await set('Active');
  await me();
  await root.send(new iam.DeleteAccessKeyCommand({ UserName: 'Keys', AccessKeyId: key.accessKeyId }));
  expect(await failureOf(me())).toMatchObject({ name: 'InvalidClientTokenId' });
});

it('grants by managed policies, by groups and by inline policies, and a deny anywhere wins', async () => {
  const client = clientOf(await userWithKey('Grace'));
  const read = () => failureOf(client.send(new iam.GetUserCommand({ UserName: 'Whoami' })));
  expect(await read()).toMatchObject({ name: 'AccessDenied', message: expect.stringContaining('iam:GetUser') });
  const { Policy } = await root.send(
    new iam.CreatePolicyCommand({
      PolicyName: 'read-users',
      PolicyDocument: policy({ Effect: 'Allow', Action: 'iam:Get*', Resource: `arn:aws:iam::${ACCOUNT}:user/*` }),
    }),
  );
  const PolicyArn = Policy!.Arn!;
  await root.send(new iam.AttachUserPolicyCommand({ UserName: 'Grace', PolicyArn }));
  expect(await read()).toBeUndefined();
  await root.send(new iam.DetachUserPolicyCommand({ UserName: 'Grace', PolicyArn }));
  expect(await read()).toMatchObject({ name: 'AccessDenied' });
  await root.send(new iam.CreateGroupCommand({ GroupName: 'readers' }));
  await root.send(new iam.AttachGroupPolicyCommand({ GroupName: 'readers', PolicyArn }));
  await root.send(new iam.AddUserToGroupCommand({ GroupName: 'readers', UserName: 'Grace' }));
  expect(await read()).toBeUndefined();
  const PolicyDocument = policy({ Effect: 'Deny', Action: '*', Resource: `arn:aws:iam::${ACCOUNT}:user/Whoami` });
  await root.send(new iam.PutUserPolicyCommand({ UserName: 'Grace', PolicyName: 'no', PolicyDocument }));
  expect(await read()).toMatchObject({ name: 'AccessDenied' });
  await root.send(new iam.DeleteUserPolicyCommand({ UserName: 'Grace', PolicyName: 'no' }));
  expect(await read()).toBeUndefined();
});

it('bounds what policies allow by the permissions boundary', async () => {
  const everything = { Effect: 'Allow', Action: '*', Resource: '*' };
  const client = clientOf(await userWithKey('Bounded', everything));
  const list = () => failureOf(client.send(new iam.ListUsersCommand({})));
  expect(await list()).toBeUndefined();
  const boundary = 'arn:aws:iam::aws:policy/AmazonS3FullAccess';
  await root.send(new iam.PutUserPermissionsBoundaryCommand({ UserName: 'Bounded', PermissionsBoundary: boundary }));
  expect(await list()).toMatchObject({ name: 'AccessDenied' });
  await root.send(new iam.DeleteUserPermissionsBoundaryCommand({ UserName: 'Bounded' }));
  expect(await list()).toBeUndefined();
});

it('keeps versions of a managed policy, of which the default one counts', async () => {
  const created = await root.send(
    new iam.CreatePolicyCommand({
      PolicyName: 'versions',
      PolicyDocument: policy({ Effect: 'Deny', Action: '*', Resource: '*' }),
    }),
  );
  const PolicyArn = created.Policy!.Arn!;
  const PolicyDocument = policy({ Effect: 'Allow', Action: 'iam:ListUsers', Resource: '*' });
  for (let i = 0; i < 4; i++)
    await root.send(new iam.CreatePolicyVersionCommand({ PolicyArn, PolicyDocument, SetAsDefault: i === 3 }));
  const sixth = await failureOf(root.send(new iam.CreatePolicyVersionCommand({ PolicyArn, PolicyDocument })));
  expect(sixth).toBeInstanceOf(iam.LimitExceededException);
  const { PolicyVersion } = await root.send(new iam.GetPolicyVersionCommand({ PolicyArn, VersionId: 'v5' }));
  expect(decodeURIComponent(PolicyVersion!.Document!)).toBe(PolicyDocument);
  const isDefault = await failureOf(root.send(new iam.DeletePolicyVersionCommand({ PolicyArn, VersionId: 'v5' })));
  expect(isDefault).toBeInstanceOf(iam.DeleteConflictException);
  const versioned = clientOf(await userWithKey('Versioned'));
  await root.send(new iam.AttachUserPolicyCommand({ UserName: 'Versioned', PolicyArn }));
  expect(await failureOf(versioned.send(new iam.ListUsersCommand({})))).toBeUndefined();
  await root.send(new iam.SetDefaultPolicyVersionCommand({ PolicyArn, VersionId: 'v1' }));
  expect(await failureOf(versioned.send(new iam.ListUsersCommand({})))).toMatchObject({ name: 'AccessDenied' });
  const attached = await failureOf(root.send(new iam.DeletePolicyCommand({ PolicyArn })));
  expect(attached).toBeInstanceOf(iam.DeleteConflictException);
  const { AttachedPolicies } = await root.send(new iam.ListAttachedUserPoliciesCommand({ UserName: 'Versioned' }));
  expect(AttachedPolicies).toEqual([{ PolicyName: 'versions', PolicyArn }]);
});

it('refuses a malformed policy with its line and column', async () => {
  const text =
    '{"Version": "2012-10-17",\n "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*",\n  "Condition": {"StringEqualz": {"a": "b"}}}]}';
  const error = await failureOf(root.send(new iam.CreatePolicyCommand({ PolicyName: 'bad', PolicyDocument: text })));
  expect(error).toBeInstanceOf(iam.MalformedPolicyDocumentException);
  expect(error.message).toContain('StringEqualz');
  expect(error.message).toContain('line 3, column 17');
});

it('lists own policies and those of AWS on pages', async () => {
  const names: string[] = [];
  for await (const page of iam.paginateListPolicies({ client: root, pageSize: 4 }, { Scope: 'All' })) {
    names.push(...page.Policies!.map((found) => found.PolicyName!));
  }
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(expect.arrayContaining(['read-users', 'versions', 'AdministratorAccess', 'ReadOnlyAccess']));
});

it('lets a user manage himself where a policy variable says so, and nobody else', async () => {
  const self = {
    Effect: 'Allow',
    Action: 'iam:*AccessKey*',
    Resource: `arn:aws:iam::${ACCOUNT}:user/\${aws:username}`,
  };
  const client = clientOf(await userWithKey('Selfmade', self));
  const own = await client.send(new iam.ListAccessKeysCommand({}));
  expect(own.AccessKeyMetadata).toHaveLength(1);
  const other = await failureOf(client.send(new iam.CreateAccessKeyCommand({ UserName: 'Grace' })));
  expect(other).toMatchObject({ name: 'AccessDenied' });
});

it('tells who may not look whether or not the user exists', async () => {
  const client = clientOf(await userWithKey('Nosy'));
  const missing = await failureOf(client.send(new iam.GetUserCommand({ UserName: 'nobody-at-all' })));
  const present = await failureOf(client.send(new iam.GetUserCommand({ UserName: 'Grace' })));
  expect([missing.name, present.name]).toEqual(['AccessDenied', 'AccessDenied']);
});

it('makes roles with a trust policy', async () => {
  const trust = policy({ Effect: 'Allow', Principal: { Service: 'glue.amazonaws.com' }, Action: 'sts:AssumeRole' });
  const { Role } = await root.send(new iam.CreateRoleCommand({ RoleName: 'crawl', AssumeRolePolicyDocument: trust }));
  expect(Role).toMatchObject({ Arn: `arn:aws:iam::${ACCOUNT}:role/crawl`, MaxSessionDuration: 3600 });
  expect(decodeURIComponent(Role!.AssumeRolePolicyDocument!)).toBe(trust);
  const noPrincipal = policy({ Effect: 'Allow', Action: 'sts:AssumeRole' });
  const bad = await failureOf(
    root.send(new iam.CreateRoleCommand({ RoleName: 'x', AssumeRolePolicyDocument: noPrincipal })),
  );
  expect(bad).toMatchObject({
    name: 'MalformedPolicyDocumentException',
    message: expect.stringContaining('Principal'),
  });
  expect(await lake.governance.identities.principal(`arn:aws:iam::${ACCOUNT}:role/crawl`)).toMatchObject({
    kind: 'role',
    name: 'crawl',
  });
});

it('keeps no secret in the database files nor in the audit trail', async () => {
  const { secretAccessKey } = await userWithKey('Planted');
  const files = readdirSync(lake.directory).map((name) => readFileSync(join(lake.directory, name)));
  expect(files.length).toBeGreaterThan(1);
  expect(files.some((bytes) => bytes.includes(secretAccessKey))).toBe(false);
  const attributes = [{ key: 'EventName', value: 'CreateAccessKey' }];
  const { events } = await lake.governance.trail.lookupEvents(lake.rootContext(), { attributes });
  expect(JSON.parse(events[0]!.body)).toMatchObject({
    eventSource: 'iam.amazonaws.com',
    requestParameters: { userName: 'Planted' },
    responseElements: { accessKey: { userName: 'Planted', secretAccessKey: 'HIDDEN_DUE_TO_SECURITY_REASONS' } },
  });
  expect(JSON.stringify(events)).not.toContain(secretAccessKey);
});

it('finds a refused call in the audit trail under its own name, once', async () => {
  const client = clientOf(await userWithKey('Refused'));
  const error = await failureOf(client.send(new iam.DeleteUserCommand({ UserName: 'Grace' })));
  const attributes = [{ key: 'Username', value: 'Refused' }];
  const { events } = await lake.governance.trail.lookupEvents(lake.rootContext(), { attributes });
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({
    eventName: 'DeleteUser',
    eventSource: 'iam.amazonaws.com',
    errorCode: 'AccessDenied',
    requestId: error.$metadata.requestId,
  });
});

it('simulates what a user may do, and refuses members it does not support', async () => {
  await userWithKey('Simulated', {
    Sid: 'ReadRaw',
    Effect: 'Allow',
    Action: 's3:Get*',
    Resource: 'arn:aws:s3:::raw/*',
  });
  const PolicySourceArn = `arn:aws:iam::${ACCOUNT}:user/Simulated`;
  const { EvaluationResults } = await root.send(
    new iam.SimulatePrincipalPolicyCommand({
      PolicySourceArn,
      ActionNames: ['s3:GetObject', 's3:PutObject'],
      ResourceArns: ['arn:aws:s3:::raw/a'],
      ContextEntries: [{ ContextKeyName: 'aws:SourceIp', ContextKeyType: 'ip', ContextKeyValues: ['10.0.0.1'] }],
    }),
  );
  expect(EvaluationResults).toMatchObject([
    {
      EvalActionName: 's3:GetObject',
      EvalDecision: 'allowed',
      MatchedStatements: [{ SourcePolicyId: 'user/Simulated/own' }],
    },
    { EvalActionName: 's3:PutObject', EvalDecision: 'implicitDeny', MatchedStatements: [] },
  ]);
  const refused = new iam.SimulatePrincipalPolicyCommand({
    PolicySourceArn,
    ActionNames: ['s3:GetObject'],
    CallerArn: PolicySourceArn,
  });
  expect(await failureOf(root.send(refused))).toMatchObject({ name: 'UnsupportedOperation' });
});

it('tells when and for what a key was last used', async () => {
  const key = await userWithKey('Used');
  const ask = () => root.send(new iam.GetAccessKeyLastUsedCommand({ AccessKeyId: key.accessKeyId }));
  expect(await ask()).toMatchObject({ UserName: 'Used', AccessKeyLastUsed: { ServiceName: 'N/A', Region: 'N/A' } });
  const before = Date.now();
  await stsOf(key).send(new GetCallerIdentityCommand({}));
  const { AccessKeyLastUsed } = await ask();
  expect(AccessKeyLastUsed).toMatchObject({ ServiceName: 'sts', Region: 'us-east-1' });
  expect(AccessKeyLastUsed!.LastUsedDate!.getTime()).toBeGreaterThanOrEqual(before);
});

it('tags managed policies and counts what the account holds', async () => {
  const PolicyDocument = policy({ Effect: 'Allow', Action: 's3:*', Resource: '*' });
  const made = await root.send(new iam.CreatePolicyCommand({ PolicyName: 'tagged', PolicyDocument }));
  const PolicyArn = made.Policy!.Arn!;
  await root.send(
    new iam.TagPolicyCommand({
      PolicyArn,
      Tags: [
        { Key: 'a', Value: '1' },
        { Key: 'b', Value: '2' },
      ],
    }),
  );
  await root.send(new iam.UntagPolicyCommand({ PolicyArn, TagKeys: ['a'] }));
  const { Policy } = await root.send(new iam.GetPolicyCommand({ PolicyArn }));
  expect(Policy!.Tags).toEqual([{ Key: 'b', Value: '2' }]);
  const users = (await root.send(new iam.ListUsersCommand({ MaxItems: 1000 }))).Users!.length;
  const { SummaryMap } = await root.send(new iam.GetAccountSummaryCommand({}));
  expect(SummaryMap).toMatchObject({ Users: users, UsersQuota: 5000, AccountAccessKeysPresent: 1 });
});
