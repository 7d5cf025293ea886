import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../core/secret.ts';
import { bytesOf } from '../../testing/suites/object-store.ts';
import { openS3Lake, type S3Lake } from '../../testing/builders/s3-lake.ts';
import { type SignedHttp, signHttp } from '../../testing/clients/signed-request.ts';
import { patterned } from '../../testing/faults/patterned.ts';
import { chunkSignature, createSigningKeys, sha256Hex, trailerSignature } from '../kit/sigv4/index.ts';

const UNSIGNED = 'UNSIGNED-PAYLOAD';
const SIGNED_CHUNKS = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

let lake: S3Lake;

beforeAll(async () => {
  lake = await openS3Lake();
  await lake.client().send(new CreateBucketCommand({ Bucket: 'wire' }));
});
afterAll(() => lake.close());

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly text: string;
  readonly headers: Record<string, unknown>;
}

function send(signed: SignedHttp, body: Uint8Array | readonly Uint8Array[] = []): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(lake.endpoint);
    const outgoing = httpRequest(
      { port, method: signed.method, path: signed.path, headers: signed.headers },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        answer.on('end', () => {
          const code = /<Code>(\w+)<\/Code>/.exec(text)?.[1];
          resolve({ status: answer.statusCode!, code, text, headers: answer.headers });
        });
      },
    );
    outgoing.on('error', reject);
    for (const piece of body instanceof Uint8Array ? [body] : body) outgoing.write(piece);
    outgoing.end();
  });
}

const sign = (method: string, path: string, payloadHash: string, headers: Record<string, string> = {}, more = {}) =>
  signHttp(lake.rootKey, { method, path, payloadHash, headers, endpoint: lake.endpoint, ...more });

const stored = async (key: string) => bytesOf(await lake.objects.get('wire', key));
const isStored = async (key: string) =>
  lake.objects.head('wire', key).then(
    () => true,
    () => false,
  );
const base64Crc32 = (bytes: Uint8Array) => {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(crc32(bytes));
  return out.toString('base64');
};

/** Puts `bytes` as aws-chunked, chunk by chunk of `chunkSize`, and lets `damage` change what goes over the wire. */
async function putChunked(
  key: string,
  bytes: Buffer,
  options: {
    readonly kind: string;
    readonly chunkSize: number;
    readonly trailers?: readonly (readonly [string, string])[];
    readonly announced?: string;
    readonly headers?: Record<string, string>;
    readonly damage?: (wire: Buffer) => Buffer;
  },
): Promise<Answer> {
  const { kind, chunkSize, trailers = [], damage = (wire) => wire } = options;
  const announced = options.announced ?? trailers.map(([name]) => name).join(',');
  const request = await sign('PUT', `/wire/${key}`, kind, {
    'content-encoding': 'aws-chunked',
    'x-amz-decoded-content-length': String(bytes.length),
    ...(announced === '' ? {} : { 'x-amz-trailer': announced }),
    ...options.headers,
  });
  const [date, region, service] = /Credential=[^/]+\/([^,]+)/.exec(request.headers.authorization!)![1]!.split('/');
  const seed = {
    signingKey: createSigningKeys().derive(
      { accessKeyId: lake.rootKey.accessKeyId, date: date!, region: region!, service: service! },
      new Secret(lake.rootKey.secretAccessKey),
    ),
    amzDate: request.headers['x-amz-date']!,
    scope: `${date}/${region}/${service}/aws4_request`,
  };
  const signed = kind.startsWith(SIGNED_CHUNKS);
  let previous = request.signature;
  const wire: Buffer[] = [];
  const addChunk = (chunk: Buffer) => {
    previous = chunkSignature(seed, previous, sha256Hex(chunk)).toString('hex');
    wire.push(Buffer.from(`${chunk.length.toString(16)}${signed ? `;chunk-signature=${previous}` : ''}\r\n`), chunk);
    if (chunk.length > 0) wire.push(Buffer.from('\r\n'));
  };
  for (let at = 0; at < bytes.length; at += chunkSize) addChunk(bytes.subarray(at, at + chunkSize));
  addChunk(Buffer.alloc(0));
  for (const [name, value] of trailers) wire.push(Buffer.from(`${name}:${value}\r\n`));
  if (kind.endsWith('-PAYLOAD-TRAILER') && signed) {
    const signature = trailerSignature(seed, previous, trailers).toString('hex');
    wire.push(Buffer.from(`x-amz-trailer-signature:${signature}\r\n`));
  }
  wire.push(Buffer.from('\r\n'));
  const whole = damage(Buffer.concat(wire));
  return send({ ...request, headers: { ...request.headers, 'content-length': String(whole.length) } }, whole);
}

