import * as iam from '@aws-sdk/client-iam';
import * as sts from '@aws-sdk/client-sts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixedClock } from '../../../core/clock.ts';
import {
  type GovernedAwsDoor,
  openGovernedAwsDoor,
  type SigningKey,
} from '../../../testing/builders/governed-aws-door.ts';

const ACCOUNT = '123456789012';
const clock = fixedClock(Date.now());
let lake: GovernedAwsDoor;
let root: iam.IAMClient;
let ada: SigningKey;

// The door's clock stands where a test puts it, so clients sign with it too.
const config = (credentials: SigningKey) => ({
  region: 'us-east-1',
  endpoint: lake.endpoint,
  credentials,
  maxAttempts: 1,
  systemClockOffset: clock.now() - Date.now(),
});
const iamOf = (key: SigningKey) => new iam.IAMClient(config(key));
const stsOf = (key: SigningKey) => new sts.STSClient(config(key));
const policy = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements });
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error,
  );
const trusting = (principal: object | string, more: object = {}) =>
  policy({ Effect: 'Allow', Principal: principal, Action: ['sts:AssumeRole', 'sts:TagSession'], ...more });

async function makeRole(RoleName: string, trust: string, ...statements: object[]) {
  await root.send(new iam.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust }));
  if (statements.length > 0) {
    await root.send(
      new iam.PutRolePolicyCommand({ RoleName, PolicyName: 'own', PolicyDocument: policy(...statements) }),
    );
  }
  return `arn:aws:iam::${ACCOUNT}:role/${RoleName}`;
}

async function take(key: SigningKey, input: Omit<sts.AssumeRoleRequest, 'RoleSessionName'>): Promise<SigningKey> {
  const { Credentials } = await stsOf(key).send(new sts.AssumeRoleCommand({ RoleSessionName: 'night-run', ...input }));
  return {
    accessKeyId: Credentials!.AccessKeyId!,
    secretAccessKey: Credentials!.SecretAccessKey!,
    sessionToken: Credentials!.SessionToken!,
  };
}

const listUsers = (key: SigningKey) => iamOf(key).send(new iam.ListUsersCommand({}));
const whoAmI = (key: SigningKey) => stsOf(key).send(new sts.GetCallerIdentityCommand({}));
const everyUser = { Effect: 'Allow', Action: 'iam:ListUsers', Resource: '*' };

beforeAll(async () => {
  lake = await openGovernedAwsDoor({ accountId: ACCOUNT, clock });
  root = iamOf(lake.rootKey);
  await root.send(new iam.CreateUserCommand({ UserName: 'ada' }));
  const { AccessKey } = await root.send(new iam.CreateAccessKeyCommand({ UserName: 'ada' }));
  ada = { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey! };
});
afterAll(() => lake.close());

const ADA = { AWS: `arn:aws:iam::${ACCOUNT}:user/ada` };

it('gives a role to whom its trust policy names, with the rights of the role alone', async () => {
  const RoleArn = await makeRole('lister', trusting(ADA), everyUser);
  expect(await failureOf(listUsers(ada))).toMatchObject({ name: 'AccessDenied' });
  const session = await take(ada, { RoleArn });
  expect((await listUsers(session)).Users).toMatchObject([{ UserName: 'ada' }]);
  const who = await whoAmI(session);
  expect(who.Arn).toBe(`arn:aws:sts::${ACCOUNT}:assumed-role/lister/night-run`);
  expect(who.UserId).toMatch(/^AROA[A-Z2-7]{16}:night-run$/);
});

it('needs an identity policy too where the trust policy names the account', async () => {
  const RoleArn = await makeRole('delegated', trusting({ AWS: ACCOUNT }));
  expect(await failureOf(take(ada, { RoleArn }))).toMatchObject({ name: 'AccessDenied' });
  const statement = { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: RoleArn };
  const put = { UserName: 'ada', PolicyName: 'may-assume', PolicyDocument: policy(statement) };
  await root.send(new iam.PutUserPolicyCommand(put));
  expect(await failureOf(take(ada, { RoleArn }))).toBeUndefined();
  await root.send(new iam.DeleteUserPolicyCommand({ UserName: 'ada', PolicyName: 'may-assume' }));
});

