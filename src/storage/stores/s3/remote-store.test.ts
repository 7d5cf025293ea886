/** The remote store over a second Loch: its S3 door, with its checks of signatures, checksums and conditions. */
import {
  CreateBucketCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fixedClock, systemClock } from '../../../core/clock.ts';
import { LochError } from '../../../core/errors.ts';
import { Secret } from '../../../core/secret.ts';
import type { MetadataStore } from '../../../metadata/contract.ts';
import { openSqliteStore } from '../../../metadata/sqlite/store.ts';
import { openS3Lake, S3_LAKE, type S3Lake } from '../../../testing/builders/s3-lake.ts';
import {
  bytesOf,
  codeOf,
  objectStoreSuite,
  patterned,
  SUITE_MIN_PART_BYTES,
} from '../../../testing/suites/object-store.ts';
import { localStoreModule } from '../local/index.ts';
import { assertOnDisk, remoteStoreModule } from './identity.ts';
import { openRemoteStore, type RemoteObjectStore, type RemoteStoreOptions } from './index.ts';

const OWNER = { region: 'us-east-1', ownerAccountId: '000000000000' };
const BUCKET = 'below';
const HOUR = 3_600_000;
const PART = 64 * 1024;

let service: S3Lake;
let client: S3Client;
let made = 0;
beforeAll(async () => {
  service = await openS3Lake({ store: { minPartBytes: SUITE_MIN_PART_BYTES } });
  client = service.client();
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
});
afterAll(() => service.close());

interface Opened {
  readonly store: RemoteObjectStore;
  readonly metadata: MetadataStore;
  readonly directory: string;
  readonly prefix: string;
  readonly close: () => Promise<void>;
}

async function open(
  options: Partial<RemoteStoreOptions> = {},
  over: { metadata?: MetadataStore; directory?: string; wrap?: (store: MetadataStore) => MetadataStore } = {},
): Promise<Opened> {
  const directory = over.directory ?? (await mkdtemp(join(tmpdir(), 'loch-remote-store-')));
  const modules = [localStoreModule, remoteStoreModule];
  const metadata = over.metadata ?? (await openSqliteStore({ file: join(directory, 'metadata.db'), modules }));
  const prefix = options.prefix ?? `lake-${made++}/`;
  const store = await openRemoteStore({
    store: over.wrap?.(metadata) ?? metadata,
    endpoint: service.endpoint,
    region: S3_LAKE.region,
    bucket: BUCKET,
    pathStyle: true,
    accessKeyId: service.rootKey.accessKeyId,
    secretAccessKey: new Secret(service.rootKey.secretAccessKey),
    clock: systemClock,
    workDirectory: join(directory, 'work'),
    minPartBytes: SUITE_MIN_PART_BYTES,
    partBytes: PART,
    sweepEveryMs: 0,
    ...options,
    prefix,
  });
  const close = async () => {
    await store.close();
    await metadata.close();
    await rm(directory, { recursive: true, force: true });
  };
  return { store, metadata, directory, prefix, close };
}

objectStoreSuite('remote store over a second Loch', () => open());

