/** Uploads by forms of browsers: the cases of the public S3 suite, by their names. */
import { createHash } from 'node:crypto';
import * as s3 from '@aws-sdk/client-s3';
import { createPresignedPost } from '@aws-sdk/s3-presigned-post';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  answerOf,
  openS3Conformance,
  postForm,
  type S3Conformance,
  signedFields,
} from '../../../src/testing/builders/s3-conformance.ts';

let world: S3Conformance;
let bucket: string;

beforeAll(async () => {
  world = await openS3Conformance();
  bucket = await world.bucket();
});
afterAll(() => world.close());

const inFuture = (seconds = 6000) => new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+/, '');
const CONDITIONS = (Bucket: string): unknown[] => [
  { bucket: Bucket },
  ['starts-with', '$key', 'foo'],
  { acl: 'private' },
  ['starts-with', '$Content-Type', 'text/plain'],
  ['content-length-range', 0, 1024],
];
const FIELDS = { key: 'foo.txt', acl: 'private', 'Content-Type': 'text/plain' };
const FILE = { body: 'bar' };
/** What a key says to get the name of the file. */
const FILE_NAME = '$' + '{filename}';

/** A signed form with some conditions in place of the usual ones, or beside them. */
async function signed(
  change: {
    readonly conditions?: unknown;
    readonly more?: unknown[];
    readonly expiration?: unknown;
    readonly policy?: unknown;
    readonly fields?: Readonly<Record<string, string>>;
    readonly proof?: Readonly<Record<string, string>>;
    readonly file?: { readonly body: string | Uint8Array; readonly name?: string } | null;
    readonly bucket?: string;
  } = {},
): Promise<Response> {
  const Bucket = change.bucket ?? bucket;
  const policy = change.policy ?? {
    expiration: change.expiration ?? inFuture(),
    conditions: change.conditions ?? [...CONDITIONS(Bucket), ...(change.more ?? [])],
  };
  const fields = { ...FIELDS, ...change.fields };
  const proof = { ...signedFields(world.mainKey, policy), ...change.proof };
  const sent = Object.fromEntries(Object.entries({ ...fields, ...proof }).filter(([, value]) => value !== ''));
  return postForm(world.url(Bucket), sent, change.file === null ? undefined : (change.file ?? FILE));
}

const read = async (Key: string, Bucket = bucket) =>
  (await world.main.send(new s3.GetObjectCommand({ Bucket, Key }))).Body!.transformToString();

describe('without a policy', () => {
  it('test_post_object_anonymous_request: takes a form of nobody where the bucket is public', async () => {
    const open = await world.bucket({ ACL: 'public-read-write' });
    const fields = { ...FIELDS, acl: 'public-read' };
    expect((await postForm(world.url(open), fields, FILE)).status).toBe(204);
    expect(await read('foo.txt', open)).toBe('bar');
    expect(await answerOf(await postForm(world.url(bucket), fields, FILE))).toBe('403 AccessDenied');
    expect(await answerOf(await postForm(world.url('no-such-bucket'), fields, FILE))).toBe('404 NoSuchBucket');
  });

  it('test_post_object_set_success_code: tells what it made with status 201', async () => {
    const open = await world.bucket({ ACL: 'public-read-write' });
    const fields = { ...FIELDS, acl: 'public-read', success_action_status: '201' };
    const answer = await postForm(world.url(open), fields, FILE);
    expect(answer.status).toBe(201);
    expect(await answer.text()).toMatch(/<PostResponse><Location>.*<Bucket>.*<Key>foo.txt<\/Key><ETag>/);
  });

  it('test_post_object_set_invalid_success_code: answers 204 and nothing else', async () => {
    const open = await world.bucket({ ACL: 'public-read-write' });
    const fields = { ...FIELDS, acl: 'public-read', success_action_status: '404' };
    expect(await answerOf(await postForm(world.url(open), fields, FILE))).toBe('204 -');
  });
});

