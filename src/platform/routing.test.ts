import { expect, it } from 'vitest';
import { isForS3, signingServiceOf } from './routing.ts';

const authorization = (service: string) =>
  `AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`;

it('routes by the credential scope, in the header or the query', () => {
  expect(isForS3({ method: 'PUT', url: '/b/k', headers: { authorization: authorization('s3') } })).toBe(true);
  expect(isForS3({ method: 'POST', url: '/', headers: { authorization: authorization('glue') } })).toBe(false);
  const presigned = '/b/k?X-Amz-Credential=AKIA%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=0';
  expect(signingServiceOf({ url: presigned, headers: {} })).toBe('s3');
});

it('leaves unsigned requests to S3, but for a target header or a query form on the root', () => {
  expect(isForS3({ method: 'GET', url: '/b/k', headers: {} })).toBe(true);
  expect(isForS3({ method: 'POST', url: '/', headers: { 'x-amz-target': 'AWSGlue.GetTable' } })).toBe(false);
  const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  expect(isForS3({ method: 'POST', url: '/', headers: form })).toBe(false);
  expect(isForS3({ method: 'POST', url: '/bucket', headers: form })).toBe(true);
});
