import { describe, expect, it } from 'vitest';
import { LochError } from '../../core/errors.ts';
import { createAddressing } from './bucket-host.ts';

const address = createAddressing({
  domains: ['localhost', 's3.Lake.example', 'lake.example'],
  bucketHosts: ['data.example.com', '*.sites.example'],
});
const at = (host: string | undefined, url = '/a/b?x=/y') => address({ headers: { host }, url });

describe('The host of a request', () => {
  it.each([
    ['bucket.localhost', '/bucket/a/b'],
    ['BUCKET.LocalHost:4566', '/bucket/a/b'],
    ['my.dotted.bucket.localhost.', '/my.dotted.bucket/a/b'],
    ['bucket.lake.example', '/bucket/a/b'],
    ['bucket.s3.lake.example:80', '/bucket/a/b'],
    ['data.example.com', '/data.example.com/a/b'],
    ['www.sites.example:8080', '/www.sites.example/a/b'],
  ])('%s names a bucket', (host, path) => {
    expect(at(host)).toEqual({ path, byHost: true });
  });

  it.each([
    'localhost',
    'localhost:4566',
    's3.lake.example',
    '127.0.0.1:4566',
    '[::1]:4566',
    'loch',
    'notlocalhost',
    'other.example.com',
    'sites.example',
    'data.example.com.evil.example',
    'localhost.evil.example',
    '',
    undefined,
  ])('%s names none: the path does', (host) => {
    expect(at(host)).toEqual({ path: '/a/b', byHost: false });
  });

  it.each([
    '.localhost',
    '..localhost',
    'a..b.localhost',
    '-a-.localhost',
    'ab.localhost',
    `${'a'.repeat(64)}.localhost`,
    'a/../b.localhost',
    'bucket%2fother.localhost',
    'bucket@other.localhost',
    'bücket.localhost',
    'bucket .localhost',
    'bucket\u0000.localhost',
  ])('%s is refused by what is wrong with it', (host) => {
    const failure = (() => {
      try {
        return at(host);
      } catch (error) {
        return error;
      }
    })();
    expect(failure).toBeInstanceOf(LochError);
    expect(failure).toMatchObject({ code: 'invalid_bucket_name', message: expect.stringContaining('Known domains:') });
  });

  it('names the bucket alone when the path is empty', () => {
    expect(at('bucket.localhost', '/')).toEqual({ path: '/bucket', byHost: true });
    expect(at('bucket.localhost', '/?list-type=2')).toEqual({ path: '/bucket', byHost: true });
    expect(at('bucket.localhost', '//')).toEqual({ path: '/bucket//', byHost: true });
  });

  it('is an account before the paths of S3 Control, and a bucket before others', () => {
    const host = '123456789012.localhost';
    expect(at(host, '/v20180820/tags/x')).toEqual({ path: '/v20180820/tags/x', byHost: false });
    expect(at(host, '/key')).toEqual({ path: '/123456789012/key', byHost: true });
  });
});
