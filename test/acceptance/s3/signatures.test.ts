/** Signatures and what happens to them on the way: nothing of a request is believed that was not signed as it came. */
import * as s3 from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contextOf } from '../../../src/testing/builders/test-lake.ts';
import { answerOf, openS3Conformance, type S3Conformance } from '../../../src/testing/builders/s3-conformance.ts';
import { type SignedHttp, signHttp } from '../../../src/testing/clients/signed-request.ts';

const BODY = 'the body';
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
let world: S3Conformance;
let bucket: string;

beforeAll(async () => {
  world = await openS3Conformance();
  bucket = await world.bucket({}, ['there', 'other']);
});
afterAll(() => world.close());

/** A signed PUT, or what is asked for instead of it. */
const sign = (change: Partial<Parameters<typeof signHttp>[1]> = {}, key = world.mainKey): Promise<SignedHttp> =>
  signHttp(key, {
    method: 'PUT',
    path: `/${bucket}/signed`,
    payloadHash: sha256(BODY),
    endpoint: world.lake.endpoint,
    ...change,
  });

/** Sends a signed request, as it is or changed on its way. */
async function send(
  signed: SignedHttp,
  change: {
    readonly method?: string;
    readonly path?: string;
    readonly headers?: Record<string, string>;
    readonly body?: string | null;
  } = {},
): Promise<string> {
  const method = change.method ?? signed.method;
  const body = change.body === undefined ? BODY : change.body;
  const { host: _, ...headers } = signed.headers;
  return answerOf(
    await fetch(world.lake.endpoint + (change.path ?? signed.path), {
      method,
      headers: { ...headers, ...change.headers },
      ...(method === 'GET' || method === 'HEAD' || body === null ? {} : { body }),
    }),
  );
}

