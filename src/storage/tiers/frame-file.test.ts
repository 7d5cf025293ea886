import { mkdtempSync, openSync, readSync, rmSync, statSync, writeSync, closeSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../testing/faults/prng.ts';
import { frameBytesFor, readFrameFile, writeFrameFile } from './frame-file.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'loch-frames-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function readAll(path: string, range?: { first: number; last: number }): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of readFrameFile(path, range)) parts.push(part);
  return Buffer.concat(parts);
}

function noise(length: number, seed: number): Buffer {
  const random = seededRandom(seed);
  return Buffer.from(Uint8Array.from({ length }, () => Math.floor(random() * 256)));
}

describe('frame files', () => {
  it('give back what was written, whole and by any range, however it was cut into chunks', async () => {
    let made = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          size: fc.integer({ min: 0, max: 5000 }),
          frameBytes: fc.integer({ min: 40, max: 900 }),
          chunk: fc.integer({ min: 1, max: 999 }),
          random: fc.boolean(),
          a: fc.nat(5000),
          b: fc.nat(5000),
        }),
        async ({ size, frameBytes, chunk, random, a, b }) => {
          const bytes = random ? noise(size, size) : Buffer.from('lake of words '.repeat(400)).subarray(0, size);
          const path = join(directory, String(made++));
          const figures = await writeFrameFile(path, chunksOf(bytes, chunk), { frameBytes });
          expect(figures.plainBytes).toBe(size);
          expect(figures.storedBytes).toBe(statSync(path).size);
          expect((await readAll(path)).equals(bytes)).toBe(true);
          const [first, last] = [Math.min(a, b), Math.max(a, b)];
          expect((await readAll(path, { first, last })).equals(bytes.subarray(first, last + 1))).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('are smaller for text, and hardly larger for what does not compress', async () => {
    const text = Buffer.from('2024-01-01,card,approved,EUR\n'.repeat(100_000));
    const packed = await writeFrameFile(join(directory, 'text'), chunksOf(text, 65_536), { frameBytes: 1 << 20 });
    expect(packed.storedBytes).toBeLessThan(text.length / 10);
    const random = noise(3 << 20, 3);
    const kept = await writeFrameFile(join(directory, 'noise'), chunksOf(random, 65_536), { frameBytes: 1 << 18 });
    expect(kept.storedBytes).toBeLessThan(random.length + 200);
  });

  it('name any byte that was flipped instead of giving wrong bytes', async () => {
    const bytes = Buffer.from('some words that compress, some that do not '.repeat(20));
    const path = join(directory, 'rot');
    await writeFrameFile(path, chunksOf(bytes, 100), { frameBytes: 256 });
    const size = statSync(path).size;
    for (let at = 0; at < size; at += 1) {
      const byte = Buffer.alloc(1);
      const file = openSync(path, 'r+');
      readSync(file, byte, 0, 1, at);
      writeSync(file, Buffer.from([byte[0]! ^ 0x40]), 0, 1, at);
      await expect(readAll(path), `byte ${at}`).rejects.toMatchObject({ code: 'data_corrupt' });
      writeSync(file, byte, 0, 1, at);
      closeSync(file);
    }
    expect((await readAll(path)).equals(bytes)).toBe(true);
    truncateSync(path, size - 1);
    await expect(readAll(path)).rejects.toMatchObject({ code: 'data_corrupt' });
  });

  it('have larger frames for objects of many gigabytes', () => {
    expect(frameBytesFor(undefined)).toBe(1 << 20);
    expect(frameBytesFor(5 * 1024 ** 4)).toBe(16 << 20);
  });
});
