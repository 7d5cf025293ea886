/**
 * Listing 1,000,000 keys of 100 folders through the door: the first page cold and warm, pages from places all over, a
 * page of folders, and one walk of everything. `ratio` is the worst of each figure over its bar, so at most 1 holds.
 * Bar: first page p99 50 ms, walk 50,000 keys/s. The keys are rows copied from one put, as a million puts would take
 * longer than all else. `--keys N` makes it smaller.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { type RunningLoch, startLoch } from '../src/testing/builders/running-loch.ts';

const KEYS = 1_000_000;
const FOLDERS = 100;
const PAGES = 300;
const BARS = { firstPageMs: 50, walkPerSecond: 50_000 };

interface Page {
  readonly keys: number;
  readonly next: string | undefined;
  readonly ms: number;
}

/** Runs the bench. **Units**: milliseconds, keys per second. */
export async function run(args: readonly string[] = []): Promise<Record<string, unknown>> {
  const { values } = parseArgs({ args: [...args], options: { keys: { type: 'string', default: String(KEYS) } } });
  const keys = Number(values.keys);
  let loch = await startLoch();
  try {
    await new S3Client(loch.client.sdk).send(new CreateBucketCommand({ Bucket: 'bench' }));
    await new S3Client(loch.client.sdk).send(
      new PutObjectCommand({ Bucket: 'bench', Key: keyOf(0), Body: new Uint8Array(1024) }),
    );
    await loch.stop({ remove: false });
    fill(join(loch.data, 'metadata', 'loch.db'), keys);
    loch = await startLoch({ data: loch.data });
    return { ...(await measure(loch, keys)), peak_rss_mb: peakRss(loch), node: process.version };
  } finally {
    await loch.stop();
  }
}

function keyOf(n: number): string {
  return `folder-${String(n % FOLDERS).padStart(3, '0')}/object-${String(n).padStart(8, '0')}`;
}

/** Copies the row of the one object for every other key. */
function fill(file: string, keys: number): void {
  const database = new DatabaseSync(file);
  database.function('bench_key', { deterministic: true }, (n) => Buffer.from(keyOf(Number(n))));
  const columns = (database.prepare(`SELECT name FROM pragma_table_info('object_current')`).all() as { name: string }[])
    .map(({ name }) => name)
    .filter((name) => name !== 'key' && name !== 'version_id');
  database.exec(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${keys - 1}),
            sorted AS MATERIALIZED (SELECT bench_key(i) AS key FROM n ORDER BY 1)
     INSERT INTO object_current (key, version_id, ${columns})
     SELECT sorted.key, lower(hex(randomblob(16))), ${columns.map((name) => `one.${name}`)}
     FROM sorted, (SELECT * FROM object_current WHERE bucket = 'bench' LIMIT 1) AS one`,
  );
  database.close();
}

async function measure(loch: RunningLoch, keys: number): Promise<Record<string, unknown>> {
  const s3 = new S3Client(loch.client.sdk);
  const page = (input: Record<string, unknown>) => pageOf(s3, input);
  const cold = await page({});
  const first = await timesOf(() => page({}));
  const within = await timesOf((n) => page({ StartAfter: keyOf((n * 7_919) % keys) }));
  const folders = await timesOf(() => page({ Delimiter: '/' }));
  const began = performance.now();
  const cpuBefore = cpuSeconds(loch);
  let walked = 0;
  for (let token: string | undefined, more = true; more; more = token !== undefined) {
    const one: Page = await page({ ContinuationToken: token });
    walked += one.keys;
    token = one.next;
  }
  const rate = (walked / (performance.now() - began)) * 1000;
  const cpu = cpuSeconds(loch) - cpuBefore;
  if (walked !== keys) throw new Error(`the walk saw ${walked} of ${keys} keys`);
  return {
    ratio: Math.max(at(first, 0.99) / BARS.firstPageMs, BARS.walkPerSecond / rate),
    bar: 1,
    keys,
    first_page_cold_ms: cold.ms,
    first_page_p50_ms: at(first, 0.5),
    first_page_p99_ms: at(first, 0.99),
    page_anywhere_p50_ms: at(within, 0.5),
    page_anywhere_p99_ms: at(within, 0.99),
    folders_p50_ms: at(folders, 0.5),
    folders_p99_ms: at(folders, 0.99),
    walk_keys_s: rate,
    walk_keys_per_cpu_s: walked / cpu,
  };
}

/** One page over HTTP to its last byte, not parsed: a client's XML must not be what is measured. */
async function pageOf(s3: S3Client, input: Record<string, unknown>): Promise<Page> {
  const url = await getSignedUrl(s3, new ListObjectsV2Command({ Bucket: 'bench', ...input }));
  const began = performance.now();
  const answer = await fetch(url);
  const text = await answer.text();
  const ms = performance.now() - began;
  if (!answer.ok) throw new Error(text);
  const token = /<NextContinuationToken>([^<]+)</.exec(text)?.[1];
  return { keys: Number(/<KeyCount>(\d+)</.exec(text)![1]), next: token, ms };
}

async function timesOf(one: (n: number) => Promise<Page>): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < PAGES; n++) times.push((await one(n)).ms);
  return times.sort((a, b) => a - b);
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

/** What the server has used of all processors, which a busy machine does not change. */
function cpuSeconds(loch: RunningLoch): number {
  const fields = readFileSync(`/proc/${loch.server.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function peakRss(loch: RunningLoch): number {
  const status = readFileSync(`/proc/${loch.child.pid}/status`, 'utf8');
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024);
}
