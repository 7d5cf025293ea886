import type { ObjectAccess, ObjectRead } from '../contract.ts';
import { authorizeRead, missingOrHidden, readAction } from './authorize.ts';
import type { ObjectDeps } from './object-deps.ts';
import { dataEvent, failureRecorded } from './record.ts';

/**
 * Reads an object. The data event is durable before the first byte of the body is handed on: holding back the last byte
 * instead would spare one group commit of latency, and cost every byte a pass through another stream.
 */
export function getObject(deps: ObjectDeps): ObjectAccess['getObject'] {
  return async (context, name, options) => {
    const read = await failureRecorded(deps, context, 'GetObject', name, async () => {
      await authorizeRead(deps, context, name, readAction(options));
      try {
        return await deps.objects.get(name.bucket, name.key, options);
      } catch (error) {
        throw await missingOrHidden(deps, context, name, error);
      }
    });
    try {
      await deps.audit.recordData(context, [dataEvent('GetObject', name, { bytes: lengthOf(read) })]);
    } catch (error) {
      read.body.destroy();
      throw error;
    }
    return read;
  };
}

const lengthOf = ({ head, range }: ObjectRead): number =>
  range === undefined ? head.size : range.last - range.first + 1;