it('refuses a role that trusts somebody else, does not exist, or is denied to the caller', async () => {
  const RoleArn = await makeRole('others', trusting({ Service: 'glue.amazonaws.com' }));
  const refused = { name: 'AccessDenied', message: expect.stringContaining('sts:AssumeRole') };
  expect(await failureOf(take(ada, { RoleArn }))).toMatchObject(refused);
  expect(await failureOf(take(ada, { RoleArn: `${RoleArn}-not` }))).toMatchObject(refused);
  const mine = await makeRole('denied', trusting(ADA));
  const statement = { Effect: 'Deny', Action: 'sts:*', Resource: '*' };
  const put = { UserName: 'ada', PolicyName: 'no-sts', PolicyDocument: policy(statement) };
  await root.send(new iam.PutUserPolicyCommand(put));
  expect(await failureOf(take(ada, { RoleArn: mine }))).toMatchObject({ name: 'AccessDenied' });
  await root.send(new iam.DeleteUserPolicyCommand({ UserName: 'ada', PolicyName: 'no-sts' }));
});

it('asks for the external id the trust policy names', async () => {
  const trust = trusting(ADA, { Condition: { StringEquals: { 'sts:ExternalId': 'partner-7' } } });
  const RoleArn = await makeRole('external', trust);
  expect(await failureOf(take(ada, { RoleArn }))).toMatchObject({ name: 'AccessDenied' });
  expect(await failureOf(take(ada, { RoleArn, ExternalId: 'partner-8' }))).toMatchObject({ name: 'AccessDenied' });
  expect(await failureOf(take(ada, { RoleArn, ExternalId: 'partner-7' }))).toBeUndefined();
});

it('cuts a session down to its session policies', async () => {
  const RoleArn = await makeRole('wide', trusting(ADA), { Effect: 'Allow', Action: 'iam:*', Resource: '*' });
  const narrow = await take(ada, {
    RoleArn,
    Policy: policy({ Effect: 'Allow', Action: 'iam:GetUser', Resource: '*' }),
  });
  expect(await failureOf(listUsers(narrow))).toMatchObject({ name: 'AccessDenied' });
  expect(await failureOf(iamOf(narrow).send(new iam.GetUserCommand({ UserName: 'ada' })))).toBeUndefined();
  const byArn = await take(ada, { RoleArn, PolicyArns: [{ arn: 'arn:aws:iam::aws:policy/IAMReadOnlyAccess' }] });
  expect(await failureOf(listUsers(byArn))).toBeUndefined();
  const create = new iam.CreateUserCommand({ UserName: 'nobody' });
  expect(await failureOf(iamOf(byArn).send(create))).toMatchObject({ name: 'AccessDenied' });
});

it('lets conditions see session tags and when the token was issued', async () => {
  const tagged = { ...everyUser, Condition: { StringEquals: { 'aws:PrincipalTag/team': 'night' } } };
  const RoleArn = await makeRole('tagged', trusting(ADA), tagged);
  const session = await take(ada, { RoleArn, Tags: [{ Key: 'team', Value: 'night' }] });
  expect(await failureOf(listUsers(session))).toBeUndefined();
  expect(await failureOf(listUsers(await take(ada, { RoleArn })))).toMatchObject({ name: 'AccessDenied' });
  const revoke = {
    Effect: 'Deny',
    Action: '*',
    Resource: '*',
    Condition: { DateLessThan: { 'aws:TokenIssueTime': new Date(clock.now() + 1000).toISOString() } },
  };
  const put = { RoleName: 'tagged', PolicyName: 'revoke-older-sessions', PolicyDocument: policy(revoke) };
  await root.send(new iam.PutRolePolicyCommand(put));
  expect(await failureOf(listUsers(session))).toMatchObject({ name: 'AccessDenied' });
});

it('ends a session when its role is deleted', async () => {
  const RoleArn = await makeRole('short-lived', trusting(ADA));
  const session = await take(ada, { RoleArn });
  await whoAmI(session);
  await root.send(new iam.DeleteRoleCommand({ RoleName: 'short-lived' }));
  expect(await failureOf(whoAmI(session))).toMatchObject({ name: 'InvalidClientTokenId' });
});

