import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openTestLakeAt } from '../../src/testing/builders/test-lake.ts';

const KILLS = 10;
const folder = mkdtempSync(join(tmpdir(), 'loch-audit-kill-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the recorder for `ms` after it is ready, kills it, and answers what it had acknowledged. */
function recordUntilKilled(ms: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const recorder = spawn(process.execPath, [join(import.meta.dirname, 'audit-recorder-process.ts'), folder]);
    let output = '';
    let errors = '';
    recorder.stdout.on('data', (chunk: Buffer) => {
      const before = output.split('\n').length;
      output += chunk.toString();
      // Counted from the third acknowledgement, so that a slow disk has some to lose as well.
      if (before <= 4 && output.split('\n').length > 4) setTimeout(() => recorder.kill('SIGKILL'), ms);
    });
    recorder.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    recorder.on('close', (_code, signal) => {
      // What follows the last line end was cut by the kill.
      if (signal === 'SIGKILL') resolve(output.split('\n').slice(1, -1));
      else reject(new Error(`The recorder ended by itself: ${errors}`));
    });
  });
}

it(`holds after ${KILLS} kills the record of every acknowledged action, in an unbroken chain`, async () => {
  const acknowledged: string[] = [];
  for (let kill = 0; kill < KILLS; kill++) acknowledged.push(...(await recordUntilKilled(20 + kill * 25)));
  expect(acknowledged.length).toBeGreaterThan(KILLS);
  const lake = await openTestLakeAt(folder);
  try {
    const { trail } = lake.governance;
    const report = await trail.verify();
    expect([report.management.brokenAt, report.data.brokenAt]).toEqual([undefined, undefined]);
    const recorded = new Set<string>();
    for (let after = 0; ; ) {
      const page = await trail.exportDataEvents(after, 5_000);
      for (const event of page) recorded.add(event.resource);
      if (page.length === 0) break;
      after = page.at(-1)!.sequence;
    }
    expect(acknowledged.filter((number) => !recorded.has(number))).toEqual([]);
    expect(report.management.events).toBeGreaterThanOrEqual(acknowledged.length);
  } finally {
    await lake.close();
  }
}, 60_000);
