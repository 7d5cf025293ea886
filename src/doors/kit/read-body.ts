import type { IncomingMessage } from 'node:http';
import { LochError } from '../../core/errors.ts';

/**
 * The whole body of a request.
 * **Errors**: `entity_too_large` above `limit` bytes (without reading on), `incomplete_body` when the client left
 * before the end. **Cost**: holds the body in memory; for streams the door reads the request itself.
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const stated = Number(request.headers['content-length'] ?? 0);
  if (stated > limit) throw tooLarge(limit);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw tooLarge(limit);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof LochError) throw error;
    throw new LochError('incomplete_body', `The request ended after ${size} bytes, before its end.`, { cause: error });
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
}

function tooLarge(limit: number): LochError {
  return new LochError('entity_too_large', `The request body is larger than ${limit} bytes. Send less per request.`, {
    context: { limit },
  });
}
