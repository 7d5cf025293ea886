/** Backups of a lake that works, and lakes made from them. */
import { CreateDeliveryStreamCommand, FirehoseClient, PutRecordCommand } from '@aws-sdk/client-firehose';
import {
  CreateRoleCommand,
  CreateUserCommand,
  IAMClient,
  ListUsersCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../src/testing/builders/run-cli.ts';
import { type RunningLoch, startLoch } from '../../src/testing/builders/running-loch.ts';
import { patterned } from '../../src/testing/faults/patterned.ts';

let folder: string;
let loch: RunningLoch;
let backup: string;
let report: string;
/** What was acknowledged before the backup began, and while it ran. */
const before = new Set<string>();
const during = new Set<string>();

const bodyOf = (key: string) => patterned(key.startsWith('large') ? 200_000 : 500, Number(/\d+/.exec(key)![0]) + 1);
const s3Of = (running: RunningLoch) => new S3Client(running.client.sdk);

async function putSome(told: Set<string>, names: readonly string[]): Promise<void> {
  await Promise.all(
    names.map(async (Key) => {
      await s3Of(loch).send(new PutObjectCommand({ Bucket: 'raw', Key, Body: bodyOf(Key) }));
      told.add(Key);
    }),
  );
}

async function sendRecord(text: string): Promise<void> {
  const Record = { Data: Buffer.from(`${text}\n`) };
  await new FirehoseClient(loch.client.sdk).send(new PutRecordCommand({ DeliveryStreamName: 'events', Record }));
}

async function makeStream(): Promise<void> {
  const iam = new IAMClient(loch.client.sdk);
  const allow = (rest: object) => JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...rest }] });
  const trust = allow({ Principal: { Service: 'firehose.amazonaws.com' }, Action: 'sts:AssumeRole' });
  await iam.send(new CreateRoleCommand({ RoleName: 'delivery', AssumeRolePolicyDocument: trust }));
  const PolicyDocument = allow({ Action: 's3:*', Resource: '*' });
  await iam.send(new PutRolePolicyCommand({ RoleName: 'delivery', PolicyName: 'raw', PolicyDocument }));
  await new FirehoseClient(loch.client.sdk).send(
    new CreateDeliveryStreamCommand({
      DeliveryStreamName: 'events',
      ExtendedS3DestinationConfiguration: {
        RoleARN: `arn:aws:iam::${loch.server.accountId}:role/delivery`,
        BucketARN: 'arn:aws:s3:::raw',
        Prefix: 'events/',
        BufferingHints: { IntervalInSeconds: 1, SizeInMBs: 1 },
      },
    }),
  );
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loch-backup-'));
  loch = await startLoch();
  await putSome(
    before,
    Array.from({ length: 60 }, (_, i) => `${i % 3 ? 'small' : 'large'}-${i}`),
  );
  await new IAMClient(loch.client.sdk).send(new CreateUserCommand({ UserName: 'kept' }));
  await makeStream();
  await sendRecord('acknowledged before the backup');

  backup = join(folder, 'backup');
  let running = true;
  const writing = (async () => {
    for (let i = 1000; running; i += 8) {
      await putSome(
        during,
        Array.from({ length: 8 }, (_, j) => `${j % 4 ? 'small' : 'large'}-${i + j}`),
      );
      // Replacing what the backup is about to copy must not take it from the backup.
      await Promise.all(
        [...before]
          .slice(i % 40, (i % 40) + 4)
          .map((Key) =>
            s3Of(loch).send(new PutObjectCommand({ Bucket: 'raw', Key: `replaced-${Key}`, Body: String(i) })),
          ),
      );
      await sendRecord(`while it ran ${i}`);
    }
  })();
  ({ stdout: report } = await runCli(['backup', backup, '--data', loch.data]));
  running = false;
  await writing;
});
afterAll(async () => {
  await loch.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('a backup taken while writes go on', () => {
  it('becomes a lake that has everything acknowledged before it began', async () => {
    expect(report).toMatch(/Backup in .*: \d+ files, \d+ bytes/);
    expect(during.size).toBeGreaterThan(0);
    const data = join(folder, 'restored');
    const { stdout } = await runCli(['restore', backup, '--data', data]);
    expect(stdout).toMatch(/Restored \d+ files/);
    const again = await startLoch({ data });
    try {
      const s3 = s3Of(again);
      const keys: string[] = [];
      for (let token: string | undefined, more = true; more; more = token !== undefined) {
        const page = await s3.send(new ListObjectsV2Command({ Bucket: 'raw', ContinuationToken: token }));
        keys.push(...(page.Contents ?? []).map(({ Key }) => Key!));
        token = page.NextContinuationToken;
      }
      expect(keys).toEqual(expect.arrayContaining([...before]));
      // What is listed is there whole, also what was written meanwhile.
      for (const key of keys.filter((each) => /^(small|large)-/.test(each))) {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'raw', Key: key }));
        expect(Buffer.from(await Body!.transformToByteArray()).equals(bodyOf(key)), key).toBe(true);
      }
      const { Users } = await new IAMClient(again.client.sdk).send(new ListUsersCommand({}));
      expect(Users?.map(({ UserName }) => UserName)).toContain('kept');
      expect(await deliveredTo(again)).toContain('acknowledged before the backup');
    } finally {
      await again.stop();
    }
  });

  async function deliveredTo(running: RunningLoch): Promise<string[]> {
    for (let i = 0; ; i++) {
      const lines: string[] = [];
      const { Contents } = await s3Of(running).send(new ListObjectsV2Command({ Bucket: 'raw', Prefix: 'events/' }));
      for (const { Key } of Contents ?? []) {
        const { Body } = await s3Of(running).send(new GetObjectCommand({ Bucket: 'raw', Key }));
        lines.push(...(await Body!.transformToString()).trimEnd().split('\n'));
      }
      if (lines.includes('acknowledged before the backup') || i === 60) return lines;
      await sleep(100);
    }
  }

  it('is not taken twice to one place, nor into the lake itself', async () => {
    const twice = await runCli(['backup', backup, '--data', loch.data]);
    expect(twice).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/exists\. A backup goes to a directory that/),
    });
    const inside = await runCli(['backup', join(loch.data, 'backup'), '--data', loch.data]);
    expect(inside).toMatchObject({ code: 1, stderr: expect.stringMatching(/lies inside the data directory/) });
  });
});

