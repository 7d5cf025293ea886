/**
 * What sixteen clients see of a Loch that is killed under them: after an answer everybody sees what it told of, in reads,
 * in listings, in tags and in a setting of the bucket, and what was not answered happened wholly or not at all.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetBucketTaggingCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  ListObjectsV2Command,
  PutBucketTaggingCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { linearization, type Operation } from '../../src/testing/faults/linearizable.ts';
import { patterned } from '../../src/testing/faults/patterned.ts';
import { seededRandom } from '../../src/testing/faults/prng.ts';

const Bucket = 'registers';
const CLIENTS = 16;
const KEYS = ['a', 'b/c', 'b/d', 'e'];
/** Answers before each kill, and after the last. */
const ANSWERS = 300;
const KILLS = 3;
/** The register of the bucket's own tags. */
const SETTING = '(tags of the bucket)';
const ABSENT = '';
const READS = new Set(['get', 'list', 'tags', 'setting']);

let data: string;
let loch: RunningLoch | undefined;
let s3: S3Client;

async function start(): Promise<void> {
  loch = await startLoch({ data });
  s3 = new S3Client({ ...loch.client.sdk, maxAttempts: 1 });
}

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'loch-registers-'));
  await start();
  await s3.send(new CreateBucketCommand({ Bucket }));
}, 60_000);
afterAll(async () => {
  await loch?.stop();
  rmSync(data, { recursive: true, force: true });
});

/** The state of an object: the MD5 of its bytes and its tag. */
const stateOf = (md5: string, tag: string): string => `${md5} ${tag}`;
const md5Of = (state: string): string => state.split(' ')[0]!;
const tagOf = (state: string): string => state.split(' ')[1]!;

const histories = new Map<string, Operation[]>();
let answers = 0;
let lost = 0;

/** Runs an operation and notes for each register what its answer says. */
async function observe<T>(
  what: string,
  work: () => Promise<T>,
  /** What each register must have been; with nothing it is asked what may have happened without an answer. */
  told: (answer: T | undefined) => Iterable<readonly [register: string, apply: Operation['apply'], text?: string]>,
): Promise<void> {
  const begin = performance.now();
  const note = (answer: T | undefined, gotNone: boolean) => {
    const end = performance.now();
    for (const [register, apply, text] of told(answer)) {
      const history = histories.get(register) ?? [];
      histories.set(register, history);
      history.push({ what: `${what}${text ?? ''}`, begin, end, apply, lost: gotNone, reads: READS.has(what) });
    }
  };
  try {
    const answer = await work();
    answers++;
    note(answer, false);
  } catch (error) {
    const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
    if (status !== undefined && status < 500) throw error;
    lost++;
    // It never reached a server.
    if ((error as { code?: string }).code === 'ECONNREFUSED') return void (await sleep(20));
    // The connection broke because the process is dead: what it had not done by now it will not do.
    note(undefined, true);
    await sleep(20);
  }
}

/** An answer, or `absent` where there is no such object. */
const orAbsent = async <T>(work: Promise<T>): Promise<T | 'absent'> => {
  try {
    return await work;
  } catch (error) {
    const { name } = error as Error;
    if (name === 'NoSuchKey' || name === 'NotFound' || name === 'NoSuchTagSet') return 'absent';
    throw error;
  }
};

const unquoted = (etag: string | undefined): string => (etag ?? '').replaceAll('"', '');

