import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { formatArn, parseArn, s3Arn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import type { Clock } from '../../core/clock.ts';
import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { Lifecycle } from '../../core/lifecycle.ts';
import { nearestNames } from '../../core/suggest.ts';
import type { Audit, Policy } from '../../governance/contract.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { ObjectStore } from '../../storage/contract.ts';
import type { Delivery, DeliveryStreamSettings } from '../contract.ts';
import { makeDirectory } from '../streams/segments.ts';
import { authorizeLanding } from '../authorize-landing.ts';
import { checkRecords } from './check-records.ts';
import { checkSettings } from './check-settings.ts';
import { type DeliveryStream, type DeliveryStreamDeps, openDeliveryStream } from './delivery-stream.ts';
import { hasExpression } from './object-name.ts';
import { serviceContext } from './service-context.ts';
import store, { type StoredStream } from './store.ts';

export interface DeliveryDeps {
  readonly store: MetadataStore;
  readonly objects: ObjectStore;
  readonly policy: Policy;
  readonly audit: Audit;
  readonly clock: Clock;
  /** Where the logs of the streams lie. */
  readonly directory: string;
  /** Acknowledged bytes of one stream that may wait for delivery. Default 2 GiB. */
  readonly maxBacklogBytes?: number;
  /** Streams that may exist. Default 5,000. */
  readonly maxStreams?: number;
  /** Refuses bytes before the disk of the logs is full: `disk_full`. */
  readonly assertRoom?: (bytes: number) => Promise<void>;
}

/** Opens all delivery streams, and goes on where an earlier process stopped. */
export async function openDelivery(deps: DeliveryDeps): Promise<Delivery & Lifecycle> {
  const { policy, objects, clock } = deps;
  const streams = new Map<string, DeliveryStream>();
  const streamDeps: DeliveryStreamDeps = {
    store: deps.store,
    objects,
    clock,
    maxBacklogBytes: deps.maxBacklogBytes ?? 2 * 1024 ** 3,
    recordDelivery: (stored, delivered) => recordDelivery(deps, stored, delivered),
  };
  const open = async (stored: StoredStream) => {
    streams.set(stored.name, await openDeliveryStream(stored, join(deps.directory, stored.id), streamDeps));
  };

  await makeDirectory(deps.directory);
  const known = await deps.store.read(store.procedures.streams, undefined);
  await removeStrangers(deps.directory, new Set(known.map(({ id }) => id)));
  for (const stored of known) await open(stored);

  const find = (name: string): DeliveryStream => {
    const stream = streams.get(name);
    if (stream !== undefined) return stream;
    const near = nearestNames(name, streams.keys());
    const hint = near.length === 0 ? '' : ` Near: ${near.map((each) => `\`${each}\``).join(', ')}.`;
    throw new LochError('not_found', `There is no delivery stream \`${name}\`.${hint}`, { context: { stream: name } });
  };

  return {
    async create(context, settings) {
      checkSettings(settings);
      const arn = streamArn(context, settings.name);
      await policy.authorize(context, { action: 'firehose:CreateDeliveryStream', resource: arn });
      await policy.authorize(context, { action: 'iam:PassRole', resource: settings.roleArn });
      await authorizeLanding(policy, context, { bucket: settings.bucket, prefix: fixedPrefix(settings) });
      await objects.bucket(settings.bucket);
      const most = deps.maxStreams ?? 5000;
      if (streams.size >= most) {
        throw new LochError('limit_exceeded', `There are ${most} delivery streams already. Delete one.`, {
          context: { limit: most },
        });
      }
      const stored = {
        name: settings.name,
        id: newId(),
        arn,
        settings: JSON.stringify(settings),
        version: 1,
        createdAt: clock.now(),
        createdBy: context.principal.arn,
      };
      await deps.store.write(store.procedures.create, stored);
      await open({ ...stored, position: { delivered: 0 } });
      return find(settings.name).record;
    },

    async describe(context, name) {
      await policy.authorize(context, {
        action: 'firehose:DescribeDeliveryStream',
        resource: streamArn(context, name),
      });
      return find(name).record;
    },

    async list(context, page = {}) {
      await policy.authorize(context, { action: 'firehose:ListDeliveryStreams', resource: '*' });
      const names = [...streams.keys()].sort().filter((name) => page.after === undefined || name > page.after);
      return names.slice(0, page.limit ?? 10);
    },

    async delete(context, name, options = {}) {
      await policy.authorize(context, { action: 'firehose:DeleteDeliveryStream', resource: streamArn(context, name) });
      const stream = find(name);
      if (options.force !== true) await flushBeforeDelete(stream);
      streams.delete(name);
      await stream.close();
      await deps.store.write(store.procedures.remove, { id: stream.stored.id });
      await rm(join(deps.directory, stream.stored.id), { recursive: true, force: true });
    },

    async put(context, name, records, operation = 'PutRecordBatch') {
      await policy.authorize(context, { action: `firehose:${operation}`, resource: streamArn(context, name) });
      checkRecords(records);
      await deps.assertRoom?.(records.reduce((sum, record) => sum + record.length, 0));
      const first = await find(name).put(records);
      return records.map((_, i) => String(first + i).padStart(20, '0'));
    },

    async assertWritable(context, arn) {
      await policy.authorize(context, { action: 'firehose:PutRecordBatch', resource: arn });
      const stream = find(nameOfArn(arn));
      if (stream.stored.arn === arn) return;
      throw new LochError('not_found', `There is no delivery stream \`${arn}\`.`, { context: { stream: arn } });
    },

    flush: (name) => find(name).flush(),
    backlog: (name) => find(name).backlog,

    async close() {
      await Promise.all([...streams.values()].map((stream) => stream.close()));
    },
  };
}

/** The name in the ARN of a stream. */
export const nameOfArn = (arn: string): string => parseArn(arn).resource.replace(/^deliverystream\//, '');

function streamArn(context: RequestContext, name: string): string {
  const { region, accountId } = context;
  return formatArn({ service: 'firehose', region, accountId, resource: `deliverystream/${name}` });
}

/** The part of the prefix that all objects of the stream share. */
function fixedPrefix({ prefix }: DeliveryStreamSettings): string {
  return hasExpression(prefix) ? prefix.slice(0, prefix.indexOf('!{')) : prefix;
}

async function flushBeforeDelete(stream: DeliveryStream): Promise<void> {
  try {
    await stream.flush();
  } catch (error) {
    const { records } = stream.backlog;
    const { name } = stream.settings;
    const why = error instanceof Error ? error.message : String(error);
    throw new LochError(
      'conflict',
      `${records} records of \`${name}\` cannot be delivered: ${why} Mend the destination, or delete with AllowForceDelete to give them up.`,
      { context: { stream: name, records }, cause: error },
    );
  }
}

async function recordDelivery(
  deps: DeliveryDeps,
  stored: StoredStream,
  delivered: { readonly key: string; readonly records: number; readonly bytes: number },
): Promise<void> {
  const settings = JSON.parse(stored.settings) as DeliveryStreamSettings;
  await deps.audit.recordData(serviceContext(stored.arn, settings.roleArn, deps.clock.now()), [
    {
      eventSource: 's3.amazonaws.com',
      eventName: 'PutObject',
      resource: s3Arn(settings.bucket, delivered.key),
      rows: delivered.records,
      bytes: delivered.bytes,
    },
  ]);
}

/** Logs of streams whose removal was interrupted. */
async function removeStrangers(directory: string, known: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!known.has(name)) await rm(join(directory, name), { recursive: true, force: true });
  }
}
