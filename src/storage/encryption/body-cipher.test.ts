import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LochError } from '../../core/errors.ts';
import {
  BodySealer,
  CHUNK_BYTES,
  openRange,
  sealBody,
  type SealedLayout,
  sealedSize,
  storedSize,
} from './body-cipher.ts';

const key = randomBytes(32);
const corrupt = (why: string, cause?: unknown) => new LochError('data_corrupt', why, { cause });

async function openAll(stored: Buffer, layout: SealedLayout, first = 0, last = layout.size - 1, dataKey = key) {
  const chunks: Buffer[] = [];
  const read = async (position: number, length: number) => stored.subarray(position, position + length);
  for await (const chunk of openRange(dataKey, layout, { first, last }, read, corrupt)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a sealed body', () => {
  it('gives back every range, whatever the pieces it was sealed from', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 * CHUNK_BYTES + 5 }),
        fc.array(fc.integer({ min: 1, max: 100_000 }), { maxLength: 6 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (size, cuts, a, b) => {
          const plain = randomBytes(size);
          const sealer = new BodySealer(key);
          const out: Uint8Array[] = [];
          let at = 0;
          for (const cut of cuts) {
            out.push(...sealer.push(plain.subarray(at, at + cut)));
            at = Math.min(size, at + cut);
          }
          out.push(...sealer.push(plain.subarray(at)), ...sealer.finish());
          const stored = Buffer.concat(out);
          expect(stored.length).toBe(sealedSize(size));
          const [first, last] = [Math.floor(a * (size - 1)), Math.floor(b * (size - 1))].sort((x, y) => x - y) as [
            number,
            number,
          ];
          // Compared as a whole: matching such buffers element by element takes a minute.
          const opened = await openAll(stored, { size }, first, last);
          expect(opened.equals(plain.subarray(first, last + 1))).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('reads only the chunks of a range', async () => {
    const plain = randomBytes(20 * CHUNK_BYTES);
    const stored = sealBody(key, plain);
    const places: number[] = [];
    const read = async (position: number, length: number) => {
      places.push(position, position + length);
      return stored.subarray(position, position + length);
    };
    const first = 7 * CHUNK_BYTES + 10;
    for await (const _ of openRange(key, { size: plain.length }, { first, last: first + 5 }, read, corrupt));
    const beyondHeader = places.filter((place) => place > 32);
    expect(Math.max(...beyondHeader) - Math.min(...beyondHeader)).toBe(CHUNK_BYTES + 16);
  });

  it('refuses any changed byte, swapped chunks, a cut and another key', async () => {
    const size = 3 * CHUNK_BYTES + 100;
    const plain = randomBytes(size);
    const stored = sealBody(key, plain);
    const refused = (bytes: Buffer, layout: SealedLayout = { size }) =>
      expect(openAll(bytes, layout)).rejects.toMatchObject({ code: 'data_corrupt' });
    for (const at of [
      0,
      4,
      8,
      20,
      31,
      32,
      40,
      32 + CHUNK_BYTES,
      32 + CHUNK_BYTES + 16,
      stored.length - 17,
      stored.length - 1,
    ]) {
      const changed = Buffer.from(stored);
      changed[at]! ^= 1;
      await refused(changed);
    }
    const chunk = (n: number) => stored.subarray(32 + n * (CHUNK_BYTES + 16), 32 + (n + 1) * (CHUNK_BYTES + 16));
    await refused(
      Buffer.concat([stored.subarray(0, 32), chunk(1), chunk(0), stored.subarray(32 + 2 * (CHUNK_BYTES + 16))]),
    );
    await refused(stored.subarray(0, stored.length - 1));
    // Cut at the end of a chunk, and the row made to agree.
    const two = Buffer.concat([stored.subarray(0, 32), chunk(0), chunk(1), stored.subarray(stored.length - 16)]);
    await refused(two, { size: 2 * CHUNK_BYTES });
    await expect(openAll(stored, { size }, 0, size - 1, randomBytes(32))).rejects.toMatchObject({
      code: 'data_corrupt',
    });
  });

  it('never looks the same twice', () => {
    const plain = Buffer.alloc(100, 1);
    expect(sealBody(key, plain).subarray(32, 132)).not.toEqual(sealBody(key, plain).subarray(32, 132));
  });
});

describe('parts that were sealed one by one', () => {
  const seal = (part: number, bytes: Buffer) => {
    const sealer = new BodySealer(key, part);
    return Buffer.concat([...sealer.push(bytes), ...sealer.finish()]);
  };
  const parts = [70_000, 70_000, 0, 10].map((size) => randomBytes(size));
  const numbers = [1, 2, 5, 9];
  const stored = Buffer.concat(parts.map((bytes, i) => seal(numbers[i]!, bytes)));
  const layout: SealedLayout = {
    size: 140_010,
    partSizes: [
      [70_000, 2],
      [0, 1],
      [10, 1],
    ],
    partNumbers: [
      [1, 2],
      [5, 1],
      [9, 1],
    ],
  };

  it('read as one body, across their borders', async () => {
    const plain = Buffer.concat(parts);
    expect(storedSize(layout)).toBe(stored.length);
    expect((await openAll(stored, layout)).equals(plain)).toBe(true);
    expect((await openAll(stored, layout, 69_990, 140_005)).equals(plain.subarray(69_990, 140_006))).toBe(true);
  });

  it('are refused in another order, or under another number', async () => {
    const [one, two, three, four] = parts.map((bytes, i) => seal(numbers[i]!, bytes)) as [
      Buffer,
      Buffer,
      Buffer,
      Buffer,
    ];
    await expect(openAll(Buffer.concat([two, one, three, four]), layout)).rejects.toMatchObject({
      code: 'data_corrupt',
    });
    const { partNumbers: _, ...counted } = layout;
    await expect(openAll(stored, counted)).rejects.toMatchObject({ code: 'data_corrupt' });
  });
});
