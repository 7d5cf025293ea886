import { Readable } from 'node:stream';
import { createGzip, createZstdCompress } from 'node:zlib';
import { isLochError, LochError } from '../../core/errors.ts';
import type { ObjectStore } from '../../storage/contract.ts';
import type { DeliveryStreamSettings } from '../contract.ts';
import { payloadOf } from '../streams/frame.ts';
import type { AppendLog, LogCursor } from '../streams/log.ts';
import { pipeThrough } from '../streams/pipe-through.ts';

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
  const body = bodyOf(request);
  // A put that fails early leaves it unread: its own failure then has nobody to tell.
  body.on('error', () => body.destroy());
  try {
    await objects.put(settings.bucket, key, body, {
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
    if (holds(metadata['loch-delivery'], request.streamId, range)) return;
    throw new LochError(
      'conflict',
      `s3://${settings.bucket}/${key} is there and is not of this delivery. Move it away.`,
      {
        context: { bucket: settings.bucket, key },
        cause: error,
      },
    );
  } finally {
    body.destroy();
  }
}

/** Whether an object that stands there holds the range: this one, or a longer one from before a restore. */
function holds(identity: string | undefined, streamId: string, range: ObjectToWrite['range']): boolean {
  const [id, first, until] = identity?.split(/[/-](?=\d+(?:-\d+)?$)/) ?? [];
  return id === streamId && Number(first) === range.first && Number(until) >= range.until;
}

async function* records({ log, start, range }: ObjectToWrite): AsyncGenerator<Uint8Array> {
  for await (const { head, frame } of log.read(start)) {
    if (head.first >= range.until) return;
    yield payloadOf(frame, head);
  }
}

/** The records, compressed. Destroyed by whoever is done with it. */
function bodyOf(request: ObjectToWrite): Readable {
  switch (request.settings.compression) {
    case 'UNCOMPRESSED':
      return Readable.from(records(request), { objectMode: false });
    case 'GZIP':
      return pipeThrough(records(request), createGzip());
    case 'ZSTD':
      return pipeThrough(records(request), createZstdCompress());
  }
}
