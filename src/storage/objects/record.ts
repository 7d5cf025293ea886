import { s3Arn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { toLochError } from '../../core/errors.ts';
import type { DataEvent } from '../../governance/contract.ts';
import type { ObjectName } from '../contract.ts';
import type { ObjectDeps } from './object-deps.ts';

type Recording = Pick<ObjectDeps, 'audit'>;

/** The data event of an operation on an object, or on a bucket when no key is given. */
export function dataEvent(
  eventName: string,
  name: { readonly bucket: string; readonly key?: string },
  outcome: { readonly bytes?: number; readonly error?: unknown } = {},
): DataEvent {
  const { bytes, error } = outcome;
  const code = error === undefined ? undefined : toLochError(error).code;
  return {
    eventSource: 's3.amazonaws.com',
    eventName,
    resource: s3Arn(name.bucket, name.key),
    ...(bytes === undefined ? {} : { bytes }),
    ...(code === undefined ? {} : { errorCode: code === 'access_denied' ? 'AccessDenied' : code }),
  };
}

/** Records, durably, what was done to an object or that it failed, and hands result or failure on. */
export async function recorded<T>(
  deps: Recording,
  context: RequestContext,
  eventName: string,
  name: Partial<ObjectName> & { readonly bucket: string },
  work: () => Promise<T>,
  bytesOf?: (result: T) => number,
): Promise<T> {
  const result = await failureRecorded(deps, context, eventName, name, work);
  const outcome = bytesOf === undefined ? {} : { bytes: bytesOf(result) };
  await deps.audit.recordData(context, [dataEvent(eventName, name, outcome)]);
  return result;
}

/** Records, durably, that `work` failed, and hands the failure on; a success is for the caller to record. */
export async function failureRecorded<T>(
  deps: Recording,
  context: RequestContext,
  eventName: string,
  name: Partial<ObjectName> & { readonly bucket: string },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await deps.audit.recordData(context, [dataEvent(eventName, name, { error })]);
    throw error;
  }
}