describe('a signature of one request', () => {
  it('serves that request', async () => {
    expect(await send(await sign())).toBe('200 -');
  });

  it('serves no other method, key, query, date, body or header', async () => {
    const signed = await sign();
    const later = new Date(Date.now() + 60_000).toISOString().replace(/[-:]|\.\d+/g, '');
    expect({
      method: await send(signed, { method: 'DELETE', body: null }),
      key: await send(signed, { path: `/${bucket}/other` }),
      encoded: await send(signed, { path: `/${bucket}/%73igned%20` }),
      query: await send(signed, { path: `${signed.path}?acl` }),
      date: await send(signed, { headers: { 'x-amz-date': later } }),
      body: await send(signed, { body: 'another' }),
      length: await send(signed, { body: `${BODY} and more` }),
      hash: await send(signed, { headers: { 'x-amz-content-sha256': sha256('another') }, body: 'another' }),
      list: await send(signed, { headers: { 'x-amz-acl': 'public-read' } }),
      metadata: await send(signed, { headers: { 'x-amz-meta-owner': 'me' } }),
    }).toEqual({
      method: '403 SignatureDoesNotMatch',
      key: '403 SignatureDoesNotMatch',
      encoded: '403 SignatureDoesNotMatch',
      query: '403 SignatureDoesNotMatch',
      date: '403 SignatureDoesNotMatch',
      body: '400 XAmzContentSHA256Mismatch',
      length: '400 XAmzContentSHA256Mismatch',
      hash: '403 SignatureDoesNotMatch',
      list: '403 AccessDenied',
      metadata: '403 AccessDenied',
    });
    const { Body } = await world.main.send(new s3.GetObjectCommand({ Bucket: bucket, Key: 'signed' }));
    expect(await Body!.transformToString()).toBe(BODY);
  });

  it('serves no other host, region or service', async () => {
    expect({
      host: await send(await sign({ endpoint: 'http://s3.example.org' })),
      region: await send(await sign({ region: 'eu-west-1' })),
      service: await send(await sign({ service: 'glue' })),
    }).toEqual({
      host: '403 SignatureDoesNotMatch',
      region: '400 AuthorizationHeaderMalformed',
      service: '403 SignatureDoesNotMatch',
    });
  });

  it('serves nobody whose clock is more than 15 minutes off', async () => {
    const at = (minutes: number) => ({ at: new Date(Date.now() + minutes * 60_000) });
    expect(await send(await sign(at(-14)))).toBe('200 -');
    expect(await send(await sign(at(-16)))).toBe('403 RequestTimeTooSkewed');
    expect(await send(await sign(at(16)))).toBe('403 RequestTimeTooSkewed');
  });

  it('serves nothing once its key was deleted or put to rest', async () => {
    const key = await world.lake.user('leaver', { Effect: 'Allow', Action: 's3:*', Resource: '*' });
    const { identity, identities } = world.lake.governance;
    const root = contextOf((await identities.principal('arn:aws:iam::123456789012:root'))!);
    const signed = await sign({}, key);
    expect(await send(signed)).toBe('200 -');
    await identity.updateAccessKey(root, 'leaver', key.accessKeyId, 'Inactive');
    expect(await send(signed)).toBe('403 InvalidAccessKeyId');
    await identity.updateAccessKey(root, 'leaver', key.accessKeyId, 'Active');
    expect(await send(signed)).toBe('200 -');
    await identity.deleteAccessKey(root, 'leaver', key.accessKeyId);
    expect(await send(signed)).toBe('403 InvalidAccessKeyId');
  });

  it('is not made by half of one', async () => {
    const { headers, ...rest } = await sign();
    const with_ = (authorization: string) => send({ ...rest, headers: { ...headers, authorization } });
    const whole = headers.authorization!;
    expect({
      unsignedHost: await with_(whole.replace(/SignedHeaders=[^,]+/, 'SignedHeaders=x-amz-date')),
      noSignature: await with_(whole.replace(/, Signature=.*/, '')),
      shortScope: await with_(whole.replace('/aws4_request', '')),
      upperCase: await with_(whole.replace(/Signature=(.*)/, (_, hex: string) => `Signature=${hex.toUpperCase()}`)),
      oldWay: await with_(`AWS ${world.mainKey.accessKeyId}:c2lnbmF0dXJl`),
      basic: await with_('Basic dXNlcjpwYXNz'),
    }).toEqual({
      unsignedHost: '400 AuthorizationHeaderMalformed',
      noSignature: '403 AccessDenied',
      shortScope: '400 AuthorizationHeaderMalformed',
      upperCase: '403 SignatureDoesNotMatch',
      oldWay: '501 NotImplemented',
      basic: '501 NotImplemented',
    });
  });
});