async function act(random: () => number, id: string): Promise<void> {
  const Key = KEYS[Math.floor(random() * KEYS.length)]!;
  const way = random();
  if (way < 0.28) {
    const Body = Buffer.concat([Buffer.from(id), patterned(random() < 0.7 ? 100 : 90_000)]);
    const md5 = createHash('md5').update(Body).digest('hex');
    await observe(
      `put ${md5}`,
      () => s3.send(new PutObjectCommand({ Bucket, Key, Body })),
      () => [[Key, () => stateOf(md5, 'none')]],
    );
  } else if (way < 0.38) {
    await observe(
      'delete',
      () => s3.send(new DeleteObjectCommand({ Bucket, Key })),
      () => [[Key, () => ABSENT]],
    );
  } else if (way < 0.6) {
    const get = async () => {
      const { ETag, Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
      const bytes = await Body!.transformToByteArray();
      expect(createHash('md5').update(bytes).digest('hex')).toBe(unquoted(ETag));
      return unquoted(ETag);
    };
    await observe(
      'get',
      () => orAbsent(get()),
      (answer) => seen(Key, answer),
    );
  } else if (way < 0.72) {
    await observe(
      'list',
      () => s3.send(new ListObjectsV2Command({ Bucket })),
      (answer) =>
        answer === undefined
          ? []
          : KEYS.flatMap((key) => {
              const found = answer.Contents?.find((object) => object.Key === key);
              return [...seen(key, found === undefined ? 'absent' : unquoted(found.ETag))];
            }),
    );
  } else if (way < 0.82) {
    const Tagging = { TagSet: [{ Key: 't', Value: id }] };
    const put = () => orAbsent(s3.send(new PutObjectTaggingCommand({ Bucket, Key, Tagging })));
    await observe(`tag ${id}`, put, (answer) => [
      [
        Key,
        (state) => {
          if (answer === 'absent') return state === ABSENT ? state : undefined;
          return state === ABSENT ? undefined : stateOf(md5Of(state), id);
        },
        answer === 'absent' ? ': absent' : '',
      ],
    ]);
  } else if (way < 0.9) {
    const get = () => orAbsent(s3.send(new GetObjectTaggingCommand({ Bucket, Key })));
    await observe('tags', get, (answer) => {
      if (answer === undefined) return [];
      const tag = answer === 'absent' ? answer : (answer.TagSet?.[0]?.Value ?? 'none');
      return [[Key, (state) => ((state === ABSENT ? 'absent' : tagOf(state)) === tag ? state : undefined), ` ${tag}`]];
    });
  } else if (way < 0.95) {
    const Tagging = { TagSet: [{ Key: 't', Value: id }] };
    await observe(
      `set ${id}`,
      () => s3.send(new PutBucketTaggingCommand({ Bucket, Tagging })),
      () => [[SETTING, () => id]],
    );
  } else {
    await observe(
      'setting',
      () => orAbsent(s3.send(new GetBucketTaggingCommand({ Bucket }))),
      (answer) => {
        if (answer === undefined) return [];
        const value = answer === 'absent' ? ABSENT : answer.TagSet![0]!.Value!;
        return [[SETTING, (state) => (state === value ? state : undefined), ` ${value}`]];
      },
    );
  }
}

function* seen(key: string, answer: string | undefined): Generator<readonly [string, Operation['apply'], string]> {
  if (answer === undefined) return;
  const apply = (state: string) => ((state === ABSENT ? 'absent' : md5Of(state)) === answer ? state : undefined);
  yield [key, apply, ` ${answer}`];
}

it('is one order of operations for each object and setting, over kills in the middle of them', async () => {
  let over = false;
  const failed: unknown[] = [];
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    const random = seededRandom(client + 1);
    try {
      for (let i = 0; !over; i++) await act(random, `${client}.${i}`);
    } catch (error) {
      failed.push(error);
      over = true;
    }
  });
  for (let kill = 0; kill <= KILLS; kill++) {
    const until = answers + ANSWERS;
    while (answers < until && !over) await sleep(5);
    if (kill === KILLS) break;
    await loch!.kill();
    await start();
  }
  over = true;
  await Promise.all(clients);
  expect(failed).toEqual([]);
  expect(lost, 'operations cut off by the kills').toBeGreaterThan(KILLS);
  expect([...histories.keys()].sort()).toEqual([SETTING, ...KEYS].sort());
  for (const [register, history] of histories) {
    const order = linearization(history, ABSENT);
    expect(
      order,
      `${register}: ${history.map(({ what, begin, end }) => `${begin}-${end} ${what}`).join('\n')}`,
    ).toBeDefined();
  }
}, 120_000);