it('refuses a token that was changed, left out, or belongs to another key', async () => {
  const RoleArn = await makeRole('tokens', trusting(ADA));
  const [one, two] = [await take(ada, { RoleArn }), await take(ada, { RoleArn })];
  const token = one.sessionToken!;
  const changed = `${token.slice(0, 40)}${token[40] === 'A' ? 'B' : 'A'}${token.slice(41)}`;
  const { sessionToken: _, ...without } = one;
  for (const key of [{ ...one, sessionToken: changed }, without, { ...one, sessionToken: two.sessionToken! }]) {
    expect(await failureOf(whoAmI(key))).toMatchObject({ name: 'InvalidClientTokenId' });
  }
});

it('bounds the length of sessions, and of roles taken by roles', async () => {
  const RoleArn = await makeRole('first', trusting(ADA), { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' });
  const second = await makeRole('second', trusting({ AWS: RoleArn }));
  await root.send(new iam.UpdateRoleCommand({ RoleName: 'second', MaxSessionDuration: 43_200 }));
  expect(await failureOf(take(ada, { RoleArn, DurationSeconds: 3_601 }))).toMatchObject({ name: 'ValidationError' });
  expect(await failureOf(take(ada, { RoleArn, DurationSeconds: 899 }))).toMatchObject({ name: 'ValidationError' });
  const session = await take(ada, { RoleArn });
  const chained = { RoleArn: second, DurationSeconds: 3_601 };
  expect(await failureOf(take(session, chained))).toMatchObject({ name: 'ValidationError' });
  expect((await whoAmI(await take(session, { RoleArn: second }))).Arn).toContain('assumed-role/second/');
});

it('gives a user credentials of his own that reach neither identities nor further sessions', async () => {
  await root.send(
    new iam.PutUserPolicyCommand({ UserName: 'ada', PolicyName: 'list', PolicyDocument: policy(everyUser) }),
  );
  const { Credentials } = await stsOf(ada).send(new sts.GetSessionTokenCommand({ DurationSeconds: 900 }));
  expect(Credentials!.Expiration).toEqual(new Date(clock.now() + 900_000));
  const session = {
    accessKeyId: Credentials!.AccessKeyId!,
    secretAccessKey: Credentials!.SecretAccessKey!,
    sessionToken: Credentials!.SessionToken!,
  };
  expect((await whoAmI(session)).Arn).toBe(ADA.AWS);
  await listUsers(ada);
  expect(await failureOf(listUsers(session))).toMatchObject({ name: 'AccessDenied' });
  const again = stsOf(session).send(new sts.GetSessionTokenCommand({}));
  expect(await failureOf(again)).toMatchObject({ name: 'AccessDenied' });
});

it('keeps secrets and tokens out of the audit trail', async () => {
  const attributes = [{ key: 'EventName', value: 'AssumeRole' }];
  const { events } = await lake.governance.trail.lookupEvents(lake.rootContext(), { attributes });
  const body = JSON.parse(events.find((event) => event.errorCode === undefined)!.body);
  expect(body.responseElements.credentials).toMatchObject({
    secretAccessKey: 'HIDDEN_DUE_TO_SECURITY_REASONS',
    sessionToken: 'HIDDEN_DUE_TO_SECURITY_REASONS',
  });
});

it('refuses members it does not support by their names', async () => {
  const RoleArn = await makeRole('mfa', trusting(ADA));
  const error = await failureOf(take(ada, { RoleArn, SerialNumber: 'arn:aws:iam::1:mfa/x', TokenCode: '123456' }));
  expect(error).toMatchObject({ name: 'UnsupportedOperation', message: expect.stringContaining('`SerialNumber`') });
});

it('tells the account of a key', async () => {
  const info = await stsOf(ada).send(new sts.GetAccessKeyInfoCommand({ AccessKeyId: ada.accessKeyId }));
  expect(info.Account).toBe(ACCOUNT);
});

it('ends with its time', async () => {
  const RoleArn = await makeRole('expiring', trusting(ADA));
  const session = await take(ada, { RoleArn, DurationSeconds: 900 });
  clock.advance(899_999);
  expect(await failureOf(whoAmI(session))).toBeUndefined();
  clock.advance(1);
  expect(await failureOf(whoAmI(session))).toMatchObject({ name: 'ExpiredToken' });
});