describe('links', () => {
  const link = (options: { expiresIn?: number; signingDate?: Date } = {}, Key = 'there') =>
    getSignedUrl(world.main, new s3.GetObjectCommand({ Bucket: bucket, Key }), { expiresIn: 100, ...options });
  const open = async (url: string, init: RequestInit = {}) => answerOf(await fetch(url, init));
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000);

  it('test_object_raw_get_x_amz_expires_not_expired: serve until they expire', async () => {
    expect(await open(await link({ expiresIn: 100_000 }))).toBe('200 -');
    expect(await open(await link({ expiresIn: 100, signingDate: ago(90) }))).toBe('200 -');
    expect(await open(await link({ expiresIn: 100, signingDate: ago(110) }))).toBe('403 AccessDenied');
  });

  it('test_object_raw_get_x_amz_expires_out_range_zero: a link for no time has expired', async () => {
    const url = new URL(await link({ expiresIn: 1, signingDate: ago(5) }));
    expect(await open(url.href)).toBe('403 AccessDenied');
    url.searchParams.set('X-Amz-Expires', '0');
    expect(await open(url.href)).toBe('403 AccessDenied');
  });

  it('take nothing after that', async () => {
    const put = new s3.PutObjectCommand({ Bucket: bucket, Key: 'late' });
    const url = await getSignedUrl(world.main, put, { expiresIn: 10, signingDate: ago(1000) });
    expect(await open(url, { method: 'PUT', body: 'foo' })).toBe('403 AccessDenied');
  });

  it('are valid for a week at most', async () => {
    const url = new URL(await link());
    for (const seconds of ['604801', '-7', 'soon']) {
      url.searchParams.set('X-Amz-Expires', seconds);
      expect(await open(url.href)).toBe('400 AuthorizationQueryParametersError');
    }
  });

  it('serve one object by one method, for whoever made them, and nothing that was put into them', async () => {
    const url = await link();
    expect({
      key: await open(url.replace('/there', '/other')),
      method: await open(url, { method: 'DELETE' }),
      longer: await open(url.replace('X-Amz-Expires=100', 'X-Amz-Expires=1000')),
      query: await open(`${url}&response-content-type=text/html`),
      header: await open(url, { headers: { 'x-amz-acl': 'public-read' } }),
    }).toEqual({
      key: '403 SignatureDoesNotMatch',
      method: '403 SignatureDoesNotMatch',
      longer: '403 SignatureDoesNotMatch',
      query: '403 SignatureDoesNotMatch',
      header: '403 AccessDenied',
    });
  });

  it('made with a session serve with its token alone, until the session ends', async () => {
    const { identity, identities } = world.lake.governance;
    const session = { Effect: 'Allow', Action: ['s3:*', 'sts:*'], Resource: '*' };
    await world.lake.user('guest', session);
    const guest = (await identities.principal('arn:aws:iam::123456789012:user/guest'))!;
    const { accessKeyId, secret, sessionToken } = await identity.getSessionToken(contextOf(guest), 900);
    const credentials = { accessKeyId, secretAccessKey: secret.reveal(), sessionToken: sessionToken.reveal() };
    const command = new s3.GetObjectCommand({ Bucket: bucket, Key: 'there' });
    const url = new URL(await getSignedUrl(world.lake.client(credentials), command, { expiresIn: 100 }));
    expect(await open(url.href)).toBe('200 -');
    url.searchParams.set('X-Amz-Security-Token', 'of-somebody-else');
    expect(await open(url.href)).toMatch(/^403 (InvalidAccessKeyId|SignatureDoesNotMatch)$/);
    url.searchParams.delete('X-Amz-Security-Token');
    expect(await open(url.href)).toBe('403 InvalidAccessKeyId');
  });
});

describe('headers', () => {
  /** Sends a PUT whose headers were changed before it was signed. */
  const put = async (headers: Record<string, string>, body = BODY) =>
    send(await sign({ headers, payloadHash: sha256(body) }), { body });

  it('test_object_create_bad_md5_invalid_short, test_object_create_bad_md5_empty: know no MD5 of another form', async () => {
    expect(await put({ 'content-md5': 'YWJyYWNhZGFicmE=' })).toBe('400 InvalidDigest');
    expect(await put({ 'content-md5': '' })).toBe('400 InvalidDigest');
  });

  it('test_object_create_bad_md5_bad: compare the MD5 with the body', async () => {
    expect(await put({ 'content-md5': 'rL0Y20xC+Fzt72VPzMSk2A==' })).toBe('400 BadDigest');
  });

  it('test_object_create_bad_expect_mismatch, test_object_create_bad_contenttype_empty: take what says nothing', async () => {
    expect(await put({ 'content-type': '' })).toBe('200 -');
    expect(await put({ 'content-type': 'text/plain' })).toBe('200 -');
  });

  it('of nobody: let nobody in', async () => {
    const { headers, ...rest } = await sign();
    const { authorization: _, ...unsigned } = headers;
    expect(await send({ ...rest, headers: unsigned })).toBe('403 AccessDenied');
    expect(await send({ ...rest, headers: { ...unsigned, authorization: '' } })).toBe('403 AccessDenied');
  });

  it('test_object_create_date_and_amz_date: tell the time by x-amz-date', async () => {
    expect(await put({ date: new Date().toUTCString() })).toBe('200 -');
    expect(await put({ date: 'Tue, 07 Jul 2010 21:53:04 GMT' })).toBe('200 -');
  });

  it('x-amz-expected-bucket-owner: do nothing in the bucket of another account', async () => {
    expect(await put({ 'x-amz-expected-bucket-owner': '123456789012' })).toBe('200 -');
    expect(await put({ 'x-amz-expected-bucket-owner': '222222222222' })).toBe('403 AccessDenied');
  });
});