describe('with a policy', () => {
  it('test_post_object_authenticated_request: takes what the policy allows', async () => {
    expect((await signed()).status).toBe(204);
    expect(await read('foo.txt')).toBe('bar');
  });

  it('test_post_object_authenticated_no_content_type: needs no content type', async () => {
    const conditions = [{ bucket }, ['starts-with', '$key', 'foo'], { acl: 'private' }];
    expect((await signed({ conditions, fields: { 'Content-Type': '' } })).status).toBe(204);
  });

  it('test_post_object_authenticated_request_bad_access_key: refuses a key there is not', async () => {
    expect(await answerOf(await signed({ proof: { AWSAccessKeyId: 'foo' } }))).toBe('403 InvalidAccessKeyId');
  });

  it('test_post_object_upload_larger_than_chunk: streams a file larger than any chunk', async () => {
    const body = 'foo'.repeat(1024 * 1024);
    const conditions = [...CONDITIONS(bucket).slice(0, 4), ['content-length-range', 0, 5 * 1024 * 1024]];
    expect((await signed({ conditions, file: { body } })).status).toBe(204);
    expect(await read('foo.txt')).toBe(body);
  });

  it('test_post_object_set_key_from_filename: puts the name of the file in the key', async () => {
    const file = { body: 'named', name: 'foo-by-name.txt' };
    expect((await signed({ fields: { key: FILE_NAME }, file })).status).toBe(204);
    expect(await read('foo-by-name.txt')).toBe('named');
  });

  it('test_post_object_ignored_header: leaves fields alone that say so', async () => {
    expect((await signed({ fields: { 'x-ignore-foo': 'bar' } })).status).toBe(204);
  });

  it('test_post_object_case_insensitive_condition_fields: compares names without regard to case', async () => {
    const conditions = [
      { bUcKeT: bucket },
      ['StArTs-WiTh', '$KeY', 'foo'],
      { AcL: 'private' },
      ['StArTs-WiTh', '$CoNtEnT-TyPe', 'text/plain'],
      ['content-length-range', 0, 1024],
    ];
    const { policy, ...proof } = signedFields(world.mainKey, { expiration: inFuture(), conditions });
    const fields = { kEy: 'foo.txt', aCl: 'private', 'Content-Type': 'text/plain', ...proof, pOLICy: policy! };
    expect((await postForm(world.url(bucket), fields, FILE)).status).toBe(204);
  });

  it('test_post_object_escaped_field_values: takes a key that begins with an escaped dollar', async () => {
    const conditions = [{ bucket }, ['starts-with', '$key', '\\$foo'], ...CONDITIONS(bucket).slice(2)];
    expect((await signed({ conditions, fields: { key: '\\$foo.txt' } })).status).toBe(204);
    expect(await read('\\$foo.txt')).toBe('bar');
  });

  it('test_post_object_success_redirect_action: sends the browser on', async () => {
    const target = world.url(bucket);
    const more = [['eq', '$success_action_redirect', target]];
    const answer = await signed({ more, fields: { success_action_redirect: target } });
    expect(answer.status).toBe(303);
    const { ETag } = await world.main.send(new s3.HeadObjectCommand({ Bucket: bucket, Key: 'foo.txt' }));
    expect(answer.headers.get('location')).toBe(
      `${target}?bucket=${bucket}&key=foo.txt&etag=%22${ETag!.replaceAll('"', '')}%22`,
    );
  });

  it('test_post_object_invalid_signature: refuses a signature of another text', async () => {
    expect(await answerOf(await signed({ proof: { signature: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=' } }))).toBe(
      '403 SignatureDoesNotMatch',
    );
  });

  it('test_post_object_invalid_access_key: refuses a key of another', async () => {
    expect(await answerOf(await signed({ proof: { AWSAccessKeyId: world.altKey.accessKeyId } }))).toBe(
      '403 SignatureDoesNotMatch',
    );
  });

  it('test_post_object_missing_signature: refuses half a signature', async () => {
    expect(await answerOf(await signed({ proof: { signature: '' } }))).toBe('400 InvalidArgument');
  });

  it('test_post_object_no_key_specified: needs a key', async () => {
    expect(await answerOf(await signed({ fields: { key: '' } }))).toBe('400 InvalidArgument');
  });

  it('test_post_object_missing_policy_condition: needs a condition on the bucket', async () => {
    expect(await answerOf(await signed({ conditions: CONDITIONS(bucket).slice(1) }))).toBe('403 AccessDenied');
  });

  it('test_post_object_user_specified_header: takes metadata that a condition covers', async () => {
    const more = [['starts-with', '$x-amz-meta-foo', 'bar']];
    expect((await signed({ more, fields: { 'x-amz-meta-foo': 'barclamp' } })).status).toBe(204);
    const { Metadata } = await world.main.send(new s3.HeadObjectCommand({ Bucket: bucket, Key: 'foo.txt' }));
    expect(Metadata).toEqual({ foo: 'barclamp' });
    expect(await answerOf(await signed({ fields: { 'x-amz-meta-foo': 'barclamp' } }))).toBe('403 AccessDenied');
  });

  it('test_post_object_request_missing_policy_specified_field: needs each field of a condition', async () => {
    const more = [['starts-with', '$x-amz-meta-foo', 'bar']];
    expect(await answerOf(await signed({ more }))).toBe('403 AccessDenied');
  });

  it('test_post_object_condition_is_case_sensitive: knows the list of conditions by its exact name', async () => {
    const policy = { expiration: inFuture(), CONDITIONS: CONDITIONS(bucket) };
    expect(await answerOf(await signed({ policy }))).toBe('400 InvalidPolicyDocument');
  });

  it('test_post_object_expires_is_case_sensitive: knows the expiration by its exact name', async () => {
    const policy = { EXPIRATION: inFuture(), conditions: CONDITIONS(bucket) };
    expect(await answerOf(await signed({ policy }))).toBe('400 InvalidPolicyDocument');
  });

  it('test_post_object_expired_policy: refuses a policy whose time has passed', async () => {
    expect(await answerOf(await signed({ expiration: inFuture(-6000) }))).toBe('403 AccessDenied');
  });

  it('test_post_object_invalid_date_format: refuses an expiration that is no date of ISO 8601', async () => {
    expect(await answerOf(await signed({ expiration: '2099-01-01 00:00:00.5+00:00' }))).toBe(
      '400 InvalidPolicyDocument',
    );
  });

  it('test_post_object_missing_expires_condition: needs an expiration', async () => {
    const policy = { conditions: CONDITIONS(bucket) };
    expect(await answerOf(await signed({ policy }))).toBe('400 InvalidPolicyDocument');
  });

  it('test_post_object_missing_conditions_list: needs conditions', async () => {
    expect(await answerOf(await signed({ policy: { expiration: inFuture() } }))).toBe('400 InvalidPolicyDocument');
  });

  it('test_post_object_invalid_request_field_value: compares values', async () => {
    const more = [['eq', '$x-amz-meta-foo', '']];
    expect(await answerOf(await signed({ more, fields: { 'x-amz-meta-foo': 'barclamp' } }))).toBe('403 AccessDenied');
  });

  it('test_post_object_upload_size_limit_exceeded: refuses a larger file, and stores nothing', async () => {
    const fields = { key: 'foo-too-large' };
    const conditions = [...CONDITIONS(bucket).slice(0, 4), ['content-length-range', 0, 0]];
    expect(await answerOf(await signed({ conditions, fields }))).toBe('400 EntityTooLarge');
    await expect(read('foo-too-large')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  it('test_post_object_upload_size_below_minimum: refuses a smaller file, and stores nothing', async () => {
    const fields = { key: 'foo-too-small' };
    const conditions = [...CONDITIONS(bucket).slice(0, 4), ['content-length-range', 512, 1000]];
    expect(await answerOf(await signed({ conditions, fields }))).toBe('400 EntityTooSmall');
    await expect(read('foo-too-small')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  it('test_post_object_missing_content_length_argument: needs both ends of a range', async () => {
    const conditions = [...CONDITIONS(bucket).slice(0, 4), ['content-length-range', 0]];
    expect(await answerOf(await signed({ conditions }))).toBe('400 InvalidPolicyDocument');
  });

  it('test_post_object_invalid_content_length_argument: knows no negative size', async () => {
    const conditions = [...CONDITIONS(bucket).slice(0, 4), ['content-length-range', -1, 0]];
    expect(await answerOf(await signed({ conditions }))).toBe('400 InvalidPolicyDocument');
  });

  it('test_post_object_empty_conditions: knows no condition of nothing', async () => {
    expect(await answerOf(await signed({ conditions: [{}] }))).toBe('400 InvalidPolicyDocument');
  });

  it('test_post_object_tags_authenticated_request: puts tags on the object that a condition covers', async () => {
    const tagging = '<Tagging><TagSet><Tag><Key>0</Key><Value>0</Value></Tag></TagSet></Tagging>';
    expect((await signed({ more: [['starts-with', '$tagging', '']], fields: { tagging } })).status).toBe(204);
    const { TagSet } = await world.main.send(new s3.GetObjectTaggingCommand({ Bucket: bucket, Key: 'foo.txt' }));
    expect(TagSet).toEqual([{ Key: '0', Value: '0' }]);
  });
});

describe('beyond the suite', () => {
  it('takes forms signed by Version 4, as the official client makes them', async () => {
    const { url, fields } = await createPresignedPost(world.main, {
      Bucket: bucket,
      Key: `foo/${FILE_NAME}`,
      Conditions: [['content-length-range', 1, 10], { acl: 'private' }],
      Fields: { acl: 'private' },
      Expires: 60,
    });
    expect((await postForm(url, fields, { body: 'v4', name: 'a.txt' })).status).toBe(204);
    expect(await read('foo/a.txt')).toBe('v4');
    expect(await answerOf(await postForm(url, fields, { body: 'eleven char' }))).toBe('400 EntityTooLarge');
    const other = { ...fields, 'X-Amz-Signature': '0'.repeat(64) };
    expect(await answerOf(await postForm(url, other, FILE))).toBe('403 SignatureDoesNotMatch');
    expect(await answerOf(await postForm(world.url('another'), fields, FILE))).toBe('403 AccessDenied');
  });

  it('refuses a user whose policies do not allow it, whatever he signed', async () => {
    const key = await world.lake.user('poster', { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' });
    const policy = { expiration: inFuture(), conditions: CONDITIONS(bucket) };
    const fields = { ...FIELDS, ...signedFields(key, policy) };
    expect(await answerOf(await postForm(world.url(bucket), fields, FILE))).toBe('403 AccessDenied');
  });

  it('refuses a form without a file, with endless fields, or of another kind', async () => {
    expect(await answerOf(await signed({ file: null }))).toBe('400 InvalidArgument');
    expect(await answerOf(await signed({ fields: { 'x-ignore-much': 'x'.repeat(30_000) } }))).toBe(
      '400 MaxPostPreDataLengthExceededError',
    );
    const plain = await fetch(world.url(bucket), { method: 'POST', body: 'key=foo' });
    expect(await answerOf(plain)).toBe('412 PreconditionFailed');
  });

  it('stores nothing of a form that breaks off in its file', async () => {
    const policy = { expiration: inFuture(), conditions: CONDITIONS(bucket) };
    const fields = { ...FIELDS, key: 'foo-broken', ...signedFields(world.mainKey, policy) };
    const parts = Object.entries(fields).map(
      ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    );
    const head = `${parts.join('')}--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n`;
    const answers: string[] = [];
    for (const end of ['half of it', 'half of it\r\n--', 'half of it\r\n--bb']) {
      const body = head + end;
      const { hostname, port } = new URL(world.lake.endpoint);
      const socket = connect(Number(port), hostname);
      socket.write(
        `POST /${bucket} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
      let answer = '';
      for await (const chunk of socket) answer += chunk;
      answers.push(`${answer.slice(9, 12)} ${/<Code>(\w+)/.exec(answer)?.[1]}`);
    }
    expect(answers).toEqual(['400 MalformedPOSTRequest', '400 MalformedPOSTRequest', '400 MalformedPOSTRequest']);
    await expect(read('foo-broken')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });
});

describe('what comes with the file', () => {
  it('test_post_object_wrong_bucket: is not taken by another bucket than that of the policy', async () => {
    const other = await world.bucket();
    const policy = { expiration: inFuture(), conditions: CONDITIONS(bucket) };
    expect(await answerOf(await signed({ bucket: other, policy, fields: { bucket } }))).toBe('403 AccessDenied');
  });

  it('test_post_object_upload_size_rgw_chunk_size_bug: may be long, between the least and the most of the policy', async () => {
    const MIB = 1024 * 1024;
    const conditions = [...CONDITIONS(bucket).slice(0, -1), ['content-length-range', 4 * MIB, 12 * MIB]];
    const body = 'x'.repeat(4 * MIB + 200);
    expect((await signed({ conditions, file: { body } })).status).toBe(204);
  });

  it('is compared with its checksum, if the policy lets one be sent', async () => {
    const body = 'x'.repeat(1000);
    const sum = createHash('sha256').update(body).digest('base64');
    const send = (value: string) => signed({ fields: { 'x-amz-checksum-sha256': value }, file: { body }, more });
    const more: unknown[] = [];
    expect(await answerOf(await send(sum))).toBe('403 AccessDenied');
    more.push(['starts-with', '$x-amz-checksum-sha256', '']);
    expect((await send(sum)).status).toBe(204);
    expect((await send('sailorjerry')).status).toBe(400);
  });
});