describe('bodies', () => {
  it('takes signed chunks, with and without trailers, and unsigned chunks with trailers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(SIGNED_CHUNKS, `${SIGNED_CHUNKS}-TRAILER`, UNSIGNED_TRAILER),
        fc.constantFrom(0, 1, 100, 70_000),
        fc.constantFrom(1000, 8192, 65_536),
        async (kind, size, chunkSize) => {
          const bytes = patterned(size);
          const trailers = kind === SIGNED_CHUNKS ? [] : ([['x-amz-checksum-crc32', base64Crc32(bytes)]] as const);
          const answer = await putChunked('chunked', bytes, { kind, chunkSize, trailers });
          expect([answer.status, answer.text]).toEqual([200, '']);
          expect((await stored('chunked')).equals(bytes)).toBe(true);
          expect((await lake.objects.head('wire', 'chunked')).headers).toEqual({});
        },
      ),
      { numRuns: 15 },
    );
  });

  it('stores nothing of a chunked body that was changed on the way', async () => {
    const bytes = patterned(100_000);
    const flip = (at: number) => (wire: Buffer) => {
      wire[at < 0 ? wire.length + at : at]! ^= 1;
      return wire;
    };
    const trailers = [['x-amz-checksum-crc32', base64Crc32(bytes)]] as const;
    const put = (kind: string, damage: (wire: Buffer) => Buffer, more = {}) =>
      putChunked('damaged', bytes, {
        kind,
        chunkSize: 65_536,
        trailers: kind === SIGNED_CHUNKS ? [] : trailers,
        damage,
        ...more,
      });
    expect(await put(SIGNED_CHUNKS, flip(500))).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
    expect(await put(SIGNED_CHUNKS, flip(80_000))).toMatchObject({ code: 'SignatureDoesNotMatch' });
    expect(await put(UNSIGNED_TRAILER, flip(500))).toMatchObject({ status: 400, code: 'BadDigest' });
    const changedTrailer = (wire: Buffer) =>
      Buffer.from(wire.toString('latin1').replace('x-amz-checksum-crc32:', 'x-amz-checksum-crc32:A'), 'latin1');
    expect(await put(`${SIGNED_CHUNKS}-TRAILER`, changedTrailer)).toMatchObject({ code: 'SignatureDoesNotMatch' });
    const cut = (bytesLess: number) => (wire: Buffer) => wire.subarray(0, wire.length - bytesLess);
    for (const less of [50_000, 41, 8, 3]) {
      expect(await put(UNSIGNED_TRAILER, cut(less)), `cut by ${less}`).toMatchObject({ status: 400 });
    }
    const withoutTrailer = (wire: Buffer) => wire.subarray(0, wire.lastIndexOf('x-amz-checksum'));
    expect(await put(UNSIGNED_TRAILER, withoutTrailer)).toMatchObject({ code: 'MalformedTrailerError' });
    const longer = { headers: { 'x-amz-decoded-content-length': '100001' } };
    expect(await put(UNSIGNED_TRAILER, (wire) => wire, longer)).toMatchObject({ code: 'IncompleteBody' });
    const shorter = { headers: { 'x-amz-decoded-content-length': '99999' } };
    expect(await put(UNSIGNED_TRAILER, (wire) => wire, shorter)).toMatchObject({ code: 'IncompleteBody' });
    const nonsense = () => Buffer.from('zz\r\nhello\r\n0\r\n\r\n');
    expect(await put(UNSIGNED_TRAILER, nonsense)).toMatchObject({ code: 'InvalidChunkSizeError' });
    const trailing = (wire: Buffer) => Buffer.concat([wire, Buffer.from('more')]);
    expect(await put(UNSIGNED_TRAILER, trailing)).toMatchObject({ code: 'InvalidChunkSizeError' });
    expect(await isStored('damaged')).toBe(false);
  });

  it('verifies the SHA-256 that was signed, also of documents', async () => {
    const other = sha256Hex('something else');
    for (const size of [10, 100_000]) {
      const put = await sign('PUT', '/wire/hashed', other, { 'content-length': String(size) });
      expect(await send(put, patterned(size))).toMatchObject({ status: 400, code: 'XAmzContentSHA256Mismatch' });
    }
    expect(await isStored('hashed')).toBe(false);
    await lake.objects.put('wire', 'kept', Buffer.from('x'));
    const document = Buffer.from('<Delete><Object><Key>kept</Key></Object></Delete>');
    const md5 = createHash('md5').update(document).digest('base64');
    const remove = (hash: string, headers: Record<string, string>) =>
      sign('POST', '/wire', hash, headers, { query: { delete: '' } }).then((signed) => send(signed, document));
    expect(await remove(other, { 'content-md5': md5 })).toMatchObject({ code: 'XAmzContentSHA256Mismatch' });
    expect(await remove(UNSIGNED, {})).toMatchObject({ code: 'InvalidRequest' });
    expect(await remove(UNSIGNED, { 'content-md5': createHash('md5').digest('base64') })).toMatchObject({
      code: 'BadDigest',
    });
    expect(await isStored('kept')).toBe(true);
    expect(await remove(sha256Hex(document), { 'content-md5': md5 })).toMatchObject({ status: 200 });
    expect(await isStored('kept')).toBe(false);
  });

  it('verifies Content-MD5, and tells one that cannot be one from one that does not match', async () => {
    const put = async (contentMd5: string) =>
      send(
        await sign('PUT', '/wire/md5', UNSIGNED, { 'content-md5': contentMd5, 'content-length': '3' }),
        Buffer.from('abc'),
      );
    expect(await put('nonsense')).toMatchObject({ status: 400, code: 'InvalidDigest' });
    expect(await put(createHash('md5').update('abd').digest('base64'))).toMatchObject({ code: 'BadDigest' });
    expect(await put(createHash('md5').update('abc').digest('base64'))).toMatchObject({ status: 200 });
  });

  it('names documents that are no XML, hide entities, or lack what they must hold', async () => {
    const post = async (text: string, query: Record<string, string>) => {
      const body = Buffer.from(text);
      const md5 = createHash('md5').update(body).digest('base64');
      return send(
        await sign('POST', query.delete === '' ? '/wire' : '/wire/k', UNSIGNED, { 'content-md5': md5 }, { query }),
        body,
      );
    };
    for (const text of [
      '',
      'no xml',
      '<Delete>',
      '<Delete/>',
      '<Other><Object><Key>k</Key></Object></Other>',
      '<Delete><Object/></Delete>',
    ]) {
      expect(await post(text, { delete: '' }), text).toMatchObject({ status: 400, code: 'MalformedXML' });
    }
    const bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><Delete><Object><Key>&a;</Key></Object></Delete>';
    expect(await post(bomb, { delete: '' })).toMatchObject({ code: 'MalformedXML' });
    const deep = `<Delete>${'<a>'.repeat(50)}${'</a>'.repeat(50)}</Delete>`;
    expect(await post(deep, { delete: '' })).toMatchObject({ code: 'MalformedXML' });
    const many = `<Delete>${'<Object><Key>k</Key></Object>'.repeat(1001)}</Delete>`;
    expect(await post(many, { delete: '' })).toMatchObject({ code: 'MalformedXML' });
    const upload = { uploadId: 'f'.repeat(32) };
    const part = '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>';
    expect(await post(part, upload)).toMatchObject({ code: 'MalformedXML' });
  });

  it('refuses a body without length or above 5 GiB before it reads it', async () => {
    const large = await sign('PUT', '/wire/large', UNSIGNED, { 'content-length': String(6 * 1024 ** 3) });
    expect(await open(large, Buffer.alloc(10))).toMatchObject({ status: 400, code: 'EntityTooLarge' });
    const missing = await sign('PUT', '/wire/large', UNSIGNED);
    expect(await open(missing, Buffer.alloc(0))).toMatchObject({ status: 411, code: 'MissingContentLength' });
    const chunked = await sign('PUT', '/wire/large', UNSIGNED_TRAILER, { 'content-length': '5' });
    expect(await open(chunked, Buffer.from('0\r\n\r\n'))).toMatchObject({ status: 411, code: 'MissingContentLength' });
  });

  it('answers a client whose body it refuses while he is still sending it', async () => {
    const size = 20 * 1024 * 1024;
    const put = await sign('PUT', '/no-such-bucket/k', UNSIGNED, { 'content-length': String(size) });
    const pieces = Array.from({ length: 20 }, () => Buffer.alloc(size / 20));
    expect(await send(put, pieces)).toMatchObject({ status: 404, code: 'NoSuchBucket' });
  });

  it('stores nothing when the client leaves in the middle, small or large', async () => {
    for (const size of [1000, 300_000]) {
      const put = await sign('PUT', `/wire/left-${size}`, UNSIGNED, { 'content-length': String(size) });
      const socket = connect(Number(new URL(lake.endpoint).port));
      socket.write(`${head(put)}\r\n`);
      // Handed to the system, so that it arrives although the client leaves at once, however busy the machine.
      await new Promise((resolve) => socket.write(patterned(size / 2), resolve));
      socket.destroy();
      await until(() =>
        lake.events.some(
          ({ name, payload }) =>
            name === 'doorRequestFailed' && 'code' in payload && payload.code === 'incomplete_body',
        ),
      );
      expect(await isStored(`left-${size}`)).toBe(false);
      lake.events.length = 0;
    }
    const below = await lake.objects.list('wire', { prefix: 'left' });
    expect(below.objects).toEqual([]);
  });
});