describe('a restore', () => {
  /** Restores a copy of the backup that `damage` has changed. */
  async function restoring(damage: (copy: string) => void): Promise<{ code: number; stderr: string }> {
    const copy = mkdtempSync(join(folder, 'copy-'));
    cpSync(backup, copy, { recursive: true });
    damage(copy);
    const target = `${copy}-restored`;
    const result = await runCli(['restore', copy, '--data', target]);
    expect(existsSync(target), 'the new data directory').toBe(false);
    expect(existsSync(`${target}.restoring`), 'what was begun').toBe(false);
    return result;
  }
  const manifestOf = (copy: string) =>
    JSON.parse(readFileSync(join(copy, 'manifest.json'), 'utf8')) as { format: number; files: { path: string }[] };
  const write = (copy: string, manifest: object) =>
    writeFileSync(join(copy, 'manifest.json'), JSON.stringify(manifest));

  it('refuses a backup without a manifest, with another program’s, or with one that is none', async () => {
    expect((await restoring((copy) => rmSync(join(copy, 'manifest.json')))).stderr).toMatch(/no finished backup/);
    expect((await restoring((copy) => write(copy, { ...manifestOf(copy), format: 9 }))).stderr).toMatch(/format 9/);
    expect((await restoring((copy) => writeFileSync(join(copy, 'manifest.json'), 'no'))).stderr).toMatch(/not JSON/);
  });

  it('refuses a backup in which a byte differs, or a file is missing, and names it', async () => {
    const damaged = await restoring((copy) => {
      const file = join(copy, 'metadata', 'loch.db');
      const bytes = readFileSync(file);
      bytes[5000]! ^= 1;
      writeFileSync(file, bytes);
    });
    expect(damaged.code).toBe(1);
    expect(damaged.stderr).toMatch(/metadata\/loch\.db in the backup is not what was written/);
    const cut = await restoring((copy) => truncateSync(join(copy, 'keys', 'master.key'), 10));
    expect(cut.stderr).toMatch(/keys\/master\.key/);
    const lacking = await restoring((copy) => rmSync(join(copy, 'VERSION')));
    expect(lacking.stderr).toMatch(/lacks VERSION/);
  });

  it('refuses a manifest that names files outside of the backup', async () => {
    const result = await restoring((copy) => {
      const manifest = manifestOf(copy);
      write(copy, { ...manifest, files: [{ ...manifest.files[0]!, path: '../../outside' }] });
    });
    expect(result.stderr).toMatch(/`\.\.\/\.\.\/outside`, which lies outside/);
  });

  it('does not touch a directory that holds something', async () => {
    const target = join(folder, 'full');
    mkdirSync(target);
    writeFileSync(join(target, 'mine'), 'mine');
    const { code, stderr } = await runCli(['restore', backup, '--data', target]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/is not empty/);
    expect(readdirSync(target)).toEqual(['mine']);
  });
});
