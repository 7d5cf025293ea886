import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { giveAway } from '../../../core/given-bytes.ts';
import { BodySealer, sealedSize } from '../../encryption/body-cipher.ts';
import { BodyMeter } from '../body-meter.ts';
import { writeBody } from './write-all.ts';

const CHUNK = 64 * 1024;
const CHUNKS = 40;
let folder: string;
let file: FileHandle;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'loch-write-'));
  file = await open(join(folder, 'body'), 'w');
});

afterEach(async () => {
  await file.close();
  rmSync(folder, { recursive: true });
});

const written = () => readFileSync(join(folder, 'body'));

async function* each(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield chunk;
}

/** Chunks with memory of their own, given away or not, and what is in them. */
function made(given: boolean) {
  const chunks = Array.from({ length: CHUNKS }, () => Buffer.from(randomBytes(CHUNK).buffer.slice(0)));
  if (given) for (const chunk of chunks) giveAway(chunk);
  return { chunks, plain: Buffer.concat(chunks) };
}

describe('writing a body', () => {
  it('frees the memory of chunks that were given away, and writes and hashes all of them', async () => {
    const { chunks, plain } = made(true);
    const meter = new BodyMeter({ checksumAlgorithms: ['sha256'] });
    await writeBody(file, each(chunks), meter, { position: 0 });
    expect(written().equals(plain)).toBe(true);
    const whole = new BodyMeter({ checksumAlgorithms: ['sha256'] });
    whole.update(plain);
    expect(meter.finish()).toEqual(whole.finish());
    expect(chunks.slice(0, -1).every((chunk) => chunk.byteLength === 0)).toBe(true);
  });

  it('leaves memory alone that nobody gave away', async () => {
    const { chunks, plain } = made(false);
    await writeBody(file, each(chunks), new BodyMeter({}), { position: 0 });
    expect(Buffer.concat(chunks).equals(plain)).toBe(true);
  });

  it('frees given memory only when all pieces in it are written', async () => {
    const { chunks, plain } = made(true);
    const pieces = chunks.flatMap((chunk) => [
      chunk.subarray(0, 100),
      chunk.subarray(100, 50_000),
      chunk.subarray(50_000),
    ]);
    await writeBody(file, each(pieces.slice(2)), new BodyMeter({}), { position: 0, begun: [] });
    expect(written().equals(plain.subarray(50_000))).toBe(true);
  });

  it('seals given chunks and frees them at once', async () => {
    const { chunks, plain } = made(true);
    const sealer = new BodySealer(randomBytes(32));
    const begun = chunks.slice(0, 2);
    const meter = new BodyMeter({});
    for (const chunk of begun) meter.update(chunk);
    await writeBody(file, each(chunks.slice(2)), meter, { position: 0, begun, sealer });
    expect(written().length).toBe(sealedSize(plain.length));
    expect(chunks.slice(0, -1).every((chunk) => chunk.byteLength === 0)).toBe(true);
  });
});
