/** The accounts that public suites are given, used as these use them. */
import {
  CreateBucketCommand,
  GetBucketAclCommand,
  ListBucketsCommand,
  PutBucketAclCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../../../src/testing/builders/run-cli.ts';
import { type RunningLoch, startLoch } from '../../../src/testing/builders/running-loch.ts';

let loch: RunningLoch;
beforeAll(async () => {
  loch = await startLoch({
    settings: ['s3.default_object_ownership=ObjectWriter', 's3.default_public_access_block=false'],
  });
});
afterAll(() => loch.stop());

/** Sections of `name = value` lines. */
function parse(text: string): Record<string, Record<string, string>> {
  const sections: Record<string, Record<string, string>> = {};
  let section = '';
  for (const line of text.split('\n')) {
    const [, name] = /^\[(.+)\]$/.exec(line) ?? [];
    const [, key, value] = /^([\w ]+?) = (.*)$/.exec(line) ?? [];
    if (name !== undefined) section = name;
    if (key !== undefined) sections[section] = { ...sections[section], [key]: value! };
  }
  return sections;
}

it('loch s3 seed-accounts prints two accounts and three users that work, and makes them once', async () => {
  const { code, stdout, stderr } = await runCli(['s3', 'seed-accounts', '--data', loch.data]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const conf = parse(stdout);
  const client = (section: string) => {
    const { access_key: accessKeyId = '', secret_key: secretAccessKey = '' } = conf[section]!;
    const endpoint = `http://${conf.DEFAULT!.host}:${conf.DEFAULT!.port}`;
    const credentials = { accessKeyId, secretAccessKey };
    return new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  };
  const [main, alt, tenant] = ['s3 main', 's3 alt', 's3 tenant'].map(client);
  await main!.send(new CreateBucketCommand({ Bucket: 'of-main' }));
  await alt!.send(new CreateBucketCommand({ Bucket: 'of-alt' }));
  expect((await alt!.send(new ListBucketsCommand({}))).Owner).toEqual({
    ID: conf['s3 alt']!.user_id,
    DisplayName: conf['s3 alt']!.display_name,
  });
  expect((await tenant!.send(new ListBucketsCommand({}))).Buckets?.map(({ Name }) => Name)).toEqual(['of-alt']);
  const GrantRead = `id=${conf['s3 alt']!.user_id}`;
  await main!.send(new PutBucketAclCommand({ Bucket: 'of-main', GrantRead }));
  const { Owner } = await main!.send(new GetBucketAclCommand({ Bucket: 'of-main' }));
  expect(Owner?.ID).toBe(conf['s3 main']!.user_id);
  expect(conf['s3 main']!.user_id).not.toBe(conf['s3 alt']!.user_id);
  const again = await runCli(['s3', 'seed-accounts', '--data', loch.data]);
  expect(again.code).toBe(1);
  expect(again.stderr).toMatch(/An account with the id 999999999999 exists already/);
});
