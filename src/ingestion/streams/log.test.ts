import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordsOf } from './frame.ts';
import { AppendLog, type LogCursor } from './log.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'loch-log-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const bytes = (text: string) => Buffer.from(text);
const facts = { arrivedAt: 1_700_000_000_000, newline: false };

async function contents(log: AppendLog, cursor?: LogCursor): Promise<string[]> {
  const records: string[] = [];
  for await (const { frame, head } of log.read(cursor)) {
    records.push(...recordsOf(frame, head).map((record) => record.toString()));
  }
  return records;
}

describe('append log', () => {
  it('gives back every record in order, after closing and opening again', async () => {
    const log = await AppendLog.open({ directory, segmentBytes: 200 });
    const sent: string[] = [];
    for (let i = 0; i < 40; i++) {
      const batch = [`a${i}`, '', `b${i}`.repeat(i)];
      sent.push(...batch);
      expect((await log.append(batch.map(bytes), facts)).first).toBe(i * 3);
    }
    expect(await contents(log)).toEqual(sent);
    await log.close();
    expect(readdirSync(directory).length).toBeGreaterThan(5);
    const again = await AppendLog.open({ directory });
    expect(again.next).toBe(120);
    expect(await contents(again)).toEqual(sent);
    await again.close();
  });

  it('reads on from a cursor', async () => {
    const log = await AppendLog.open({ directory, segmentBytes: 100 });
    const starts: LogCursor[] = [];
    for (let i = 0; i < 10; i++) starts.push((await log.append([bytes(`record ${i}`)], facts)).start);
    for (const [i, start] of starts.entries()) {
      expect((await contents(log, start))[0]).toBe(`record ${i}`);
      expect(await contents(log, start)).toHaveLength(10 - i);
    }
    await log.close();
  });

  it('adds a newline where one is asked for and none is there', async () => {
    const log = await AppendLog.open({ directory });
    await log.append([bytes('a'), bytes('b\n'), bytes('')], { ...facts, newline: true });
    expect(await contents(log)).toEqual(['a\n', 'b\n', '\n']);
    await log.close();
  });

  it('answers no append before the sync that covers it returned, and shares syncs among those that wait', async () => {
    const releases: (() => void)[] = [];
    let syncs = 0;
    const log = await AppendLog.open({
      directory,
      sync: () => {
        syncs++;
        return new Promise((resolve) => releases.push(resolve));
      },
    });
    const answered: number[] = [];
    const appends = Array.from({ length: 50 }, (_, i) =>
      log.append([bytes(`${i}`)], facts).then(({ first }) => answered.push(first)),
    );
    const settle = () => new Promise((resolve) => setTimeout(resolve, 20));
    await settle();
    expect(answered).toEqual([]);
    releases.shift()!();
    await settle();
    expect(answered).toEqual([0]);
    releases.shift()!();
    await Promise.all(appends);
    expect(answered).toHaveLength(50);
    expect(syncs).toBe(2);
    await log.close();
  });

  it('forgets a batch whose sync failed, keeps those before, and goes on in a new segment', async () => {
    let fail = false;
    const log = await AppendLog.open({
      directory,
      sync: async (file) => {
        if (fail) throw Object.assign(new Error('EIO'), { code: 'EIO' });
        await file.datasync();
      },
    });
    await log.append([bytes('kept')], facts);
    fail = true;
    await expect(log.append([bytes('lost')], facts)).rejects.toMatchObject({ code: 'internal' });
    fail = false;
    expect((await log.append([bytes('after')], facts)).first).toBe(1);
    expect(await contents(log)).toEqual(['kept', 'after']);
    await log.close();
    const again = await AppendLog.open({ directory });
    expect(await contents(again)).toEqual(['kept', 'after']);
    await again.close();
  });

  it('tells a full disk as such', async () => {
    const log = await AppendLog.open({
      directory,
      sync: () => Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })),
    });
    await expect(log.append([bytes('x')], facts)).rejects.toMatchObject({ code: 'disk_full' });
    await log.close();
  });

  it('refuses what exceeds the bytes that may wait', async () => {
    let release = () => {};
    const sync = () => new Promise<void>((resolve) => (release = resolve));
    const log = await AppendLog.open({ directory, maxWaitingBytes: 1000, sync });
    const first = log.append([Buffer.alloc(600)], facts);
    await expect(log.append([Buffer.alloc(600)], facts)).rejects.toMatchObject({ code: 'resource_exhausted' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    release();
    expect((await first).until).toBe(1);
    await log.close();
  });

  it('removes only segments that are wholly passed', async () => {
    const log = await AppendLog.open({ directory, segmentBytes: 100 });
    for (let i = 0; i < 12; i++) await log.append([bytes(`record number ${i}`)], facts);
    await log.trim(5);
    const left = await contents(log);
    expect(left.at(-1)).toBe('record number 11');
    expect(left).toContain('record number 5');
    expect(left).not.toContain('record number 0');
    await log.close();
  });

  it('leaves no large segment behind when all is passed, and goes on with its numbers', async () => {
    const log = await AppendLog.open({ directory });
    await log.append([Buffer.alloc(2 << 20)], facts);
    await log.trim(1);
    expect(readdirSync(directory)).toEqual([]);
    expect((await log.append([bytes('next')], facts)).first).toBe(1);
    expect(await contents(log)).toEqual(['next']);
    await log.close();
  });

  it('starts behind what is known to be delivered when the disk lost the end of the log', async () => {
    const log = await AppendLog.open({ directory });
    await log.append([bytes('old')], facts);
    await log.close();
    const again = await AppendLog.open({ directory, startAt: 7 });
    expect((await again.append([bytes('new')], facts)).first).toBe(7);
    expect(await contents(again)).toEqual(['old', 'new']);
    await again.close();
  });

  it('names the damaged place when an acknowledged frame was changed on disk', async () => {
    const log = await AppendLog.open({ directory, segmentBytes: 1 });
    await log.append([bytes('first segment')], facts);
    await log.append([bytes('second segment')], facts);
    const path = join(directory, readdirSync(directory).sort()[0]!);
    const content = readFileSync(path);
    content[40]! ^= 1;
    writeFileSync(path, content);
    await expect(contents(log)).rejects.toMatchObject({ code: 'data_corrupt', context: { path, offset: 0 } });
    await log.close();
  });

  it('keeps exactly the whole frames before a cut or garbage at the end, wherever it is', async () => {
    const log = await AppendLog.open({ directory });
    const ends: number[] = [];
    let end = 0;
    for (let i = 0; i < 6; i++) {
      await log.append([bytes(`r${i}`), bytes('x'.repeat(i * 7))], facts);
      end += 32 + 8 + 2 + i * 7;
      ends.push(end);
    }
    await log.close();
    const name = readdirSync(directory)[0]!;
    expect(readFileSync(join(directory, name)).length).toBe(end);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: end }), fc.uint8Array({ maxLength: 80 }), async (cut, garbage) => {
        const copy = mkdtempSync(join(tmpdir(), 'loch-torn-'));
        try {
          await cp(directory, copy, { recursive: true });
          truncateSync(join(copy, name), cut);
          appendFileSync(join(copy, name), garbage);
          const torn = await AppendLog.open({ directory: copy });
          const whole = ends.filter((each) => each <= cut).length;
          expect(torn.next).toBe(whole * 2);
          expect((await torn.append([bytes('next')], facts)).first).toBe(whole * 2);
          const records = await contents(torn);
          expect(records.length).toBe(whole * 2 + 1);
          expect(records.at(-1)).toBe('next');
          await torn.close();
        } finally {
          rmSync(copy, { recursive: true, force: true });
        }
      }),
      { numRuns: 60 },
    );
  });

  it('holds every acknowledged record once after kill -9 of the writer', async () => {
    let acknowledged = 0;
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'log-kill-process.ts'), directory], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exited = new Promise((resolve) => child.once('exit', resolve));
      let answers = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        acknowledged = Math.max(acknowledged, Number(line));
        if (++answers === 150 + round * 77) child.kill('SIGKILL');
      }
      await exited;
    }
    const log = await AppendLog.open({ directory });
    const records = await contents(log);
    expect(acknowledged).toBeGreaterThan(100);
    expect(records.length).toBeGreaterThanOrEqual(acknowledged);
    expect(records).toEqual(records.map((_, i) => `record ${i}`));
    await log.close();
  });
});
