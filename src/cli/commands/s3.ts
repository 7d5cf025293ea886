import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  type IAMClient,
  type IAMClientConfig,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { defineCommand } from 'citty';
import { canonicalUserId } from '../../core/canonical-user.ts';
import { clientOf } from '../api-client.ts';
import { dataFlag, orExplain, print } from '../command.ts';
import { dataDirectoryOf, requireServer, type ServerFile } from '../server-file.ts';

interface SeededUser {
  readonly accountId: string;
  readonly accountName: string;
  readonly email: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const EVERYTHING = JSON.stringify({
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Action: '*', Resource: '*' },
});

const seedAccounts = defineCommand({
  meta: {
    name: 'seed-accounts',
    description: 'Make a second account and three users, and print them as public S3 conformance suites read them',
  },
  args: {
    ...dataFlag,
    'alt-account': { type: 'string', default: '999999999999', description: 'The id of the second account: 12 digits' },
  },
  run: ({ args }) =>
    orExplain(async () => {
      const data = dataDirectoryOf(args.data);
      const server = requireServer(data);
      const client = clientOf(data, server);
      const alt = { accountId: args['alt-account'], name: 'alt', email: `alt-${args['alt-account']}@example.com` };
      const root = await client.call<{ accessKeyId: string; secretAccessKey: string }>('POST', '/api/accounts', alt);
      const own = { accountId: server.accountId, name: server.accountId, email: `${server.accountId}@loch.invalid` };
      // The suites need IAM for nothing else, and every other command does without.
      const { IAMClient } = await import('@aws-sdk/client-iam');
      const lakeIam = new IAMClient(client.sdk as IAMClientConfig);
      const altIam = new IAMClient({ ...client.sdk, credentials: root } as IAMClientConfig);
      const main = await seedUser(lakeIam, 's3-main', own);
      const other = await seedUser(altIam, 's3-alt', alt);
      const tenant = await seedUser(altIam, 's3-tenant', alt);
      print(configuration(server, { 's3 main': main, 's3 alt': other, 's3 tenant': tenant, iam: main }));
    }),
});

async function seedUser(
  iam: IAMClient,
  UserName: string,
  account: { readonly accountId: string; readonly name: string; readonly email: string },
): Promise<SeededUser> {
  await iam.send(new CreateUserCommand({ UserName }));
  await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'everything', PolicyDocument: EVERYTHING }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  return {
    accountId: account.accountId,
    accountName: account.name,
    email: account.email,
    accessKeyId: AccessKey!.AccessKeyId!,
    secretAccessKey: AccessKey!.SecretAccessKey!,
  };
}

/** The form of s3tests.conf: sections of `name = value`. */
function configuration(server: ServerFile, users: Readonly<Record<string, SeededUser>>): string {
  const url = new URL(server.awsUrl);
  const secure = url.protocol === 'https:';
  const sections = Object.entries(users).map(([name, user]) => [
    `[${name}]`,
    `display_name = ${user.accountName}`,
    `user_id = ${canonicalUserId(user.accountId)}`,
    `email = ${user.email}`,
    `access_key = ${user.accessKeyId}`,
    `secret_key = ${user.secretAccessKey}`,
    ...(name === 's3 main' ? [`api_name = ${server.region}`] : []),
    '',
  ]);
  return [
    '# Suites expect buckets that take lists and block nothing, and short days of lifecycle rules. Start Loch with',
    '# --set s3.default_object_ownership=ObjectWriter,s3.default_public_access_block=false,s3.lifecycle_day_seconds=10',
    '[DEFAULT]',
    `host = ${url.hostname}`,
    `port = ${url.port === '' ? (secure ? '443' : '80') : url.port}`,
    `is_secure = ${secure ? 'True' : 'False'}`,
    'ssl_verify = False',
    '',
    '[fixtures]',
    'bucket prefix = loch-{random}-',
    'iam name prefix = s3-tests-',
    'iam path prefix = /s3-tests/',
    '',
    ...sections.flat(),
  ].join('\n');
}

/** What the S3 side of a lake needs now and then. */
export const s3 = defineCommand({
  meta: { name: 's3', description: 'Take buckets over from other S3 services; accounts for S3 conformance suites' },
  subCommands: { mirror: () => import('./s3-mirror.ts').then(({ mirror }) => mirror), 'seed-accounts': seedAccounts },
});
