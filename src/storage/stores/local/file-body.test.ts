import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileBody } from './file-body.ts';

const SIZE = 5 * 1024 * 1024 + 17;
const bytes = randomBytes(SIZE);
const digest = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

describe('the bytes of a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'loch-file-body-'));
  const path = join(folder, 'object');
  let server: Server;
  let outcome: Promise<void>;
  let range = { first: 0, last: SIZE - 1 };
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

  beforeAll(async () => {
    writeFileSync(path, bytes);
    server = createServer((_, response) => {
      outcome = open(path).then((handle) => {
        response.writeHead(200, { 'content-length': range.last - range.first + 1 });
        return new FileBody(handle, range.first, range.last).sendTo(response);
      });
      outcome.catch(() => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  for (const [first, last] of [
    [0, SIZE - 1],
    [1, SIZE - 2],
    [262_143, 262_144],
    [SIZE - 1, SIZE - 1],
  ] as const) {
    it(`are the same as a stream and sent directly, from ${first} to ${last}`, async () => {
      const wanted = digest(bytes.subarray(first, last + 1));
      expect(digest(await buffer(new FileBody(await open(path), first, last)))).toBe(wanted);
      range = { first, last };
      expect(digest(new Uint8Array(await (await fetch(url())).arrayBuffer()))).toBe(wanted);
      await outcome;
    });
  }

  it('are given up when their reader goes, and the file is closed', async () => {
    range = { first: 0, last: SIZE - 1 };
    const socket = connect(Number(new URL(url()).port), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    await expect(outcome).rejects.toThrow();
    const handle = await open(path);
    const body = new FileBody(handle, 0, SIZE - 1);
    body.destroy();
    await new Promise((resolve) => body.once('close', resolve));
    expect(handle.fd).toBe(-1);
  });

  it('that are fewer than they should be are told as damage, never as an end', async () => {
    await expect(buffer(new FileBody(await open(path), 0, SIZE))).rejects.toMatchObject({ code: 'data_corrupt' });
    range = { first: 0, last: SIZE };
    await fetch(url())
      .then((answer) => answer.arrayBuffer())
      .catch(() => undefined); // cut off, as HTTP tells a body that ends early
    await expect(outcome).rejects.toMatchObject({ code: 'data_corrupt' });
  });
});
