/** Pages of other origins: the cases of the public S3 suite, by their names. */
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openS3Conformance, outcomeOf, type S3Conformance } from '../../../src/testing/builders/s3-conformance.ts';

let world: S3Conformance;
beforeAll(async () => {
  world = await openS3Conformance();
});
afterAll(() => world.close());

const rules = (Bucket: string, ...CORSRules: s3.CORSRule[]) =>
  world.main.send(new s3.PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));

/** Status, allowed origin and allowed methods of an answer. */
async function asked(method: string, url: string, headers: Record<string, string> = {}): Promise<string> {
  const answer = await fetch(url, { method, headers });
  await answer.arrayBuffer();
  const [origin, methods] = ['access-control-allow-origin', 'access-control-allow-methods'].map((name) =>
    answer.headers.get(name),
  );
  return `${answer.status} ${origin} ${methods}`;
}

it('test_set_cors: keeps rules until they are deleted', async () => {
  const Bucket = await world.bucket();
  const get = () => world.main.send(new s3.GetBucketCorsCommand({ Bucket }));
  expect(await outcomeOf(get())).toBe('404 NoSuchCORSConfiguration');
  const CORSRules = [
    { AllowedMethods: ['GET', 'PUT'], AllowedOrigins: ['*.get', '*.put'] },
    { AllowedMethods: ['DELETE'], AllowedOrigins: ['*.delete'] },
  ];
  await rules(Bucket, ...CORSRules);
  expect((await get()).CORSRules).toEqual(CORSRules);
  await world.main.send(new s3.DeleteBucketCorsCommand({ Bucket }));
  expect(await outcomeOf(get())).toBe('404 NoSuchCORSConfiguration');
});

it('test_cors_origin_response: answers each origin by the rule that covers it', async () => {
  const Bucket = await world.bucket({ ACL: 'public-read' });
  await rules(
    Bucket,
    { AllowedMethods: ['GET'], AllowedOrigins: ['*suffix'] },
    { AllowedMethods: ['GET'], AllowedOrigins: ['start*end'] },
    { AllowedMethods: ['GET'], AllowedOrigins: ['prefix*'] },
    { AllowedMethods: ['PUT'], AllowedOrigins: ['*.put'] },
  );
  const url = world.url(Bucket);
  const object = world.url(Bucket, 'bar');
  const from = (Origin: string, method?: string) => ({
    Origin,
    ...(method === undefined ? {} : { 'Access-Control-Request-Method': method }),
  });
  expect(await asked('GET', url)).toBe('200 null null');
  const origins = ['foo.suffix', 'foo.bar', 'foo.suffix.get', 'startend', 'start1end', 'start12end', '0start12end'];
  const answers = [];
  for (const origin of [...origins, 'prefix', 'prefix.suffix', 'bla.prefix'])
    answers.push(await asked('GET', url, from(origin)));
  expect(answers).toEqual([
    '200 foo.suffix GET',
    '200 null null',
    '200 null null',
    '200 startend GET',
    '200 start1end GET',
    '200 start12end GET',
    '200 null null',
    '200 prefix GET',
    '200 prefix.suffix GET',
    '200 null null',
  ]);
  expect(await asked('GET', object, from('foo.suffix'))).toBe('404 foo.suffix GET');
  expect(await asked('PUT', object, from('foo.suffix', 'GET'))).toBe('403 foo.suffix GET');
  expect(await asked('PUT', object, from('foo.suffix', 'PUT'))).toBe('403 null null');
  expect(await asked('PUT', object, from('foo.suffix', 'DELETE'))).toBe('403 null null');
  expect(await asked('PUT', object, from('foo.suffix'))).toBe('403 null null');
  expect(await asked('PUT', object, from('foo.put'))).toBe('403 foo.put PUT');
  expect(await asked('OPTIONS', url)).toBe('400 null null');
  expect(await asked('OPTIONS', url, from('foo.suffix'))).toBe('400 null null');
  expect(await asked('OPTIONS', object, from('foo.suffix', 'GET'))).toBe('200 foo.suffix GET');
  expect(await asked('OPTIONS', url, from('foo.bar', 'GET'))).toBe('403 null null');
  expect(await asked('OPTIONS', url, from('foo.suffix.get', 'GET'))).toBe('403 null null');
  expect(await asked('OPTIONS', url, from('startend', 'GET'))).toBe('200 startend GET');
  expect(await asked('OPTIONS', url, from('foo.put', 'GET'))).toBe('403 null null');
  expect(await asked('OPTIONS', url, from('foo.put', 'PUT'))).toBe('200 foo.put PUT');
});

it('test_cors_origin_wildcard: answers every origin by a star', async () => {
  const Bucket = await world.bucket({ ACL: 'public-read' });
  await rules(Bucket, { AllowedMethods: ['GET'], AllowedOrigins: ['*'] });
  expect(await asked('GET', world.url(Bucket))).toBe('200 null null');
  expect(await asked('GET', world.url(Bucket), { Origin: 'example.origin' })).toBe('200 * GET');
});

it('test_cors_header_option: refuses a preflight for headers no rule allows', async () => {
  const Bucket = await world.bucket({ ACL: 'public-read' });
  await rules(Bucket, { AllowedMethods: ['GET'], AllowedOrigins: ['*'], ExposeHeaders: ['x-amz-meta-header1'] });
  const headers = {
    Origin: 'example.origin',
    'Access-Control-Request-Headers': 'x-amz-meta-header2',
    'Access-Control-Request-Method': 'GET',
  };
  expect(await asked('OPTIONS', world.url(Bucket, 'bar'), headers)).toBe('403 null null');
});

it('test_cors_presigned_get_object, test_cors_presigned_put_object: answers links like other requests', async () => {
  const Bucket = await world.bucket();
  await rules(Bucket, { AllowedMethods: ['GET', 'PUT'], AllowedOrigins: ['example'], AllowedHeaders: ['x-amz-*'] });
  const preflight = await fetch(world.url(Bucket, 'bar?X-Amz-Signature=feed'), {
    method: 'OPTIONS',
    headers: {
      Origin: 'example',
      'Access-Control-Request-Method': 'PUT',
      'Access-Control-Request-Headers': 'X-Amz-Meta-A, x-amz-acl',
    },
  });
  expect(preflight.status).toBe(200);
  expect(Object.fromEntries(preflight.headers)).toMatchObject({
    'access-control-allow-origin': 'example',
    'access-control-allow-methods': 'GET, PUT',
    'access-control-allow-headers': 'x-amz-meta-a, x-amz-acl',
    'access-control-allow-credentials': 'true',
    vary: 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method',
  });
});

it('tells a page nothing of a bucket without rules, and nobody that there is one', async () => {
  const Bucket = await world.bucket();
  const headers = { Origin: 'example', 'Access-Control-Request-Method': 'GET' };
  expect(await asked('OPTIONS', world.url(Bucket), headers)).toBe('403 null null');
  expect(await asked('OPTIONS', world.url('no-such-bucket'), headers)).toBe('403 null null');
});