const head = (signed: SignedHttp) =>
  `${signed.method} ${signed.path} HTTP/1.1\r\n${Object.entries(signed.headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}`;

/** Sends a request as it is, and answers with what comes back within a second. */
async function open(signed: SignedHttp, body: Buffer): Promise<Answer> {
  const socket = connect(Number(new URL(lake.endpoint).port));
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  socket.write(`${head(signed)}\r\n`);
  socket.write(body);
  await until(() => text.includes('</Error>'));
  socket.destroy();
  return { status: Number(text.split(' ')[1]), code: /<Code>(\w+)<\/Code>/.exec(text)?.[1], text, headers: {} };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await sleep(10);
  expect(condition()).toBe(true);
}

describe('signatures', () => {
  const get = async (more: object, payloadHash = UNSIGNED) => send(await sign('GET', '/wire/k', payloadHash, {}, more));

  it('names what does not fit: key, secret, clock, region, service, header', async () => {
    const wrongSecret = { ...lake.rootKey, secretAccessKey: 'x'.repeat(40) };
    const unknown = { ...lake.rootKey, accessKeyId: 'AKIAUNKNOWN' };
    const as = async (key: typeof wrongSecret) =>
      send(await signHttp(key, { method: 'GET', path: '/wire/k', endpoint: lake.endpoint, payloadHash: UNSIGNED }));
    const refused = await as(wrongSecret);
    expect(refused).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
    expect(refused.text).toContain('<StringToSign>AWS4-HMAC-SHA256');
    expect(refused.text).not.toContain(lake.rootKey.secretAccessKey);
    expect(await as(unknown)).toMatchObject({ status: 403, code: 'InvalidAccessKeyId' });
    const early = { at: new Date(Date.now() - 20 * 60_000) };
    expect(await get(early)).toMatchObject({ status: 403, code: 'RequestTimeTooSkewed' });
    const elsewhere = await get({ region: 'eu-west-1' });
    expect(elsewhere).toMatchObject({ status: 400, code: 'AuthorizationHeaderMalformed' });
    expect(elsewhere.text).toContain('<Region>us-east-1</Region>');
    expect(await get({ service: 'glue' }, sha256Hex(''))).toMatchObject({
      status: 400,
      code: 'AuthorizationHeaderMalformed',
    });
    expect(await get({}, 'nonsense')).toMatchObject({ status: 404 });
    const put = await sign('PUT', '/wire/k', 'nonsense', { 'content-length': '1' });
    expect(await send(put, Buffer.from('x'))).toMatchObject({ status: 400, code: 'InvalidArgument' });
    const signed = await sign('GET', '/wire/k', UNSIGNED);
    const added = { ...signed, headers: { ...signed.headers, 'x-amz-acl': 'private' } };
    expect(await send(added)).toMatchObject({ status: 403, code: 'AccessDenied' });
    const garbled = { ...signed, headers: { ...signed.headers, authorization: 'AWS4-HMAC-SHA256 Credential=a/b' } };
    expect((await send(garbled)).status).toBeGreaterThanOrEqual(400);
  });

  it('lets nobody in without a signature', async () => {
    const answer = await send({ method: 'GET', path: '/wire/k', headers: {}, signature: '' });
    expect(answer).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(await send({ method: 'GET', path: '/', headers: {}, signature: '' })).toMatchObject({ status: 403 });
  });
});

