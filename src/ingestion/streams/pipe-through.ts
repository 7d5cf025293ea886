import { Readable, type Transform } from 'node:stream';

/**
 * The bytes of `source` after `transform`. A failure of the source fails the reading; one that comes when nobody reads
 * any more is dropped, as the reader has failed by itself. Whoever stops reading early destroys the result, and with it
 * the source.
 */
export function pipeThrough(source: AsyncIterable<Uint8Array>, transform: Transform): Readable {
  const input = source instanceof Readable ? source : Readable.from(source, { objectMode: false });
  input.on('error', (error) => transform.destroy(error));
  transform.on('error', () => input.destroy());
  transform.once('close', () => input.destroy());
  return input.pipe(transform);
}
