import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Principal } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import { Secret } from '../../../core/secret.ts';
import type { Identities } from '../../../governance/contract.ts';
import {
  authenticate,
  chunkSignature,
  createSigningKeys,
  sha256Hex,
  type SignedRequest,
  trailerSignature,
} from './index.ts';

// The worked examples of the Amazon S3 API Reference use this key pair and this moment.
const ACCESS_KEY = 'AKIAIOSFODNN7EXAMPLE';
const SECRET_KEY = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const MAY_24 = Date.UTC(2013, 4, 24);
const EMPTY = sha256Hex('');

const principal: Principal = {
  kind: 'user',
  arn: 'arn:aws:iam::000000000000:user/ada',
  id: 'AIDAEXAMPLE',
  name: 'ada',
  accountId: '000000000000',
};
const identities: Identities = {
  accessKey: async (id) => (id === ACCESS_KEY ? { secret: new Secret(SECRET_KEY), principal } : undefined),
  principal: async () => undefined,
};
const deps = (now = MAY_24) => ({ identities, now, signingKeys: createSigningKeys() });

async function codeOf(request: SignedRequest, now?: number): Promise<string> {
  try {
    await authenticate(request, deps(now));
  } catch (error) {
    if (error instanceof LochError) return error.code;
    throw error;
  }
  return 'authenticated';
}

const exampleGet: SignedRequest = {
  method: 'GET',
  rawPath: '/test.txt',
  rawQuery: '',
  headers: {
    host: 'examplebucket.s3.amazonaws.com',
    range: 'bytes=0-9',
    'x-amz-content-sha256': EMPTY,
    'x-amz-date': '20130524T000000Z',
    authorization: `AWS4-HMAC-SHA256 Credential=${ACCESS_KEY}/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41`,
  },
};
const examplePresigned: SignedRequest = {
  method: 'GET',
  rawPath: '/test.txt',
  rawQuery: `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${ACCESS_KEY}%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404`,
  headers: { host: 'examplebucket.s3.amazonaws.com' },
};

it('accepts the GET example of the S3 reference', async () => {
  const result = await authenticate(exampleGet, deps());
  expect(result).toMatchObject({
    anonymous: false,
    principal,
    accessKeyId: ACCESS_KEY,
    service: 's3',
    region: 'us-east-1',
    scope: '20130524/us-east-1/s3/aws4_request',
    payloadHash: EMPTY,
    presigned: false,
  });
});

it('accepts the presigned example of the S3 reference until it expires', async () => {
  expect(await authenticate(examplePresigned, deps())).toMatchObject({
    presigned: true,
    payloadHash: 'UNSIGNED-PAYLOAD',
  });
  expect(await codeOf(examplePresigned, MAY_24 + 86_400_000)).toBe('authenticated');
  expect(await codeOf(examplePresigned, MAY_24 + 86_400_001)).toBe('request_expired');
});

it('refuses a presigned request that is valid for more than seven days', async () => {
  const rawQuery = examplePresigned.rawQuery.replace('Expires=86400', 'Expires=604801');
  expect(await codeOf({ ...examplePresigned, rawQuery })).toBe('malformed_request');
});

it('calls a request without any signature anonymous', async () => {
  expect(await authenticate({ ...exampleGet, headers: { host: 'h' } }, deps())).toEqual({ anonymous: true });
});

it('names half a signature, another algorithm, an unknown key and a wrong clock', async () => {
  const authorization = exampleGet.headers.authorization as string;
  const signedBy = (text: string) => ({ ...exampleGet, headers: { ...exampleGet.headers, authorization: text } });
  expect(await codeOf(signedBy(authorization.replace(/,Signature=.*/, '')))).toBe('missing_credentials');
  expect(await codeOf({ ...examplePresigned, rawQuery: 'X-Amz-Algorithm=AWS4-HMAC-SHA256' })).toBe(
    'missing_credentials',
  );
  expect(await codeOf(signedBy('AWS AKIA:c2lnbmF0dXJl'))).toBe('unsupported');
  expect(await codeOf(signedBy(authorization.replace(ACCESS_KEY, 'AKIANOBODY')))).toBe('unknown_access_key');
  expect(await codeOf(exampleGet, MAY_24 + 15 * 60_000)).toBe('authenticated');
  expect(await codeOf(exampleGet, MAY_24 + 15 * 60_000 + 1)).toBe('clock_skew');
  expect(await codeOf(exampleGet, MAY_24 - 15 * 60_000 - 1)).toBe('clock_skew');
  expect(await codeOf(examplePresigned, MAY_24 - 15 * 60_000 - 1)).toBe('clock_skew');
});

it('refuses an S3 header that could have been added on the way', async () => {
  const headers = { ...exampleGet.headers, 'x-amz-acl': 'public-read' };
  expect(await codeOf({ ...exampleGet, headers })).toBe('access_denied');
});

