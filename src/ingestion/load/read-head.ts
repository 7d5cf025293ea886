import type { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { pipeThrough } from '../streams/pipe-through.ts';

/** Unpacks by the key's extension (`.gz`, `.zst`); other bytes go through. Errors of the source end the result. */
export function unpacked(body: Readable, key: string): Readable {
  const unpack = /\.gz$/i.test(key) ? createGunzip() : /\.zst$/i.test(key) ? createZstdDecompress() : undefined;
  return unpack === undefined ? body : pipeThrough(body, unpack);
}

/** The first `bytes` of the unpacked content, fewer when there are fewer; the rest is not read. */
export async function readHead(body: Readable, key: string, bytes: number): Promise<Buffer> {
  const stream = unpacked(body, key);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= bytes) break;
    }
  } finally {
    stream.destroy();
    body.destroy();
  }
  return Buffer.concat(chunks).subarray(0, bytes);
}
