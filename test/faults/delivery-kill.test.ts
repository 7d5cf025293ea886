import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openDeliveryLake } from '../../src/testing/builders/delivery-lake.ts';

const KILLS = 10;
const folder = mkdtempSync(join(tmpdir(), 'loch-delivery-kill-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Lets the producer run for `ms` after it is ready, kills it, and answers what it had acknowledged. */
function produceUntilKilled(ms: number, first: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const script = join(import.meta.dirname, 'delivery-process.ts');
    const producer = spawn(process.execPath, [script, folder, String(first)]);
    let output = '';
    let errors = '';
    producer.stdout.on('data', (chunk: Buffer) => {
      if (output === '') setTimeout(() => producer.kill('SIGKILL'), ms);
      output += chunk.toString();
    });
    producer.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    producer.on('close', (_code, signal) => {
      // What follows the last line end was cut by the kill.
      if (signal === 'SIGKILL') resolve(output.split('\n').slice(1, -1).map(Number));
      else reject(new Error(`The producer ended by itself: ${errors}`));
    });
  });
}

it(`delivers after ${KILLS} kills every acknowledged record exactly once, and no record twice`, async () => {
  const acknowledged: number[] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    acknowledged.push(...(await produceUntilKilled(30 + kill * 37, (kill + 1) * 1_000_000)));
  }
  expect(acknowledged.length).toBeGreaterThan(KILLS * 7);
  const lake = await openDeliveryLake(folder);
  try {
    await lake.delivery.flush('numbers');
    const delivered = new Map<number, number>();
    const { objects } = await lake.objects.list('raw', { prefix: 'numbers/', maxKeys: 100_000 });
    expect(objects.length).toBeGreaterThan(KILLS);
    for (const { key } of objects) {
      const { body } = await lake.objects.get('raw', key);
      for (const line of Buffer.concat(await body.toArray())
        .toString()
        .trimEnd()
        .split('\n')) {
        const number = Number(line.split(' ')[0]);
        delivered.set(number, (delivered.get(number) ?? 0) + 1);
      }
    }
    expect(acknowledged.filter((number) => delivered.get(number) !== 1)).toEqual([]);
    expect([...delivered.values()].every((times) => times === 1)).toBe(true);
  } finally {
    await lake.close();
  }
}, 120_000);
