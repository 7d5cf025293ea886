/** Headers that are wrong, odd or missing, as the public conformance cases of headers have them. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signHttp } from '../../../src/testing/clients/signed-request.ts';
import { openSuite, raw, type Suite } from './fixture.ts';

let suite: Suite;
let bucket: string;
beforeAll(async () => {
  suite = await openSuite();
  bucket = await suite.bucket();
});
afterAll(() => suite.close());

/** Puts an object with headers that were changed after they were signed. */
async function put(change: Record<string, string | undefined>, headers: Record<string, string> = {}): Promise<string> {
  const { status, code } = await raw(suite, 'PUT', `/${bucket}/foo`, { body: 'bar', headers, change });
  return code === undefined ? String(status) : `${status} ${code}`;
}

/** Sends bytes as they are, and answers with the status lines that come back. */
async function talk(head: string, body = ''): Promise<string[]> {
  const socket = connect(Number(new URL(suite.lake.endpoint).port));
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  if (/expect: 100-continue/.test(head)) {
    socket.write(head);
    socket.once('data', () => socket.write(body));
  } else socket.write(head + body);
  const ended = new Promise((resolve) => socket.once('close', resolve));
  const quiet = setTimeout(() => socket.destroy(), 1500);
  await ended;
  clearTimeout(quiet);
  return [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status!);
}