describe('remote store', () => {
  const opened: Opened[] = [];
  const begin = async (...args: Parameters<typeof open>) => {
    const one = await open(...args);
    opened.push(one);
    return one;
  };
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });

  /** What the service holds for a lake, without its prefix. */
  async function remoteNames({ prefix }: { prefix: string }): Promise<string[]> {
    const page = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: prefix }));
    return (page.Contents ?? []).map(({ Key }) => Key!.slice(prefix.length));
  }
  const remoteUploads = async ({ prefix }: { prefix: string }) =>
    (await client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET, Prefix: prefix }))).Uploads ?? [];

  it('keeps names and conditions in its own rows, and bytes of versions below its prefix', async () => {
    const lake = await begin();
    await lake.store.createBucket('lake', OWNER);
    const small = await lake.store.put('lake', 'raw/ü &?#.csv.gz', Buffer.from('small'));
    const large = await lake.store.put('lake', 'raw/large.parquet', patterned(3 * PART + 5));
    expect(await remoteNames(lake)).toEqual([
      'claim.json',
      ...[`objects/lake/${small.versionId}.csv.gz`, `objects/lake/${large.versionId}.parquet`].sort(),
    ]);
    expect(await bytesOf(await lake.store.get('lake', 'raw/large.parquet'))).toEqual(patterned(3 * PART + 5));
    expect(await readdir(join(lake.directory, 'work')).catch(() => [])).toEqual([]);
  });

  it('has everything again after it was opened anew, uploads that go on included', async () => {
    const lake = await begin();
    await lake.store.createBucket('lake', OWNER);
    await lake.store.put('lake', 'kept', Buffer.from('kept'));
    const upload = await lake.store.createUpload('lake', 'in parts');
    const first = await lake.store.putPart(upload, 1, patterned(PART + 1, 1));
    await lake.store.close();
    const again = await open({ prefix: lake.prefix }, { metadata: lake.metadata });
    const second = await again.store.putPart(upload, 2, patterned(100, 2));
    await again.store.completeUpload(upload, [first, second]);
    expect(await bytesOf(await again.store.get('lake', 'in parts'))).toEqual(
      Buffer.concat([patterned(PART + 1, 1), patterned(100, 2)]),
    );
    expect(await bytesOf(await again.store.get('lake', 'kept'))).toEqual(Buffer.from('kept'));
    await again.store.close();
  });

  it('sends the parts of an upload through as they come, and gives them up with it', async () => {
    const lake = await begin();
    await lake.store.createBucket('lake', OWNER);
    const upload = await lake.store.createUpload('lake', 'given up.bin');
    await lake.store.putPart(upload, 1, patterned(2 * PART));
    expect((await remoteUploads(lake)).map(({ Key }) => Key)).toEqual([
      expect.stringMatching(/objects\/lake\/[0-9a-f]{32}\.bin$/),
    ]);
    await lake.store.abortUpload(upload);
    expect(await remoteUploads(lake)).toEqual([]);
    expect(await remoteNames(lake)).toEqual(['claim.json']);
  });

  it('removes replaced and deleted versions after the grace, not before', async () => {
    const clock = fixedClock(Date.now());
    const lake = await begin({ clock, graceMs: HOUR });
    await lake.store.createBucket('lake', OWNER);
    await lake.store.put('lake', 'a', Buffer.from('one'));
    const read = await lake.store.get('lake', 'a');
    const kept = await lake.store.put('lake', 'a', Buffer.from('two'));
    await lake.store.put('lake', 'b', Buffer.from('gone'));
    await lake.store.delete('lake', 'b');
    expect(await lake.store.sweep()).toEqual({ versions: 0, leftovers: 0 });
    expect((await bytesOf(read)).toString()).toBe('one');
    clock.advance(HOUR + 1);
    expect(await lake.store.sweep()).toEqual({ versions: 2, leftovers: 0 });
    expect(await remoteNames(lake)).toEqual(['claim.json', `objects/lake/${kept.versionId}`]);
  });

  /** A metadata store whose transactions with this procedure fail as a crash before the commit would have them. */
  const failingAt =
    (procedure: string, times: number) =>
    (store: MetadataStore): MetadataStore => {
      let left = times;
      return new Proxy(store, {
        get(target, member) {
          if (member !== 'transact') return Reflect.get(target, member).bind(target);
          return async (calls: Parameters<MetadataStore['transact']>[0]) => {
            if (calls.some((call) => call.procedure === procedure) && left-- > 0)
              throw new Error('the process died here');
            return target.transact(calls);
          };
        },
      });
    };

  it('finds what a crash left between the service and the transaction, and removes it after the grace', async () => {
    const clock = fixedClock(Date.now());
    const lake = await begin({ clock, graceMs: HOUR }, { wrap: failingAt('put', 2) });
    await lake.store.createBucket('lake', OWNER);
    await expect(lake.store.put('lake', 'never', Buffer.from('seen'))).rejects.toThrow('died here');
    await expect(lake.store.put('lake', 'never', patterned(2 * PART))).rejects.toThrow('died here');
    expect(await codeOf(lake.store.head('lake', 'never'))).toBe('object_not_found');
    expect(await remoteNames(lake)).toHaveLength(3);
    const kept = await lake.store.put('lake', 'kept', Buffer.from('kept'));
    clock.advance(HOUR + 1);
    expect(await lake.store.sweep()).toEqual({ versions: 0, leftovers: 2 });
    expect(await remoteNames(lake)).toEqual(['claim.json', `objects/lake/${kept.versionId}`]);
    expect(await lake.store.sweep()).toEqual({ versions: 0, leftovers: 0 });
  });

  it('leaves an upload alone however old, and removes one whose bucket went', async () => {
    const clock = fixedClock(Date.now());
    const lake = await begin({ clock, graceMs: HOUR });
    await lake.store.createBucket('lake', OWNER);
    await lake.store.createBucket('brief', OWNER);
    const upload = await lake.store.createUpload('lake', 'slow');
    const part = await lake.store.putPart(upload, 1, Buffer.from('slow'));
    await lake.store.createUpload('brief', 'orphan');
    await lake.store.deleteBucket('brief');
    clock.advance(HOUR + 1);
    expect(await lake.store.sweep()).toEqual({ versions: 0, leftovers: 1 });
    expect(await remoteUploads(lake)).toHaveLength(1);
    await lake.store.completeUpload(upload, [part]);
    expect((await bytesOf(await lake.store.get('lake', 'slow'))).toString()).toBe('slow');
  });

  it('completes an upload again whose completion was cut short after the service had put it together', async () => {
    const lake = await begin({}, { wrap: failingAt('completeUpload', 2) });
    await lake.store.createBucket('lake', OWNER);
    const upload = await lake.store.createUpload('lake', 'twice');
    const parts = [
      await lake.store.putPart(upload, 1, patterned(100, 1)),
      await lake.store.putPart(upload, 2, patterned(20, 2)),
    ];
    await expect(lake.store.completeUpload(upload, parts)).rejects.toThrow('died here');
    await expect(lake.store.completeUpload(upload, parts)).rejects.toThrow('died here');
    expect(await codeOf(lake.store.completeUpload(upload, parts.slice(0, 1)))).toBe('invalid_part');
    await lake.store.completeUpload(upload, parts);
    expect(await bytesOf(await lake.store.get('lake', 'twice'))).toEqual(
      Buffer.concat([patterned(100, 1), patterned(20, 2)]),
    );
  });

  it('refuses the place of another lake, a place without its objects, and to be taken for a lake on the disk', async () => {
    const lake = await begin();
    await lake.store.createBucket('lake', OWNER);
    await lake.store.put('lake', 'a', Buffer.from('a'));
    await expect(open({ prefix: lake.prefix })).rejects.toThrow(/belongs to another lake/);
    await expect(assertOnDisk(lake.metadata)).rejects.toThrow(/`storage\.store` to s3/);
    await expect(open({ prefix: 'elsewhere/' }, { metadata: lake.metadata })).rejects.toThrow(/`storage\.s3\.prefix`/);
  });

  it('removes nothing once a copy of the lake has taken the place over', async () => {
    const clock = fixedClock(Date.now());
    const lake = await begin({ clock, graceMs: HOUR });
    await lake.store.createBucket('lake', OWNER);
    await lake.store.put('lake', 'a', Buffer.from('a'));
    await lake.store.delete('lake', 'a');
    const copy = await open({ prefix: lake.prefix, clock }, { metadata: lake.metadata });
    clock.advance(HOUR + 1);
    await expect(lake.store.sweep()).rejects.toThrow(/taken over/);
    expect(await remoteNames(lake)).toHaveLength(2);
    await copy.store.close();
  });

  describe('behind a service that is not well', () => {
    let proxy: Server;
    let endpoint: string;
    /** What the proxy does instead of passing a request on; false when it passes it on. */
    let instead: (incoming: IncomingMessage, response: ServerResponse) => boolean;
    /** Bytes of an answer's body that are let through. */
    let cutAfter: (incoming: IncomingMessage) => number;

    beforeAll(async () => {
      proxy = createServer((incoming, response) => {
        if (instead(incoming, response)) return;
        const { hostname, port } = new URL(service.endpoint);
        const { method, url, headers } = incoming;
        const passed = request({ hostname, port, method, path: url, headers }, (answer) => {
          response.writeHead(answer.statusCode!, answer.headers);
          let left = cutAfter(incoming);
          answer.on('data', (chunk: Buffer) => {
            response.write(chunk.subarray(0, Math.max(0, left)));
            left -= chunk.length;
            if (left < 0) setTimeout(() => response.destroy(), 5);
          });
          answer.on('end', () => (left < 0 ? undefined : response.end()));
        });
        passed.on('error', () => response.destroy());
        incoming.pipe(passed);
      });
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
      endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    });
    afterAll(() => {
      proxy.closeAllConnections();
      proxy.close();
    });
    afterEach(() => {
      instead = () => false;
      cutAfter = () => Number.POSITIVE_INFINITY;
    });
    /** The service checks the host that was signed. */
    const throughProxy = () => begin({ endpoint });
    instead = () => false;
    cutAfter = () => Number.POSITIVE_INFINITY;

    it('goes on with a body where its connection broke', async () => {
      const lake = await throughProxy();
      await lake.store.createBucket('lake', OWNER);
      await lake.store.put('lake', 'a', patterned(1_000_000));
      let cuts = 0;
      cutAfter = ({ method, url }) =>
        method === 'GET' && url!.includes('/objects/') && ++cuts <= 3 ? 200_000 : Number.POSITIVE_INFINITY;
      expect((await bytesOf(await lake.store.get('lake', 'a'))).equals(patterned(1_000_000))).toBe(true);
      expect(cuts).toBe(4);
    });

    it('fails a write with a retryable error while the service fails, shows nothing, and keeps the secret', async () => {
      const lake = await throughProxy();
      await lake.store.createBucket('lake', OWNER);
      instead = (incoming, response) => {
        if (incoming.method !== 'PUT') return false;
        incoming.resume();
        response.writeHead(403, { 'content-type': 'application/xml' });
        response.end('<Error><Code>AccessDenied</Code><Message>no</Message></Error>');
        return true;
      };
      const error = await lake.store.put('lake', 'a', Buffer.from('a')).catch((failure: unknown) => failure);
      expect(error).toBeInstanceOf(LochError);
      expect(error).toMatchObject({ code: 'unavailable', retryable: true });
      expect((error as Error).message).toContain(endpoint);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(service.rootKey.secretAccessKey);
      expect(await codeOf(lake.store.head('lake', 'a'))).toBe('object_not_found');
      instead = () => false;
      await lake.store.put('lake', 'a', Buffer.from('a'));
    });

    it('works with a service that knows no conditional writes, and says what that means', async () => {
      instead = (incoming, response) => {
        if (incoming.headers['if-none-match'] === undefined && incoming.headers['if-match'] === undefined) return false;
        incoming.resume();
        response.writeHead(501, { 'content-type': 'application/xml' });
        response.end('<Error><Code>NotImplemented</Code><Message>no conditions</Message></Error>');
        return true;
      };
      const warnings: string[] = [];
      const lake = await begin({ endpoint, onWarning: (text) => warnings.push(text) });
      expect(warnings).toEqual([expect.stringContaining('no conditional writes')]);
      await lake.store.createBucket('lake', OWNER);
      await lake.store.put('lake', 'a', Buffer.from('a'), { ifNoneMatch: '*' });
      expect(await codeOf(lake.store.put('lake', 'a', Buffer.from('b'), { ifNoneMatch: '*' }))).toBe(
        'precondition_failed',
      );
      await expect(open({ endpoint, prefix: lake.prefix })).rejects.toThrow(/belongs to another lake/);
    });
  });
});
