import { pipeline, type Readable, Transform } from 'node:stream';
import type { ObjectAccess, ObjectRead } from '../contract.ts';
import { authorizeRead, missingOrHidden } from './authorize.ts';
import type { ObjectDeps } from './object-deps.ts';
import { dataEvent, failureRecorded } from './record.ts';

/** Reads of at most so many bytes wait for their record before the first byte: then a failure is a clean answer. */
const RECORD_FIRST_BYTES = 256 * 1024;

/** Reads an object. The data event is durable before the last byte of the body is handed on. */
export function getObject(deps: ObjectDeps): ObjectAccess['getObject'] {
  return async (context, name, options) => {
    const read = await failureRecorded(deps, context, 'GetObject', name, async () => {
      await authorizeRead(deps, context, name);
      try {
        return await deps.objects.get(name.bucket, name.key, options);
      } catch (error) {
        throw await missingOrHidden(deps, context, name, error);
      }
    });
    const bytes = lengthOf(read);
    const recording = deps.audit.recordData(context, [dataEvent('GetObject', name, { bytes })]);
    if (bytes > RECORD_FIRST_BYTES) return { ...read, body: heldUntil(read.body, recording) };
    try {
      await recording;
    } catch (error) {
      read.body.destroy();
      throw error;
    }
    return read;
  };
}

const lengthOf = ({ head, range }: ObjectRead): number =>
  range === undefined ? head.size : range.last - range.first + 1;

/** The same bytes, whose last chunk waits for `recording`; its failure cuts the body off. */
function heldUntil(body: Readable, recording: Promise<void>): Readable {
  recording.catch(() => undefined); // told at the last chunk, or to nobody when the reader has gone
  let last: Buffer | undefined;
  const held = new Transform({
    highWaterMark: 512 * 1024,
    transform(chunk: Buffer, _encoding, done) {
      const before = last;
      last = chunk;
      done(null, before);
    },
    flush(done) {
      recording.then(
        () => done(null, last),
        (error: Error) => done(error),
      );
    },
  });
  // Whoever reads `held` is told of failures by it.
  pipeline(body, held, () => undefined);
  return held;
}
