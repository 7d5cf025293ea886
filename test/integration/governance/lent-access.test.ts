import { CloudTrailClient, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import {
  GrantPermissionsCommand,
  LakeFormationClient,
  type Permission,
  RevokePermissionsCommand,
} from '@aws-sdk/client-lakeformation';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../../src/testing/builders/running-loch.ts';

interface Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly arn: string;
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at member by member.
type Body = any;

describe('storage access lent to engines', () => {
  let loch: RunningLoch;
  let base: string;
  let root: Key;
  let analyst: Key;
  let writer: Key;
  beforeAll(async () => {
    loch = await startLoch();
    base = `${loch.server.consoleUrl}/iceberg/v1`;
    root = { ...loch.client.sdk.credentials, arn: '' };
    analyst = await user('analyst');
    writer = await user('writer');
    for (const name of ['orders', 'orders_secret', ...HOSTILE]) {
      const made = await call(root, 'POST', '/namespaces/curated/tables', { name, schema: SCHEMA });
      expect(made.status).toBe(200);
      places.set(name, made.body.metadata.location.replace('s3://', ''));
    }
    await grant(analyst, 'orders', ['SELECT']);
    await grant(writer, 'orders', ['SELECT', 'INSERT', 'DELETE']);
  }, 120_000);
  afterAll(() => loch?.stop());

  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the name of a table.
  const HOSTILE = ['*', 'a*', '?', '${aws:username}', 'a', 'ab'];
  const SCHEMA = { type: 'struct', fields: [{ id: 1, name: 'id', required: false, type: 'long' }] };
  const places = new Map<string, string>();

  async function call(
    who: Key,
    method: string,
    path: string,
    body?: unknown,
    headers = {},
  ): Promise<{ status: number; body: Body; headers: Headers }> {
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: who.accessKeyId,
      client_secret: who.secretAccessKey,
    });
    const token = (await (await fetch(`${base}/oauth/tokens`, { method: 'POST', body: form })).json()) as Body;
    const answer = await fetch(`${base}${path}`, {
      method,
      headers: { authorization: `Bearer ${token.access_token}`, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
  }

  async function user(name: string, statements: readonly object[] = ALLOWED): Promise<Key> {
    const iam = new IAMClient(loch.client.sdk);
    const { User } = await iam.send(new CreateUserCommand({ UserName: name }));
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: statements });
    await iam.send(new PutUserPolicyCommand({ UserName: name, PolicyName: 'own', PolicyDocument }));
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: name }));
    return { accessKeyId: AccessKey!.AccessKeyId!, secretAccessKey: AccessKey!.SecretAccessKey!, arn: User!.Arn! };
  }
  /** Everything of the catalog, and S3 for writing: what is lent must not be more than that. */
  const ALLOWED = [
    { Effect: 'Allow', Action: ['glue:*', 'lakeformation:*'], Resource: '*' },
    { Effect: 'Allow', Action: ['s3:PutObject', 's3:DeleteObject'], Resource: 'arn:aws:s3:::curated/*' },
  ];

  const table = (name: string) => ({ Table: { DatabaseName: 'curated', Name: name } });
  async function grant(who: Key, name: string, Permissions: Permission[]): Promise<void> {
    const Principal = { DataLakePrincipalIdentifier: who.arn };
    const request = { Principal, Permissions, Resource: table(name) };
    await new LakeFormationClient(loch.client.sdk).send(new GrantPermissionsCommand(request));
  }

  const pathOf = (name: string) => `/namespaces/curated/tables/${encodeURIComponent(name)}`;
  const DELEGATED = { 'x-iceberg-access-delegation': 'vended-credentials' };
  async function lent(
    who: Key,
    name: string,
  ): Promise<{ s3: S3Client; config: Readonly<Record<string, string>>; body: Body }> {
    const { status, body } = await call(who, 'GET', pathOf(name), undefined, DELEGATED);
    expect(status).toBe(200);
    const config = body['storage-credentials'][0].config;
    return { config, body, s3: s3Of(config) };
  }
  const s3Of = (config: Readonly<Record<string, string>>) =>
    new S3Client({
      ...loch.client.sdk,
      forcePathStyle: true,
      credentials: {
        accessKeyId: config['s3.access-key-id']!,
        secretAccessKey: config['s3.secret-access-key']!,
        sessionToken: config['s3.session-token']!,
      },
    });
  const at = (name: string, file: string) => {
    const [bucket, ...rest] = places.get(name)!.split('/');
    return { Bucket: bucket!, Key: `${rest.join('/')}/${file}` };
  };
  const codeOf = (done: Promise<unknown>) =>
    done.then(
      () => 'done',
      (error: { name: string }) => error.name,
    );

  it('reads with SELECT and writes with INSERT, within the table alone', async () => {
    const reading = await lent(analyst, 'orders');
    expect(reading.body['storage-credentials'][0].prefix).toBe(`s3://${places.get('orders')}/`);
    const writing = await lent(writer, 'orders');
    const Body = 'rows';
    expect(await codeOf(writing.s3.send(new PutObjectCommand({ ...at('orders', 'data/1'), Body })))).toBe('done');
    expect(await codeOf(reading.s3.send(new PutObjectCommand({ ...at('orders', 'data/2'), Body })))).toBe(
      'AccessDenied',
    );
    expect(await codeOf(reading.s3.send(new DeleteObjectCommand(at('orders', 'data/1'))))).toBe('AccessDenied');
    const read = await reading.s3.send(new GetObjectCommand(at('orders', 'data/1')));
    expect(await read.Body!.transformToString()).toBe('rows');
    const { Bucket, Key } = at('orders', '');
    const listed = await reading.s3.send(new ListObjectsV2Command({ Bucket, Prefix: `${Key}data/` }));
    expect(listed.Contents).toHaveLength(1);
    expect(await codeOf(reading.s3.send(new ListObjectsV2Command({ Bucket, Prefix: '' })))).toBe('AccessDenied');
    expect(await codeOf(writing.s3.send(new PutObjectCommand({ ...at('orders_secret', 'data/1'), Body })))).toBe(
      'AccessDenied',
    );
    const copy = new CopyObjectCommand({
      ...at('orders', 'data/3'),
      CopySource: `${places.get('orders_secret')}/metadata/x`,
    });
    expect(await codeOf(writing.s3.send(copy))).toBe('AccessDenied');
    expect(await codeOf(writing.s3.send(new DeleteObjectCommand(at('orders', 'data/1'))))).toBe('done');
    // The caller's own key reads nothing: it is the loan that does.
    const own = new S3Client({ ...loch.client.sdk, forcePathStyle: true, credentials: analyst });
    expect(await codeOf(own.send(new GetObjectCommand(at('orders', 'metadata/x'))))).toBe('AccessDenied');
  });

  it('is no key to anything else, and cannot be lent on', async () => {
    const { config } = await lent(writer, 'orders');
    const credentials = {
      accessKeyId: config['s3.access-key-id']!,
      secretAccessKey: config['s3.secret-access-key']!,
      sessionToken: config['s3.session-token']!,
    };
    const sts = new STSClient({ ...loch.client.sdk, credentials });
    expect((await sts.send(new GetCallerIdentityCommand({}))).Arn).toBe(writer.arn);
    const role = { RoleArn: `arn:aws:iam::${loch.server.accountId}:role/any`, RoleSessionName: 'more' };
    expect(await codeOf(sts.send(new AssumeRoleCommand(role)))).toBe('AccessDenied');
    const iam = new IAMClient({ ...loch.client.sdk, credentials });
    expect(await codeOf(iam.send(new CreateAccessKeyCommand({ UserName: 'writer' })))).toBe('AccessDenied');
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: credentials.accessKeyId,
      client_secret: credentials.secretAccessKey,
    });
    expect((await fetch(`${base}/oauth/tokens`, { method: 'POST', body: form })).status).toBe(401);
  });

  it('ends with the grant it rests on, and with the table', async () => {
    const brief = await user('brief');
    await grant(brief, 'orders', ['SELECT']);
    const { s3 } = await lent(brief, 'orders');
    const { Bucket, Key: Prefix } = at('orders', '');
    const list = () => codeOf(s3.send(new ListObjectsV2Command({ Bucket, Prefix })));
    expect(await list()).toBe('done');
    const Principal = { DataLakePrincipalIdentifier: brief.arn };
    const revoke = new RevokePermissionsCommand({ Principal, Permissions: ['SELECT'], Resource: table('orders') });
    await new LakeFormationClient(loch.client.sdk).send(revoke);
    expect(await list()).toBe('AccessDenied');

    const mine = await lent(root, 'ab');
    expect(await codeOf(mine.s3.send(new PutObjectCommand({ ...at('ab', 'data/1'), Body: 'x' })))).toBe('done');
    expect((await call(root, 'DELETE', pathOf('ab'))).status).toBe(204);
    expect(await codeOf(mine.s3.send(new GetObjectCommand(at('ab', 'data/1'))))).toBe('AccessDenied');
  });

  it('of tables with hostile names opens these tables and no other', async () => {
    const names = HOSTILE.filter((name) => name !== 'ab');
    const loans = new Map<string, S3Client>();
    for (const name of names) {
      const { s3 } = await lent(root, name);
      loans.set(name, s3);
      expect(await codeOf(s3.send(new PutObjectCommand({ ...at(name, 'data/own'), Body: name })))).toBe('done');
    }
    for (const [name, s3] of loans) {
      for (const other of [...names, 'orders', 'orders_secret']) {
        const expected = other === name ? 'done' : 'AccessDenied';
        const key = at(other, other.startsWith('orders') ? 'metadata/x' : 'data/own');
        expect([name, other, await codeOf(s3.send(new GetObjectCommand(key)))]).toEqual([name, other, expected]);
        const { Bucket, Key: Prefix } = at(other, '');
        expect(await codeOf(s3.send(new ListObjectsV2Command({ Bucket, Prefix })))).toBe(expected);
      }
    }
  });

  it('is given to nobody who sees less than all rows and columns, and to nobody without a grant', async () => {
    const narrow = await user('narrow');
    await new LakeFormationClient(loch.client.sdk).send(
      new GrantPermissionsCommand({
        Principal: { DataLakePrincipalIdentifier: narrow.arn },
        Permissions: ['DESCRIBE'],
        Resource: table('orders'),
      }),
    );
    const plain = await call(narrow, 'GET', pathOf('orders'), undefined, DELEGATED);
    expect([plain.status, plain.body['storage-credentials']]).toEqual([200, undefined]);
    const refused = await call(narrow, 'GET', `${pathOf('orders')}/credentials`);
    expect([refused.status, refused.body.error.type]).toEqual([403, 'ForbiddenException']);
    const stranger = await user('stranger');
    expect((await call(stranger, 'GET', `${pathOf('orders')}/credentials`)).status).toBe(404);
    const unknown = await call(analyst, 'GET', pathOf('orders'), undefined, {
      'x-iceberg-access-delegation': 'telepathy',
    });
    expect(unknown.body['storage-credentials']).toBeUndefined();
  });

  it('writes only where the caller may, when the place is not governed by grants', async () => {
    const reader = await user('reader', [
      { Effect: 'Allow', Action: ['glue:*', 'lakeformation:*', 's3:GetObject'], Resource: '*' },
    ]);
    await new S3Client({ ...loch.client.sdk, forcePathStyle: true }).send(new CreateBucketCommand({ Bucket: 'plain' }));
    const properties = { location: 's3://plain/tables' };
    await call(root, 'POST', '/namespaces', { namespace: ['plain'], properties });
    await call(root, 'POST', '/namespaces/plain/tables', { name: 'open', schema: SCHEMA });
    const Resource = { Table: { DatabaseName: 'plain', Name: 'open' } };
    const Principal = { DataLakePrincipalIdentifier: reader.arn };
    const grants = new GrantPermissionsCommand({ Principal, Permissions: ['SELECT', 'INSERT'], Resource });
    await new LakeFormationClient(loch.client.sdk).send(grants);
    const file = { Bucket: 'plain', Key: 'tables/open/data/1', Body: 'x' };
    const put = async (who: Key) => {
      const { body } = await call(who, 'GET', '/namespaces/plain/tables/open', undefined, DELEGATED);
      return codeOf(s3Of(body['storage-credentials'][0].config).send(new PutObjectCommand(file)));
    };
    expect([await put(reader), await put(root)]).toEqual(['AccessDenied', 'done']);
  });

  it('lends for a table that is drafted, so that its first files can be written before its commit', async () => {
    const body = { name: 'drafted', schema: SCHEMA, 'stage-create': true };
    const draft = await call(root, 'POST', '/namespaces/curated/tables', body, DELEGATED);
    places.set('drafted', draft.body.metadata.location.replace('s3://', ''));
    const s3 = s3Of(draft.body['storage-credentials'][0].config);
    expect(await codeOf(s3.send(new PutObjectCommand({ ...at('drafted', 'data/1'), Body: 'x' })))).toBe('done');
    expect(await codeOf(s3.send(new PutObjectCommand({ ...at('orders', 'data/1'), Body: 'x' })))).toBe('AccessDenied');
  });

  describe('by signatures made at the server', () => {
    const sign = (who: Key, request: object, name = 'orders') =>
      call(who, 'POST', `${pathOf(name)}/sign`, { region: loch.server.region, headers: {}, ...request });
    const uriOf = (name: string, file: string, query = '') => {
      const { Bucket, Key } = at(name, file);
      const path = Key.split('/').map(encodeURIComponent).join('/');
      return `${loch.server.awsUrl}/${Bucket}/${path}${query}`;
    };
    const send = async (signed: Body, method: string, body?: string) => {
      const headers = Object.fromEntries(
        Object.entries(signed.headers).map(([key, value]) => [key, (value as string[])[0]!]),
      );
      const { host: _host, ...rest } = headers;
      return fetch(signed.uri, { method, headers: rest, ...(body === undefined ? {} : { body }) });
    };

    it('reads and writes files of the table', async () => {
      const put = await sign(writer, { method: 'PUT', uri: uriOf('orders', 'data/signed ä') });
      expect([put.status, put.headers.get('cache-control')]).toEqual([200, 'no-store']);
      expect((await send(put.body, 'PUT', 'signed rows')).status).toBe(200);
      const get = await sign(analyst, { method: 'GET', uri: uriOf('orders', 'data/signed ä') });
      expect(get.headers.get('cache-control')).toBe('private');
      expect(await (await send(get.body, 'GET')).text()).toBe('signed rows');
      // A range may be asked for by the same signature, nothing else.
      const ranged = { ...get.body, headers: { ...get.body.headers, range: ['bytes=0-5'] } };
      expect(await (await send(ranged, 'GET')).text()).toBe('signed');
      expect((await send(get.body, 'DELETE')).status).toBe(403);
      const old = await call(analyst, 'POST', '/aws/s3/sign', {
        region: loch.server.region,
        method: 'HEAD',
        uri: uriOf('orders', 'data/signed ä'),
        headers: {},
      });
      expect((await send(old.body, 'HEAD')).status).toBe(200);
      const loaded = await call(analyst, 'GET', pathOf('orders'), undefined, {
        'x-iceberg-access-delegation': 'remote-signing',
      });
      expect(loaded.body.config).toMatchObject({
        's3.remote-signing-enabled': 'true',
        'signer.endpoint': 'v1/loch/namespaces/curated/tables/orders/sign',
      });
    });

    it('signs a deletion of listed keys only with the body it has seen', async () => {
      await send((await sign(writer, { method: 'PUT', uri: uriOf('orders', 'data/gone') })).body, 'PUT', 'x');
      const { Bucket, Key } = at('orders', 'data/gone');
      const bodyOf = (key: string) => `<Delete><Object><Key>${key}</Key></Object></Delete>`;
      const uri = `${loch.server.awsUrl}/${Bucket}?delete`;
      const md5 = async (text: string) => {
        const { createHash } = await import('node:crypto');
        return createHash('md5').update(text).digest('base64');
      };
      const headers = { 'content-md5': [await md5(bodyOf(Key))] };
      const signed = await sign(writer, { method: 'POST', uri, body: bodyOf(Key), headers });
      expect(signed.status).toBe(200);
      const swapped = bodyOf(at('orders_secret', 'metadata/x').Key);
      expect(
        (await send({ ...signed.body, headers: { ...signed.body.headers } }, 'POST', swapped)).status,
      ).toBeGreaterThanOrEqual(400);
      expect((await send(signed.body, 'POST', bodyOf(Key))).status).toBe(200);
      const outside = await sign(writer, { method: 'POST', uri, body: swapped });
      expect(outside.status).toBe(403);
      const hidden = `<Delete><Object><Key>${Key}</Key></Object><Object><Key a="1">x</Key></Object></Delete>`;
      expect((await sign(writer, { method: 'POST', uri, body: hidden })).status).toBe(403);
    });

    it('refuses what lies outside, and what changes the meaning of a request', async () => {
      const { Bucket, Key } = at('orders', 'data/1');
      const inside = uriOf('orders', 'data/1');
      const refusals = {
        'another table': { uri: uriOf('orders_secret', 'metadata/x') },
        'a prefix twin': { uri: `${loch.server.awsUrl}/${Bucket}/${Key.replace('orders/', 'orders_secret/')}` },
        'another bucket': { uri: inside.replace(`/${Bucket}/`, '/raw/') },
        'encoded dots': { uri: inside.replace('/data/1', '/%2e%2e/orders_secret/x') },
        'plain dots': { uri: inside.replace('/data/1', '/../orders_secret/x') },
        'another host': { uri: inside.replace(/http:\/\/[^/]+/, 'http://files.example') },
        'an unknown query': { uri: `${inside}?acl` },
        'a write without INSERT': { method: 'PUT', uri: inside },
        'a listing of the bucket': { uri: `${loch.server.awsUrl}/${Bucket}?list-type=2&prefix=` },
        'an access list': { method: 'PUT', uri: inside, headers: { 'x-amz-acl': ['public-read'] } },
        'a copy from elsewhere': {
          method: 'PUT',
          uri: inside,
          headers: { 'x-amz-copy-source': [`/${places.get('orders_secret')}/metadata/x`] },
        },
        'another region': { uri: inside, region: 'mars-1' },
        'another method': { method: 'PATCH', uri: inside },
      };
      for (const [what, request] of Object.entries(refusals)) {
        const who = what === 'an access list' || what === 'a copy from elsewhere' ? writer : analyst;
        const { status, body } = await sign(who, { method: 'GET', ...request });
        expect([what, status, body.error?.type]).toEqual([what, 403, 'ForbiddenException']);
      }
    });
  });

  it('is in the trail before it is used: who, which table, which verbs, under which key', async () => {
    const { config } = await lent(analyst, 'orders');
    const trail = new CloudTrailClient(loch.client.sdk);
    const eventsOf = async (name: string) => {
      const LookupAttributes = [{ AttributeKey: 'EventName' as const, AttributeValue: name }];
      const { Events = [] } = await trail.send(new LookupEventsCommand({ LookupAttributes }));
      return Events.map((event) => JSON.parse(event.CloudTrailEvent!) as Body);
    };
    const loans = await eventsOf('GetDataAccess');
    const loan = loans.find((event) => event.responseElements.accessKeyId === config['s3.access-key-id']);
    expect(loan).toMatchObject({
      userIdentity: { arn: analyst.arn },
      requestParameters: { table: 'curated.orders', verbs: ['read', 'list'], prefix: `s3://${places.get('orders')}/` },
    });
    expect((await eventsOf('SignRequest')).length).toBeGreaterThan(0);
  });
});
