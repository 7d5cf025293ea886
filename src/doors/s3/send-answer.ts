import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type LochError, toLochError } from '../../core/errors.ts';
import type { S3Answer } from './answer.ts';
import { renderS3Error, s3ErrorOf } from './errors.ts';
import { headerBytes } from './header-text.ts';

/** Between two signs of life while a document takes its time. **Units**: milliseconds. */
const KEEP_ALIVE_MS = 5_000;
/** Read of a refused body, so that the client can finish sending and see the answer. */
const LINGER_BYTES = 32 * 1024 * 1024;
const LINGER_MS = 5_000;
const DECLARATION = /^<\?xml[^>]*\?>\n/;

/** Sends an answer. **Errors**: what a slow document fails with, unless the body has told it; a body that breaks off. */
export async function sendAnswer(
  response: ServerResponse,
  answer: S3Answer,
  requestId: string,
  keepAliveMs = KEEP_ALIVE_MS,
): Promise<LochError | undefined> {
  const { status, body } = answer;
  const headers = ownHeaders(requestId);
  for (const name in answer.headers) headers[name] = headerBytes(answer.headers[name]!);
  if (body instanceof Readable) {
    response.writeHead(status, headers);
    await (body.sendTo === undefined ? pipeline(body, response) : body.sendTo(response));
    return undefined;
  }
  if (typeof body === 'object') return sendSlow(response, status, headers, body.slow, requestId, keepAliveMs);
  if (body !== undefined) sendDocument(response, status, headers, body);
  else if (status === 204 || 'content-length' in headers) response.writeHead(status, headers).end();
  else response.writeHead(status, { ...headers, 'content-length': 0 }).end();
  return undefined;
}

/** The headers of every answer. */
function ownHeaders(requestId: string): Record<string, string | number> {
  return { 'x-amz-request-id': requestId, server: 'Loch' };
}

function sendDocument(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string | number>>,
  document: string,
): void {
  const bytes = Buffer.from(document);
  response.writeHead(status, { ...headers, 'content-type': 'application/xml', 'content-length': bytes.length });
  response.end(bytes);
}

/**
 * White space may come between declaration and document, so it keeps the connection alive. The status is sent by then:
 * a later failure is an error document under status 200, which S3 clients know.
 */
async function sendSlow(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string | number>>,
  slow: Promise<string>,
  requestId: string,
  keepAliveMs: number,
): Promise<LochError | undefined> {
  let alive = false;
  const timer = setInterval(() => {
    if (!alive) {
      response.writeHead(status, { ...headers, 'content-type': 'application/xml' });
      response.write('<?xml version="1.0" encoding="UTF-8"?>\n');
    }
    alive = true;
    response.write(' ');
  }, keepAliveMs);
  try {
    const document = await slow;
    if (alive) response.end(document.replace(DECLARATION, ''));
    else sendDocument(response, status, headers, document);
    return undefined;
  } catch (error) {
    if (!alive) throw error;
    const failure = toLochError(error);
    const facts = { name: s3ErrorOf(failure).name, resource: '', requestId };
    response.end(renderS3Error(failure, facts).replace(DECLARATION, ''));
    return failure;
  } finally {
    clearInterval(timer);
  }
}

/** Sends a failure; what has begun to be sent can only be cut off. */
export function sendFailure(
  incoming: IncomingMessage,
  response: ServerResponse,
  failure: LochError,
  facts: { readonly resource: string; readonly requestId: string },
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { name, status } = s3ErrorOf(failure);
  const unread = !incoming.complete;
  const { etag, lastModified, actualObjectSize } = failure.context;
  const headers: Record<string, string | number> = {
    ...ownHeaders(facts.requestId),
    // Who waits to be invited may or may not send his body now: what comes next cannot be told from another request.
    ...(unread && incoming.headers.expect !== undefined ? { connection: 'close' } : {}),
    ...(status === 304 && typeof etag === 'string' ? { etag } : {}),
    ...(status === 304 && typeof lastModified === 'number'
      ? { 'last-modified': new Date(lastModified).toUTCString() }
      : {}),
    ...(status === 416 && typeof actualObjectSize === 'number'
      ? { 'content-range': `bytes */${actualObjectSize}` }
      : {}),
    ...(failure.context.deleteMarker === true
      ? { 'x-amz-delete-marker': 'true', 'x-amz-version-id': String(failure.context.versionId) }
      : {}),
    ...(status === 405 && typeof lastModified === 'number'
      ? { 'last-modified': new Date(lastModified).toUTCString(), allow: 'DELETE' }
      : {}),
    ...(failure.retryable && status === 503 ? { 'retry-after': 1 } : {}),
  };
  if (status === 304) response.writeHead(status, headers).end();
  else if (incoming.method === 'HEAD')
    response.writeHead(status, { ...headers, 'content-type': 'application/xml' }).end();
  else sendDocument(response, status, headers, renderS3Error(failure, { name, ...facts }));
  if (unread) lingerOver(incoming);
}

/**
 * Reads on for a while after a refusal: a connection closed under a client that is still sending loses it the answer.
 * What goes on beyond that is cut.
 */
function lingerOver(incoming: IncomingMessage): void {
  let read = 0;
  const timer = setTimeout(() => incoming.destroy(), LINGER_MS);
  incoming.on('data', (chunk: Buffer) => {
    read += chunk.length;
    if (read > LINGER_BYTES) incoming.destroy();
  });
  incoming.once('close', () => clearTimeout(timer));
  incoming.on('error', () => undefined); // the client has gone; there is nobody to tell
  incoming.resume();
}
