/**
 * Put and get of 8 MiB objects over 8 connections, pre-signed, against a bare node:http server that streams, hashes and
 * fsyncs the same bodies, in alternating rounds of one run. `ratio` is the lower of our put over its put and our get
 * over its get. Bar: at least 0.7. `--connections 1` or `32` for others; `copy_mib_s` and `read_mib_s` say what copying
 * the same files with fsync and reading them costs one thread that speaks no protocol.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { startLoch } from '../src/testing/builders/running-loch.ts';
import { presigner } from './s3/presign.ts';
import { type LoadResult, runLoad } from './s3/raw-load.ts';

const SIZE = 8 * 1024 * 1024;
const OBJECTS = 40;
const ROUNDS = 5;
const MIB = 1024 * 1024;

interface Side {
  readonly port: number;
  target(method: 'GET' | 'PUT', key: string): string;
}

/** Runs the bench. */
export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({ args: [...args], options: { connections: { type: 'string', default: '8' } } });
  const connections = Number(values.connections);
  const folder = mkdtempSync(join(tmpdir(), 'loch-bench-s3-'));
  const loch = await startLoch();
  const bare = spawn(process.execPath, [join(import.meta.dirname, 's3/bare-server.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const s3 = new S3Client(loch.client.sdk);
    await s3.send(new CreateBucketCommand({ Bucket: 'bench' }));
    const endpoint = new URL(String(loch.client.sdk.endpoint));
    const { accessKeyId, secretAccessKey } = loch.client.sdk.credentials;
    const presign = presigner({ host: endpoint.host, region: loch.client.sdk.region, accessKeyId, secretAccessKey });
    const sides = {
      loch: {
        port: Number(endpoint.port),
        target: (method: 'GET' | 'PUT', key: string) => presign(method, 'bench', key),
      },
      bare: { port: await portOf(bare), target: (_: string, key: string) => `/bench/${key}` },
    };
    const rounds = { lochPut: [], lochGet: [], barePut: [], bareGet: [] } as Record<string, LoadResult[]>;
    await round(sides.loch, 'warm', 8, connections);
    await round(sides.bare, 'warm', 8, connections);
    for (let i = 0; i < ROUNDS; i++) {
      for (const name of i % 2 === 0 ? (['bare', 'loch'] as const) : (['loch', 'bare'] as const)) {
        const { put, get } = await round(sides[name], `r${i}`, OBJECTS, connections);
        rounds[`${name}Put`]!.push(put);
        rounds[`${name}Get`]!.push(get);
      }
    }
    const files = copyAndRead(folder);
    const rate = (name: string) => median(rounds[name]!.map((one) => one.bytes / MIB / one.seconds));
    const put = rate('lochPut') / rate('barePut');
    const get = rate('lochGet') / rate('bareGet');
    return {
      ratio: Math.min(put, get),
      bar: 0.7,
      put_ratio: put,
      get_ratio: get,
      put_mib_s: rate('lochPut'),
      get_mib_s: rate('lochGet'),
      bare_put_mib_s: rate('barePut'),
      bare_get_mib_s: rate('bareGet'),
      ...files,
      put_p50_ms: median(rounds.lochPut!.map((one) => one.p50)),
      put_p99_ms: median(rounds.lochPut!.map((one) => one.p99)),
      get_p50_ms: median(rounds.lochGet!.map((one) => one.p50)),
      get_p99_ms: median(rounds.lochGet!.map((one) => one.p99)),
      object_bytes: SIZE,
      connections,
      peak_rss_mb: peakRss(loch.child),
      node: process.version,
    };
  } finally {
    bare.kill();
    await loch.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const body = randomBytes(SIZE);

async function round(
  side: Side,
  name: string,
  objects: number,
  connections: number,
): Promise<{ put: LoadResult; get: LoadResult }> {
  const requests = (method: 'GET' | 'PUT') => {
    let sent = 0;
    return () =>
      sent === objects
        ? undefined
        : { method, target: side.target(method, `${name}-${sent++}`), ...(method === 'PUT' ? { body } : {}) };
  };
  const put = await runLoad(side.port, connections, requests('PUT'));
  const get = await runLoad(side.port, connections, requests('GET'));
  return { put, get };
}

/** What the file system alone takes for the same bytes: each file written and fsynced, then each read. */
function copyAndRead(folder: string): { readonly copy_mib_s: number; readonly read_mib_s: number } {
  const paths = Array.from({ length: OBJECTS }, (_, i) => join(folder, `copy-${i}`));
  const began = performance.now();
  for (const path of paths) {
    const file = openSync(path, 'w');
    writeSync(file, body);
    fsyncSync(file);
    closeSync(file);
  }
  const copied = performance.now();
  let bytes = 0;
  for (const path of paths) bytes += readFileSync(path).length;
  const read = performance.now();
  const mib = bytes / MIB;
  return { copy_mib_s: (mib / (copied - began)) * 1000, read_mib_s: (mib / (read - copied)) * 1000 };
}

async function portOf(child: ChildProcess): Promise<number> {
  for await (const line of child.stdout!) return Number(String(line).trim());
  throw new Error('the bare server did not start');
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function peakRss(child: ChildProcess): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024);
}