describe('answers', () => {
  it('carry a request id that the error tells too, and name the resource', async () => {
    const answer = await send(await sign('GET', '/wire/no%20such%26key', UNSIGNED));
    const id = String(answer.headers['x-amz-request-id']);
    expect(answer).toMatchObject({ status: 404, code: 'NoSuchKey' });
    expect(answer.text).toContain(`<RequestId>${id}</RequestId>`);
    expect(answer.text).toContain('<Resource>/wire/no%20such%26key</Resource>');
    expect(answer.text).toContain('<Key>no such&amp;key</Key>');
    expect(answer.text).toContain('<BucketName>wire</BucketName>');
    const ok = await send(await sign('GET', '/wire', UNSIGNED));
    expect(ok.headers['x-amz-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('have no body where HTTP forbids one', async () => {
    await lake.objects.put('wire', 'k304', Buffer.from('x'));
    const { etag } = await lake.objects.head('wire', 'k304');
    const unchanged = await send(await sign('GET', '/wire/k304', UNSIGNED, { 'if-none-match': etag }));
    expect(unchanged).toMatchObject({ status: 304, text: '' });
    expect(unchanged.headers.etag).toBe(etag);
    expect(await send(await sign('HEAD', '/wire/nothing', UNSIGNED))).toMatchObject({ status: 404, text: '' });
  });

  it('name methods and paths that S3 has not', async () => {
    expect(await send(await sign('PATCH', '/wire/k', UNSIGNED))).toMatchObject({
      status: 405,
      code: 'MethodNotAllowed',
    });
    expect(await send(await sign('POST', '/wire', UNSIGNED))).toMatchObject({
      status: 412,
      code: 'PreconditionFailed',
    });
    expect((await send(await sign('GET', '/wire/%ff', UNSIGNED))).code).toBe('InvalidURI');
    const long = await sign('PUT', `/wire/${'k'.repeat(1025)}`, UNSIGNED, { 'content-length': '0' });
    expect(await send(long)).toMatchObject({ status: 400, code: 'KeyTooLongError' });
  });

  it('tell a disk without room by 503 with its name, and take writes again afterwards', async () => {
    let free = 1e12;
    const full = await openS3Lake({ store: { lowDiskBytes: 1e9, freeBytes: async () => free } });
    try {
      await full.objects.createBucket('full', { region: 'us-east-1', ownerAccountId: '123456789012' });
      const put = async () => {
        const request = { method: 'PUT', path: '/full/k', payloadHash: UNSIGNED, headers: { 'content-length': '1' } };
        const signed = await signHttp(full.rootKey, { ...request, endpoint: full.endpoint });
        return fetch(`${full.endpoint}/full/k`, { method: 'PUT', headers: signed.headers, body: 'x' });
      };
      free = 1;
      const refused = await put();
      expect(refused.status).toBe(503);
      expect(refused.headers.get('retry-after')).toBe('1');
      expect(await refused.text()).toMatch(/<Code>SlowDown<\/Code>.*objects/s);
      free = 1e12;
      await sleep(600);
      expect((await put()).status).toBe(200);
    } finally {
      await full.close();
    }
  });
});
