import { Readable } from 'node:stream';
import { createGzip, createZstdCompress } from 'node:zlib';
import { isLochError, LochError } from '../../core/errors.ts';
import type { ObjectStore } from '../../storage/contract.ts';
import type { DeliveryStreamSettings } from '../contract.ts';
import { payloadOf } from '../streams/frame.ts';
import type { AppendLog, LogCursor } from '../streams/log.ts';

export interface ObjectToWrite {
  readonly objects: ObjectStore;
  readonly log: AppendLog;
  readonly settings: DeliveryStreamSettings;
  readonly key: string;
  readonly streamId: string;
  readonly start: LogCursor;
  /** Sequence numbers `first` to `until - 1`, and their bytes before compression. */
  readonly range: { readonly first: number; readonly until: number; readonly bytes: number };
  readonly signal: AbortSignal;
}

/**
 * Creates the object that holds exactly the records of `range`; does nothing when an earlier attempt has.
 * **Errors**: `conflict` when another object has the key; those of the object store.
 */
export async function writeObject(request: ObjectToWrite): Promise<void> {
  const { objects, settings, key, range, signal } = request;
  const identity = `${request.streamId}/${range.first}-${range.until}`;
  try {
    await objects.put(settings.bucket, key, compressed(records(request), settings.compression), {
      ifNoneMatch: '*',
      operation: 'Delivery',
      contentType: 'application/octet-stream',
      metadata: { 'loch-delivery': identity },
      signal,
      ...(settings.compression === 'UNCOMPRESSED' ? { contentLength: range.bytes } : {}),
    });
  } catch (error) {
    if (!isLochError(error, 'precondition_failed')) throw error;
    const { metadata } = await objects.head(settings.bucket, key);
    if (metadata['loch-delivery'] === identity) return;
    throw new LochError(
      'conflict',
      `s3://${settings.bucket}/${key} is there and is not of this delivery. Move it away.`,
      {
        context: { bucket: settings.bucket, key },
        cause: error,
      },
    );
  }
}

async function* records({ log, start, range }: ObjectToWrite): AsyncGenerator<Uint8Array> {
  for await (const { head, frame } of log.read(start)) {
    if (head.first >= range.until) return;
    yield payloadOf(frame, head);
  }
}

function compressed(
  source: AsyncGenerator<Uint8Array>,
  compression: DeliveryStreamSettings['compression'],
): AsyncIterable<Uint8Array> {
  if (compression === 'UNCOMPRESSED') return source;
  const packer = compression === 'GZIP' ? createGzip() : createZstdCompress();
  const input = Readable.from(source, { objectMode: false });
  input.once('error', (error) => packer.destroy(error));
  packer.once('close', () => input.destroy());
  return input.pipe(packer);
}
