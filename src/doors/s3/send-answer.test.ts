import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { LochError } from '../../core/errors.ts';
import { openBody } from './request-body.ts';
import { sendAnswer } from './send-answer.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

let close: () => Promise<void> = async () => undefined;
afterEach(() => close());

async function listen(handler: Handler): Promise<number> {
  const server = createServer((request, response) => void handler(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return (server.address() as AddressInfo).port;
}

const fetchText = async (port: number) => {
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  return { status: answer.status, text: await answer.text() };
};

const document = '<?xml version="1.0" encoding="UTF-8"?>\n<Done/>';
const slowly = async (ms: number): Promise<string> => {
  await sleep(ms);
  return document;
};

it('sends a document that is ready in time as it is', async () => {
  const port = await listen(async (_, response) => {
    await sendAnswer(response, { status: 200, body: { slow: slowly(1) } }, 'id', 1000);
  });
  expect(await fetchText(port)).toEqual({ status: 200, text: document });
});

it('keeps the connection alive by white space before a document that takes its time', async () => {
  const port = await listen(async (_, response) => {
    await sendAnswer(response, { status: 200, body: { slow: slowly(100) } }, 'id', 10);
  });
  const { status, text } = await fetchText(port);
  expect(status).toBe(200);
  expect(text).toMatch(/^<\?xml [^>]*\?>\n {2,}<Done\/>$/);
});

it('tells a failure in the body once the status is sent', async () => {
  const failures: unknown[] = [];
  const port = await listen(async (_, response) => {
    const slow = slowly(60).then(() => Promise.reject(new LochError('invalid_part', 'Part 7 was not uploaded.')));
    failures.push(await sendAnswer(response, { status: 200, body: { slow } }, 'id-1', 10));
  });
  const { status, text } = await fetchText(port);
  expect(status).toBe(200);
  expect(text).toMatch(
    /^<\?xml [^>]*\?>\n {2,}<Error><Code>InvalidPart<\/Code>.*<RequestId>id-1<\/RequestId><\/Error>$/,
  );
  expect(failures).toMatchObject([{ code: 'invalid_part' }]);
});

it('cuts an object off whose bytes fail on the way, and puts nothing in their place', async () => {
  const port = await listen(async (_, response) => {
    const broken = async function* () {
      yield Buffer.from('first half');
      throw new LochError('data_corrupt', 'gone');
    };
    const answer = { status: 200, headers: { 'content-length': 20 }, body: Readable.from(broken()) };
    await sendAnswer(response, answer, 'id').catch(() => response.destroy());
  });
  await expect(fetchText(port)).rejects.toThrow();
});

it('gives up a body of which nothing comes, but not while nobody reads it', async () => {
  const outcomes: unknown[] = [];
  const port = await listen(async (incoming, response) => {
    const body = openBody({ incoming, signature: undefined }, { idleMs: 300 });
    try {
      for await (const chunk of body.bytes) {
        outcomes.push(Buffer.from(chunk).toString());
        await sleep(500);
      }
    } catch (error) {
      outcomes.push((error as LochError).code);
    }
    response.end('heard');
  });
  const socket = connect(port, '127.0.0.1');
  let heard = '';
  socket.on('data', (chunk) => {
    heard += chunk;
  });
  socket.write('PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc');
  await sleep(50);
  socket.write('def');
  for (let i = 0; i < 800 && !heard.includes('heard'); i++) await sleep(10);
  socket.destroy();
  expect(outcomes).toEqual(['abc', 'def', 'timeout']);
});