/** The head of a signed PUT, with headers added that no client library would send. */
async function headOf(path: string, extra: Record<string, string>): Promise<string> {
  const { endpoint, rootKey } = suite.lake;
  const signed = await signHttp(rootKey, { method: 'PUT', path, endpoint, payloadHash: 'UNSIGNED-PAYLOAD' });
  const lines = Object.entries({ ...signed.headers, connection: 'close', ...extra }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `PUT ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

describe('Content-MD5', () => {
  it.each([
    ['test_object_create_bad_md5_invalid_short', 'YWJyYWNhZGFicmE=', '400 InvalidDigest'],
    ['test_object_create_bad_md5_bad', 'rL0Y20xC+Fzt72VPzMSk2A==', '400 BadDigest'],
    ['test_object_create_bad_md5_empty', '', '400 InvalidDigest'],
    ['garbage', 'AWS4 HAHAHA', '400 InvalidDigest'],
  ])('%s: refuses `%s`', async (_, value, expected) => {
    expect(await put({ 'content-md5': value })).toBe(expected);
  });

  it('test_object_create_bad_md5_none: needs none', async () => {
    expect(await put({ 'content-md5': undefined })).toBe('200');
  });
});

describe('Content-Length', () => {
  it('is needed for an object', async () => {
    const head = await headOf(`/${bucket}/foo`, {});
    expect(await talk(head)).toEqual(['411']);
  });

  it('test_object_create_bad_contentlength_empty, test_object_create_bad_contentlength_negative: must be a number', async () => {
    for (const value of ['', '-1']) {
      expect(await talk(await headOf(`/${bucket}/foo`, { 'content-length': value }), 'bar')).toEqual(['400']);
    }
  });

  it('test_bucket_create_contentlength_none, test_bucket_create_bad_contentlength_none: is not needed for a bucket', async () => {
    expect(await talk(await headOf('/no-length', {}))).toEqual(['200']);
  });

  it('test_bucket_create_bad_contentlength_empty, test_bucket_create_bad_contentlength_negative: must be a number for a bucket too', async () => {
    for (const value of ['', '-1']) {
      expect(await talk(await headOf('/bad-length', { 'content-length': value }))).toEqual(['400']);
    }
  });
});

describe('Content-Type', () => {
  it.each([
    ['test_object_create_bad_contenttype_invalid', 'text/plain'],
    ['test_object_create_bad_contenttype_empty', ''],
    ['test_object_create_bad_contenttype_none', undefined],
  ])('%s: may be anything', async (_, value) => {
    expect(await put({ 'content-type': value })).toBe('200');
  });
});

describe('Expect', () => {
  it('test_100_continue: invites a body that is wanted, and answers one that is not before it is sent', async () => {
    const length = { 'content-length': '3', expect: '100-continue' };
    expect(await talk(await headOf(`/${bucket}/foo`, length), 'bar')).toEqual(['100', '200']);
    const nobody = `PUT /${bucket}/foo HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n`;
    expect(await talk(nobody)).toEqual(['403']);
  });

  it.each([
    ['test_object_create_bad_expect_mismatch, test_bucket_create_bad_expect_mismatch', '200'],
    ['test_object_create_bad_expect_empty, test_bucket_create_bad_expect_empty', ''],
  ])('%s: lets other expectations pass', async (_, value) => {
    expect(await talk(await headOf(`/${bucket}/foo`, { expect: value, 'content-length': '3' }), 'bar')).toEqual([
      '200',
    ]);
    expect(await talk(await headOf(`/expect-${value.length}`, { expect: value, 'content-length': '0' }))).toEqual([
      '200',
    ]);
  });

  it('test_object_create_bad_expect_none: needs none', async () => {
    expect(await put({})).toBe('200');
  });
});

describe('Authorization', () => {
  it('refuses who does not say who he is', async () => {
    for (const authorization of ['', undefined]) expect(await put({ authorization })).toBe('403 AccessDenied');
  });

  it('refuses it for buckets too', async () => {
    for (const authorization of ['', undefined]) {
      const answer = await raw(suite, 'PUT', '/nobodys-bucket', { body: '', change: { authorization } });
      expect(answer).toMatchObject({ status: 403, code: 'AccessDenied' });
    }
  });

  it('refuses a signature of somebody unknown', async () => {
    const authorization =
      'AWS4-HMAC-SHA256 Credential=AKIAIGR7ZNNBHC5BKSUB/20150930/us-east-1/s3/aws4_request,SignedHeaders=host;user-agent,Signature=FWeDfwojDSdS2Ztmpfeubhd9isU=';
    expect(await put({ authorization })).toMatch(/^40[03] /);
  });

  it('refuses what is no signature', async () => {
    expect(await put({ authorization: 'AWS4-HMAC-SHA256 Credential=HAHAHA' })).toMatch(/^400 /);
  });
});

describe('dates', () => {
  it('test_object_create_date_and_amz_date, test_object_create_amz_date_and_no_date: takes the date of the signature', async () => {
    expect(await put({ date: new Date().toUTCString() })).toBe('200');
    expect(await put({ date: undefined })).toBe('200');
  });

  it.each([
    ['no date', 'Bad Date'],
    ['an empty date', ''],
    ['a date long ago', 'Tue, 07 Jul 2010 21:53:04 GMT'],
    ['a date far ahead', 'Tue, 07 Jul 2030 21:53:04 GMT'],
    ['a date before 1970', 'Tue, 07 Jul 1950 21:53:04 GMT'],
    ['a date after all years', 'Tue, 07 Jul 9999 21:53:04 GMT'],
  ])('%s: lets a plain date be, which nobody signs', async (_, date) => {
    expect(await put({ date })).toBe('200');
  });

  it.each([
    ['no date', 'Bad Date'],
    ['an empty date', ''],
    ['none', undefined],
    ['a date long ago', '20100707T215304Z'],
    ['a date far ahead', '20300707T215304Z'],
    ['a date before 1970', '19500707T215304Z'],
    ['a date after all years', '99990707T215304Z'],
  ])('%s: refuses a signed date that is none, or not now', async (_, date) => {
    expect(await put({ 'x-amz-date': date })).toMatch(/^40[03] /);
  });

  it('refuses headers that were signed and are not there', async () => {
    expect(await put({ 'x-zoo': undefined }, { 'x-zoo': 'zoo' })).toMatch(/^403 /);
    expect(await put({ 'x-amz-content-sha256': undefined })).toMatch(/^40[03] /);
  });
});
