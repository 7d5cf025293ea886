/**
 * Many small objects: `--objects 1000000` of 4 KiB, put over 32 connections. `ratio` is bytes on disk over bytes of the
 * objects, metadata and all (bar: 1.25); beside it the resident memory after a tenth and after all, and how long a start
 * takes on what was made (bar: 10 s).
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { startLoch } from '../src/testing/builders/running-loch.ts';
import { presigner } from './s3/presign.ts';
import { type RawRequest, runLoad } from './s3/raw-load.ts';

const SIZE = 4096;
const CONNECTIONS = 32;
const GETS = 5_000;

/** Runs the bench. **Units**: bytes, seconds, MiB. */
export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({ args: [...args], options: { objects: { type: 'string', default: '100000' } } });
  const objects = Number(values.objects);
  const data = mkdtempSync(join(process.env.LOCH_BENCH_DIR ?? tmpdir(), 'loch-bench-many-'));
  try {
    const made = await fill(data, objects);
    const disk = Number(execFileSync('du', ['-s', '-B1', data], { encoding: 'utf8' }).split('\t')[0]);
    const began = performance.now();
    const again = await startLoch({ data });
    const start = (performance.now() - began) / 1000;
    const rss = residentMib(again.server.pid, 'VmRSS');
    await again.stop({ remove: false });
    return {
      ratio: disk / (objects * SIZE),
      bar: 1.25,
      objects,
      object_bytes: SIZE,
      disk_bytes: disk,
      ...made,
      restart_s: start,
      restart_rss_mib: rss,
      node: process.version,
    };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

async function fill(data: string, objects: number): Promise<Record<string, number>> {
  const loch = await startLoch({ data });
  try {
    const s3 = new S3Client(loch.client.sdk);
    await s3.send(new CreateBucketCommand({ Bucket: 'bench' }));
    s3.destroy();
    const endpoint = new URL(String(loch.client.sdk.endpoint));
    const { accessKeyId, secretAccessKey } = loch.client.sdk.credentials;
    const facts = { host: endpoint.host, region: loch.client.sdk.region, accessKeyId, secretAccessKey };
    const body = randomBytes(SIZE);
    const keyOf = (i: number) => `many/${String(i % 1000).padStart(3, '0')}/${i}`;
    const load = (method: 'GET' | 'PUT', from: number, to: number, step = 1) => {
      const presign = presigner(facts); // its signatures live an hour, so each load has one of its own
      let at = from;
      const next = (): RawRequest | undefined => {
        if (at >= to) return undefined;
        const target = presign(method, 'bench', keyOf(at));
        at += step;
        return { method, target, ...(method === 'PUT' ? { body } : {}) };
      };
      return runLoad(Number(endpoint.port), CONNECTIONS, next);
    };
    const tenth = Math.max(1, Math.floor(objects / 10));
    const rates: number[] = [];
    let rssAfterTenth = 0;
    for (let from = 0; from < objects; from += tenth) {
      const puts = await load('PUT', from, Math.min(objects, from + tenth));
      rates.push(puts.requests / puts.seconds);
      if (from === 0) rssAfterTenth = residentMib(loch.server.pid, 'VmRSS');
    }
    const rss = residentMib(loch.server.pid, 'VmRSS');
    const gets = await load('GET', 0, objects, Math.max(1, Math.floor(objects / GETS)));
    return {
      puts_s_first_tenth: rates[0]!,
      puts_s_last_tenth: rates.at(-1)!,
      gets_s: gets.requests / gets.seconds,
      get_p99_ms: gets.p99,
      rss_after_tenth_mib: rssAfterTenth,
      rss_after_all_mib: rss,
      peak_rss_mib: residentMib(loch.server.pid, 'VmHWM'),
    };
  } finally {
    await loch.stop({ remove: false });
  }
}

function residentMib(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)![1]) / 1024);
}