it('refuses any change of a signed request, and tells neither secret nor expected signature', async () => {
  const changes: SignedRequest[] = [
    { ...exampleGet, method: 'DELETE' },
    { ...exampleGet, rawPath: '/test.txt2' },
    { ...exampleGet, rawQuery: 'versionId=1' },
    { ...exampleGet, headers: { ...exampleGet.headers, range: 'bytes=0-99' } },
    { ...exampleGet, headers: { ...exampleGet.headers, 'x-amz-content-sha256': sha256Hex('x') } },
  ];
  for (const change of changes) {
    const error = await authenticate(change, deps()).catch((reason) => reason);
    expect(error).toMatchObject({ code: 'signature_mismatch' });
    expect(JSON.stringify([error.message, error.context])).not.toContain(SECRET_KEY);
  }
});

const signer = (service: string) =>
  new SignatureV4({
    credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
    region: 'eu-west-1',
    service,
    sha256: Sha256,
    uriEscapePath: service !== 's3',
    applyChecksum: true,
  });

const names = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((name) => name.isWellFormed());

/** As the SDK's HTTP handler writes a path: each segment encoded once. */
const wire = (segments: readonly string[]) =>
  `/${segments.map((s) => encodeURIComponent(s).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)).join('/')}`;

it('agrees with the SDK signer on any path, query, header and body', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('s3', 'glue', 'lakeformation'),
      fc.array(
        names.filter((name) => name !== '.' && name !== '..'),
        { minLength: 1, maxLength: 4 },
      ),
      fc.dictionary(
        names.filter((name) => !/^x-amz-/i.test(name) && name !== '__proto__'),
        names,
        { maxKeys: 4 },
      ),
      fc.stringMatching(/^[\x20-\x7e]{0,20}$/),
      fc.uint8Array({ maxLength: 64 }),
      async (service, segments, query, header, body) => {
        const path = wire(segments);
        const signed = await signer(service).sign(
          {
            method: 'POST',
            protocol: 'http:',
            hostname: 'localhost',
            path,
            query,
            headers: { host: 'localhost', 'x-amz-meta-note': header },
            body,
          },
          { signingDate: new Date(MAY_24) },
        );
        const rawQuery = Object.entries(query)
          .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
          .join('&');
        const headers = Object.fromEntries(
          Object.entries(signed.headers).map(([name, value]) => [name.toLowerCase(), value]),
        );
        const result = await authenticate({ method: 'POST', rawPath: path, rawQuery, headers, body }, deps());
        expect(result).toMatchObject({ anonymous: false, service, region: 'eu-west-1', payloadHash: sha256Hex(body) });
        if (service !== 's3') {
          const other = Buffer.concat([body, Buffer.from('x')]);
          expect(await codeOf({ method: 'POST', rawPath: path, rawQuery, headers, body: other })).toBe(
            'signature_mismatch',
          );
        }
      },
    ),
    { numRuns: 60 },
  );
});

it('reproduces the chunk signatures of the S3 reference', async () => {
  const seed = await authenticate(
    {
      method: 'PUT',
      rawPath: '/examplebucket/chunkObject.txt',
      rawQuery: '',
      headers: {
        host: 's3.amazonaws.com',
        'content-encoding': 'aws-chunked',
        'content-length': '66824',
        'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
        'x-amz-date': '20130524T000000Z',
        'x-amz-decoded-content-length': '66560',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
        authorization: `AWS4-HMAC-SHA256 Credential=${ACCESS_KEY}/20130524/us-east-1/s3/aws4_request,SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9`,
      },
    },
    deps(),
  );
  if (seed.anonymous) throw new Error('the example is signed');
  const first = chunkSignature(seed, seed.signature, sha256Hex('a'.repeat(65_536))).toString('hex');
  expect(first).toBe('ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648');
  const second = chunkSignature(seed, first, sha256Hex('a'.repeat(1024))).toString('hex');
  expect(second).toBe('0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497');
  const last = chunkSignature(seed, second, EMPTY).toString('hex');
  expect(last).toBe('b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9');
});

it('reproduces the trailer signature of the S3 reference', async () => {
  const seed = {
    signingKey: createSigningKeys().derive(
      { accessKeyId: ACCESS_KEY, date: '20130524', region: 'us-east-1', service: 's3' },
      new Secret(SECRET_KEY),
    ),
    amzDate: '20130524T000000Z',
    scope: '20130524/us-east-1/s3/aws4_request',
  };
  const last = '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992';
  const trailer = trailerSignature(seed, last, [['x-amz-checksum-crc32c', 'sOO8/Q==']]).toString('hex');
  expect(trailer).toBe('d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435');
});
